"""Inputs that no dice find: bombs, floods and depths. ``python -m tests.reliability.fuzz.hostile`` tries them all.

It runs in a process of its own, which may take ``MOST_MEMORY_BYTES`` more than the code itself and ``MOST_CPU_SECONDS``
for one input, and prints a line of JSON for each: its name, how it ended, CPU seconds, and the peak of memory so far.
"""

from __future__ import annotations

import gzip
import io
import json
import logging
import resource
import signal
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Any, cast

from dynamodb_backup.archive.datafile import line_blocks
from tests.reliability.fuzz.oracle import documented
from tests.reliability.fuzz.records import KINDS
from tests.reliability.fuzz.targets import TARGETS

MOST_MEMORY_BYTES = 512 * 1_048_576
MOST_CPU_SECONDS = 10
GB = 1 << 30

JSON: dict[str, bytes] = {
    "100,000 levels of arrays": b"[" * 100_000 + b"]" * 100_000,
    "100,000 levels of objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "100,000 levels that never end": b'{"exports":[' * 100_000,
    "90 levels": b'{"a":' * 90 + b"1" + b"}" * 90,
    "an integer of a million digits": b'{"version":1,"turns":' + b"9" * 1_000_000 + b"}",
    "an integer of 4,000 digits": b'{"tables":' + b"9" * 4_000 + b"}",
    "a count of 10^18": b'{"itemCount":1000000000000000000,"settled":1000000000000000000,"exports":[]}',
    "an exponent of a thousand million": b'{"itemCount":1e999999999,"bytes":1e999999999}',
    "NaN and Infinity": b'{"rate":NaN,"items":Infinity,"bytes":-Infinity}',
    "two members of one name": b'{"tables":{},"tables":[],"exports":[],"exports":{}}',
    "half a character": b'{"tables":{"\\udfff":{}},"exports":[{"table_name":"\\ud83d","status":"x"}]}',
    "a byte order mark": b'\xef\xbb\xbf{"exports":[]}',
    "bytes that are no UTF-8": b'{"table_name":"\xff\xfe\xc0\x80\xed\xa0\x80"}',
    "NUL": b'{"table_name":"a\x00b"}\x00',
    "NUL, escaped": b'{"exports":[{"table_name":"\\u0000","status":"\\u0000"}],"tables":{"\\u0000":{}}}',
    "UTF-16": '{"exports":[]}'.encode("utf-16"),
    "a text of a megabyte": b'{"backup_date":"' + b"x" * 1_000_000 + b'"}',
    "nothing": b"",
    "blanks": b" \n" * 100_000,
}
FLOOD = b"{" + b",".join(b'"a%d":{}' % number for number in range(50_000)) + b"}"
"""Fifty thousand members: whoever compares each with each is found by the time that it takes."""

LINES: dict[str, bytes] = {
    "a million values": b'{"Item":{"l":{"L":[' + b"[]," * 1_000_000 + b"[]]}}}",
    "a number of a megabyte": b'{"Item":{"id":{"N":"' + b"9" * 1_000_000 + b'x"}}}',
    "an exponent of a megabyte": b'{"Item":{"id":{"N":"1e' + b"9" * 1_000_000 + b'"}}}',
    "a number no number can be": b'{"Item":{"id":{"N":"1e999999999"},"at":{"NS":["-1E-999999999","1_0"," 1","NaN"]}}}',
    "a time after all calendars": b'{"Metadata":{"WriteTimestampMicros":{"N":"'
    + b"9" * 30
    + b'"}},"Keys":{"id":{"S":"a"}}}',
    "20,000 members": b'{"Item":' + b"{" + b",".join(b'"a%d":{"S":""}' % number for number in range(20_000)) + b"}}",
    "a change of 100,000 levels": b'{"Metadata":{},"Keys":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_002,
}


class Endless(io.RawIOBase):
    """A gzip stream that is packed while it is read: so many bytes of one pattern."""

    def __init__(self, pattern: bytes, size: int) -> None:
        self._packer = zlib.compressobj(1, wbits=31)
        self._left = size
        self._block = pattern * (1_048_576 // len(pattern))
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready and self._left > 0:
            self._left -= len(self._block)
            self._ready = self._packer.compress(self._block)
            if self._left <= 0:
                self._ready += self._packer.flush()
        taken, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


def inputs() -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield each input by its name, as what is to be done with it."""
    for name, data in JSON.items():
        for target in ("events", "http", "settings", "lines", "keys"):
            yield f"{target}: {name}", _given(target, data)
        for kind in KINDS:
            target = "manifests"
            yield f"{kind}: {name}", _given(target, kind.encode() + b"\n" + data)
    for kind in ("manifest", "files", "run", "restore", "key-index-signed"):
        yield f"{kind}: 50,000 members", _given("manifests", kind.encode() + b"\n" + FLOOD)
    yield "manifest-files: 20,000 lines", _given("manifests", b"files\n" + b'{"itemCount":1}\n' * 20_000)
    for name, data in LINES.items():
        yield f"lines: {name}", _given("lines", data)
    yield "data file: 2 MB of line feeds in 2 KB", _given("files", gzip.compress(b"\n" * 2_097_152, 9))
    yield "data file: 32 MB of blanks in 32 KB", _given("files", gzip.compress(b" " * 33_554_432, 9))
    yield "data file: 5,000 members without content", _given("files", gzip.compress(b"") * 5_000)
    yield "data file: a file name of 300 KB", _given("files", b"\x1f\x8b\x08\x08" + bytes(6) + b"x" * 300_000)
    yield "data file: a line of 1 GB, streamed", _streamed(b"x", GB)
    yield "data file: a number of 1 GB, streamed", _streamed(b"9", GB)
    yield "data file: 64 MB of short lines, streamed", _streamed(b'{"Item":{}}     \n' * 4, 1 << 26)


def _given(target: str, data: bytes) -> Callable[[], None]:
    return lambda: TARGETS[target].check(data)


def _streamed(pattern: bytes, size: int) -> Callable[[], None]:
    def read() -> None:
        stream = cast("io.RawIOBase", Endless(pattern, size))
        with documented():
            for _ in line_blocks(stream, "file"):
                pass

    return read


def _too_long(*_: object) -> None:
    raise TimeoutError(f"more than {MOST_CPU_SECONDS} s of CPU")


def main() -> None:
    """Try every input within the bounds."""
    logging.disable()
    signal.signal(signal.SIGPROF, _too_long)
    with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - no file
        now = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + MOST_MEMORY_BYTES,) * 2)
    for name, attempt in inputs():
        began = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        signal.setitimer(signal.ITIMER_PROF, MOST_CPU_SECONDS)
        try:
            attempt()
            ended = "as documented"
        except Exception as error:  # noqa: BLE001 - whatever comes out is what is looked for
            ended = repr(error)[:300]
        signal.setitimer(signal.ITIMER_PROF, 0)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        told = {
            "input": name,
            "ended": ended,
            "cpu": round(usage.ru_utime - began, 3),
            "peak_mb": usage.ru_maxrss // 1024,
        }
        sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
