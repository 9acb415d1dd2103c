"""The edge's own requests, under /_sandbox/: what the Python API of the sandbox speaks."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from sandbox.edge.http1 import Request, Response
from sandbox.edge.state import EdgeState
from sandbox.fault_model import Fault

_OF_EMULATOR = {f"/_sandbox/{name}" for name in ("authorizations", "backups", "contents", "exports", "tables")}


async def answer(state: EdgeState, request: Request) -> Response:
    """Answer a control request; the emulator itself has contents, IAM, and settings of exports, backups and tables."""
    path, _, argument = request.target.partition("?")
    if path == "/_sandbox/reset":
        return await _reset(state)
    if path in _OF_EMULATOR:
        return await state.emulator(request)
    match request.method, path:
        case "POST", "/_sandbox/faults":
            value: Any = {"id": state.rules.arm(Fault.from_dict(json.loads(request.body)))}
        case "DELETE", "/_sandbox/faults":
            state.rules.disarm(int(argument) if argument else None)
            value = {}
        case "GET", "/_sandbox/faults":
            value = [dataclasses.asdict(armed) for armed in state.rules.armed()]
        case "GET", "/_sandbox/requests":
            value = list(state.log)
        case "DELETE", "/_sandbox/requests":
            state.log.clear()
            value = {}
        case _:
            return _json({"message": f"no such control request: {request.method} {path}"}, 404)
    return _json(value, 200)


async def _reset(state: EdgeState) -> Response:
    """Empty the account first: what is still running then meets neither faults nor the new log."""
    state.resets += 1
    response = await state.emulator(Request("POST", "/_ministack/reset", [("host", "127.0.0.1")], b""))
    state.rules.disarm()
    state.log.clear()
    return response


def _json(value: Any, status: int) -> Response:
    return Response(status, [("content-type", "application/json")], json.dumps(value).encode())
