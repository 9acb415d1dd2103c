"""The restore function's request, read from an event."""

from __future__ import annotations

from dataclasses import dataclass

from dynamodb_backup.contract.confirmation import confirmed_tables
from dynamodb_backup.contract.fields import Fields
from dynamodb_backup.contract.restore_fields import (
    DEFAULT_WORKERS,
    FIELDS,
    METHODS,
    MOST_WARM_WRITE_UNITS,
    MOST_WORKERS,
    MOST_WRITE_UNITS,
    WRITE_MODES,
    RestoreFields,
)
from dynamodb_backup.contract.restore_refusals import refuse_contradictions
from dynamodb_backup.contract.selection import typed_keys
from dynamodb_backup.contract.transform import SALT, transform_rules
from dynamodb_backup.errors import RequestRefused

__all__ = ["ACTIONS", "RestoreRequest"]

ROLE_ARN = r"arn:[a-z-]+:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+"

ACTIONS = ("history", "progress", "restore", "undo", "verify")
"""What the restore function does, by the event's field ``action``."""


@dataclass(frozen=True)
class RestoreRequest(RestoreFields):
    """What to restore, and where to: every field of the right type, and none that contradicts another."""

    @classmethod
    def from_event(cls, event: object) -> RestoreRequest:
        """Read a restore event.

        Raises
        ------
        RequestRefused
            A field is unknown, of the wrong type, or contradicts another. Nothing has been read or written.
        """
        fields = Fields(event, FIELDS)
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
            target_role_arn=fields.text(
                "target_role_arn", pattern=ROLE_ARN, meaning="the ARN of a role, arn:aws:iam::ACCOUNT:role/NAME"
            ),
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
            confirm=confirmed_tables(fields),
            restore_id=fields.text(
                "restore_id", pattern=r"[A-Za-z0-9-]{1,64}", meaning="the restore_id of an earlier answer"
            ),
            given=frozenset(name for name in FIELDS if name != "action" and fields.given(name)),
        )
        refuse_contradictions(request)
        return request


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
    if value is not None and (not isinstance(value, str) or not 16 <= len(value) <= 256 or not _is_whole(value)):
        raise RequestRefused(SALT, "must be a string of 16 to 256 characters")
    return value


def _is_whole(text: str) -> bool:
    """Tell whether a text has bytes: JSON may hold half of a character, a lone surrogate."""
    try:
        return bool(text.encode())
    except UnicodeEncodeError:
        return False
