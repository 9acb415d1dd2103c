"""An error as the service itself would answer it."""

from __future__ import annotations

import json
from xml.sax.saxutils import escape

from sandbox.edge.http1 import Response

_REQUEST_ID = "SANDBOXFAULT0000"


def error_response(service: str, code: str, message: str, status: int) -> Response:
    """S3 and the query services answer in XML, the others in JSON; both carry code and message."""
    if service == "s3":
        details = f"<Code>{code}</Code><Message>{escape(message)}</Message><RequestId>{_REQUEST_ID}</RequestId>"
        return _response(status, "application/xml", f"<Error>{details}</Error>".encode())
    if service in ("iam", "sts", "sns", "monitoring"):
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        document = f"<ErrorResponse>{error}<RequestId>{_REQUEST_ID}</RequestId></ErrorResponse>"
        return _response(status, "text/xml", document.encode())
    body = json.dumps({"__type": f"com.amazonaws.{service}#{code}", "message": message}).encode()
    response = _response(status, "application/x-amz-json-1.0", body)
    response.headers.append(("x-amzn-ErrorType", code))
    return response


def _response(status: int, content_type: str, body: bytes) -> Response:
    headers = [("content-type", content_type), ("x-amzn-requestid", _REQUEST_ID), ("x-amz-request-id", _REQUEST_ID)]
    return Response(status, headers, body)
