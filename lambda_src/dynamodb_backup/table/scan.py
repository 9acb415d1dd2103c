"""Reading a table, page by page, in parallel segments, from where an earlier turn stopped.

botocore would walk through every attribute of every item to decode it: four fifths of a scan's CPU time. So a hook
takes the body before botocore's parser sees it, and ``json`` alone parses it: items stay as the wire has them, binary
values as base64 text. Errors, throttling and broken connections are botocore's as ever.
"""

from __future__ import annotations

import json
import threading
import zlib
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.parsers import ResponseParserError

from dynamodb_backup.table.keys import KeySchema

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

__all__ = ["Page", "Segment", "item_page", "key_page", "metered_page", "raw_item_page"]

T = TypeVar("T")

_EVENT = "before-parse.dynamodb.Scan"
_RAW = "RawBody"
_SPACES = frozenset(" \t\r\n")

_scanning = threading.local()
"""``raw`` is set in a thread that wants its answer unparsed: others may scan with the same client."""

_registering = threading.Lock()
_decode = json.JSONDecoder().raw_decode


@dataclass
class Segment:
    """One part of a parallel scan. It goes on after the key ``start``, as JSON has it; ``None`` at the beginning."""

    number: int
    start: dict[str, Any] | None = None
    done: bool = False


@dataclass(frozen=True)
class Page:
    """A page of items as the bytes that DynamoDB sent, the key behind it, and what reading it has cost."""

    items: list[bytes]
    last: dict[str, Any] | None
    read_units: float


