"""The data of a benchmark: an export of made-up orders, between a few hundred bytes and some kilobytes each."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from sandbox import exports

BUCKET = "bench"
TABLE = "orders"
TABLE_ARN = f"arn:aws:dynamodb:us-east-1:123456789012:table/{TABLE}"
KEYS = {
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
    "AttributeDefinitions": [
        {"AttributeName": "id", "AttributeType": "S"},
        {"AttributeName": "at", "AttributeType": "N"},
    ],
}
ITEMS_PER_FILE = 12_500
_WORDS = [f"{chr(97 + one % 26)}{one:x}{'aeiou'[one % 5]}{one * 7919 % 997:x}" for one in range(2000)]
_MODULUS = 1 << 256


@dataclass(frozen=True)
class Dataset:
    """An export under a folder that stands for a bucket. ``digest`` is that of all its items."""

    folder: Path
    root: str
    data_keys: tuple[str, ...]
    items: int
    json_bytes: int
    digest: int


def generate(folder: Path, items: int, *, with_digest: bool) -> Dataset:
    """Write an export of so many items, the same ones each time."""
    chance = random.Random(20_260_131)
    files, json_bytes, digest = [], 0, 0
    for start in range(0, items, ITEMS_PER_FILE):
        lines = []
        for item in _items(chance, start, min(start + ITEMS_PER_FILE, items)):
            lines.append(exports.full_line(item))
            digest = (digest + digest_of(item)) % _MODULUS if with_digest else 0
        json_bytes += sum(map(len, lines))
        files.append(exports.data_file(lines, f"{start:026d}.json.gz"))
    export = exports.build_full_export(exports.ExportRequest(TABLE_ARN, BUCKET, f"native-exports/{TABLE}"), files)
    for key, body in export.objects.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return Dataset(folder, export.request.root, export.data_keys, items, json_bytes, digest)


def digest_of(item: dict[str, Any]) -> int:
    """Return a digest of an item; those of a whole set are added up, so that their order does not matter."""
    item = item | {"tags": {"SS": sorted(item["tags"]["SS"])}}
    return int.from_bytes(sha256(json.dumps(item, sort_keys=True).encode()).digest())


def pin(cores: str) -> None:
    """Keep this process on some cores, given as numbers with commas; empty where the machine does not allow it."""
    if cores:
        os.sched_setaffinity(0, map(int, cores.split(",")))


def _items(chance: random.Random, start: int, end: int) -> Iterator[dict[str, Any]]:
    for number in range(start, end):
        yield {
            "id": {"S": f"order-{number * 2_654_435_761 % 2**32:08x}-{number}"},
            "at": {"N": str(1_700_000_000_000 + chance.randrange(10**9))},
            "customer": {"S": f"customer-{chance.randrange(10**6):06d}"},
            "status": {"S": chance.choice(["open", "paid", "sent", "returned"])},
            "total": {"N": f"{chance.randrange(10**6) / 100:.2f}"},
            "gift": {"BOOL": chance.random() < 0.1},
            "tags": {"SS": sorted(set(chance.choices(_WORDS, k=3)))},
            "address": {"M": {name: {"S": _text(chance, 3)} for name in ("street", "city", "country")}},
            "positions": {
                "L": [
                    {"M": {"sku": {"S": chance.choice(_WORDS)}, "count": {"N": str(chance.randrange(1, 9))}}}
                    for _ in range(chance.randrange(1, 6))
                ]
            },
            "note": {"S": _text(chance, chance.choice([2, 10, 40, 80, 150, 300]))},
        }


def _text(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(_WORDS, k=words))
