"""An HTTP request as API Gateway hands it over, and what is answered.

The event is that of an HTTP API, payload format 2.0:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from dynamodb_backup.errors import HttpRefused, RequestRefused
from dynamodb_backup.strict_json import read_json
from dynamodb_backup.typed_record import record_of

__all__ = ["MOST_BODY_BYTES", "HttpAnswer", "HttpRequest", "problem"]

MOST_BODY_BYTES = 131_072
"""Step Functions takes an input of 262,144 bytes, and escaped in it a body may double:
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""

_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True)
class HttpRequest:
    """One request. ``route`` is API Gateway's, such as ``GET /backups/{date}``; header names are in lower case.

    ``authorized_by`` is ``iam`` or ``jwt``, or ``None`` where API Gateway let the request through unchecked.
    """

    route: str
    request_id: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    authorized_by: str | None = None
    caller: str | None = None

    @classmethod
    def from_event(cls, event: object) -> HttpRequest:
        """Read API Gateway's event.

        Raises
        ------
        RequestRefused
            It is not one of an HTTP API with payload format 2.0: the function was invoked by somebody else.
        HttpRefused
            The body is too large, or not the base64 that it says it is.
        """
        given = _Event.of(event)
        kind = next((kind for kind in ("iam", "jwt") if given.authorizer.get(kind)), None)
        return cls(
            route=given.route,
            request_id=given.request_id,
            path=given.path or {},
            query=given.query or {},
            headers={name.lower(): value for name, value in (given.headers or {}).items()},
            body=given.decoded_body(),
            authorized_by=kind,
            caller=_caller(kind, given.authorizer),
        )

    def parameter(self, name: str) -> str:
        """Return a parameter of the path.

        Raises
        ------
        HttpRefused
            The path has none of that name: it belongs to another route than the event says.
        """
        if name not in self.path:
            raise HttpRefused(HTTPStatus.NOT_FOUND, f"the path of the request has no '{name}'")
        return self.path[name]

    def only_query(self, known: Collection[str]) -> Mapping[str, str]:
        """Return the query's parameters.

        Raises
        ------
        RequestRefused
            There is one that the route does not know.
        """
        for name in sorted(self.query.keys() - set(known)):
            raise RequestRefused(name[:80], f"is unknown; known parameters are {', '.join(sorted(known)) or 'none'}")
        return self.query

    def json_object(self) -> dict[str, Any]:
        """Return the body's JSON object.

        Raises
        ------
        HttpRefused
            The body is missing, of another type, or not a JSON object.
        """
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise HttpRefused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the header Content-Type must be application/json")
        try:
            value = read_json(self.body)
        except ValueError as error:
            raise HttpRefused(HTTPStatus.BAD_REQUEST, "the body is not JSON; send an object, if need be {}") from error
        if not isinstance(value, dict):
            raise HttpRefused(HTTPStatus.BAD_REQUEST, "the body is not a JSON object; send one, if need be {}")
        return value

    def execution_name(self) -> str:
        """Return the name of the execution that this request starts; the same key gives the same name.

        It is a digest: whatever a client takes for a key, none of it is to be read in a name or a log.

        Raises
        ------
        RequestRefused
            The header ``Idempotency-Key`` is empty, too long or not printable ASCII.
        """
        key = self.headers.get("idempotency-key")
        if key is None:
            return f"api-{_digest('request ' + self.request_id)}"
        if _IDEMPOTENCY_KEY.fullmatch(key) is None:
            raise RequestRefused(
                "Idempotency-Key", "must be 1 to 255 printable characters of ASCII without blanks, such as a UUID"
            )
        return f"api-{_digest('key ' + key)}"


@dataclass(frozen=True)
class HttpAnswer:
    """What is answered. ``body`` is a JSON object."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)

    def to_response(self) -> dict[str, Any]:
        headers = {"content-type": "application/json", "cache-control": "no-store", **self.headers}
        return {"statusCode": int(self.status), "headers": headers, "body": json.dumps(self.body)}


def problem(status: int, detail: str, request_id: str | None, **members: str) -> HttpAnswer:
    """Return an error as RFC 9457 has it: ``type``, ``title``, ``status``, ``detail``, and members of our own."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "request_id": request_id,
        **members,
    }
    return HttpAnswer(status, body, {"content-type": "application/problem+json"})


@dataclass(frozen=True)
class _Event:
    """The members of API Gateway's event that are read, by our names."""

    route: str
    request_id: str
    authorizer: Mapping[str, Mapping[str, Any] | None]
    path: Mapping[str, str] | None
    query: Mapping[str, str] | None
    headers: Mapping[str, str] | None
    body: str | None
    is_base64: bool

    @classmethod
    def of(cls, event: object) -> _Event:
        """Read an event. Raises ``RequestRefused`` where it is not API Gateway's."""
        try:
            if not isinstance(event, dict) or event.get("version") != "2.0":
                raise ValueError("another version")
            context = event.get("requestContext")
            context = context if isinstance(context, dict) else {}
            members = {
                "route": event.get("routeKey"),
                "request_id": context.get("requestId"),
                "authorizer": context.get("authorizer") or {},
                "path": event.get("pathParameters"),
                "query": event.get("queryStringParameters"),
                "headers": event.get("headers"),
                "body": event.get("body"),
                "is_base64": event.get("isBase64Encoded", False),
            }
            return record_of(cls, members)
        except ValueError as error:
            raise RequestRefused(
                "event", "must be one of an API Gateway HTTP API (payload format 2.0); use the API's URL"
            ) from error

    def decoded_body(self) -> bytes:
        """Return the body's bytes. Raises ``HttpRefused`` where it is too large, or no base64 though it says so."""
        text = self.body or ""
        try:
            body = base64.b64decode(text, validate=True) if self.is_base64 else text.encode()
        except ValueError as error:
            raise HttpRefused(HTTPStatus.BAD_REQUEST, "the body cannot be decoded; send JSON in UTF-8") from error
        if len(body) > MOST_BODY_BYTES:
            raise HttpRefused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"the body has {len(body)} bytes and may have at most {MOST_BODY_BYTES}; split the request",
            )
        return body


def _caller(kind: str | None, authorizer: Mapping[str, Mapping[str, Any] | None]) -> str | None:
    given = authorizer.get(kind or "") or {}
    if kind == "iam":
        return str(given.get("userArn"))
    claims = given.get("claims")
    return str(claims.get("sub") if isinstance(claims, dict) else None) if kind == "jwt" else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
