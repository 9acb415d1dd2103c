"""Starting and stopping a sandbox from Python."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sandbox.environment import (
    ACCESS_KEY_ID,
    ACCOUNT_ID,
    REGION,
    SECRET_ACCESS_KEY,
    client_environment,
    emulator_environment,
    write_profile,
)
from sandbox.faults import Faults
from sandbox.remote import Authorizations, Backups, Contents, Control, Exports, Requests, Tables

if TYPE_CHECKING:
    from boto3.session import Session

LOG = "emulator.log"
_STOP_SECONDS = 10.0


def _own_session(directory: Path) -> Session:
    """Return a session that knows the sandbox's own profile, whatever the environment says now or later."""
    import boto3  # here, because the sandbox's own processes do without it
    import botocore.session

    core = botocore.session.get_session()
    core.set_config_variable("profile", "default")
    core.set_config_variable("config_file", str(directory / "config"))
    core.set_config_variable("credentials_file", str(directory / "credentials"))
    return boto3.session.Session(botocore_session=core)


class SandboxError(RuntimeError):
    """The sandbox did not start; the message says why, with the end of the emulator's log."""


class Sandbox:
    """A running sandbox. Use it as a context manager, or call `stop()`.

    It holds a pipe to this process: it ends with it, even when it is killed.
    """

    account_id = ACCOUNT_ID
    region = REGION

    def __init__(self, process: subprocess.Popen[bytes], endpoint: str, directory: str) -> None:
        self._process = process
        self.endpoint = endpoint
        self.log_path = Path(directory) / LOG
        self._session = _own_session(Path(directory))
        self._clients: dict[str, Any] = {}
        control = Control(endpoint)
        self._control = control
        self.faults = Faults(control)
        self.requests = Requests(control)
        self.authorizations = Authorizations(control)
        self.exports = Exports(control)
        self.backups = Backups(control)
        self.tables = Tables(control)
        self.contents = Contents(control)

    @property
    def environment(self) -> dict[str, str]:
        """Variables to put over `os.environ` for a program that shall use the sandbox."""
        return client_environment(self.endpoint, self.log_path.parent)

    @property
    def running(self) -> bool:
        """Whether its processes are still there."""
        return self._process.poll() is None

    def client(self, service: str, **options: Any) -> Any:
        """Return a boto3 client of the sandbox's administrator; `options` override (credentials, config, region)."""
        if not options:
            if service not in self._clients:
                self._clients[service] = self._create_client(service, {})
            return self._clients[service]
        return self._create_client(service, options)

    def _create_client(self, service: str, options: dict[str, Any]) -> Any:
        from botocore.config import Config

        settings: dict[str, Any] = {
            "endpoint_url": self.endpoint,
            "region_name": REGION,
            "aws_access_key_id": ACCESS_KEY_ID,
            "aws_secret_access_key": SECRET_ACCESS_KEY,
            "config": Config(
                proxies={}, retries={"total_max_attempts": 1}, read_timeout=900, s3={"addressing_style": "path"}
            ),
        }
        return self._session.client(service, **settings | options)

    def reset(self) -> None:
        """Back to an empty account: resources, faults, request log, and settings of exports, backups and tables."""
        self._control.call("POST", "reset")

    def stop(self) -> None:
        """End all processes of the sandbox and remove its files. Calling it again does nothing."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.log_path.parent, ignore_errors=True)

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(port: int = 0) -> Sandbox:
    """Start a sandbox on 127.0.0.1 (port 0: any free one) and wait until it answers. Raises SandboxError."""
    directory = Path(tempfile.mkdtemp(prefix="sandbox-"))
    try:
        write_profile(directory)
        # It inherits a socket that listens already, so that no other process can take its port.
        with _listen(port) as listening:
            endpoint = f"http://127.0.0.1:{listening.getsockname()[1]}"
            process = _start_process(listening, directory)
    except OSError as error:
        shutil.rmtree(directory, ignore_errors=True)
        raise SandboxError(str(error)) from None
    starting = Sandbox(process, endpoint, str(directory))
    try:
        starting.requests.clear()
    except OSError as error:
        process.kill()
        process.wait()
        log = starting.log_path.read_text(errors="replace")
        starting.stop()
        raise SandboxError(f"the emulator did not start ({error}): {log[-4000:].strip()}") from None
    except BaseException:
        starting.stop()  # Ctrl-C while it starts: nothing may stay
        raise
    return starting


def _listen(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(1024)
    except OSError:
        listening.close()
        raise
    return listening


def _start_process(listening: socket.socket, directory: Path) -> subprocess.Popen[bytes]:
    number = listening.fileno()
    with (directory / LOG).open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "sandbox.emulator", str(number)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            pass_fds=(number,),
            env=emulator_environment(listening.getsockname()[1], directory),
            cwd=directory,
            start_new_session=True,
        )
