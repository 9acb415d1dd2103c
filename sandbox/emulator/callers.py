"""Requests that the account makes in a caller's name, as exports do: judged like the caller's own, on no wire."""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import quote

from sandbox.edge.http1 import Request
from sandbox.emulator import patch_points as at
from sandbox.emulator.iam_patches import REWRITTEN_HEADER
from sandbox.emulator.server import answer

_CODE = re.compile(rb"<Code>([^<]*)</Code>")
_MESSAGE = re.compile(rb"<Message>([^<]*)</Message>")
_UPLOAD_ID = re.compile(rb"<UploadId>([^<]*)</UploadId>")


class Run(Protocol):
    """Runs what a caller asks for to its end, from any thread but the one that answers requests."""

    def __call__(self, work: Coroutine[Any, Any, None]) -> None: ...


class Denied(Exception):
    """A service's error: its code and its words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Caller:
    """Who sent the request that is being served, in requests to the account's own services."""

    def __init__(self) -> None:
        key = at.VERIFIED_KEY.current.get() or os.environ["AWS_ACCESS_KEY_ID"]
        credential = at.RESOLVE_CREDENTIAL.current(key)
        self._key = credential.access_key_id
        self._token = credential.session_token
        self._region = at.REGION.current()

    async def put_object(self, bucket: str, key: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Put an object in one request. Raises Denied."""
        await self._send("s3", "PUT", _target(bucket, key), headers, body)

    async def put_object_in_one_part(self, bucket: str, key: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Upload an object in parts, of which there is one: its ETag says so. Raises Denied."""
        target = _target(bucket, key)
        started = await self._send("s3", "POST", f"{target}?uploads", headers)
        upload = f"uploadId={_found(_UPLOAD_ID, started)}"
        await self._send("s3", "PUT", f"{target}?partNumber=1&{upload}", {}, body)
        parts = b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>"
        await self._send("s3", "POST", f"{target}?{upload}", {}, parts)

    async def generate_data_key(self, key: str) -> None:
        """Ask for a data key, as S3 does under SSE-KMS. Raises Denied."""
        headers = {"x-amz-target": "TrentService.GenerateDataKey", "content-type": "application/x-amz-json-1.1"}
        await self._send("kms", "POST", "/", headers, json.dumps({"KeyId": key, "KeySpec": "AES_256"}).encode())

    async def _send(
        self, service: str, method: str, target: str, headers: Mapping[str, str], body: bytes = b""
    ) -> bytes:
        whole = [("host", "127.0.0.1"), *self._identity(service).items(), *headers.items()]
        answered = await answer(at.APPLICATION.current, Request(method, target, whole, body))
        if answered.status >= 300:
            raise _denied(answered.body)
        return answered.body

    def _identity(self, service: str) -> dict[str, str]:
        """Return who asks, as a signed request says it; the signature itself is left out."""
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{self._key}/{now[:8]}/{self._region}/{service}/aws4_request"
        headers = {
            "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature=none",
            "x-amz-date": now,
            REWRITTEN_HEADER: "unsigned",
        }
        return headers | ({"x-amz-security-token": self._token} if self._token else {})


def _target(bucket: str, key: str) -> str:
    return f"/{bucket}/{quote(key, safe='/~')}"


def _denied(body: bytes) -> Denied:
    """Return the error in an answer, XML (S3) or JSON (KMS)."""
    if body.startswith(b"{"):
        error = json.loads(body)
        return Denied(str(error.get("__type", "")).rpartition("#")[2], str(error.get("message", "")))
    return Denied(_found(_CODE, body), _found(_MESSAGE, body))


def _found(pattern: re.Pattern[bytes], body: bytes) -> str:
    found = pattern.search(body)
    return html.unescape(found[1].decode()) if found else ""
