"""The restore function's request and result."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from dynamodb_backup.contract.fields import Fields
from dynamodb_backup.contract.selection import KEY_FIELDS, TypedKey, typed_keys
from dynamodb_backup.contract.transform import (
    SALT,
    TRANSFORM,
    Rule,
    refuse_transform_without_effect,
    transform_rules,
)
from dynamodb_backup.errors import RequestRefused

__all__ = ["ACTIONS", "FIELDS_OF_ON_DEMAND", "RestoreRequest", "RestoreResult", "TableRestore"]

ACTIONS = ("restore", "undo", "verify")
"""What the restore function does, by the event's field ``action``."""

_FIELDS = (
    "action",
    "backup_date",
    "tables",
    "dry_run",
    "clear_existing_data",
    "write_mode",
    "prove",
    "max_workers",
    "max_write_units_per_second",
    "target_tables",
    "method",
    "create_missing_tables",
    "warm_write_units_per_second",
    "export",
    "restore_to",
    "allow_gap",
    "keys",
    "partition_keys",
    "on_demand_backup",
    TRANSFORM,
    SALT,
    "restore_id",
)
FIELDS_OF_ON_DEMAND = frozenset({"on_demand_backup", "tables", "target_tables", "dry_run", "restore_id"})
"""DynamoDB restores an on-demand backup whole, into a new table: nothing else can be asked of it."""
_ONLY_WHERE_KNOWN = ("files_read", "keys_not_found", "estimate", "side_effects", "transformed_attributes")
"""Fields of a table's result that a restore without them does not show."""

MOST_WORKERS = 64
DEFAULT_WORKERS = 5
WRITE_MODES = ("overwrite", "only_missing", "mirror", "diff")
METHODS = ("batch_write", "import")
MOST_WARM_WRITE_UNITS = 1_000_000
"""More than any account's quota: DynamoDB itself says what is too much."""
MOST_WRITE_UNITS = 10_000_000


