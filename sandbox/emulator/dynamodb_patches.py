"""DynamoDB in MiniStack: journal every item change, answer the export calls from it, tell true restorable times."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from sandbox.emulator import patch_points as at
from sandbox.emulator.callers import Run
from sandbox.emulator.export_rules import Refused
from sandbox.emulator.export_service import ExportService
from sandbox.emulator.journal import Journal

Response = tuple[int, dict[str, str], Any]


def apply(run: Run) -> ExportService:
    """Install the patches; `run` runs what exports ask of the emulator itself."""
    journal = Journal()
    exports = ExportService(journal, run)
    _journal_changes(journal)
    _serve_exports(exports)
    _tell_restorable_times(exports)
    at.IMPORT_TABLE.wrap(_same_token_same_import)
    at.EXTRACT_KEY_VALUE.wrap(_same_number_same_key)
    at.ADD_CONSUMED_CAPACITY.wrap(_pages_cost_by_size)
    at.RESET_DYNAMODB.wrap(lambda original: _all_of(original, exports.reset, journal.clear))
    return exports


def _pages_cost_by_size(original: Callable[..., None]) -> Callable[..., None]:
    """MiniStack charges a page of any size like one small item; AWS charges the whole page, in units of 4 KB.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
    """

    def add(result: dict[str, Any], data: dict[str, Any], *others: Any, **named: Any) -> None:
        original(result, data, *others, **named)
        items, capacity = result.get("Items"), result.get("ConsumedCapacity")
        if items and capacity and data.get("ReturnConsumedCapacity") == "TOTAL":
            size = sum(at.ITEM_SIZE.current(item) for item in items)
            capacity["CapacityUnits"] = math.ceil(size / 4096) * (1.0 if data.get("ConsistentRead") else 0.5)

    return add


def _journal_changes(journal: Journal) -> None:
    """Every write path of MiniStack, TTL and AppSync included, ends in these three functions."""

    def set_item(original: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(table: Any, pk_val: Any, sk_val: Any, item: Any) -> Any:
            old = original(table, pk_val, sk_val, item)
            journal.record(table, (pk_val, sk_val), item)
            return old

        return recorded

    def remove_item(original: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(table: Any, pk_val: Any, sk_val: Any) -> Any:
            old = original(table, pk_val, sk_val)
            if old is not None:
                journal.record(table, (pk_val, sk_val), None)
            return old

        return recorded

    def items_replaced(original: Callable[..., Any]) -> Callable[..., Any]:
        def recorded(table: Any) -> None:
            original(table)
            journal.replace_all(table)

        return recorded

    at.SET_ITEM.wrap(set_item)
    at.REMOVE_ITEM.wrap(remove_item)
    at.ITEMS_REPLACED.wrap(items_replaced)


def _serve_exports(exports: ExportService) -> None:
    tables = at.TABLES.current

    def export_table(data: dict[str, Any]) -> Response:
        name = at.TABLE_NAME_FROM_ARN.current(data.get("TableArn"))
        return _answer(lambda: exports.export_table(data, tables.get(name)))

    def describe_export(data: dict[str, Any]) -> Response:
        return _answer(lambda: exports.describe_export(data))

    def list_exports(data: dict[str, Any]) -> Response:
        return _answer(lambda: exports.list_exports(data, {table["TableId"] for table in tables.values()}))

    at.EXPORT_TABLE.replace(export_table)
    at.DESCRIBE_EXPORT.replace(describe_export)
    at.LIST_EXPORTS.replace(list_exports)


def _tell_restorable_times(exports: ExportService) -> None:
    """MiniStack keeps only whether PITR is on, and calls every moment both the earliest and the latest one."""

    def table_id(data: dict[str, Any]) -> str:
        table = at.TABLES.current.get(at.NORMALIZE_TABLE_NAME.current(data.get("TableName")))
        return str(table["TableId"])

    def update(original: Callable[..., Any]) -> Callable[..., Any]:
        def noted(data: dict[str, Any]) -> Response:
            response: Response = original(data)
            if response[0] == 200:
                specification = data.get("PointInTimeRecoverySpecification", {})
                exports.pitr_changed(table_id(data), specification.get("PointInTimeRecoveryEnabled", False))
                return describe(data)
            return response

        return noted

    def describe(data: dict[str, Any]) -> Response:
        status, headers, body = original_describe(data)
        window = exports.restorable_window(table_id(data)) if status == 200 else None
        if window is None:
            return status, headers, body
        answer = json.loads(body)
        recovery = answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        recovery["RecoveryPeriodInDays"] = 35
        recovery["EarliestRestorableDateTime"], recovery["LatestRestorableDateTime"] = window
        return _respond(answer)

    original_describe = at.DESCRIBE_CONTINUOUS_BACKUPS.current
    at.DESCRIBE_CONTINUOUS_BACKUPS.replace(describe)
    at.UPDATE_CONTINUOUS_BACKUPS.wrap(update)


def _same_token_same_import(original: Callable[[dict[str, Any]], Response]) -> Callable[[dict[str, Any]], Response]:
    """Answer the same request again with its import; MiniStack looks first whether the table is there: by then it is.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ImportTable.html (ClientToken)
    """

    def import_table(data: dict[str, Any]) -> Response:
        for description in at.IMPORTS.current.values():
            if data.get("ClientToken") and description.get("ClientToken") == data["ClientToken"]:
                return _respond({"ImportTableDescription": at.IMPORT_DESCRIPTION.current(description)})
        return original(data)

    return import_table


def _same_number_same_key(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """1 and 1.00 are one key. MiniStack stores numbers in canonical form, but looks keys up as they are written."""

    def key_value(attr: Any) -> Any:
        if isinstance(attr, dict) and isinstance(attr.get("N"), str):
            return at.CANONICAL_NUMBER.current(attr["N"]) or attr["N"]
        return original(attr)

    return key_value


def _answer(call: Callable[[], dict[str, Any]]) -> Response:
    try:
        return _respond(call())
    except Refused as refused:
        response: Response = at.ERROR_RESPONSE.current(refused.code, refused.message, 400)
        return response


def _respond(answer: dict[str, Any]) -> Response:
    response: Response = at.JSON_RESPONSE.current(answer)
    return response


def _all_of(*calls: Callable[[], None]) -> Callable[[], None]:
    def call_all() -> None:
        for call in calls:
            call()

    return call_all
