"""A stage for undo tests: windows, the real handler, and exports made by hand where DynamoDB's will not do."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from dynamodb_backup.handlers.restore import lambda_handler
from sandbox import Sandbox, exports
from tests.scenario.restore.kit import BUCKET, PREFIX, Item, LambdaContext, Stage, decoded, table_arn

Change = tuple[Item, Item | None, Item | None]
"""Keys, old image, new image."""


@dataclass
class Answer:
    """The handler's response."""

    code: int
    body: dict[str, Any]

    @property
    def result(self) -> dict[str, Any]:
        """The result of the only table."""
        (result,) = self.body["undo_results"]
        return dict(result)

    @property
    def counts(self) -> tuple[int, ...]:
        """Selected changes; reverted, already reverted, changed after and failed items."""
        names = ("changes_selected", "items_reverted", "items_already_reverted", "items_changed_after", "items_failed")
        return tuple(self.result[name] for name in names)


def undo(event: Mapping[str, Any], *, seconds: float = 60.0) -> Answer:
    """Call the handler as Lambda would."""
    event = json.loads(json.dumps({"action": "undo", **event}))
    response = json.loads(json.dumps(lambda_handler(event, LambdaContext(seconds))))
    return Answer(response["statusCode"], response["body"])


def undo_in_turns(event: Mapping[str, Any], *, seconds: float, most: int = 200) -> list[Answer]:
    """Repeat the event with the ``undo_id`` of the first answer until it is no longer 202; return all answers."""
    answers = [undo(event, seconds=seconds)]
    while answers[-1].code == 202 and len(answers) < most:
        answers.append(undo({**event, "undo_id": answers[0].body["undo_id"]}, seconds=seconds))
    return answers


def moment(time_: datetime) -> str:
    return f"{time_:%Y-%m-%dT%H:%M:%SZ}"


@dataclass
class UndoStage(Stage):
    """A stage that knows windows."""

    aws: Sandbox = field(kw_only=True)

    def create_table(self, name: str, keys: Any = (("id", "S"),)) -> None:
        super().create_table(name, keys)
        self.dynamodb.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )

    @contextmanager
    def window(self) -> Iterator[dict[str, str]]:
        """Yield a window's ``from`` and ``to``, to the second, around what is done inside."""
        _next_second()
        window = {"from": moment(datetime.now(UTC))}
        yield window
        _next_second()
        window["to"] = moment(datetime.now(UTC))

    def put_item(self, table: str, item: Item) -> None:
        self.dynamodb.put_item(TableName=table, Item=decoded(item))

    def delete_item(self, table: str, key: Item) -> None:
        self.dynamodb.delete_item(TableName=table, Key=decoded(key))

    def window_export(self, table: str, changes: Iterable[Change], **fields: Any) -> str:
        """Lay out an incremental export of these changes and return its place."""
        lines = [exports.incremental_line(1_700_000_000_000_000, *change) for change in changes]
        end = fields.pop("end", datetime.now(UTC) + timedelta(minutes=1))
        files = fields.pop("files", None) or [exports.data_file(lines)]
        table_id = self.dynamodb.describe_table(TableName=table)["Table"]["TableId"]
        times = {"from_time": end - timedelta(hours=1), "to_time": end}
        request = exports.ExportRequest(
            table_arn(table), BUCKET, f"{PREFIX}/made-by-hand", **{"table_id": table_id, **times} | fields
        )
        export = exports.build_incremental_export(request, files)
        self.upload(export)
        return f"s3://{BUCKET}/{export.request.root}"

    def not_reverted(self, answer: Answer) -> list[dict[str, Any]]:
        """Return what the undo says that it left, and why."""
        place = str(answer.result["not_reverted"]).removeprefix(f"s3://{BUCKET}/")
        lines = [line for key in sorted(self.keys(place)) for line in gzip.decompress(self.get(key)).splitlines()]
        return [json.loads(line) for line in lines]


def _next_second() -> None:
    time.sleep(1.02 - time.time() % 1)
