"""Keep-alive connections to the emulator."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter

from sandbox.edge.http1 import STREAM_LIMIT, Request, Response, read_response


class Upstream:
    """A pool of connections to one server; a request that finds its connection closed gets a fresh one."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[tuple[StreamReader, StreamWriter]] = []

    async def send(self, request: Request) -> Response:
        """Forward a request and return the whole answer. Raises ConnectionError when the emulator is gone."""
        while self._idle:
            response = await self._exchange(self._idle.pop(), request)
            if response is not None:
                return response
        fresh = await asyncio.open_connection("127.0.0.1", self._port, limit=STREAM_LIMIT)
        response = await self._exchange(fresh, request)
        if response is None:
            raise ConnectionError("the emulator closed the connection without an answer")
        return response

    async def _exchange(self, connection: tuple[StreamReader, StreamWriter], request: Request) -> Response | None:
        reader, writer = connection
        try:
            writer.write(request.to_bytes())
            await writer.drain()
            response = await read_response(reader, head=request.method == "HEAD")
        except ConnectionError:
            response = None
        if response is None:
            writer.close()
        else:
            self._idle.append(connection)
        return response
