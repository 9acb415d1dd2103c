"""The ways of restoring that are compared. Each is run in a process of its own, which prints what it cost.

Run as ``python -m benchmarks.ways WAY ENDPOINT DATASET``.
"""

from __future__ import annotations

import gzip
import json
import os
import resource
import socket
import sys
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from boto3.dynamodb.types import TypeDeserializer
from botocore.config import Config

from benchmarks.data import BUCKET, TABLE, pin
from benchmarks.endpoint import FLOOR

THREADS = 5
"""The reference's, and the restore function's own default."""


def cpu_seconds() -> float:
    """Return the CPU time of this process, of all its threads, in and for it."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_mb() -> float:
    """Return the most memory that this process has held at once so far."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would tell the parent's peak where that was higher
        (peak,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak) / 1024
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak_bytes / 1_048_576 if sys.platform == "darwin" else peak_bytes / 1024


class Job:
    """What a way is given: where the endpoint is, and what to restore; it says when it is ready to begin."""

    def __init__(self, endpoint: str, root: str, data_keys: list[str]) -> None:
        self.endpoint = endpoint
        self.root = root
        self.data_keys = data_keys
        self.marks: dict[str, float] = {}
        self._began_at = 0.0

    def begin(self) -> None:
        """Count from here on: modules are imported and clients made, as in a warm function."""
        self._began, self._began_at = cpu_seconds(), time.monotonic()

    def mark(self, name: str) -> None:
        self.marks[name] = cpu_seconds() - self._began

    def end(self) -> dict[str, float]:
        return {"cpu": cpu_seconds() - self._began, "wall": time.monotonic() - self._began_at, **self.marks}


def ours(job: Job) -> None:
    """Restore by the function's own entry point: every line parsed, every checksum compared, then written."""
    from dynamodb_backup.aws import clients  # noqa: PLC0415 - memory at rest is measured without it
    from dynamodb_backup.handlers.restore import lambda_handler  # noqa: PLC0415
    from dynamodb_backup.restore.write import TableWriter  # noqa: PLC0415

    run = TableWriter.run

    def marked(writer: TableWriter, workers: int) -> bool:
        job.mark("write_began")
        try:
            return run(writer, workers)
        finally:
            job.mark("write_ended")

    TableWriter.run = marked  # type: ignore[assignment,method-assign]
    clients()
    job.begin()
    answer = lambda_handler({"export": f"s3://{BUCKET}/{job.root}", "tables": [TABLE], "max_workers": THREADS}, None)
    if answer["statusCode"] != 200:
        raise SystemExit(f"the restore failed: {json.dumps(answer)}")


def reference(job: Job) -> None:
    """Restore as the reference does: files read whole, json.loads per line, low-level client, 5 threads.

    Unprocessed items are sent again, as there; nothing is verified.
    """
    s3, dynamodb = boto3.client("s3"), boto3.client("dynamodb", config=Config(max_pool_connections=THREADS))
    job.begin()

    def restore(key: str) -> None:
        text = gzip.decompress(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()).decode()
        items = [json.loads(line)["Item"] for line in text.splitlines() if line.strip()]
        for start in range(0, len(items), 25):
            requests: Any = {TABLE: [{"PutRequest": {"Item": item}} for item in items[start : start + 25]]}
            while requests:
                requests = dynamodb.batch_write_item(RequestItems=requests).get("UnprocessedItems")

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(restore, job.data_keys))


def batch_writer(job: Job) -> None:
    """Restore by boto3's own helper: each line parsed, decoded to Python values, and given to ``batch_writer``."""
    s3, table = boto3.client("s3"), boto3.resource("dynamodb").Table(TABLE)
    decode = TypeDeserializer().deserialize
    job.begin()
    with table.batch_writer() as writer:
        for key in job.data_keys:
            with gzip.GzipFile(fileobj=s3.get_object(Bucket=BUCKET, Key=key)["Body"]) as lines:
                for line in lines:
                    item = json.loads(line)["Item"]
                    writer.put_item(Item={name: decode(value) for name, value in item.items()})


