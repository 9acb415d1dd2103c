"""The restore event's fields as options. They are made from the contract's own list, so none can be missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from dynamodb_backup.contract.restore_fields import DEFAULT_WORKERS, FIELDS, METHODS, WRITE_MODES
from dynamodb_backup_cli.functions import Event
from dynamodb_backup_cli.values import KEYS, TABLE_PAIR, TEXT_OR_FILE, JsonOrFile

__all__ = ["DESCRIBED", "event_of", "restore_parameters"]

NOT_OPTIONS = frozenset({"action", "tables"})
"""The command's name says the one; the other is its arguments."""

DESCRIBED: dict[str, dict[str, Any]] = {
    "backup_date": {"metavar": "YYYY-MM-DD|latest", "help": "Which backup; default latest: of each table its newest."},
    "dry_run": {"is_flag": True, "help": "Show the plan: check everything, write nothing."},
    "clear_existing_data": {"is_flag": True, "help": "The same as --write-mode mirror."},
    "write_mode": {
        "type": click.Choice(WRITE_MODES),
        "help": "overwrite: write every item; only_missing: touch no existing item; mirror: also delete what the "
        "backup does not hold; diff: write only what differs. Default overwrite.",
    },
    "prove": {
        "flag": "--prove/--no-prove",
        "default": None,
        "help": "Read the table afterwards and compare it. Default: yes, where that is possible.",
    },
    "max_workers": {"type": int, "help": f"Threads of each invocation, 1 to 64; default {DEFAULT_WORKERS}."},
    "max_write_units_per_second": {"type": int, "help": "Most write units per second taken of each table."},
    "target_tables": {
        "flag": "--target-table",
        "multiple": True,
        "type": TABLE_PAIR,
        "metavar": "SOURCE=TARGET",
        "help": "Restore a table into another one; may be repeated.",
    },
    "target_role_arn": {"metavar": "ARN", "help": "Role in whose account the targets are."},
    "method": {"type": click.Choice(METHODS), "help": "import: DynamoDB's own import, into a new table."},
    "create_missing_tables": {"is_flag": True, "help": "Create targets that do not exist, as they were."},
    "warm_write_units_per_second": {"type": int, "help": "Warm throughput of a table that is created."},
    "export": {"metavar": "S3-URL", "help": "Instead of a date: any native export, s3://.../AWSDynamoDB/<ExportId>/."},
    "restore_to": {"metavar": "TIME", "help": "Instead of a date: a time in UTC such as 2026-01-31T14:30:00Z."},
    "allow_gap": {"is_flag": True, "help": "With --restore-to: go on behind a gap in the increments."},
    "keys": {
        "type": KEYS,
        "metavar": "KEYS",
        "help": 'Only these items: id=VALUE, or JSON such as [{"pk": {"S": "a"}, "sk": {"N": "1"}}], or @FILE.',
    },
    "partition_keys": {"type": KEYS, "metavar": "KEYS", "help": "Only items with these partition keys, likewise."},
    "on_demand_backup": {"metavar": "ARN|latest", "help": "Instead of a date: one of DynamoDB's own backups."},
    "confirm": {
        "multiple": True,
        "metavar": "TABLE",
        "help": "A target table, repeated, where the module asks for that; whoever is asked types it instead.",
    },
    "transform": {"type": JsonOrFile(), "metavar": "JSON", "help": "Rules that change items on their way, or @FILE."},
    "transform_salt": {
        "type": TEXT_OR_FILE,
        "envvar": "DYNAMODB_BACKUP_TRANSFORM_SALT",
        "show_envvar": True,
        "help": "Secret for hashes, or @FILE; better not on the command line.",
    },
    "restore_id": {"metavar": "ID", "help": "Continue a restore that the function answered with 202."},
}


def restore_parameters() -> list[click.Parameter]:
    """Return arguments and options for every field of the contract.

    A field that is not described here can be given as JSON all the same.
    """
    parameters: list[click.Parameter] = [click.Argument(["tables"], nargs=-1, metavar="[TABLE]...")]
    for field in FIELDS:
        if field not in NOT_OPTIONS:
            unknown = {"type": JsonOrFile(), "metavar": "JSON", "help": "See docs/contract.md."}
            details = dict(DESCRIBED.get(field, unknown))
            flag = details.pop("flag", f"--{field.replace('_', '-')}")
            parameters.append(click.Option([flag, field], **details))
    return parameters


_READ: dict[str, Callable[[Any], Any]] = {"confirm": list, "tables": list, "target_tables": dict}


def event_of(given: dict[str, Any]) -> Event:
    """Return the restore event of a call's parameters; what was not given is not in it."""
    event: Event = {}
    for field in FIELDS:
        value = given.get(field)
        if value is None or value == () or (value is False and field != "prove"):
            continue
        event[field] = _READ[field](value) if field in _READ else value
    return event
