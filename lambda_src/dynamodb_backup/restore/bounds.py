"""A checkpoint leads nowhere but where its own request leads: it lies in S3, where others may write, too."""

from __future__ import annotations

from collections.abc import Iterator

from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.naming import is_table_name
from dynamodb_backup.restore.state import RESTORE, RestoreState, TableState
from dynamodb_backup.restore.targets import convention_for
from dynamodb_backup.settings import Settings
from dynamodb_backup.turns.bounds import ELSEWHERE, may_read

__all__ = ["refuse_strange_state"]


def refuse_strange_state(state: RestoreState, key: str, settings: Settings) -> None:
    """Compare each table of a restore's state with the request that began it, and with what this function may do.

    Raises
    ------
    BackupDamaged
        It names a table, a bucket or a place that planning this request could not have named.
    """
    request = state.original_request()
    problems = (problem for table in state.tables for problem in _problems(table, request, settings))
    for problem in problems:
        raise RESTORE.damaged(key, problem)


def _problems(table: TableState, request: RestoreRequest, settings: Settings) -> Iterator[str]:
    if not is_table_name(table.source) or table.target != request.target_of(table.source):
        yield "it has a target that its request does not name"
    if request.tables is not None and table.source not in request.tables:
        yield "it has a table that its request does not name"
    if table.open and not convention_for(request, settings).allows(table.target):
        yield f"its target {table.target} is outside this environment's naming convention"
    own = Layout(settings.exports_prefix).root
    places = [window.root for window in table.windows] + [table.definition_key or own]
    if not may_read(settings, request.export, table.bucket, table.root) or not all(
        place.startswith(own) for place in places
    ):
        yield ELSEWHERE
