"""Every change of every item since its table was created: what point-in-time recovery knows, and exports read."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.exports.format import compact_json

ItemKey = tuple[Any, Any]
"""Partition and sort key value, as MiniStack indexes its items."""


@dataclass(frozen=True)
class ItemVersion:
    """What an item became at `micros` (epoch microseconds): its compact wire JSON, or None once deleted."""

    micros: int
    image: bytes | None


@dataclass(frozen=True)
class Change:
    """How one item differs between the two ends of a window; `micros` is its last write in the window."""

    key: ItemKey
    micros: int
    old: bytes | None
    new: bytes | None


class Journal:
    """Item versions per table id. Images are serialised at once: the emulator may change its own dicts later."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tables: dict[str, dict[ItemKey, list[ItemVersion]]] = defaultdict(dict)
        self._last_micros = 0

    def record(self, table: Mapping[str, Any], key: ItemKey, item: Mapping[str, Any] | None) -> None:
        """Note that `item` is now stored under `key` (None: deleted)."""
        image = None if item is None else compact_json(_keys_first(table, item))
        with self._lock:
            self._append(table["TableId"], key, image)

    def replace_all(self, table: Mapping[str, Any]) -> None:
        """Note a wholesale swap of the table's items: a restored backup, or a transaction that was rolled back."""
        stored = {
            (partition, sort): compact_json(_keys_first(table, item))
            for partition, items in table["items"].items()
            for sort, item in items.items()
        }
        with self._lock:
            versions = self._tables[table["TableId"]]
            for key in [key for key, history in versions.items() if history[-1].image and key not in stored]:
                self._append(table["TableId"], key, None)
            for key, image in stored.items():
                if key not in versions or versions[key][-1].image != image:
                    self._append(table["TableId"], key, image)

    def images_at(self, table_id: str, micros: int) -> list[tuple[ItemKey, bytes]]:
        """Return the table as it was after every write up to and including `micros`, in hash order."""
        with self._lock:
            found = [(key, _image_before(history, micros + 1)) for key, history in self._tables[table_id].items()]
        return sorted(((key, image) for key, image in found if image is not None), key=lambda entry: _order(entry[0]))

    def changes(self, table_id: str, from_micros: int, to_micros: int) -> list[Change]:
        """One final state per key written in [from, to), without those that came and went inside the window."""
        with self._lock:
            histories = [(key, list(history)) for key, history in self._tables[table_id].items()]
        return sorted(_window(histories, from_micros, to_micros), key=lambda change: _order(change.key))

    def clear(self) -> None:
        with self._lock:
            self._tables.clear()

    def _append(self, table_id: str, key: ItemKey, image: bytes | None) -> None:
        self._last_micros = max(self._last_micros + 1, time.time_ns() // 1000)
        self._tables[table_id].setdefault(key, []).append(ItemVersion(self._last_micros, image))


def partition_of(key: ItemKey, partitions: int) -> int:
    """Which of `partitions` equal hash ranges holds `key`: items of one partition key always stay together."""
    return int.from_bytes(_partition_hash(key)[:4], "big") * partitions >> 32


def _window(histories: list[tuple[ItemKey, list[ItemVersion]]], from_micros: int, to_micros: int) -> Iterator[Change]:
    for key, history in histories:
        inside = [version for version in history if from_micros <= version.micros < to_micros]
        if not inside:
            continue
        change = Change(key, inside[-1].micros, _image_before(history, from_micros), inside[-1].image)
        if change.old is not None or change.new is not None:
            yield change


def _image_before(history: list[ItemVersion], micros: int) -> bytes | None:
    return next((version.image for version in reversed(history) if version.micros < micros), None)


def _keys_first(table: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the item as exports write it: its key attributes lead."""
    names = [name for name in (table["pk_name"], table["sk_name"]) if name]
    return {name: item[name] for name in names if name in item} | dict(item)


def _order(key: ItemKey) -> tuple[bytes, str]:
    return _partition_hash(key), str(key[1])


def _partition_hash(key: ItemKey) -> bytes:
    return hashlib.md5(str(key[0]).encode(), usedforsecurity=False).digest()