def item_page(
    client: DynamoDBClient, table: str, segment: Segment, segments: int, *, limit: int | None = None
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Read one page of whole items of a segment, strongly consistent.

    Parameters
    ----------
    limit
        Most items of the page; by default as many as fit into DynamoDB's 1 MB.

    Returns
    -------
    The items, typed values as JSON has them (binary as base64 text), and the key after which the next page begins,
    ``None`` after the last one. A page may be empty and yet not be the last.

    Raises
    ------
    ClientError
        As DynamoDB says.
    ResponseParserError
        The answer is cut short or altered; the same call may succeed later (``is_transient``).

    Example
    -------
    >>> while not segment.done:
    ...     items, last = patiently(lambda: item_page(client, "orders", segment, 4))
    ...     segment.start, segment.done = last, last is None
    """
    options: dict[str, Any] = {"Limit": limit} if limit else {}
    return _page(_parsed, client, table, segment, segments, options)


def raw_item_page(
    client: DynamoDBClient, table: str, segment: Segment, segments: int, *, limit: int | None = None
) -> tuple[list[bytes], dict[str, Any] | None]:
    """Read a page like ``item_page``, but each item as the bytes that DynamoDB sent: a JSON object of UTF-8.

    Each was parsed on its own, so ``b'{"Item":' + raw + b"}"`` is a line of an export.
    """
    options: dict[str, Any] = {"Limit": limit} if limit else {}
    return _page(_sliced, client, table, segment, segments, options)


def metered_page(
    client: DynamoDBClient, table: str, segment: Segment, segments: int, *, limit: int | None = None
) -> Page:
    """Read a page like ``raw_item_page``, and tell the read units that DynamoDB has charged for it."""
    options: dict[str, Any] = {"ReturnConsumedCapacity": "TOTAL"} | ({"Limit": limit} if limit else {})
    items, rest = _answer(_sliced, client, table, segment, segments, options)
    consumed = rest.get("ConsumedCapacity")
    units = consumed.get("CapacityUnits") if isinstance(consumed, dict) else None
    if not isinstance(units, int | float):
        raise ResponseParserError("the answer to Scan does not tell the capacity that it consumed")
    return Page(items, rest.get("LastEvaluatedKey") or None, float(units))


def key_page(
    client: DynamoDBClient, table: str, keys: KeySchema, segment: Segment, segments: int
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Read a page like ``item_page``, but of each item its primary key alone."""
    placeholders = {f"#k{number}": name for number, name in enumerate(keys.names)}
    options = {"ProjectionExpression": ",".join(placeholders), "ExpressionAttributeNames": placeholders}
    return _page(_parsed, client, table, segment, segments, options)


def _page(
    read: Callable[[str], tuple[list[T], dict[str, Any]]],
    client: DynamoDBClient,
    table: str,
    segment: Segment,
    segments: int,
    options: dict[str, Any],
) -> tuple[list[T], dict[str, Any] | None]:
    items, rest = _answer(read, client, table, segment, segments, options)
    return items, rest.get("LastEvaluatedKey") or None


def _answer(
    read: Callable[[str], tuple[list[T], dict[str, Any]]],
    client: DynamoDBClient,
    table: str,
    segment: Segment,
    segments: int,
    options: dict[str, Any],
) -> tuple[list[T], dict[str, Any]]:
    """Scan once, and return the items and the other members of the answer."""
    if segment.start:
        options["ExclusiveStartKey"] = _for_botocore(segment.start)
    with _registering:
        client.meta.events.register(_EVENT, _keep_body, unique_id=f"{__name__}.{_EVENT}")
    _scanning.raw = True
    try:
        answer: dict[str, Any] = dict(
            client.scan(TableName=table, Segment=segment.number, TotalSegments=segments, ConsistentRead=True, **options)
        )
    finally:
        _scanning.raw = False
    try:
        _check_crc32(answer)
        items, rest = read(answer[_RAW].decode("utf-8"))
        # Without a Count that agrees it is not a whole answer of DynamoDB, and believing it would lose items.
        if rest["Count"] != len(items) or not isinstance(rest.get("LastEvaluatedKey"), dict | None):
            raise ValueError("its Count is not that of its items")
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise ResponseParserError(f"the answer to Scan is cut short or altered ({type(error).__name__})") from None
    return items, rest


def _keep_body(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Hide the body of a success from botocore's parser and hand it on as it is."""
    if getattr(_scanning, "raw", False) and response_dict["status_code"] == 200:
        customized_response_dict[_RAW] = response_dict["body"]
        response_dict["body"] = b"{}"


def _check_crc32(answer: dict[str, Any]) -> None:
    expected = answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-crc32")
    if expected is not None and int(expected) != zlib.crc32(answer[_RAW]):
        raise ValueError("its checksum is another")


def _parsed(text: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    answer: dict[str, Any] = json.loads(text)
    items = answer["Items"]
    if not isinstance(items, list) or not all(type(item) is dict for item in items):
        raise ValueError("Items are not a list of objects")
    return items, answer


def _sliced(text: str) -> tuple[list[bytes], dict[str, Any]]:
    """Walk through the answer's members, and cut each item out of ``Items`` as it stands."""
    items: list[bytes] | None = None
    rest: dict[str, Any] = {}
    position = _skip(text, 0, "{")
    while True:
        name, position = _decode(text, _skip(text, position))
        position = _skip(text, position, ":")
        if name == "Items":
            if items is not None:
                raise ValueError("Items stand twice")
            items, position = _cut(text, position)
        else:
            rest[name], position = _decode(text, _skip(text, position))
        position = _skip(text, position)
        if text[position : position + 1] == "}":
            break
        position = _skip(text, position, ",")
    if items is None or _skip(text, position + 1) != len(text):
        raise ValueError("Items are missing, or something follows the answer")
    return items, rest


def _cut(text: str, position: int) -> tuple[list[bytes], int]:
    items: list[bytes] = []
    position = _skip(text, _skip(text, position, "["))
    if text[position : position + 1] == "]":
        return items, position + 1
    while True:
        start = _skip(text, position)
        item, position = _decode(text, start)
        if type(item) is not dict:
            raise ValueError("an item is not an object")
        items.append(text[start:position].encode("utf-8"))
        position = _skip(text, position)
        if text[position : position + 1] == "]":
            return items, position + 1
        position = _skip(text, position, ",")


def _skip(text: str, position: int, mark: str = "") -> int:
    """Return the position behind any spaces and, where one is given, the mark that must follow them."""
    while text[position : position + 1] in _SPACES:
        position += 1
    if not text.startswith(mark, position):
        raise ValueError("not JSON")
    return position + len(mark)


def _for_botocore(key: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {kind: b64decode(value) if kind == "B" else value}
        for name, typed in key.items()
        for kind, value in typed.items()
    }
