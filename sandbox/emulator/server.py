"""MiniStack (an ASGI application) as a function of this process: a request goes in, its whole answer comes out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

from sandbox.edge.http1 import Request, Response

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Application = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]

_ASGI = {"version": "3.0", "spec_version": "2.3"}
_OF_THE_CONNECTION = (b"content-length", b"transfer-encoding")


async def start(application: Application) -> asyncio.Task[None]:
    """Start the application up; it lives as long as the task."""
    started = asyncio.get_running_loop().create_future()
    lifespan = asyncio.create_task(_live(application, started))
    await started
    return lifespan


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


async def answer(application: Application, request: Request) -> Response:
    """Return the application's whole answer to a request."""
    messages: list[Message] = [
        {"type": "http.disconnect"},
        {"type": "http.request", "body": request.body, "more_body": False},
    ]
    status, headers, body = 500, list[tuple[bytes, bytes]](), bytearray()

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
    kept = headers if request.method == "HEAD" else [one for one in headers if one[0].lower() not in _OF_THE_CONNECTION]
    return Response(status, [(name.decode("latin-1"), value.decode("latin-1")) for name, value in kept], bytes(body))


def _scope(request: Request) -> dict[str, Any]:
    path, _, query = request.target.partition("?")
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers]
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
