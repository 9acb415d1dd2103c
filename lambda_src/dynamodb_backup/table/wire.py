"""The fast way to DynamoDB: an own signature over botocore's credentials, on own connections that stay open.

botocore's machinery for one request costs three times the CPU of all that is inherent in it (docs/performance.md). A
wire sends the same request to the same place, which ``batch_call`` learns from a call of botocore's. Where no answer
comes, whoever calls turns to botocore with the same bytes.

The signature: docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
"""

from __future__ import annotations

import hmac
import os
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.exceptions import BotoCoreError, ReadTimeoutError
from botocore.httpsession import get_cert_path

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders
    from botocore.credentials import ReadOnlyCredentials

__all__ = ["Answer", "Signer", "Wire"]

CONNECT_SECONDS = 3.0
MOST_FAILURES = 10
"""After so many failures in a row, for example where only botocore knows the certificates, the wire is given up."""

_NOT_SIGNED = {"user-agent", "x-amzn-trace-id"}
"""What a proxy may change on the way; botocore leaves them out, too."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: its status, its body, and the body's CRC-32 if the server says one."""

    status: int
    body: bytes
    crc32: str | None


class Signer:
    """Signature Version 4 for POST requests to one host's root."""

    def __init__(self, host: str, headers: Mapping[str, str], region: str, service: str) -> None:
        self._host = host
        self._signed = {name.lower(): value for name, value in headers.items() if name.lower() not in _NOT_SIGNED}
        self._unsigned = {name: value for name, value in headers.items() if name.lower() in _NOT_SIGNED}
        self._region = region
        self._service = service
        self._key: tuple[tuple[str, str], bytes] = (("", ""), b"")

    def sign(self, body: bytes, credentials: ReadOnlyCredentials, now: float) -> dict[str, str]:
        """Return the headers of a request that is sent at this moment, in seconds since 1970."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        headers = {**self._signed, "host": self._host, "x-amz-date": stamp}
        if credentials.token:
            headers["x-amz-security-token"] = credentials.token
        in_order = sorted(headers.items())
        names = ";".join([name for name, _ in in_order])
        lines = "".join([f"{name}:{value}\n" for name, value in in_order])
        canonical = f"POST\n/\n\n{lines}\n{names}\n{sha256(body).hexdigest()}"
        scope = f"{stamp[:8]}/{self._region}/{self._service}/aws4_request"
        to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        key = self._key_of(credentials.secret_key or "", stamp[:8])
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, SignedHeaders={names}, "
            f"Signature={hmac.digest(key, to_sign.encode(), 'sha256').hex()}"
        )
        return headers | self._unsigned

    def _key_of(self, secret: str, day: str) -> bytes:
        known, key = self._key
        if known != (secret, day):
            key = f"AWS4{secret}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key = ((secret, day), key)
        return key


class Wire:
    """Requests of one operation. Safe to use from many threads."""

    def __init__(
        self,
        url: str,
        signer: Signer,
        credentials: Callable[[], ReadOnlyCredentials],
        before_send: Callable[[AWSPreparedRequest], AWSResponse | None] = lambda _: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Take the place to send to, and what must be asked anew for each request.

        Parameters
        ----------
        credentials
            Returns what to sign with now, refreshed where it was about to run out.
        before_send
            Sees every request as botocore's hooks of that name do. What it answers is the answer: so a mock (moto) or a
            tracer is never passed by.
        now
            Seconds since 1970.
        """
        self._url = url
        self._signer = signer
        self._credentials = credentials
        self._before_send = before_send
        self._now = now
        self._idle: list[HTTPConnection] = []
        self._context = _tls() if url.startswith("https:") else None
        self._failures = 0

    @property
    def usable(self) -> bool:
        return self._failures < MOST_FAILURES

    def failed(self) -> None:
        """Note that botocore had to be asked instead."""
        self._failures += 1

    def post(self, body: bytes, seconds: float) -> Answer | None:
        """Send one request, and return its answer, or ``None`` where none came: it may have been carried out or not.

        Raises ``ReadTimeoutError`` where nothing came for so many seconds.
        """
        try:
            headers = self._signer.sign(body, self._credentials(), self._now())
        except BotoCoreError:
            return None
        request = AWSPreparedRequest(
            "POST", self._url, cast("HTTPHeaders", HeadersDict(headers)), body, stream_output=False
        )
        elsewhere = self._before_send(request)
        if elsewhere is not None:
            return Answer(elsewhere.status_code, elsewhere.content, elsewhere.headers.get("x-amz-crc32"))
        connection = self._idle_or_new_connection()
        try:
            answer = _exchange(connection, request, seconds)
        except TimeoutError as error:
            connection.close()
            raise ReadTimeoutError(endpoint_url=self._url) from error
        except (OSError, HTTPException):
            connection.close()
            return None
        self._idle.append(connection)
        if answer.status == 200:
            self._failures = 0
        return answer

    def close(self) -> None:
        """Close the connections that no thread is using."""
        while self._idle:
            self._idle.pop().close()

    def _idle_or_new_connection(self) -> HTTPConnection:
        with suppress(IndexError):
            return self._idle.pop()
        place = urlsplit(self._url)
        if self._context:
            return HTTPSConnection(place.netloc, timeout=CONNECT_SECONDS, context=self._context)
        return HTTPConnection(place.netloc, timeout=CONNECT_SECONDS)


def _exchange(connection: HTTPConnection, request: AWSPreparedRequest, seconds: float) -> Answer:
    if connection.sock is None:
        connection.connect()
    connection.sock.settimeout(seconds)
    connection.request("POST", "/", cast("bytes", request.body), dict(request.headers.items()))
    with connection.getresponse() as response:
        return Answer(response.status, response.read(), response.headers.get("x-amz-crc32"))


def _tls() -> ssl.SSLContext:
    """Return a context that verifies certificate and name against the authorities that botocore trusts."""
    return ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or str(get_cert_path(True)))
