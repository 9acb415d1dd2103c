"""One request of a client: classify, apply faults, hand over to the emulator, record."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sandbox.edge import batches, control
from sandbox.edge.connection import ConnectionBroken, CutShort
from sandbox.edge.errors import error_response
from sandbox.edge.http1 import Request, Response
from sandbox.edge.operations import Operation, operation_of
from sandbox.edge.state import EdgeState
from sandbox.emulator.iam_patches import REWRITTEN_HEADER
from sandbox.fault_model import Fault


class Proxy:
    """Serves the clients of the edge."""

    def __init__(self, state: EdgeState) -> None:
        self._state = state

    async def answer(self, request: Request) -> bytes:
        """Return the whole message for the client. Raises ConnectionBroken or CutShort when a fault wants that."""
        if request.target.startswith("/_sandbox/"):
            return (await control.answer(self._state, request)).to_bytes()
        operation = operation_of(request)
        faults = self._state.rules.meet(operation)
        entry = self._record(operation, faults)
        response = await self._answer(request, operation, faults)
        entry["status"] = response.status
        entry["seconds"] = round(time.time() - entry["time"], 6)
        message = response.to_bytes(head=request.method == "HEAD")
        kept = next((fault.keep for fault in faults if fault.kind == "truncate"), None)
        if kept is not None and response.status < 300:
            raise CutShort(message[: len(message) - max(0, len(response.body) - kept)])
        return message

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
        headers = [(name, value) for name, value in request.headers if name != REWRITTEN_HEADER]
        forwarded = replace(request, headers=headers)
        if partial is None:
            return await self._state.emulator(forwarded)
        rest, held_back = batches.split(forwarded, self._state.rules.keeps(partial))
        answered = await self._state.emulator(rest) if rest is not None else None
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
