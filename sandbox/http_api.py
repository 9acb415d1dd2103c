"""A door for HTTP in front of a function, as an HTTP API of API Gateway opens it: payload format 2.0 in and out.

    with http_api.open_door(document, handler) as url:
        requests.get(f"{url}/backups", headers={"Authorization": "AWS4-HMAC-SHA256 ..."})

It routes by an OpenAPI document and lets signed requests through without checking the signature: it tests
what lies behind. https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from sandbox.environment import ACCOUNT_ID

__all__ = ["open_door"]

Handler = Callable[[dict[str, Any]], dict[str, Any]]

MOST_BYTES = 10 * 1024 * 1024
"""https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html"""

_TEXT = re.compile(r"text/.*|application/(json|javascript|xml|.*\+json|.*\+xml)")


@dataclass(frozen=True)
class Route:
    """A method and a path with names in braces."""

    method: str
    path: str

    @property
    def key(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def openness(self) -> int:
        """How many of its segments are names; the route with the fewest is taken."""
        return self.path.count("{")

    def parameters(self, method: str, path: str) -> dict[str, str] | None:
        """Return the path's values by name; ``None`` if the route is not meant."""
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path)
        found = re.fullmatch(pattern, path) if method == self.method else None
        return {name: unquote(value) for name, value in found.groupdict().items()} if found else None


@contextmanager
def open_door(document: Mapping[str, Any], handler: Handler) -> Iterator[str]:
    """Serve on a free port of 127.0.0.1 and yield the URL.

    Parameters
    ----------
    document
        An OpenAPI document; its paths are the routes.
    handler
        The function behind the door, without its context. It may be called by several threads at a time.
    """
    routes = [Route(method.upper(), path) for path, methods in document["paths"].items() for method in methods]
    routes.sort(key=lambda route: route.openness)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _requests_to(routes, handler))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _requests_to(routes: list[Route], handler: Handler) -> type[BaseHTTPRequestHandler]:
    class Requests(BaseHTTPRequestHandler):
        """One connection."""

        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Say nothing: who asks knows what it asked."""

        def _serve(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length)
            answer = _answer(routes, handler, self, body)
            payload = answer["body"].encode()
            self.send_response(answer["statusCode"])
            for name, value in answer["headers"].items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(payload)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(payload)

        def __getattr__(self, name: str) -> Callable[[], None]:
            """Serve every method alike: API Gateway knows routes, and says 404 to what is none."""
            if name.startswith("do_"):
                return self._serve
            raise AttributeError(name)

    return Requests


def _answer(routes: list[Route], handler: Handler, request: BaseHTTPRequestHandler, body: bytes) -> dict[str, Any]:
    url = urlsplit(request.path)
    matches = ((route, route.parameters(request.command, url.path)) for route in routes)
    route, parameters = next((match for match in matches if match[1] is not None), (None, None))
    if route is None:
        return _own(404, "Not Found")
    if not request.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 "):
        return _own(403, "Forbidden")
    if len(body) > MOST_BYTES:
        return _own(413, "Request Entity Too Large")
    answer = handler(json.loads(json.dumps(_event(route, parameters or {}, request, body))))
    return {"headers": {}, **answer} if isinstance(answer.get("body"), str) else _own(500, "Internal Server Error")


def _own(status: int, message: str) -> dict[str, Any]:
    body = json.dumps({"message": message})
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": body}


def _event(route: Route, parameters: dict[str, str], request: BaseHTTPRequestHandler, body: bytes) -> dict[str, Any]:
    url = urlsplit(request.path)
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name.lower()] = f"{headers[name.lower()]},{value}" if name.lower() in headers else value
    query: dict[str, str] = {}
    for name, value in parse_qsl(url.query, keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": url.path,
        "rawQueryString": url.query,
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "requestId": uuid.uuid4().hex,
            "routeKey": route.key,
            "stage": "$default",
            "http": {"method": request.command, "path": url.path, "sourceIp": "127.0.0.1"},
            "authorizer": {"iam": {"accountId": ACCOUNT_ID, "userArn": f"arn:aws:iam::{ACCOUNT_ID}:user/caller"}},
        },
        "isBase64Encoded": False,
    }
    if query:
        event["queryStringParameters"] = query
    if parameters:
        event["pathParameters"] = parameters
    if body:
        event |= _encoded(body, headers.get("content-type", ""))
    return event


def _encoded(body: bytes, kind: str) -> dict[str, Any]:
    if _TEXT.fullmatch(kind.partition(";")[0].strip().lower()):
        return {"body": body.decode("utf-8", "replace")}
    return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
