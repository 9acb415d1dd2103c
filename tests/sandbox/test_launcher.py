"""The sandbox's processes: where they listen, and that they end whatever ends their parent."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import sandbox
from sandbox import Sandbox, SandboxError
from tests.sandbox.functions import deploy, invoke

_REPOSITORY = Path(__file__).parents[2]
_PROC = Path("/proc")
_LISTENING = "0A"

pytestmark = pytest.mark.skipif(not (_PROC / "net/tcp").exists(), reason="reads the process table in /proc")


def descendants(process: int) -> set[int]:
    """Return all processes below `process`."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found: set[int] = set()
    open_ends = [process]
    while open_ends:
        fresh = children.get(open_ends.pop(), [])
        found.update(fresh)
        open_ends += fresh
    return found


def listening_addresses(processes: Iterable[int]) -> set[str]:
    """Return the addresses on which the processes listen, as the kernel lists them."""
    sockets = set()
    for process in processes:
        for descriptor in (_PROC / str(process) / "fd").iterdir():
            found = re.match(r"socket:\[(\d+)\]", str(descriptor.readlink()))
            if found:
                sockets.add(found[1])
    addresses = set()
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in (_PROC / "net" / table).read_text().splitlines()[1:]:
            local, _, state, *_, inode = line.split()[1:10]
            if state == _LISTENING and inode in sockets:
                raw = bytes.fromhex(local.split(":")[0])
                words = b"".join(raw[start : start + 4][::-1] for start in range(0, len(raw), 4))  # of this machine
                # Another fixture of this worker may listen by IPv6's name of the same address.
                addresses.add(socket.inet_ntop(family, words).removeprefix("::ffff:"))
    return addresses


def wait_until_gone(processes: set[int], seconds: float = 10.0) -> set[int]:
    """Return those of the processes that are still there after `seconds`."""
    deadline = time.monotonic() + seconds
    left = processes
    while left and time.monotonic() < deadline:
        left = {process for process in left if (_PROC / str(process)).exists()}
        time.sleep(0.05)
    return left


@pytest.fixture
def program() -> Iterator[subprocess.Popen[str]]:
    """Run `python -m sandbox` until it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox"], stdout=subprocess.PIPE, text=True, cwd=_REPOSITORY, start_new_session=True
    )
    yield process
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()


def read_endpoint(program: subprocess.Popen[str]) -> str:
    assert program.stdout is not None
    found = re.search(r"http://127\.0\.0\.1:\d+", program.stdout.readline())
    assert found is not None
    return found[0]


def test_every_process_listens_on_127_0_0_1_only(aws: Sandbox) -> None:
    assert listening_addresses(descendants(os.getpid())) == {"127.0.0.1"}


def test_stop_leaves_nothing() -> None:
    before = descendants(os.getpid())
    with sandbox.start() as aws:
        directory = aws.log_path.parent
        started = descendants(os.getpid()) - before
        assert started

    assert wait_until_gone(started) == set()
    assert not directory.exists()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_the_program_that_started_it(program: subprocess.Popen[str], number: signal.Signals) -> None:
    read_endpoint(program)
    started = descendants(program.pid)
    assert started

    program.send_signal(number)
    program.wait()

    assert wait_until_gone(started) == set()


@pytest.mark.long
def test_functions_end_when_the_sandbox_is_killed() -> None:
    """Once more, beside that they end when it is stopped or loses its parent, which tests above show."""
    with sandbox.start() as aws:
        deploy(aws, "def handler(event, context): return event")
        invoke(aws)
        functions = descendants(aws._process.pid)
        assert functions

        os.kill(aws._process.pid, signal.SIGKILL)

        assert wait_until_gone(functions) == set()


def test_the_program_prints_an_environment_to_copy_and_an_interrupt_ends_it(program: subprocess.Popen[str]) -> None:
    endpoint = read_endpoint(program)
    started = descendants(program.pid)
    assert started

    program.send_signal(signal.SIGINT)
    program.wait()
    printed = program.stdout.read() if program.stdout else ""

    assert f'export AWS_ENDPOINT_URL="{endpoint}"\n' in printed
    assert 'provider "aws"' in printed
    assert "aws --endpoint-url $AWS_ENDPOINT_URL sqs" in printed
    assert program.returncode == 0
    assert wait_until_gone(started) == set()


def test_a_port_that_is_taken_is_said(aws: Sandbox) -> None:
    taken = int(aws.endpoint.rpartition(":")[2])

    with pytest.raises(SandboxError, match="Address already in use"):
        sandbox.start(port=taken)


def test_the_environment_wins_over_the_persons_own_aws(aws: Sandbox) -> None:
    own = {
        "AWS_PROFILE": "work",
        "AWS_SESSION_TOKEN": "old",
        "AWS_REGION": "eu-west-1",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    script = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"

    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | own | aws.environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout.strip(), done.stderr) == ("arn:aws:iam::123456789012:root", "")


def test_the_account_is_the_documented_one(aws: Sandbox) -> None:
    assert aws.client("sts").get_caller_identity()["Account"] == sandbox.ACCOUNT_ID == "123456789012"
