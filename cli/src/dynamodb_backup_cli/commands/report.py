"""`report`: the backups of a deployment as one page for whoever has to be shown them."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.markup import escape

from dynamodb_backup_cli.command import Outcome, Session, command, utc_now
from dynamodb_backup_cli.failures import CliError, Exit, Refused
from dynamodb_backup_cli.functions import Event
from dynamodb_backup_cli.health import of_tables, proofs, rpo_option
from dynamodb_backup_cli.points import recovery_points
from dynamodb_backup_cli.report.page import Report, page
from dynamodb_backup_cli.screen import Screen

__all__ = ["report"]


@command(
    "report",
    click.Argument(["tables"], nargs=-1, metavar="[TABLE]..."),
    click.Option(
        ["--output", "-o"],
        default="dynamodb-backup-report.html",
        show_default=True,
        metavar="FILE",
        help="Where to write it; - is standard output.",
    ),
    click.Option(["--from", "earliest"], metavar="YYYY-MM-DD", help="First date, included."),
    click.Option(["--to", "latest"], metavar="YYYY-MM-DD", help="Last date, included."),
    rpo_option(),
)
def report(
    session: Session, tables: tuple[str, ...], output: str, earliest: str | None, latest: str | None, rpo_hours: float
) -> Outcome:
    """Write an HTML report for an auditor.

    One self-contained page: recovery points over time, sizes, failures, proofs. It holds no items, and loads nothing.
    """
    if output == "-" and session.where.as_json:
        raise Refused("--json and --output - both want standard output.", "Write the report to a file.")
    event: Event = {"tables": list(tables)} if tables else {}
    event |= {name: day for name, day in (("from", earliest), ("to", latest)) if day}
    answer = recovery_points(session, event)
    now = utc_now()
    proven, notes = proofs(session)
    rows = of_tables(answer.body, proven, rpo_hours, now)
    warnings = [*answer.body.get("warnings", []), *notes]
    made = Report(session.deployment.label, now, rpo_hours, answer.body, rows, warnings)
    text = page(made)
    if output == "-":
        sys.stdout.write(text)
        return Outcome(None, Exit.of_status(answer.status))
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CliError(f"The report cannot be written to '{output}': {error}.", "Choose another --output.") from error
    result = {
        "file": output,
        "recovery_points": len(made.all_points),
        "failures": len(made.failures),
        "tables": len(rows),
        "late_tables": sum(not row["within_rpo"] for row in rows),
    }

    def tell(screen: Screen) -> None:
        screen.say(
            f"{escape(output)}: {result['tables']} tables, {result['recovery_points']} recovery points, "
            f"{result['failures']} failed, {result['late_tables']} late"
        )
        screen.warn(warnings)

    return Outcome(result, Exit.of_status(answer.status), tell)
