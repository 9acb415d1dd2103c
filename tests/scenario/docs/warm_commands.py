"""Python programs as commands of a shell, without the second that each takes to import boto3.

One process has imported everything, and forks for each command: the fork takes the command's arguments, directory,
environment and standard streams, and then is the program. What it does, prints and exits with is its own.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import select
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import boto3

from tests import botocore_once

_LONGEST_REQUEST_BYTES = 1024 * 1024
_SERVICES = ("lambda", "s3", "stepfunctions", "logs", "sts")
# Run by a Python that has nothing to import but this.
_COMMAND = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as there:
    there.connect({address!r})
    asked = dict(module={module!r}, arguments=sys.argv[1:], directory=os.getcwd(), environment=dict(os.environ))
    socket.send_fds(there, [json.dumps(asked).encode() + b"\\n"], [0, 1, 2])
    answered = there.recv(16)
sys.exit(int(answered or b"1"))
"""


@contextmanager
def warm_commands(folder: Path, programs: Mapping[str, str], path: Iterable[Path]) -> Iterator[Path]:
    """Write a command for each module of ``programs``, by its name, and yield the folder that they are in."""
    address = str(folder / "socket")
    for name, module in programs.items():
        command = folder / name
        command.write_text(_COMMAND.format(python=sys.executable, address=address, module=module))
        command.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        server = subprocess.Popen(
            [sys.executable, "-m", __name__, str(listening.fileno()), *programs.values()],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path))},
            pass_fds=[listening.fileno()],
            stdin=subprocess.PIPE,
        )
    with server:  # it ends when its standard input does, and so with this process in any case
        yield folder


def serve(listening: socket.socket, modules: Iterable[str]) -> None:
    """Answer commands until standard input ends. Returns in each fork, when the module's program is to be run there."""
    for module in modules:
        importlib.import_module(module)
        del sys.modules[module]
    share_service_models()
    # A fork that looks for garbage in what it shares with this process would have to copy all of it.
    gc.collect()
    gc.freeze()
    while listening in select.select([listening, sys.stdin], [], [])[0]:
        connection, _ = listening.accept()
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                """Those that have ended: who counts CPU seconds counts theirs from now on."""
        if os.fork() == 0:
            listening.close()
            command = os.fork()
            if command == 0:
                become(connection)
                return
            connection.sendall(str(os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])).encode())
            os._exit(0)
        connection.close()
    os._exit(0)


def share_service_models() -> None:
    """Read once what every client begins with reading: the descriptions of the services."""
    botocore_once.remember()
    for service in _SERVICES:
        boto3.session.Session().client(service, region_name="us-east-1")


def become(connection: socket.socket) -> None:
    """Take over what the command has that a process inherits."""
    request, streams, _, _ = socket.recv_fds(connection, _LONGEST_REQUEST_BYTES, 3)
    while not request.endswith(b"\n"):
        request += connection.recv(_LONGEST_REQUEST_BYTES)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    connection.close()
    asked = json.loads(request)
    os.chdir(asked["directory"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv = [asked["module"], *asked["arguments"]]


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
