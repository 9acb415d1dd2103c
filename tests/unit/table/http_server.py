"""A scripted DynamoDB on 127.0.0.1: answers each request as the test says, and remembers which way it came."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CLEAN = b'{"UnprocessedItems":{}}'


def http(status: int, body: bytes, *headers: str, length: int | None = None) -> bytes:
    """Return an answer's bytes; ``length`` is what it says of itself where that is to be wrong."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def chunked(body: bytes) -> bytes:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in (body[:5], body[5:]) if one)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


def error(code: str, status: int = 400) -> bytes:
    return http(status, json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "no"}).encode())


@dataclass(frozen=True)
class Request:
    """One request: its headers with names in lower case, its body, and the number of its connection."""

    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def over_wire(self) -> bool:
        """Only botocore numbers its attempts."""
        return "amz-sdk-invocation-id" not in self.headers

    @property
    def operations(self) -> list[Any]:
        ((_, operations),) = json.loads(self.body)["RequestItems"].items()
        return list(operations)


class ScriptedServer:
    """Answers with ``script``: bytes are sent as they are, ``None`` closes the connection."""

    def __init__(self, script: Callable[[Request], bytes | None], tls: ssl.SSLContext | None = None) -> None:
        self.script = script
        self._tls = tls
        self.requests: list[Request] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._socket.getsockname()[1]}"
        self._connections = 0
        self.refused_handshakes = 0
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._socket.close()
        for one in self._open:
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection, self._connections), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        if self._tls:
            try:
                connection = self._tls.wrap_socket(connection, server_side=True)
            except OSError:
                self.refused_handshakes += 1
                return
        with connection, connection.makefile("rb") as stream:
            while True:
                try:
                    request = _read(stream, number)
                except (OSError, ValueError):
                    return
                if request is None:
                    return
                self.requests.append(request)
                answer = self.script(request)
                if answer is None:
                    return
                connection.sendall(answer)
                if b"Connection: close" in answer or b"Content-Length: 999" in answer:
                    return


def _read(stream: Any, number: int) -> Request | None:
    if not stream.readline():
        return None
    headers = {}
    while line := stream.readline().decode().strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Request(headers, stream.read(int(headers["content-length"])), number)
