"""The fast way to DynamoDB: an own signature over botocore's credentials, on own connections that stay open.

botocore's machinery for one request costs three times the CPU of all that is inherent in it (docs/performance.md). A
wire sends the same request to the same place, which ``batch_call`` learns from botocore, and turns to for the rest.

The signature: docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
"""

from __future__ import annotations

import hmac
import os
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ReadTimeoutError
from botocore.httpsession import get_cert_path

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials

__all__ = ["Answer", "Signer", "Wire"]

CONNECT_SECONDS = 3.0
LONGEST_HEAD_BYTES = 65_536
MOST_HEADERS = 100
_NOT_SIGNED = {"user-agent", "x-amzn-trace-id"}
"""What a proxy may change on the way; botocore leaves them out, too."""


class Answer(NamedTuple):
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
    """Requests of one operation. Safe to use from many threads.

    ``credentials`` returns what to sign with now. ``before_send`` sees the headers and body of every request, and may
    change the headers; what it answers is the answer.
    """

    def __init__(
        self,
        url: str,
        signer: Signer,
        credentials: Callable[[], ReadOnlyCredentials],
        before_send: Callable[[dict[str, str], bytes], Answer | None],
    ) -> None:
        self._url = url
        self._signer = signer
        self._credentials = credentials
        self._before_send = before_send
        self._idle: list[_Connection] = []
        # Certificate and name are verified, against the authorities that botocore trusts.
        authorities = os.environ.get("AWS_CA_BUNDLE") or str(get_cert_path(True))
        self._tls = ssl.create_default_context(cafile=authorities) if url.startswith("https:") else None

    def post(self, body: bytes, seconds: float) -> Answer | None:
        """Send one request, and return its answer, or ``None`` where none came: it may have been carried out or not.

        Raises ``ReadTimeoutError`` where nothing came for so many seconds.
        """
        try:
            headers = self._signer.sign(body, self._credentials(), time.time())
        except BotoCoreError:
            return None
        elsewhere = self._before_send(headers, body)
        if elsewhere is not None:
            return elsewhere
        connection = None
        try:
            with suppress(IndexError):
                connection = self._idle.pop()
            connection = connection or _Connection(self._url, self._tls)
            answer = connection.exchange(headers, body, seconds)
        except (OSError, LookupError, ValueError) as error:
            if connection:
                connection.close()
            if isinstance(error, TimeoutError):
                raise ReadTimeoutError(endpoint_url=self._url) from error
            return None
        if connection.open:
            self._idle.append(connection)
        return answer

    def close(self) -> None:
        """Close the connections that no thread is using."""
        while self._idle:
            self._idle.pop().close()


class _Connection:
    """One connection, kept open. As much of HTTP/1.1 as DynamoDB speaks; ``http.client`` takes four times as long."""

    def __init__(self, url: str, tls: ssl.SSLContext | None) -> None:
        place = urlsplit(url)
        port = place.port or (443 if tls else 80)
        self._socket = socket.create_connection((place.hostname, port), timeout=CONNECT_SECONDS)
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls:
                self._socket = tls.wrap_socket(self._socket, server_hostname=place.hostname)
        except OSError:
            self._socket.close()
            raise
        self._stream = self._socket.makefile("rb")
        self.open = True

    def exchange(self, headers: Mapping[str, str], body: bytes, seconds: float) -> Answer:
        """Send a request. Raises ``OSError``, ``LookupError`` or ``ValueError`` where there is no whole answer."""
        self._socket.settimeout(seconds)
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        head = f"POST / HTTP/1.1\r\n{lines}Accept-Encoding: identity\r\nContent-Length: {len(body)}\r\n\r\n"
        self._socket.sendall(head.encode() + body)
        version, status, *_ = self._stream.readline(LONGEST_HEAD_BYTES).split(b" ")
        told = self._headers()
        answer = self._chunks() if b"transfer-encoding" in told else self._read(int(told[b"content-length"]))
        if version != b"HTTP/1.1" or told.get(b"connection", b"").lower() == b"close":
            self.close()
        return Answer(int(status), answer, told.get(b"x-amz-crc32", b"").decode() or None)

    def close(self) -> None:
        self.open = False
        self._stream.close()
        self._socket.close()

    def _headers(self) -> dict[bytes, bytes]:
        headers: dict[bytes, bytes] = {}
        while line := self._stream.readline(LONGEST_HEAD_BYTES).rstrip(b"\r\n"):
            name, colon, value = line.partition(b":")
            if not colon or len(headers) > MOST_HEADERS:
                raise ValueError("not a header")
            headers[name.lower()] = value.strip()
        return headers

    def _chunks(self) -> bytes:
        chunks = []
        while size := int(self._stream.readline(LONGEST_HEAD_BYTES).partition(b";")[0], 16):
            chunks.append(self._read(size))
            self._stream.readline(LONGEST_HEAD_BYTES)
        self._headers()  # trailers, hardly ever any
        return b"".join(chunks)

    def _read(self, size: int) -> bytes:
        content = self._stream.read(size) if size else b""
        if len(content) != size:
            raise ConnectionResetError("the answer is cut short")
        return content