@dataclass(frozen=True)
class RestoreRequest:
    """What to restore, and where to.

    ``given`` names the fields that the event held, so that continuing a restore can tell a field that was left out from
    one that contradicts the restore's own request.
    """

    backup_date: str = "latest"
    tables: tuple[str, ...] | None = None
    dry_run: bool = False
    clear_existing_data: bool = False
    write_mode: str = "overwrite"
    prove: bool = False
    max_workers: int = DEFAULT_WORKERS
    max_write_units_per_second: int | None = None
    target_tables: dict[str, str] = field(default_factory=dict)
    method: str = "batch_write"
    create_missing_tables: bool = False
    warm_write_units_per_second: int | None = None
    export: str | None = None
    restore_to: str | None = None
    allow_gap: bool = False
    keys: tuple[TypedKey, ...] | None = None
    partition_keys: tuple[TypedKey, ...] | None = None
    on_demand_backup: str | None = None
    transform: dict[str, tuple[Rule, ...]] = field(default_factory=dict)
    transform_salt: str | None = field(default=None, repr=False)
    restore_id: str | None = None
    given: frozenset[str] = field(default=frozenset(), compare=False)

    @classmethod
    def from_event(cls, event: object) -> RestoreRequest:
        """Read a restore event.

        Raises
        ------
        RequestRefused
            A field is unknown, of the wrong type, or contradicts another. Nothing has been read or written.
        """
        fields = Fields(event, _FIELDS)
        fields.choice("action", default="restore", allowed=ACTIONS)
        request = cls(
            backup_date=fields.backup_date("backup_date"),
            tables=fields.table_names("tables"),
            dry_run=fields.boolean("dry_run", default=False),
            clear_existing_data=_clears(fields),
            write_mode=_write_mode(fields),
            prove=fields.boolean("prove", default=False),
            max_workers=fields.integer("max_workers", default=DEFAULT_WORKERS, least=1, most=MOST_WORKERS),
            max_write_units_per_second=fields.optional_integer(
                "max_write_units_per_second", least=1, most=MOST_WRITE_UNITS
            ),
            target_tables=fields.table_map("target_tables"),
            method=fields.choice("method", default="batch_write", allowed=METHODS),
            create_missing_tables=fields.boolean("create_missing_tables", default=False),
            warm_write_units_per_second=fields.optional_integer(
                "warm_write_units_per_second", least=1, most=MOST_WARM_WRITE_UNITS
            ),
            export=fields.text(
                "export",
                pattern=r"s3://[^/]+/(?:.*/)?AWSDynamoDB/[^/]+/?",
                meaning="the place of a native export, s3://bucket/.../AWSDynamoDB/<ExportId>/",
            ),
            restore_to=fields.moment("restore_to"),
            allow_gap=fields.boolean("allow_gap", default=False),
            keys=typed_keys(fields, "keys"),
            partition_keys=typed_keys(fields, "partition_keys"),
            on_demand_backup=fields.text(
                "on_demand_backup",
                pattern=r"latest|arn:[^:]+:dynamodb:[^:]+:\d{12}:table/[^/:]+/backup/[^/:]+",
                meaning="the ARN of an on-demand backup, or latest",
            ),
            transform=transform_rules(fields),
            transform_salt=_salt(fields),
            restore_id=fields.text(
                "restore_id", pattern=r"[A-Za-z0-9-]{1,64}", meaning="the restore_id of an earlier answer"
            ),
            given=frozenset(name for name in _FIELDS if name != "action" and fields.given(name)),
        )
        request._check_on_demand_backup()
        request._check_export()
        request._check_targets()
        request._check_new_targets()
        request._check_selection()
        request._check_modes()
        request._check_moment()
        if request.transform or request.transform_salt:
            refuse_transform_without_effect(
                request.transform,
                request.transform_salt,
                imports=request.method == "import",
                compares=request.prove or request.write_mode == "diff",
                applies_changes=request.restore_to is not None,
                tables=request.tables,
                targets=request.target_tables,
            )
        return request

    @property
    def selected_keys(self) -> tuple[TypedKey, ...]:
        """The single keys or partition keys to bring back; empty if everything is."""
        return self.keys or self.partition_keys or ()

    def target_of(self, source: str) -> str:
        return self.target_tables.get(source, source)

    @property
    def makes_targets(self) -> bool:
        """Tell whether target tables that do not exist are made, and so have their settings to be put on."""
        return self.method == "import" or self.create_missing_tables

    @property
    def reads_table(self) -> bool:
        """Tell whether the table is compared with the backup's digests at some time after verifying."""
        return self.prove or self.write_mode in {"mirror", "diff"}

    def to_dict(self) -> dict[str, Any]:
        """Return the request as an event that means the same, for the checkpoint."""
        fields = {name: getattr(self, name) for name in _FIELDS if name not in {"action", "restore_id"}}
        arrays = {name: getattr(self, name) for name in ("tables", *KEY_FIELDS)}
        rules = {
            table: [{"attribute": list(rule.path), "action": rule.action} for rule in rules]
            for table, rules in self.transform.items()
        }
        lists = {name: list(values) if values is not None else None for name, values in arrays.items()}
        return fields | lists | {TRANSFORM: rules or None}

    def _check_export(self) -> None:
        if self.export is None:
            return
        if "backup_date" in self.given:
            raise RequestRefused("export", "stands instead of 'backup_date'; give one of the two")
        if len(set(self.tables or ()) | set(self.target_tables)) != 1:
            raise RequestRefused("export", "holds one table, so 'tables' or 'target_tables' must name exactly that one")

    def _check_on_demand_backup(self) -> None:
        if self.on_demand_backup is None:
            return
        for name in sorted(self.given - FIELDS_OF_ON_DEMAND):
            raise RequestRefused(name, "cannot go with 'on_demand_backup', which DynamoDB restores into a new table")
        named = set(self.tables or ()) | set(self.target_tables)
        if self.on_demand_backup == "latest":
            if not named:
                raise RequestRefused("on_demand_backup", "is latest, so 'tables' or 'target_tables' must say of which")
            return
        source = self.on_demand_backup.partition(":table/")[2].partition("/")[0]
        if named - {source}:
            raise RequestRefused(
                "on_demand_backup", f"is of table '{source}', so no other table can be named beside it"
            )

    def _check_moment(self) -> None:
        """Refuse what a full backup with its increments cannot be combined with."""
        if self.restore_to is None:
            if self.allow_gap:
                raise RequestRefused("allow_gap", "is for a restore to a point in time; give 'restore_to' too")
            return
        for name in ("backup_date", "export", "keys", "partition_keys"):
            if name in self.given:
                raise RequestRefused("restore_to", f"finds its backups by itself, so '{name}' cannot be given too")
        if self.method == "import":
            raise RequestRefused(
                "restore_to", 'applies increments, which DynamoDB cannot import; leave out "method": "import"'
            )
        if self.write_mode not in {"overwrite", "mirror"}:
            raise RequestRefused(
                "restore_to", f"applies changes in their order, so 'write_mode' cannot be {self.write_mode}"
            )

    def _check_new_targets(self) -> None:
        """Refuse what contradicts a target that the restore makes itself."""
        imports = self.method == "import"
        for name, given in (("method", imports), ("create_missing_tables", self.create_missing_tables)):
            if given and self.export:
                raise RequestRefused(
                    name, "needs the table definition captured with a backup, so it cannot go with 'export'"
                )
        if imports and self.create_missing_tables:
            raise RequestRefused("create_missing_tables", "is what an import does anyway; leave it out")
        if imports and self.clear_existing_data:
            raise RequestRefused(
                "clear_existing_data", 'cannot go with "method": "import", which always makes a new table'
            )
        if self.warm_write_units_per_second and not self.create_missing_tables:
            raise RequestRefused("warm_write_units_per_second", "is for tables made by 'create_missing_tables'")

    def _check_modes(self) -> None:
        if self.method == "import" and self.write_mode != "overwrite":
            raise RequestRefused("write_mode", 'cannot go with "method": "import", which always makes a new table')
        if self.prove and self.dry_run:
            raise RequestRefused(
                "prove", 'is for what was written, and a dry run writes nothing; use "action": "verify" to compare'
            )

    def _check_targets(self) -> None:
        if self.tables is None:
            sources = set(self.target_tables)
        else:
            sources = set(self.tables)
            for source in self.target_tables:
                if source not in sources:
                    raise RequestRefused("target_tables", f"names source '{source}', which is not in 'tables'")
        self.refuse_shared_targets(sources)

    def _check_selection(self) -> None:
        """Keys belong to one table, and nothing but their items may change."""
        if self.keys and self.partition_keys:
            raise RequestRefused("partition_keys", "stands instead of 'keys'; give one of the two")
        if not self.selected_keys:
            return
        field = "keys" if self.keys else "partition_keys"
        if self.clear_existing_data:
            raise RequestRefused(
                field, "brings back single items and changes nothing else, so 'clear_existing_data' cannot be true"
            )
        if self.method == "import":
            raise RequestRefused(
                field,
                "brings back single items by writing them, so 'method' cannot be import: that takes a whole export",
            )
        if self.restore_id is None and len(set(self.tables or self.target_tables)) != 1:
            raise RequestRefused(field, "belongs to one table, so 'tables' or 'target_tables' must name exactly one")

    def refuse_shared_targets(self, sources: set[str]) -> None:
        """Refuse to restore two tables into one.

        Raises
        ------
        RequestRefused
            Two sources have the same target.
        """
        taken: dict[str, str] = {}
        for source in sorted(sources):
            target = self.target_of(source)
            if target in taken:
                raise RequestRefused(
                    "target_tables", f"would restore both '{taken[target]}' and '{source}' into '{target}'"
                )
            taken[target] = source


