"""The state of a work of several turns: what its checkpoint in S3 holds, and what its messages say.

A restore, a verification and an undo are each begun by one event and carried by as many invocations as they take. Each
invocation is a turn: it reads the checkpoint, goes on, and writes it again under the condition that nobody else did.
"""

from __future__ import annotations

import json
import uuid
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from dynamodb_backup.archive.home import refuse_copy
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.contract.selection import KEY_FIELDS
from dynamodb_backup.contract.transform import FORGOTTEN_SALT, SALT
from dynamodb_backup.errors import BackupDamaged, RequestRefused
from dynamodb_backup.strict_json import read_json
from dynamodb_backup.timing import utc_stamp
from dynamodb_backup.typed_record import record_of

__all__ = ["Request", "TableOfWork", "WorkKind", "WorkState", "began_at", "new_id"]

VERSION = 1
"""Raise it only where a checkpoint cannot be read as before: works that are under way then have to begin anew."""

NOT_SHOWN = {**dict.fromkeys(KEY_FIELDS, "other keys"), SALT: "another secret"}
"""Fields whose values no message may repeat: keys are item data."""


class Request(Protocol):
    """An event as the contract reads it. ``given`` names the fields that it held."""

    @property
    def given(self) -> frozenset[str]: ...

    def to_dict(self) -> dict[str, Any]: ...


class TableOfWork(Protocol):
    """One table's share of the state."""

    @property
    def open(self) -> bool: ...


RequestT = TypeVar("RequestT", bound=Request)
TableT = TypeVar("TableT", bound=TableOfWork)


@dataclass(frozen=True)
class WorkKind:
    """How one kind of work speaks of itself. Every message stands here whole, so that a search for it finds it.

    ``id_field`` names a work in events, answers, checkpoints and logs. A work whose state is ``always_kept`` can be
    asked about after it ended in its first turn. ``None`` means that nothing is said.
    """

    id_field: str
    goes_on: str
    not_found: str
    malformed: str
    other_request: str
    not_written: str
    cannot_continue: str
    outpaced: str | None = None
    outdated: str | None = None
    always_kept: bool = False

    def damaged(self, key: str, problem: object) -> BackupDamaged:
        """Return the error for a checkpoint of this kind that cannot be gone on with."""
        return BackupDamaged(self.malformed.format(key=key, error=problem))


@dataclass
class _Work:
    """What a checkpoint holds beside its tables."""

    id: str
    request: dict[str, Any]
    warnings: list[str] = field(default_factory=list)
    turns: int = 1
    home: str | None = None


@dataclass
class WorkState(ABC, Generic[RequestT, TableT]):
    """A whole work: its request as given first, and its tables. ``etag`` is the checkpoint's when it was read.

    ``home`` is where the checkpoint was written first (``archive.home``), ``None`` before it is written.
    """

    kind: ClassVar[WorkKind]

    id: str
    request: dict[str, Any]
    tables: list[TableT]
    warnings: list[str] = field(default_factory=list)
    turns: int = 1
    home: str | None = None
    etag: str | None = field(default=None, compare=False)

    @classmethod
    @abstractmethod
    def table_from(cls, document: dict[str, Any]) -> TableT:
        """Read one table of a checkpoint, also as earlier versions wrote it."""

    @abstractmethod
    def original_request(self) -> RequestT:
        """Return the request that began this work."""

    @property
    def open(self) -> bool:
        return any(table.open for table in self.tables)

    def to_json(self) -> bytes:
        document = asdict(self)
        del document["etag"]
        if not self.open:
            document["request"].pop(SALT, None)  # nothing is hashed any more, and who knows it can look values up
        for name in ("warnings", "home"):
            if not document[name]:
                del document[name]  # versions that know none in this kind of work can read it, too
        return json.dumps({"version": VERSION, self.kind.id_field: document.pop("id"), **document}).encode()

    @classmethod
    def find(cls, store: ObjectStore, key: str) -> Self | None:
        """Read a checkpoint; ``None`` if there is none.

        Raises
        ------
        BackupDamaged
            As ``parse``.
        RequestRefused
            It was copied here from another bucket or prefix.
        """
        stored = store.find(key)
        if stored is None:
            return None
        state = cls.parse(key, stored.body, stored.etag)
        refuse_copy(state.home, store, key, cls.kind.id_field)
        return state

    @classmethod
    def parse(cls, key: str, body: bytes, etag: str) -> Self:
        """Read a checkpoint.

        Raises
        ------
        BackupDamaged
            It is not one that this version of the function wrote.
        """
        try:
            document = read_json(body)
            if document.pop("version") != VERSION:
                raise ValueError("it was written by another version of the function")
            tables = [cls.table_from(table) for table in document.pop("tables")]
            work = record_of(_Work, document | {"id": document.pop(cls.kind.id_field)}, closed=True)
            state = cls(work.id, work.request, tables, work.warnings, work.turns, work.home, etag)
            state.original_request()
        except (ValueError, KeyError, TypeError, AttributeError, RequestRefused) as error:
            raise cls.kind.damaged(key, error) from error
        return state

    def contradiction(self, request: RequestT) -> str | None:
        """Return the first field that the event gives and that differs from the work's own request."""
        event, own = request.to_dict(), self.original_request().to_dict()
        given = request.given & set(event)
        if own.get(SALT) == FORGOTTEN_SALT:
            given -= {SALT}
        return next((name for name in sorted(given) if event[name] != own.get(name)), None)

    def first_value(self, name: str) -> str:
        """Return what the request that began this work has in a field, to be shown."""
        return NOT_SHOWN.get(name) or repr(self.original_request().to_dict().get(name))


def new_id(now: datetime) -> str:
    """Return an id for a work that begins now: the time to the second, and 8 random hexadecimal digits."""
    return f"{utc_stamp(now)}-{uuid.uuid4().hex[:8]}"


def began_at(work_id: str) -> datetime | None:
    """Return when a work began, to the second, by its id; ``None`` for an id that ``new_id`` did not give."""
    try:
        return datetime.strptime(work_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
