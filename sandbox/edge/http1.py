"""As much of HTTP/1.1 as AWS SDKs speak to one server: whole messages, read and written."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

Headers = list[tuple[str, str]]

_WITHOUT_BODY = (204, 304)


def header(headers: Headers, name: str) -> str:
    """Return the first value of a request's header, or an empty string; `name` in lower case."""
    return next((value for key, value in headers if key == name), "")


@dataclass(frozen=True)
class Request:
    """A request with its whole body, transfer encoding undone; names of headers are in lower case."""

    method: str
    target: str
    headers: Headers
    body: bytes

    def header(self, name: str) -> str:
        return header(self.headers, name)


@dataclass(frozen=True)
class Response:
    """A response with its whole body; its length is told by the body, and by a header only in an answer to HEAD."""

    status: int
    headers: Headers
    body: bytes

    def to_bytes(self, *, head: bool = False) -> bytes:
        """Return the message; an answer to HEAD keeps the length that the service gave, and has no body."""
        lines = [
            f"HTTP/1.1 {self.status} {_reason(self.status)}",
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        body = b""
        if not head and self.status not in _WITHOUT_BODY:
            body = self.body
            lines.append(f"content-length: {len(body)}")
        lines += ["", ""]
        return "\r\n".join(lines).encode("latin-1") + body


def read_head(block: bytearray) -> tuple[str, str, Headers]:
    """Return method, target and headers of what stands before a request's empty line."""
    start, *lines = block.decode("latin-1").split("\r\n")
    method, target, _ = start.split(" ", 2)
    pairs = (line.split(":", 1) for line in lines)
    return method, target, [(name.strip().lower(), value.strip()) for name, value in pairs]


def read_body(received: bytearray, headers: Headers) -> tuple[bytes, int] | None:
    """Return the body that begins what was received, and how many bytes it took; None while more is to come."""
    if "chunked" in header(headers, "transfer-encoding").lower():
        return _read_chunks(received)
    length = int(header(headers, "content-length") or 0)
    return (bytes(received[:length]), length) if len(received) >= length else None


def _read_chunks(received: bytearray) -> tuple[bytes, int] | None:
    chunks: list[bytes] = []
    position = 0
    while (line_end := received.find(b"\r\n", position)) >= 0:
        size = int(received[position:line_end].split(b";")[0], 16)
        if size == 0:
            return _after_trailers(received, line_end + 2, b"".join(chunks))
        start = line_end + 2
        position = start + size + 2
        chunks.append(bytes(received[start : start + size]))
    return None


def _after_trailers(received: bytearray, position: int, body: bytes) -> tuple[bytes, int] | None:
    """Drop the lines after the last chunk, to the empty one."""
    while (line_end := received.find(b"\r\n", position)) >= 0:
        if line_end == position:
            return body, line_end + 2
        position = line_end + 2
    return None


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
