"""An HTTP request as API Gateway hands it over, and what is answered.

The event is that of an HTTP API, payload format 2.0:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, NoReturn

from dynamodb_backup.errors import HttpRefused, RequestRefused

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
        if not isinstance(event, Mapping) or event.get("version") != "2.0" or "requestContext" not in event:
            raise RequestRefused(
                "event", "must be one of an API Gateway HTTP API (payload format 2.0); use the API's URL"
            )
        context = event["requestContext"]
        authorizer = context.get("authorizer") or {}
        kind = next((kind for kind in ("iam", "jwt") if authorizer.get(kind)), None)
        return cls(
            route=str(event.get("routeKey")),
            request_id=str(context.get("requestId")),
            path=event.get("pathParameters") or {},
            query=event.get("queryStringParameters") or {},
            headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
            body=_body(event),
            authorized_by=kind,
            caller=_caller(kind, authorizer),
        )

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
            # Without parse_constant Python would take NaN and Infinity, which are no JSON.
            value = json.loads(self.body.decode(), parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
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


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    try:
        body = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else str(text).encode()
    except (binascii.Error, UnicodeEncodeError) as error:
        raise HttpRefused(HTTPStatus.BAD_REQUEST, "the body cannot be decoded; send JSON in UTF-8") from error
    if len(body) > MOST_BODY_BYTES:
        raise HttpRefused(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body has {len(body)} bytes and may have at most {MOST_BODY_BYTES}; split the request",
        )
    return body


def _caller(kind: str | None, authorizer: Mapping[str, Any]) -> str | None:
    if kind == "iam":
        return str(authorizer["iam"].get("userArn"))
    return str((authorizer["jwt"].get("claims") or {}).get("sub")) if kind == "jwt" else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
