"""HTTP/1.1 for MiniStack (an ASGI application): whole messages, as the edge sends them.

The server that MiniStack brings along is made for every client and protocol; for requests as small as a test's, it took
twice the time of what answers them.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from sandbox.edge.http1 import STREAM_LIMIT, Request, read_request

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Application = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]

HeaderBytes = list[tuple[bytes, bytes]]

_ASGI = {"version": "3.0", "spec_version": "2.3"}
_BACKLOG = 1024
_WITHOUT_BODY = (204, 304)


async def serve(application: Application, listening: socket.socket) -> None:
    """Start the application up, and serve it for the life of the process."""
    started = asyncio.get_running_loop().create_future()
    lifespan = asyncio.create_task(_live(application, started))
    await started

    async def serve_client(reader: StreamReader, writer: StreamWriter) -> None:
        try:
            while (request := await read_request(reader, writer)) is not None:
                # A task of its own: what a request sets in its context (account, region) ends with it.
                writer.write(_message(*await asyncio.create_task(answer(application, request))))
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            """The edge is gone, or one of its clients."""
        finally:
            writer.close()

    server = await asyncio.start_server(serve_client, sock=listening, limit=STREAM_LIMIT, backlog=_BACKLOG)
    await asyncio.gather(lifespan, server.serve_forever())


async def _live(application: Application, started: asyncio.Future[None]) -> None:
    """Tell the application that it starts; that it ends it is never told, because the process just ends."""
    messages: asyncio.Queue[Message] = asyncio.Queue()
    messages.put_nowait({"type": "lifespan.startup"})

    async def send(message: Message) -> None:
        if message["type"] == "lifespan.startup.complete":
            started.set_result(None)
        else:
            started.set_exception(RuntimeError(f"MiniStack does not start: {message}"))

    await application({"type": "lifespan", "asgi": _ASGI}, messages.get, send)


async def answer(application: Application, request: Request) -> tuple[int, HeaderBytes, bytes]:
    """Return the application's whole answer to a request: status, headers, body."""
    messages: list[Message] = [
        {"type": "http.disconnect"},
        {"type": "http.request", "body": request.body, "more_body": False},
    ]
    status, headers, body = 500, HeaderBytes(), bytearray()

    async def receive() -> Message:
        return messages.pop() if len(messages) > 1 else messages[0]

    async def send(message: Message) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status, headers = message["status"], list(message.get("headers", ()))
        else:
            body.extend(message.get("body", b""))

    try:
        await application(_scope(request), receive, send)
    except Exception:  # whatever it is: to the client it is the answer 500, as of any server
        logger.exception("%s %s failed", request.method, request.target)
        status, headers, body = 500, [], bytearray()
    return status, headers, b"" if request.method == "HEAD" or status in _WITHOUT_BODY else bytes(body)


def _scope(request: Request) -> dict[str, Any]:
    path, _, query = request.target.partition("?")
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in request.headers]
    return {
        "type": "http",
        "asgi": _ASGI,
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": [*headers, (b"content-length", b"%d" % len(request.body))],
        "client": ("127.0.0.1", 0),
        "server": None,
    }


def _message(status: int, headers: HeaderBytes, body: bytes) -> bytes:
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:
        reason = ""
    lines = [f"HTTP/1.1 {status} {reason}".encode(), *(b"%b: %b" % pair for pair in headers)]
    if not any(name.lower() == b"content-length" for name, _ in headers):
        lines.append(b"content-length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])
