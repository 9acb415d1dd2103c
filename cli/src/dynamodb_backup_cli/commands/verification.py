"""`verify` and `diff`: whether backups are whole, and tables equal to them."""

from __future__ import annotations

from typing import Any

import click
from rich.markup import escape

from dynamodb_backup.contract.verify import VerifyRequest
from dynamodb_backup_cli.command import Outcome, Session, checked, command
from dynamodb_backup_cli.failures import CliError, Exit
from dynamodb_backup_cli.functions import Event
from dynamodb_backup_cli.items import compact, short_key
from dynamodb_backup_cli.results import tell_verification
from dynamodb_backup_cli.screen import Screen
from dynamodb_backup_cli.turns import carried
from dynamodb_backup_cli.values import TABLE_PAIR
from dynamodb_backup_cli.versions import history

__all__ = ["diff", "verify"]

ID_FIELD = "verify_id"
KINDS = {
    "missing": "is in the backup, not in the table",
    "extra": "is in the table, not in the backup",
    "different": "is another in the table",
}


@command(
    "verify",
    click.Argument(["tables"], nargs=-1, metavar="[TABLE]..."),
    click.Option(["--backup-date"], metavar="YYYY-MM-DD|latest", help="Which backup; default latest."),
    click.Option(["--export"], metavar="S3-URL", help="Instead of a date: any native full export."),
    click.Option(["--against"], type=click.Choice(["manifest", "table"]), help="Compare the live table, too."),
    click.Option(
        ["--target-table", "target_tables"],
        multiple=True,
        type=TABLE_PAIR,
        metavar="SOURCE=TARGET",
        help="Compare with another table; may be repeated.",
    ),
    click.Option(["--max-workers"], type=int, help="Threads of each invocation, 1 to 64."),
    click.Option(["--verify-id"], metavar="ID", help="Continue a verification that was interrupted."),
)
def verify(session: Session, **given: Any) -> Outcome:
    """Check whether backups are whole.

    They are read and compared with DynamoDB's checksums and counts; with --against table also with the live tables.
    Exit code 3 if a table is another than its backup, or some backups are not whole.
    """
    event: Event = {"action": "verify"}
    for field, value in given.items():
        if value:
            event[field] = {"tables": list, "target_tables": dict}.get(field, _as_it_is)(value)
    with checked():
        VerifyRequest.from_event(event)
    session.screen.note("Verifying ...")
    answer = carried(session, "verify", event, what="verify", id_field=ID_FIELD)
    return Outcome(answer.body, Exit.of_status(answer.status), lambda screen: tell_verification(screen, answer.body))


def _as_it_is(value: Any) -> Any:
    return value


@command(
    "diff",
    click.Argument(["table"], metavar="TABLE"),
    click.Argument(["date"], default="latest", metavar="[DATE]"),
    click.Option(["--target-table"], metavar="TABLE", help="Compare another table with the backup of TABLE."),
)
def diff(session: Session, table: str, date: str, target_table: str | None) -> Outcome:
    """Compare a table with its backup, item by item.

    DATE is YYYY-MM-DD, default latest. Shows counts, and samples side by side.
    Exit code 3 if they differ. The table's items are read with your own rights, dynamodb:GetItem; without them the
    backup's are shown alone.
    """
    event: Event = {"action": "verify", "tables": [table], "backup_date": date, "against": "table"}
    if target_table:
        event["target_tables"] = {table: target_table}
    with checked():
        VerifyRequest.from_event(event)
    session.screen.note("Comparing ...")
    answer = carried(session, "verify", event, what="verify", id_field=ID_FIELD)
    (row,) = answer.body["verify_results"]
    samples, notes = _samples(session, row) if row["differences"] else ([], [])

    def tell(screen: Screen) -> None:
        tell_verification(screen, answer.body)
        for sample in samples:
            _tell_sample(screen, sample)
        screen.warn(notes)

    result = answer.body | {"samples": samples}
    return Outcome(result, Exit.of_status(answer.status), tell)


def _samples(session: Session, row: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the sampled keys with the item in the backup and the one in the table, as far as they can be read."""
    found = [
        {"key": key, "kind": kind, "backup": None, "table": None}
        for kind in KINDS
        for key in row["differences"]["samples"].get(kind, ())
    ]
    notes = []
    in_backup = [sample for sample in found if sample["kind"] != "extra"]
    in_table = [sample for sample in found if sample["kind"] != "missing"]
    try:
        for sample, version in zip(in_backup, _in_backup(session, row, in_backup), strict=True):
            sample["backup"] = version
    except CliError as error:
        notes.append(f"the backup's items are not shown: {error}")
    try:
        for sample in in_table:
            sample["table"] = session.aws.item(row["target_table"], sample["key"])
    except CliError as error:
        notes.append(f"the table's items are not shown: {error}")
    return found, notes


def _in_backup(session: Session, row: dict[str, Any], samples: list[dict[str, Any]]) -> list[dict[str, Any] | None]:
    if not samples or not row["backup_date"]:
        return [None for _ in samples]
    date = row["backup_date"]
    answer = history(session, row["table_name"], [sample["key"] for sample in samples], **{"from": date, "to": date})
    return [
        next((one.get("item") for one in key["versions"] if one["type"] == "full"), None) for key in answer.body["keys"]
    ]


def _tell_sample(screen: Screen, sample: dict[str, Any]) -> None:
    screen.say()
    screen.say(f"[bold]{escape(short_key(sample['key']))}[/] {KINDS[sample['kind']]}")
    backup, table = sample["backup"] or {}, sample["table"] or {}
    names = [name for name in {**backup, **table} if backup.get(name) != table.get(name) and name not in sample["key"]]
    if backup and table:
        rows = ((escape(name), _shown(backup, name), _shown(table, name)) for name in names)
        screen.table(("ATTRIBUTE", "IN THE BACKUP", "IN THE TABLE"), rows)
    elif backup or table:
        screen.say(f"  {escape(compact(backup or table))}")


def _shown(item: dict[str, Any], name: str) -> str:
    return escape(compact(item[name])) if name in item else "[yellow]absent[/]"
