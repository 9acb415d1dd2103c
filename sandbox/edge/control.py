"""The edge's own requests, under /_sandbox/: what the Python API of the sandbox speaks."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from sandbox.edge.http1 import Request, Response
from sandbox.fault_model import Fault

if TYPE_CHECKING:
    from sandbox.edge.proxy import Proxy


async def answer(proxy: Proxy, request: Request) -> Response:
    """Answer a control request; exports' settings are the emulator's to change."""
    path, _, argument = request.target.partition("?")
    if path == "/_sandbox/reset":
        return await _reset(proxy)
    if path == "/_sandbox/exports":
        return await proxy.upstream.send(request)
    match request.method, path:
        case "POST", "/_sandbox/faults":
            value: Any = {"id": proxy.rules.arm(Fault.from_dict(json.loads(request.body)))}
        case "DELETE", "/_sandbox/faults":
            proxy.rules.disarm(int(argument) if argument else None)
            value = {}
        case "GET", "/_sandbox/faults":
            value = [dataclasses.asdict(armed) for armed in proxy.rules.armed()]
        case "GET", "/_sandbox/requests":
            value = list(proxy.log)
        case "DELETE", "/_sandbox/requests":
            proxy.log.clear()
            value = {}
        case _:
            return _json({"message": f"no such control request: {request.method} {path}"}, 404)
    return _json(value, 200)


async def _reset(proxy: Proxy) -> Response:
    """Empty the account first: what is still running then meets neither faults nor the new log."""
    response = await proxy.upstream.send(Request("POST", "/_ministack/reset", [("host", "127.0.0.1")], b""))
    proxy.rules.disarm()
    proxy.log.clear()
    return response


def _json(value: Any, status: int) -> Response:
    return Response(status, "OK", [("content-type", "application/json")], json.dumps(value).encode())
