"""One client connection after another, one request after another: classify, apply faults, forward, record."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from asyncio import IncompleteReadError, StreamReader, StreamWriter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sandbox.edge import batches, control
from sandbox.edge.errors import error_response
from sandbox.edge.http1 import Request, Response, read_request
from sandbox.edge.operations import Operation, operation_of
from sandbox.edge.state import EdgeState
from sandbox.emulator.iam_patches import REWRITTEN_HEADER
from sandbox.fault_model import Fault

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class ConnectionBroken(Exception):
    """A fault wants the client's connection reset."""


class Proxy:
    """Serves the clients of the edge."""

    def __init__(self, state: EdgeState) -> None:
        self._state = state

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Serve one client connection until it closes."""
        try:
            while (request := await read_request(reader, writer)) is not None:
                await self._serve_one(request, writer)
                if request.header("connection").lower() == "close":
                    break
        except ConnectionBroken:
            raw: socket.socket = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            writer.transport.abort()
        except (ConnectionError, IncompleteReadError, asyncio.CancelledError):
            """The client is gone, or the sandbox is stopping."""
        finally:
            writer.close()

    async def _serve_one(self, request: Request, writer: StreamWriter) -> None:
        if request.target.startswith("/_sandbox/"):
            writer.write((await control.answer(self._state, request)).to_bytes())
            await writer.drain()
            return
        operation = operation_of(request)
        faults = self._state.rules.meet(operation)
        entry = self._record(operation, faults)
        response = await self._answer(request, operation, faults)
        entry["status"] = response.status
        entry["seconds"] = round(time.time() - entry["time"], 6)
        message = response.to_bytes(head=request.method == "HEAD")
        kept = next((fault.keep for fault in faults if fault.kind == "truncate"), None)
        if kept is not None and response.status < 300:
            writer.write(message[: len(message) - max(0, len(response.body) - kept)])
            await writer.drain()
            raise ConnectionResetError
        writer.write(message)
        await writer.drain()

    async def _answer(self, request: Request, operation: Operation, faults: Sequence[Fault]) -> Response:
        """Return the response to the client, whatever the faults make of it."""
        born = self._state.resets
        for fault in faults:
            if fault.kind == "delay":
                await asyncio.sleep(fault.seconds)
                if self._state.resets != born:
                    raise ConnectionBroken
            elif fault.kind == "error":
                return error_response(operation.service, fault.code, fault.message, fault.status)
            elif fault.kind == "reset" and not fault.after:
                raise ConnectionBroken
        response = await self._forward(request, next((fault for fault in faults if fault.kind == "unprocessed"), None))
        for fault in faults:
            if fault.kind == "reset":
                raise ConnectionBroken
            if fault.kind == "corrupt" and response.body:
                response = replace(response, body=_altered(response.body, fault.offset))
        return response

    async def _forward(self, request: Request, partial: Fault | None) -> Response:
        headers = [(name, value) for name, value in request.headers if name.lower() != REWRITTEN_HEADER]
        forwarded = replace(request, headers=headers)
        if partial is None:
            return await self._state.upstream.send(forwarded)
        rest, held_back = batches.split(forwarded, self._state.rules.keeps(partial))
        answered = await self._state.upstream.send(rest) if rest is not None else None
        return batches.unprocessed(held_back, answered)

    def _record(self, operation: Operation, faults: Sequence[Fault]) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "time": time.time(),
            "service": operation.service,
            "operation": operation.name,
            "resources": list(operation.resources),
            "caller": operation.caller,
            "faults": [fault.kind for fault in faults],
            "status": None,
        }
        self._state.log.append(entry)
        return entry


def _altered(body: bytes, offset: int) -> bytes:
    """`body` with all bits of one byte turned."""
    position = offset % len(body)
    return body[:position] + bytes([body[position] ^ 0xFF]) + body[position + 1 :]
