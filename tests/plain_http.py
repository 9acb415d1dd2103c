"""HTTP to the sandbox for botocore: what urllib3 does for any server, done for one that tells each answer's length.

What the product sees is the same: urllib3's responses, and botocore's exceptions for a connection that is refused,
reset, too slow or closed amid an answer. Whatever is not a request with its body in memory to this machine goes the
way it always went, and so does everything once a test lets the sandbox break, delay or alter what goes over the wire:
what the product makes of that is shown on the client that it has in Lambda.
"""

from __future__ import annotations

import io
import select
import socket
from collections import defaultdict
from collections.abc import Callable
from http.client import IncompleteRead
from typing import Any, cast
from urllib.parse import urlsplit

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError
from botocore.httpsession import URLLib3Session
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.exceptions import ProtocolError
from urllib3.exceptions import ReadTimeoutError as Urllib3ReadTimeoutError

from sandbox.fault_model import Fault
from sandbox.faults import Faults, InjectedFault

_HERE = "http://127.0.0.1:"
_MOST_BYTES = 256 * 1024
_WITHOUT_BODY = (204, 304)


_FAULTS_OF_THE_WIRE = ("corrupt", "delay", "reset", "truncate")
_wire = {"sound": True}


def begin_anew() -> None:
    """Send that way again: the sandbox has been reset, and its faults are gone."""
    _wire["sound"] = True


def install() -> None:
    """Let every client of this process send that way, until the wire has faults."""
    through_urllib3 = URLLib3Session.send
    inject = Faults.inject

    def inject_and_note(faults: Faults, fault: Fault) -> InjectedFault:
        if fault.kind in _FAULTS_OF_THE_WIRE:
            _wire["sound"] = False
        return inject(faults, fault)

    setattr(Faults, "inject", inject_and_note)  # noqa: B010 - mypy takes no assignment to a method

    def send(session: Any, request: Any) -> AWSResponse:
        if not _wire["sound"]:
            return through_urllib3(session, request)
        in_memory = request.body is None or isinstance(request.body, bytes | bytearray | str | io.BytesIO)
        if request.url.startswith(_HERE) and in_memory and "Transfer-Encoding" not in request.headers:
            return _send(session, request)
        return through_urllib3(session, request)

    setattr(URLLib3Session, "send", send)  # noqa: B010 - mypy takes no assignment to a method


class _Socket(socket.socket):
    """A socket that closes with its last user: a client, or an answer that nobody has read to its end."""

    def __del__(self) -> None:
        self.close()


class _Connection:
    """A connection to one of this machine's ports."""

    def __init__(self, port: int, timeout: float | None) -> None:
        self.socket = _Socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._poll = select.poll()
        self._poll.register(self.socket, select.POLLIN)

    def is_dropped(self) -> bool:
        """Whether the server has closed it: between two answers there is nothing else to say."""
        return bool(self._poll.poll(0))


class _Body:
    """The body of an answer, as a file. Who has read all of it hands the connection back."""

    def __init__(self, connection: _Connection, begun: bytes, length: int, hand_back: Callable[[], None]) -> None:
        self._connection: _Connection | None = connection
        self._begun, self._left, self._hand_back = begun, length, hand_back
        self._end_if_read()

    @property
    def closed(self) -> bool:
        return self._connection is None

    def read(self, amount: int | None = None) -> bytes:
        wanted = self._left if amount is None else min(amount, self._left)
        parts: list[bytes] = []
        while wanted and self._connection is not None:
            part, self._begun = self._begun[:wanted], self._begun[wanted:]
            part = part or self._connection.socket.recv(min(wanted, _MOST_BYTES))
            if not part:
                self.close()
                if amount is None:
                    raise IncompleteRead(b"".join(parts), wanted)
            parts.append(part)
            wanted -= len(part)
            self._left -= len(part)
        self._end_if_read()
        return b"".join(parts)

    def _end_if_read(self) -> None:
        if not self._left and not self.closed:
            hand_back = self._hand_back
            self.close()
            hand_back()

    def close(self) -> None:
        self._connection, self._hand_back = None, _do_nothing


def _send(session: Any, request: Any) -> AWSResponse:
    url = urlsplit(request.url)
    idle: list[_Connection] = session.__dict__.setdefault("_plain_connections", defaultdict(list))[url.port]
    try:
        connection = _idle_one(idle) or _Connection(url.port or 80, session._timeout.connect_timeout)
    except OSError as error:
        raise EndpointConnectionError(endpoint_url=request.url, error=error) from error
    connection.socket.settimeout((request.context or {}).get("read_timeout") or session._timeout.read_timeout)
    try:
        connection.socket.sendall(_message(request, url.path, url.query))
        status, headers, begun = _read_head(connection.socket)
        empty = request.method == "HEAD" or status in _WITHOUT_BODY
        length = 0 if empty else int(headers["content-length"])
        stays = headers.get("connection", "").lower() != "close"
        body: Any = _Body(connection, begun, length, lambda: idle.append(connection) if stays else None)
        raw = HTTPResponse(
            body, headers, status, preload_content=False, decode_content=False, request_method=request.method
        )
        response = AWSResponse(request.url, status, cast(Any, headers), raw)
        if not request.stream_output:
            _ = response.content
    except (TimeoutError, Urllib3ReadTimeoutError) as error:
        raise ReadTimeoutError(endpoint_url=request.url, error=error) from error
    except (OSError, ProtocolError) as error:
        raise ConnectionClosedError(error=error, request=request, endpoint_url=request.url) from error
    return response


def _do_nothing() -> None:
    """For a connection of which something is still to be read: nobody else may have it."""


def _idle_one(idle: list[_Connection]) -> _Connection | None:
    while idle:
        connection = idle.pop()
        if not connection.is_dropped():
            return connection
    return None


def _message(request: Any, path: str, query: str) -> bytes:
    lines = [f"{request.method} {path or '/'}{'?' if query else ''}{query} HTTP/1.1".encode()]
    named = set()
    for name, value in request.headers.items():
        if name == "Expect":
            continue  # the sandbox takes every body
        named.add(name.lower())
        lines.append(name.encode() + b": " + (value if isinstance(value, bytes) else str(value).encode()))
    body = _bytes_of(request.body)
    if "accept-encoding" not in named:
        lines.append(b"Accept-Encoding: identity")
    if "host" not in named:
        lines.append(b"Host: " + urlsplit(request.url).netloc.encode())
    if "content-length" not in named and (body or request.method in ("POST", "PUT")):
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])


def _bytes_of(body: bytes | bytearray | str | io.BytesIO | None) -> bytes:
    if isinstance(body, io.BytesIO):
        return body.read()
    return body.encode() if isinstance(body, str) else bytes(body or b"")


def _read_head(connection: socket.socket) -> tuple[int, HTTPHeaderDict, bytes]:
    """Return status and headers of an answer, and what was read of its body with them. Raises OSError."""
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        more = connection.recv(_MOST_BYTES)
        if not more:
            raise ConnectionResetError("Remote end closed connection without response")
        received += more
    start, *lines = received[:end].decode("latin-1").split("\r\n")
    headers = HTTPHeaderDict()
    for line in lines:
        name, _, value = line.partition(":")
        headers.add(name, value.strip())
    return int(start.split(" ", 2)[1]), headers, received[end + 4 :]
