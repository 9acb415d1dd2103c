"""A chain: one full backup of a table and the windows of changes that follow it, without gap or overlap.

Its record is one small object per table and full backup. Whoever exports a window first reserves it there by a
conditional write, so that a window is exported once, however often and by whomever it is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from dynamodb_backup.archive.seal import check_seal, sealed
from dynamodb_backup.errors import BackupDamaged
from dynamodb_backup.naming import is_table_name
from dynamodb_backup.strict_json import read_json
from dynamodb_backup.timing import moment_of
from dynamodb_backup.typed_record import record_of

__all__ = ["SUPERSEDED", "Base", "Chain", "Gap", "Window"]

SUPERSEDED = "superseded by the full backup"
"""How the reason begins for which a chain was closed without a loss: a newer full backup goes on."""


@dataclass(frozen=True)
class Window:
    """The changes from ``start`` (inclusive) to ``end`` (exclusive), ISO 8601; in the record ``from`` and ``to``.

    ``status`` is IN_PROGRESS, COMPLETED (exported and verified) or FAILED. ``run_id`` is the run that reserved it, and
    ``reserved_at`` when. ``files_sha256`` is the ``files_digest`` of what was verified.
    """

    start: str
    end: str
    run_id: str
    s3_prefix: str
    reserved_at: str
    status: str = "IN_PROGRESS"
    export_arn: str | None = None
    export_manifest: str | None = None
    item_count: int | None = None
    billed_size_bytes: int | None = None
    warnings: tuple[str, ...] = ()
    error: str | None = None
    files_sha256: str | None = None

    @property
    def starts(self) -> datetime:
        return moment_of(self.start)

    @property
    def ends(self) -> datetime:
        return moment_of(self.end)

    def is_same(self, other: Window) -> bool:
        """Tell whether both are one attempt at one window."""
        return (self.start, self.end, self.run_id) == (other.start, other.end, other.run_id)

    def to_dict(self) -> dict[str, Any]:
        document = asdict(self)
        return {"from": document.pop("start"), "to": document.pop("end"), **document}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Window:
        window = record_of(cls, {**document, "start": document["from"], "end": document["to"]})
        if not window.starts < window.ends:
            raise ValueError(f"a window from {window.start} to {window.end}")
        return window


@dataclass(frozen=True)
class Base:
    """The full backup with which a chain begins. ``export_time`` (ISO 8601) is the instant of its data."""

    backup_date: str
    run_id: str
    export_manifest: str
    export_time: str

    @property
    def moment(self) -> datetime:
        return moment_of(self.export_time)


@dataclass(frozen=True)
class Gap:
    """Changes from ``start`` to ``end`` that no window of a chain holds."""

    start: str
    end: str


@dataclass(frozen=True)
class Chain:
    """One table's chain. ``closed`` says why nothing is added to it any more, ``None`` while it is open."""

    key: str
    table_name: str
    chain_id: str
    base: Base
    table_id: str | None = None
    windows: tuple[Window, ...] = ()
    closed: str | None = None
    etag: str | None = field(default=None, compare=False)

    @property
    def completed(self) -> list[Window]:
        """Return the windows that are exported and verified, in order of time."""
        return sorted((one for one in self.windows if one.status == "COMPLETED"), key=lambda one: one.starts)

    @property
    def covered_until(self) -> str:
        """Return up to when every change is held: the end of the windows that follow the base without a gap."""
        end, moment = self.base.export_time, self.base.moment
        for window in self.completed:
            if window.starts > moment:
                break
            if window.ends > moment:
                end, moment = window.end, window.ends
        return end

    @property
    def gaps(self) -> list[Gap]:
        """Return what is missing between completed windows, and between the base and the first of them."""
        gaps, end, moment = [], self.base.export_time, self.base.moment
        for window in self.completed:
            if window.starts > moment:
                gaps.append(Gap(end, window.start))
            if window.ends > moment:
                end, moment = window.end, window.ends
        return gaps

    @property
    def lost(self) -> bool:
        """Tell whether the chain ended because the changes behind it could no longer be had."""
        return self.closed is not None and not self.closed.startswith(SUPERSEDED)

    @property
    def reserved(self) -> Window | None:
        """Return the window that is being exported."""
        return next((one for one in self.windows if one.status == "IN_PROGRESS"), None)

    def with_window(self, window: Window) -> Chain:
        """Return the chain with a window added or replaced. Of failed attempts at one start the last is kept."""
        kept = (
            one
            for one in self.windows
            if not one.is_same(window) and not (one.status == "FAILED" and one.start == window.start)
        )
        return replace(self, windows=tuple(sorted((*kept, window), key=lambda one: one.starts)))

    def to_json(self) -> bytes:
        document = {
            "table_name": self.table_name,
            "chain_id": self.chain_id,
            "table_id": self.table_id,
            "base": asdict(self.base),
            "covered_until": self.covered_until,
            "windows": [window.to_dict() for window in self.windows],
            "closed": self.closed,
        }
        return json.dumps(sealed(document), indent=2).encode() + b"\n"

    @classmethod
    def parse(cls, key: str, body: bytes, etag: str) -> Chain:
        """Read a stored record. Fields of a newer version are passed over.

        Raises
        ------
        BackupDamaged
            It is not a chain record, altered, or that of another table or full backup.
        """
        try:
            document = read_json(body)
            chain = record_of(cls, {**document, "key": key, "windows": [], "etag": etag})
            check_seal(document, f"chain record {key}")
            chain = replace(chain, windows=tuple(Window.from_dict(window) for window in document["windows"]))
            if not is_table_name(chain.table_name):
                raise ValueError("its table_name is none")
            chain.base.moment  # noqa: B018 - every time is one, or the record is refused here
        except (ValueError, KeyError, TypeError) as error:
            raise BackupDamaged(f"chain record {key} is malformed: {error}") from error
        if not key.endswith(f"/{chain.table_name}/{chain.chain_id}.json"):
            raise BackupDamaged(
                f"chain record {key} is that of table {chain.table_name} and full backup {chain.chain_id}, not of the "
                "ones that its key names"
            )
        return chain
