"""An account with backups, and a store of another provider: a second sandbox on a port of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import sandbox
from sandbox import Sandbox
from tests.scenario.offsite.kit import COPY, DAY_S_ITEMS, HOME, CopiedDay, Places, contents_of, offsite


@pytest.fixture(scope="session")
def running_store() -> Iterator[Sandbox]:
    """The other provider: nothing of it is AWS's but the protocol."""
    with sandbox.start() as store:
        yield store


@pytest.fixture
def places(aws: Sandbox, running_store: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Places:
    """A bucket with fast exports here, an empty bucket there, and this process as every function here."""
    running_store.reset()
    places = Places(aws, running_store, monkeypatch)
    places.set_up()
    return places


@pytest.fixture(scope="module")
def copied_day(running_sandbox: Sandbox, running_store: Sandbox) -> CopiedDay:
    """A full backup and its copy, made once: each test gets what lies in both buckets into buckets of its own."""
    running_sandbox.reset()
    running_store.reset()
    with pytest.MonkeyPatch.context() as monkeypatch:
        places = Places(running_sandbox, running_store, monkeypatch)
        places.set_up()
        places.create_table()
        places.fill(DAY_S_ITEMS)
        date = places.make_full_backup()
        backed_up = contents_of(places.s3, HOME)
        assert offsite().code == 200
        return CopiedDay(date, backed_up, contents_of(places.s3, HOME), contents_of(places.there, COPY))