def _write_mode(fields: Fields) -> str:
    default = "mirror" if fields.boolean("clear_existing_data", default=False) else "overwrite"
    return fields.choice("write_mode", default=default, allowed=WRITE_MODES)


def _clears(fields: Fields) -> bool:
    """Return whether the mode is mirror, which the older field ``clear_existing_data`` means too."""
    mirrors = _write_mode(fields) == "mirror"
    if fields.given("clear_existing_data") and fields.boolean("clear_existing_data", default=False) != mirrors:
        raise RequestRefused(
            "clear_existing_data",
            f'contradicts "write_mode": "{_write_mode(fields)}"; true means mirror, so give one of the two',
        )
    return mirrors


def _salt(fields: Fields) -> str | None:
    """Read the secret; the message of a wrong one must not repeat it."""
    value = fields.raw(SALT)
    if value is not None and (not isinstance(value, str) or not 16 <= len(value) <= 256):
        raise RequestRefused(SALT, "must be a string of 16 to 256 characters")
    return value


@dataclass(frozen=True)
class TableRestore:
    """The outcome for one table. Counts are items; ``status`` is as the contract defines it."""

    table_name: str
    target_table: str
    status: str
    backup_date: str | None = None
    items_expected: int = 0
    items_processed: int = 0
    items_written: int = 0
    items_failed: int = 0
    items_skipped: int = 0
    items_unchanged: int = 0
    items_deleted: int = 0
    files_total: int = 0
    files_done: int = 0
    files_read: int | None = None
    keys_not_found: tuple[TypedKey, ...] | None = None
    restored_to: str | None = None
    increments: int = 0
    proven: bool | None = None
    differences: dict[str, Any] | None = None
    failed_items_export: str | None = None
    creates_target: bool = False
    estimate: dict[str, Any] | None = None
    side_effects: list[str] | None = None
    transformed_attributes: dict[str, int] | None = None
    error: str | None = None
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as JSON has it; what only dry runs or restores of single keys know, only there."""
        document = asdict(self) | {"warnings": list(self.warnings)}
        if self.keys_not_found is not None:
            document["keys_not_found"] = list(self.keys_not_found)
        absent = [name for name in _ONLY_WHERE_KNOWN if document[name] is None]
        for name in absent:
            del document[name]
        return document


@dataclass(frozen=True)
class RestoreResult:
    """The outcome of one invocation."""

    environment: str | None
    s3_bucket: str | None
    dry_run: bool = False
    backup_date: str | None = None
    restore_id: str | None = None
    duration_seconds: float = 0.0
    tables: tuple[TableRestore, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str | None = None
    error_type: str | None = None

    @property
    def status_code(self) -> int:
        """200, 202, 207 or 500, as the contract defines them."""
        statuses = {table.status for table in self.tables}
        if self.error or not statuses:
            return 500
        if "IN_PROGRESS" in statuses:
            return 202
        if statuses <= {"COMPLETED", "READY"}:
            return 200
        restored_something = statuses & {"COMPLETED", "READY", "PARTIAL_SUCCESS"}
        wrote_something = any(table.items_written or table.items_deleted for table in self.tables)
        return 207 if restored_something or wrote_something else 500

    def to_response(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "backup_date": self.backup_date,
            "environment": self.environment,
            "s3_bucket": self.s3_bucket,
            "restore_id": self.restore_id,
            "dry_run": self.dry_run,
            "duration_seconds": round(self.duration_seconds, 3),
            "tables_requested": len(self.tables),
            "successful_restores": self._count("COMPLETED", "READY"),
            "partial_restores": self._count("PARTIAL_SUCCESS"),
            "failed_restores": self._count("FAILED"),
            "total_items_written": sum(table.items_written for table in self.tables),
            "total_items_processed": sum(table.items_processed for table in self.tables),
            "restore_results": [table.to_dict() for table in self.tables],
        }
        warnings = [*self.warnings, *(warning for table in self.tables for warning in table.warnings)]
        if warnings:
            body["warnings"] = warnings
        if self.error:
            body |= {"error": self.error, "error_type": self.error_type}
        return {"statusCode": self.status_code, "body": body}

    def _count(self, *statuses: str) -> int:
        return sum(table.status in statuses for table in self.tables)
