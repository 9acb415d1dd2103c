"""The edge's own requests, under /_sandbox/: what the Python API of the sandbox speaks."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from sandbox.fault_model import Fault

from .http1 import Request, Response

if TYPE_CHECKING:
    from .proxy import Proxy


async def answer(proxy: Proxy, request: Request) -> Response:
    """Answer a control request; exports' settings are the emulator's to change."""
    path, _, argument = request.target.partition("?")
    match request.method, path:
        case "POST", "/_sandbox/faults":
            return _json({"id": proxy.rules.arm(Fault.from_dict(json.loads(request.body)))})
        case "GET", "/_sandbox/faults":
            return _json([dataclasses.asdict(armed) for armed in proxy.rules.armed()])
        case "DELETE", "/_sandbox/faults":
            proxy.rules.disarm(int(argument) if argument else None)
            return _json({})
        case "GET", "/_sandbox/requests":
            return _json(list(proxy.log))
        case "DELETE", "/_sandbox/requests":
            proxy.log.clear()
            return _json({})
        case "POST", "/_sandbox/reset":
            proxy.rules.disarm()
            response = await proxy.upstream.send(Request("POST", "/_ministack/reset", [("host", "127.0.0.1")], b""))
            proxy.log.clear()
            return response
        case "PUT", "/_sandbox/exports":
            return await proxy.upstream.send(request)
    return _json({"message": f"no such control request: {request.method} {path}"}, 404)


def _json(value: Any, status: int = 200) -> Response:
    return Response(status, "OK", [("content-type", "application/json")], json.dumps(value).encode())
