"""A client's connection: its requests are answered one after another, each in a task of its own."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import cast

from sandbox.edge.http1 import Headers, Request, header, read_body, read_head

Answer = Callable[[Request], Awaitable[bytes]]

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_NOT_THE_SERVICE_S = ("expect", "transfer-encoding", "content-length")


class ConnectionBroken(Exception):
    """The client's connection is to be reset."""


class CutShort(Exception):
    """The client gets the beginning of an answer, and then the end of the connection."""

    def __init__(self, beginning: bytes) -> None:
        super().__init__("the answer is cut short")
        self.beginning = beginning


class Connection(asyncio.Protocol):
    """Reads requests, and writes what `answer` returns for each; asyncio makes one for each connection."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._received = bytearray()
        self._head: tuple[str, str, Headers] | None = None
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._task is None:
            self._begin()

    def _begin(self) -> None:
        """Answer the next request, once it is there as a whole."""
        if self._head is None:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            self._head = read_head(self._received[:end])
            del self._received[: end + 4]
            if header(self._head[2], "expect").lower() == "100-continue":
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        method, target, headers = self._head
        read = read_body(self._received, headers)
        if read is None:
            return
        body, length = read
        del self._received[:length]
        self._head = None
        kept = [(name, value) for name, value in headers if name not in _NOT_THE_SERVICE_S]
        # A task of its own: what a request sets in its context (account, region) ends with it.
        self._task = asyncio.get_running_loop().create_task(self._serve(Request(method, target, kept, body)))

    async def _serve(self, request: Request) -> None:
        goes_on = False
        try:
            self._transport.write(await self._answer(request))
            goes_on = request.header("connection").lower() != "close"
        except ConnectionBroken:
            raw: socket.socket = self._transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._transport.abort()
        except CutShort as cut:
            self._transport.write(cut.beginning)
        finally:
            self._task = None
            if not goes_on:
                self._transport.close()
        if goes_on and not self._transport.is_closing():
            self._begin()
