"""A null endpoint: S3's GetObject from a folder, and a DynamoDB that counts what it is sent and keeps nothing.

It runs in a process of its own, so that only the client's CPU time is measured.
"""

from __future__ import annotations

import gzip
import json
import socket
import sys
import threading
from hashlib import md5
from io import IOBase
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from benchmarks.data import BUCKET, KEYS, TABLE, digest_of, pin

FLOOR = "/floor"
"""Takes lines of an export as they are."""

SCAN_PAGE_BYTES = 1_000_000


class Received:
    """What has arrived since the last reset: a number of items, and the digest of all of them if that is checked."""

    def __init__(self, *, check: bool) -> None:
        self._check = check
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        self.items = self.digest = 0

    def take_batch(self, body: bytes) -> None:
        if self._check:
            self._add([one["PutRequest"]["Item"] for one in json.loads(body)["RequestItems"][TABLE]])
        else:
            self._count(body.count(b'"PutRequest"'))

    def take_lines(self, body: bytes) -> None:
        if self._check:
            self._add([json.loads(line)["Item"] for line in body.splitlines()])
        else:
            self._count(body.count(b"\n"))

    def _add(self, items: list[dict[str, Any]]) -> None:
        digest = sum(map(digest_of, items))
        with self._lock:
            self.items += len(items)
            self.digest = (self.digest + digest) % (1 << 256)

    def _count(self, items: int) -> None:
        with self._lock:
            self.items += items


class Endpoint:
    """Answers one connection per thread."""

    def __init__(self, folder: Path, *, check: bool) -> None:
        self._folder = folder
        self._received = Received(check=check)
        self._page = b""

    def serve(self) -> None:
        """Print the port and answer until the process is ended."""
        listening = socket.create_server(("127.0.0.1", 0), backlog=100)
        print(listening.getsockname()[1], flush=True)
        while True:
            connection, _ = listening.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb", 262_144) as stream:
            while start := stream.readline().split():
                headers = _headers(stream)
                body = stream.read(int(headers.get("content-length", "0")))
                operation = headers.get("x-amz-target", "").partition(".")[2]
                status, more, answer = self._answer(
                    start[0].decode(), unquote(start[1].decode()), operation, headers, body
                )
                head = f"HTTP/1.1 {status} X\r\n{more}Content-Length: {len(answer)}\r\n\r\n".encode()
                connection.sendall(head if start[0] == b"HEAD" else head + answer)

    def _answer(
        self, method: str, path: str, operation: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, str, bytes]:
        if operation == "BatchWriteItem":
            self._received.take_batch(body)
            return 200, "", b'{"UnprocessedItems":{}}'
        if path == FLOOR:
            self._received.take_lines(body)
            return 200, "", b""
        if operation == "Scan":
            return 200, "", self._scan_page()
        if operation == "DescribeTable":
            description = {"TableName": TABLE, "TableStatus": "ACTIVE", **KEYS}
            return 200, "", json.dumps({"Table": description}).encode()
        if path == "/_received":
            answer = json.dumps({"items": self._received.items, "digest": f"{self._received.digest:x}"}).encode()
            self._received.reset()
            return 200, "", answer
        return self._object(method, path.partition("?")[0], headers, body)

    def _object(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        file = self._folder / path.removeprefix(f"/{BUCKET}/")
        if method == "PUT":
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(body)
        if not file.is_file():
            return 404, "", b"<Error><Code>NoSuchKey</Code><Message>no such object</Message></Error>"
        content = file.read_bytes()
        etag = f'"{md5(content, usedforsecurity=False).hexdigest()}"'
        if headers.get("if-match", etag) != etag:
            return 412, "", b"<Error><Code>PreconditionFailed</Code><Message>replaced</Message></Error>"
        return 200, f"ETag: {etag}\r\n", b"" if method == "PUT" else content

    def _scan_page(self) -> bytes:
        """Return as many items as fit into a page of DynamoDB's, from the first data file."""
        if not self._page:
            items: list[bytes] = []
            with gzip.open(min(self._folder.rglob("data/*.json.gz"))) as lines:
                while sum(map(len, items)) < SCAN_PAGE_BYTES and (line := lines.readline().rstrip()):
                    items.append(line.removeprefix(b'{"Item":').removesuffix(b"}"))
            self._page = b'{"Count":%d,"Items":[%s],"ScannedCount":%d}' % (len(items), b",".join(items), len(items))
        return self._page


def _headers(stream: IOBase) -> dict[str, str]:
    headers = {}
    while line := stream.readline().strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    return headers


if __name__ == "__main__":
    pin(sys.argv[3])
    Endpoint(Path(sys.argv[1]), check=sys.argv[2] == "check").serve()
