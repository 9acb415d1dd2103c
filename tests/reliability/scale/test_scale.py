"""The rehearsals in small: what grows, grows no faster than what it is about, and has room at full size."""

from __future__ import annotations

from typing import Any, cast

import pytest

from dynamodb_backup.archive.store import ObjectStore
from tests.reliability.scale.bucket import Bucket
from tests.reliability.scale.rehearsals import REHEARSALS

CONSTANT_REQUESTS = 40
"""What an operation asks in any case."""
CONSTANT_BYTES = 20_000


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)


@pytest.mark.parametrize("name", REHEARSALS)
def test_what_it_comes_to_at_full_size_has_room(name: str) -> None:
    rehearsal = REHEARSALS[name]
    n = rehearsal.small
    once, twice = rehearsal.run(n), rehearsal.run(2 * n)
    for what, (size, limit) in twice.payloads.items():
        at_full_size = size + (size - once.payloads[what][0]) / n * (rehearsal.size - 2 * n)
        assert size < limit, what
        assert min(at_full_size, rehearsal.cut_at or at_full_size) < limit, f"{what}: {at_full_size:.0f} of {limit}"
    asked, asked_twice = (sum(one.requests.values()) for one in (once, twice))
    assert asked_twice <= rehearsal.growth * asked + CONSTANT_REQUESTS
    assert twice.moved <= (rehearsal.growth_of_bytes or rehearsal.growth) * once.moved + CONSTANT_BYTES
    assert max(once.longest_page, twice.longest_page) <= 1000


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2001])
def test_every_page_of_a_listing_is_read(count: int) -> None:
    bucket = Bucket()
    for number in range(count):
        bucket.hold(f"native-exports/{number:05d}/manifest.json", b"{}")
    store = ObjectStore(cast("Any", bucket), "backups")
    assert len(store.keys("native-exports/")) == len(store.folders("native-exports/")) == count
    assert bucket.calls["ListObjectsV2"] == 2 * max(1, -(-count // 1000))
    found: list[str] = []
    while page := store.next_objects("native-exports/", after=found[-1] if found else None, most=250):
        found += [one.key for one in page]
    assert found == bucket.keys()