def floor(job: Job) -> None:
    """Do what nothing can do without: unpack, hash, send; nothing is parsed, verified, signed or counted."""
    place = urlsplit(job.endpoint)
    job.begin()
    with (
        socket.create_connection((place.hostname, place.port)) as reading,
        socket.create_connection((place.hostname, place.port)) as writing,
        reading.makefile("rb") as answers,
    ):
        writing.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for key in job.data_keys:
            reading.sendall(f"GET /{BUCKET}/{key} HTTP/1.1\r\n\r\n".encode())
            size = 0
            while (line := answers.readline()) != b"\r\n":
                if line.startswith(b"Content-Length:"):
                    size = int(line.partition(b":")[2])
            unpack = zlib.decompressobj(zlib.MAX_WBITS | 16)
            rest = b""
            while size:
                block = answers.read(min(size, 131_072))
                size -= len(block)
                rest = _send_lines(writing, rest + unpack.decompress(block))
            _send(writing, rest)


def _send_lines(connection: socket.socket, content: bytes) -> bytes:
    """Send whole lines, some 25 at a time, and return what is left over."""
    start = 0
    while (end := content.rfind(b"\n", start, start + 30_000) + 1) > start and len(content) - start >= 30_000:
        _send(connection, content[start:end])
        start = end
    return content[start:]


def _send(connection: socket.socket, body: bytes) -> None:
    head = f"POST {FLOOR} HTTP/1.1\r\nX-Hash: {sha256(body).hexdigest()}\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)
    if b"\r\n\r\n" not in connection.recv(4096):
        raise SystemExit("the endpoint's answer is cut")


def reading(job: Job) -> None:
    """Fingerprint all items, and scan pages with item_page and with boto3's Table.scan."""
    from dynamodb_backup.archive.datafile import item_of  # noqa: PLC0415
    from dynamodb_backup.table.scan import Segment, item_page  # noqa: PLC0415
    from dynamodb_backup.verify.fingerprint import item_digest  # noqa: PLC0415

    body = boto3.client("s3").get_object(Bucket=BUCKET, Key=job.data_keys[0])["Body"].read()
    items = [item_of(line) for line in gzip.decompress(body).splitlines()]
    client, table = boto3.client("dynamodb"), boto3.resource("dynamodb").Table(TABLE)
    job.begin()
    job.marks["fingerprint"] = _per_item(lambda: len([item_digest(item) for item in items]), 1)
    job.marks["scan"] = _per_item(lambda: len(item_page(client, TABLE, Segment(0), 1)[0]), 20)
    job.marks["table_scan"] = _per_item(lambda: len(table.scan(ConsistentRead=True)["Items"]), 5)


def _per_item(work: Callable[[], int], times: int) -> float:
    """Return the CPU seconds per item of work that returns how many items it did, after having done it once."""
    work()
    began = cpu_seconds()
    items = sum(work() for _ in range(times))
    return (cpu_seconds() - began) / items


WAYS: dict[str, Callable[[Job], None]] = {
    "ours": ours,
    "reference": reference,
    "batch_writer": batch_writer,
    "floor": floor,
    "reading": reading,
}


def main(way: str, endpoint: str, dataset: str, cores: str) -> None:
    """Run one way and print what it cost."""
    pin(cores)
    os.environ |= {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_SESSION_TOKEN": "x" * 800,  # as long as a Lambda function's
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "BACKUP_BUCKET": BUCKET,
        "ENVIRONMENT": "bench",
        "DYNAMODB_TABLES": json.dumps([TABLE]),
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
        "POWERTOOLS_METRICS_DISABLED": "true",
    }
    job = Job(endpoint, **json.loads(dataset))
    at_rest = peak_mb()
    WAYS[way](job)
    print(json.dumps(job.end() | {"peak_mb": peak_mb() - at_rest}))


if __name__ == "__main__":
    main(*sys.argv[1:])
