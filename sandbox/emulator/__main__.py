"""`python -m sandbox.emulator FD`: MiniStack with the plug-in, and the edge, on the socket FD until stdin closes.

They are one process: a request that goes from one to the other over a connection of its own costs both as much again
as they cost otherwise.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import shutil
import signal
import socket
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from sandbox.edge.connection import Connection
from sandbox.edge.proxy import Proxy
from sandbox.edge.state import EdgeState
from sandbox.emulator import (
    api_gateway_patches,
    backup_patches,
    contents,
    dynamodb_patches,
    iam_patches,
    lambda_patches,
    lambda_processes,
    page_patches,
    s3_patches,
    scheduler_patches,
    server,
    ssm_patches,
    stepfunctions_patches,
)
from sandbox.emulator import patch_points as at

_SETTINGS_PATH = "/_sandbox/"
_BACKLOG = 1024


class Configurable(Protocol):
    """What has settings."""

    settings: Any


def main() -> None:
    """Patch MiniStack and serve it."""
    listening = socket.socket(fileno=int(sys.argv[1]))
    try:
        at.check()
    except at.UnsupportedMiniStack as problem:
        sys.exit(f"{problem}")
    directory = Path(os.environ["TMPDIR"])
    loop = asyncio.new_event_loop()
    services: dict[str, Configurable] = {
        "exports": dynamodb_patches.apply(lambda work: asyncio.run_coroutine_threadsafe(work, loop).result()),
        "backups": backup_patches.apply(),
        "tables": page_patches.apply(),
    }
    lambda_patches.apply(directory)
    authorizations = iam_patches.apply()
    scheduler_patches.apply()
    s3_patches.apply()
    ssm_patches.apply()
    stepfunctions_patches.apply()
    api_gateway_patches.apply()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(directory,), daemon=True).start()
    loop.run_until_complete(_serve(listening, directory, services, authorizations))


async def _serve(
    listening: socket.socket,
    directory: Path,
    services: dict[str, Configurable],
    authorizations: iam_patches.Authorizations,
) -> None:
    from ministack import app as ministack_app

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == f"{_SETTINGS_PATH}authorizations":
            await _answer(send, 200, authorizations.taken())
        elif scope["type"] == "http" and scope["path"].startswith(_SETTINGS_PATH):
            await _control(services, scope["path"].removeprefix(_SETTINGS_PATH), receive, send)
        else:
            await ministack_app.app(scope, receive, send)

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, _end, directory)
    life = await server.start(app)
    # What there is now stays: it need not be looked through for garbage again and again.
    gc.collect()
    gc.freeze()
    edge = Proxy(EdgeState(partial(server.answer, app)))
    await loop.create_server(partial(Connection, edge.answer), sock=listening, backlog=_BACKLOG)
    await life


async def _control(services: dict[str, Configurable], name: str, receive: Any, send: Any) -> None:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    status, answer = 200, dict[str, Any]()
    try:
        if name == "contents":
            answer = await contents.put(body)
        else:
            services[name].settings = services[name].settings.changed(json.loads(body))
    except ValueError as error:
        status, answer = 400, {"message": str(error)}
    await _answer(send, status, json.dumps(answer).encode())


async def _answer(send: Any, status: int, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body})


def _end_with_parent(directory: Path) -> None:
    """End with the parent, however it ends: it holds the other end of stdin."""
    sys.stdin.buffer.read()
    _end(directory)


def _end(directory: Path) -> None:
    """Leave nothing behind."""
    at.RESET_LAMBDA.current()
    lambda_processes.end()
    shutil.rmtree(directory, ignore_errors=True)
    os._exit(0)


main()
