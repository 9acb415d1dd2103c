"""Processes of functions: forks of one that has imported the runtime, instead of a Python that begins with nothing."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import threading
import types
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sandbox.emulator import patch_points as at

_TEMPLATE = Path(__file__).with_name("lambda_template.py")
_LAYERS = "_LAMBDA_LAYERS_DIRS"
_MAKING = threading.Lock()
_TEMPLATES: dict[tuple[str, ...], Template] = {}


def apply(libraries: Path) -> None:
    """Let Lambda's workers be forks; `libraries` holds what the runtime brings along."""
    packages = [path.name for path in libraries.iterdir()]

    def start(command: Sequence[str], *, cwd: str, env: Mapping[str, str], **others: Any) -> Any:
        python, script = command
        if not Path(python).name.startswith("python"):
            return subprocess.Popen(command, cwd=cwd, env=env, **others)
        folders = [folder for folder in _importable(cwd, env) if any((folder / name).exists() for name in packages)]
        template = _template(python, tuple(str(folder.resolve()) for folder in (*folders, libraries)))
        return template.fork(script, cwd, env)

    at.LAMBDA_SUBPROCESS.replace(types.SimpleNamespace(**vars(subprocess) | {"Popen": start}))


def _importable(code: str, environment: Mapping[str, str]) -> list[Path]:
    """Where a function's own packages are: what is there goes before what the runtime brings along."""
    layers = [Path(layer) for layer in environment.get(_LAYERS, "").split(os.pathsep) if layer]
    return [*layers, *(layer / "python" for layer in layers), Path(code)]


def _template(python: str, folders: tuple[str, ...]) -> Template:
    with _MAKING:
        if (python, *folders) not in _TEMPLATES:
            _TEMPLATES[python, *folders] = Template(python, folders)
        return _TEMPLATES[python, *folders]


def end() -> None:
    """End all processes of functions."""
    for template in _TEMPLATES.values():
        template.end()


class Template:
    """A running `lambda_template.py`. It ends with this process."""

    def __init__(self, python: str, folders: Sequence[str]) -> None:
        self._requests, its_end = socket.socketpair()
        with its_end:
            self._process = subprocess.Popen(
                [python, "-I", "-S", "-X", "utf8", _TEMPLATE, str(its_end.fileno()), *folders],
                pass_fds=[its_end.fileno()],
                stdin=subprocess.DEVNULL,
            )
        self._turn = threading.Lock()

    def end(self) -> None:
        """End it, and its forks."""
        self._requests.close()
        self._process.wait()

    def fork(self, script: str, directory: str, environment: Mapping[str, str]) -> Fork:
        """Return a process that runs a script. Raises RuntimeError where the template could not be made."""
        asked = json.dumps({"script": script, "directory": directory, "environment": dict(environment)})
        (their_input, our_input), (our_output, their_output) = os.pipe(), os.pipe()
        (our_error, their_error), (our_life, their_life) = os.pipe(), os.pipe()
        theirs = [their_input, their_output, their_error, their_life]
        answer = b""
        with self._turn, suppress(OSError):
            socket.send_fds(self._requests, [asked.encode() + b"\n"], theirs)
            answer = self._requests.recv(32)
        for descriptor in theirs:
            os.close(descriptor)
        if not answer:
            raise RuntimeError(f"the function's Python, {self._process.args!r}, does not start: see the emulator's log")
        return Fork(int(answer), our_input, our_output, our_error, our_life)


class Fork:
    """As much of `subprocess.Popen` as MiniStack uses of it."""

    def __init__(self, process_id: int, *descriptors: int) -> None:
        self.pid = process_id
        to_it, of_it, errors, self._life = descriptors
        self.stdin = os.fdopen(to_it, "w", buffering=1, encoding="utf-8")
        self.stdout = os.fdopen(of_it, "r", encoding="utf-8")
        self.stderr = os.fdopen(errors, "r", encoding="utf-8", errors="replace")
        self._closing = os.fdopen(self._life, "rb", buffering=0)

    def poll(self) -> int | None:
        """Return None while it runs."""
        return 0 if self._has_ended(0) else None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        if not self._has_ended(timeout):
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return 0

    def terminate(self) -> None:
        """Ask it to end."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def _has_ended(self, seconds: float | None) -> bool:
        """Look at the pipe that only it holds the other end of: the system closes that when it ends."""
        return bool(select.select([self._life], [], [], seconds)[0])
