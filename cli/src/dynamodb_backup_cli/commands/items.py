"""`history` and `get`: single items in the backups."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import click
from rich.markup import escape

from dynamodb_backup_cli.command import Outcome, Session, command, utc_now
from dynamodb_backup_cli.failures import Exit, NotFound, Refused
from dynamodb_backup_cli.harmless import harmless_json
from dynamodb_backup_cli.items import compact, plain, short_key
from dynamodb_backup_cli.screen import Screen
from dynamodb_backup_cli.texts import NOTHING, moment
from dynamodb_backup_cli.values import KEY_HELP, key_of_words
from dynamodb_backup_cli.versions import history, instant_of, lost_points, newest_at

__all__ = ["get", "item_history"]

Version = dict[str, Any]


def _key_parameters() -> list[click.Parameter]:
    return [
        click.Argument(["table"], metavar="TABLE"),
        click.Argument(["key"], nargs=-1, required=True, metavar="KEY..."),
    ]


def _key(words: tuple[str, ...]) -> dict[str, dict[str, str]]:
    try:
        return key_of_words(words)
    except ValueError as error:
        raise Refused(f"{error}.", f"A key is written {KEY_HELP}; one word for each of its attributes.") from error


@command(
    "history",
    *_key_parameters(),
    click.Option(["--from", "earliest"], metavar="YYYY-MM-DD", help="First date, included."),
    click.Option(["--to", "latest"], metavar="YYYY-MM-DD", help="Last date, included."),
)
def item_history(
    session: Session, table: str, key: tuple[str, ...], earliest: str | None, latest: str | None
) -> Outcome:
    """Show which versions of an item the backups hold.

    KEY is the primary key, a word for each attribute: name=VALUE for a string, name:N=VALUE for a number, name:B=BASE64
    for bytes; or one object of DynamoDB's JSON.
    """
    answer = history(session, table, [_key(key)], **{"from": earliest, "to": latest})

    def tell(screen: Screen) -> None:
        rows = (_row(version) for version in answer.body["keys"][0]["versions"])
        screen.table(("KNOWN AT", "FROM", "ITEM"), rows)
        _tell_gaps(screen, answer.body)

    return Outcome(answer.body, Exit.of_status(answer.status), tell)


def _row(version: Version) -> tuple[str, str, str]:
    if version["type"] == "full":
        place = f"full backup of {version['backup_date']}"
    else:
        place = f"increment to {moment(version['to'])}"
    if version["status"] == "absent":
        shown = "[yellow]absent[/]"
    elif version["changed"] is False:
        shown = f"the same as in {version.get('compared_with') or 'the one before'}"
    else:
        shown = escape(compact(version["item"]))
    instant = instant_of(version)
    return (f"{instant:%Y-%m-%d %H:%M:%SZ}" if instant else NOTHING, place, shown)


@command(
    "get",
    *_key_parameters(),
    click.Option(["--at"], metavar="TIME", help="A time in UTC such as 2026-01-31T14:30:00Z; default now."),
    click.Option(["--plain", "without_types"], is_flag=True, help="Plain JSON, without DynamoDB's types."),
)
def get(session: Session, table: str, key: tuple[str, ...], at: str | None, *, without_types: bool) -> Outcome:
    """Print an item as it was at a time.

    Prints DynamoDB's JSON. KEY is written as for `history`. Where it was not written between the newest backup before
    that time and the time itself, that is what the table held.
    """
    wanted = _moment(at) if at else utc_now()
    answer = history(session, table, [_key(key)])
    found = newest_at(answer.body["keys"][0]["versions"], wanted)
    lost = lost_points(answer.body)
    if found is None:
        unread = f" ({len(lost)} recovery points could not be read)" if lost else ""
        raise NotFound(f"No backup tells what the item was at {wanted:%Y-%m-%d %H:%M:%SZ}{unread}.", "See: history")
    known = instant_of(found)
    if found["status"] == "absent":
        raise NotFound(f"There was no such item: absent at {known:%Y-%m-%d %H:%M:%SZ}.", "See: history")
    item = _plain_item(found["item"]) if without_types else found["item"]
    result = {"table_name": table, "known_at": found.get("written_at") or found["export_time"], "item": item}

    def tell(screen: Screen) -> None:
        screen.out.out(harmless_json(json.dumps(item, indent=2, ensure_ascii=False)), highlight=False)
        screen.note(f"As known at {known:%Y-%m-%d %H:%M:%SZ}, the newest before {wanted:%Y-%m-%d %H:%M:%SZ}.")
        _tell_gaps(screen, answer.body)

    return Outcome(result, Exit.PARTIAL if lost else Exit.GOOD, tell)


def _plain_item(item: dict[str, Any]) -> dict[str, Any]:
    return {name: plain(value) for name, value in item.items()}


def _moment(text: str) -> datetime:
    try:
        wanted = datetime.fromisoformat(text)
    except ValueError:
        wanted = None
    if wanted is None or wanted.tzinfo is None:
        raise Refused(f"--at must be a time in UTC such as 2026-01-31T14:30:00Z, but is {text}.")
    return wanted


def _tell_gaps(screen: Screen, body: dict[str, Any]) -> None:
    screen.warn(body.get("warnings", []))
    for point in lost_points(body):
        screen.warn([f"{point['backup_date']} was not read, {point['status']}: {point['error']}"])
    (of_key,) = body["keys"]
    if not of_key["versions"]:
        screen.note(f"No backup of {escape(body['table_name'])} was read for {escape(short_key(of_key['key']))}.")
