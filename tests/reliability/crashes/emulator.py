"""The sandbox's emulator inside this process: a client's request goes in, its answer comes out, no network between.

A call takes about 2 ms, most of it in the client. What the account does by itself (an export, an import) is done in
virtual time: at the first call from the moment on at which it is due.
"""

from __future__ import annotations

import contextvars
import io
import logging
import os
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import unquote, urlsplit

from botocore.awsrequest import AWSResponse, HeadersDict

from sandbox.emulator import backup_patches, dynamodb_patches, export_job, s3_patches
from sandbox.environment import emulator_environment
from tests.reliability.crashes.clock import CLOCK

__all__ = ["Emulator"]

IMPORT_SECONDS = 3.0


class Emulator:
    """MiniStack with the sandbox's patches. One for each process: its state is that of its modules."""

    def __init__(self) -> None:
        self._due: list[tuple[float, Callable[[], object]]] = []
        directory = Path(tempfile.mkdtemp(prefix="crashes-"))
        kept = dict(os.environ)
        os.environ.update(emulator_environment(0, directory) | {"AUTH": "false"})
        # Its module starts a thread that looks for expired items: in a process that is forked there may be none.
        with mock.patch.object(threading.Thread, "start"):
            from ministack import app  # noqa: PLC0415 - it reads its environment as it is imported
            from ministack.services import dynamodb  # noqa: PLC0415
        self.exports = dynamodb_patches.apply(lambda work: contextvars.copy_context().run(_run, work))
        self.backups = backup_patches.apply()
        s3_patches.apply()
        of_emulator = {name: value for name, value in os.environ.items() if name.startswith("MINISTACK_")}
        os.environ.clear()
        os.environ.update(kept | of_emulator)
        self._module = app
        logging.getLogger().handlers.clear()  # MiniStack's, which would print the product's lines once more
        mock.patch.object(export_job.ExportJob, "start", _start_export(self.later)).start()
        mock.patch.object(dynamodb, "spawn_background", self._spawn).start()

    def reset(self) -> None:
        """Forget everything."""
        self._due.clear()
        self.exports._journal._last_micros = 0  # time begins again, too
        self._module._reset_all_state()

    def later(self, seconds: float, work: Callable[[], object]) -> None:
        """Have the account do something by itself after so many seconds."""
        context = contextvars.copy_context()
        self._due.append((CLOCK.seconds() + seconds, lambda: context.run(work)))

    def do_what_is_due(self) -> None:
        now = CLOCK.seconds()
        due = [work for moment, work in self._due if moment <= now]
        self._due = [one for one in self._due if one[0] > now]
        for work in due:
            work()

    def answer(self, request: Any) -> AWSResponse:
        """Answer one request as botocore has prepared it."""
        url = urlsplit(request.url)
        body = _bytes_of(request.body)
        headers = [(name.lower().encode(), _bytes_of(value)) for name, value in request.headers.items()]
        scope = {
            "type": "http",
            "http_version": "1.1",
            "scheme": "http",
            "method": request.method,
            "path": unquote(url.path),
            "raw_path": url.path.encode(),
            "query_string": url.query.encode(),
            "headers": [*headers, (b"host", url.netloc.encode())],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 9),
        }
        exchange = _Exchange(body)
        contextvars.copy_context().run(_run, self._module.app(scope, exchange.receive, exchange.send))
        answered: Any = HeadersDict(exchange.headers)
        return AWSResponse(request.url, exchange.status, answered, _Raw(b"".join(exchange.parts)))

    def _spawn(self, work: Callable[..., object], *arguments: Any, thread_name: str = "", **named: Any) -> None:
        self.later(IMPORT_SECONDS, lambda: work(*arguments, **named))


class _Exchange:
    """One request's body and answer, as ASGI hands them over."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.status = 0
        self.headers: dict[str, str] = {}
        self.parts: list[bytes] = []

    async def receive(self) -> dict[str, Any]:
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.parts.append(message.get("body", b""))


class _Raw(io.BytesIO):
    """An answer's body as botocore reads it from urllib3."""

    def stream(self, amt: int = 65536, **_: object) -> Iterator[bytes]:
        while chunk := self.read(amt):
            yield chunk


def _run(coroutine: Coroutine[Any, None, None]) -> None:
    """Run what never waits, without a loop: so it can be called from within itself, as an export writes to S3."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("the emulator waits for something")


def _start_export(later: Callable[[float, Callable[[], object]], None]) -> Callable[[Any], None]:
    def start(job: Any) -> None:
        seconds, job._settings = job._settings.seconds, job._settings.changed({"seconds": 0})
        later(seconds, job._run)

    return start


def _bytes_of(value: Any) -> bytes:
    if value is None:
        return b""
    if hasattr(value, "read"):
        value = value.read()
    return value if isinstance(value, bytes) else bytes(value) if isinstance(value, bytearray) else str(value).encode()
