"""As much of HTTP/1.1 as a proxy between AWS SDKs and one server needs: whole messages, read and written."""

from __future__ import annotations

from asyncio import IncompleteReadError, StreamReader, StreamWriter
from dataclasses import dataclass

Headers = list[tuple[str, str]]
STREAM_LIMIT = 1024 * 1024
"""Longest header block in bytes."""


def header(headers: Headers, name: str) -> str:
    """Return the first value of a header, or an empty string; `name` in lower case."""
    return next((value for key, value in headers if key.lower() == name), "")


@dataclass(frozen=True)
class Request:
    """A request with its whole body, transfer encoding undone."""

    method: str
    target: str
    headers: Headers
    body: bytes

    def header(self, name: str) -> str:
        return header(self.headers, name)

    def to_bytes(self) -> bytes:
        return _message(f"{self.method} {self.target} HTTP/1.1", self.headers, self.body)


@dataclass(frozen=True)
class Response:
    """A response with its whole body, transfer encoding undone."""

    status: int
    reason: str
    headers: Headers
    body: bytes

    def to_bytes(self, *, head: bool = False) -> bytes:
        """Return the message; an answer to HEAD keeps the length that the server gave, and has no body."""
        start = f"HTTP/1.1 {self.status} {self.reason}"
        if head or self.status in (204, 304):
            return _head(start, self.headers)
        return _message(start, self.headers, self.body)


async def read_request(reader: StreamReader, writer: StreamWriter) -> Request | None:
    """Return the next request of a client, or None when it has closed the connection."""
    head = await _read_head(reader)
    if head is None:
        return None
    start, headers = head
    method, target, _ = start.split(" ", 2)
    if header(headers, "expect").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = await _read_body(reader, headers)
    return Request(method, target, _without(headers, ("expect", "transfer-encoding", "content-length")), body)


async def read_response(reader: StreamReader, *, head: bool) -> Response | None:
    """Return the answer of the server, or None when it has closed the connection before its first byte."""
    while True:
        read = await _read_head(reader)
        if read is None:
            return None
        start, headers = read
        _, status, reason = (start + " ").split(" ", 2)
        if not status.startswith("1"):
            break
    if head or status in ("204", "304"):
        return Response(int(status), reason.strip(), headers, b"")
    body = await _read_body(reader, headers)
    return Response(int(status), reason.strip(), _without(headers, ("transfer-encoding", "content-length")), body)


async def _read_head(reader: StreamReader) -> tuple[str, Headers] | None:
    try:
        block = await reader.readuntil(b"\r\n\r\n")
    except (IncompleteReadError, ConnectionError):
        return None
    start, *lines = block[:-4].decode("latin-1").split("\r\n")
    pairs = (line.split(":", 1) for line in lines)
    return start, [(name.strip(), value.strip()) for name, value in pairs]


async def _read_body(reader: StreamReader, headers: Headers) -> bytes:
    if "chunked" in header(headers, "transfer-encoding").lower():
        return await _read_chunks(reader)
    length = int(header(headers, "content-length") or 0)
    return await reader.readexactly(length) if length else b""


async def _read_chunks(reader: StreamReader) -> bytes:
    chunks = []
    while True:
        size = int((await reader.readline()).split(b";")[0], 16)
        if size == 0:
            break
        chunks.append(await reader.readexactly(size))
        await reader.readline()
    while (await reader.readline()).strip():
        """Trailers are dropped."""
    return b"".join(chunks)


def _message(start: str, headers: Headers, body: bytes) -> bytes:
    return _head(start, [*headers, ("content-length", str(len(body)))]) + body


def _head(start: str, headers: Headers) -> bytes:
    lines = [start, *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _without(headers: Headers, names: tuple[str, ...]) -> Headers:
    return [(name, value) for name, value in headers if name.lower() not in names]
