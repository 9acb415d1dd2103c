"""What a restore would cost and set off, for a dry run: measured on the backup's own lines, read off the target.

Prices are the list prices of us-east-1 (aws.amazon.com/dynamodb/pricing, on demand). They are for the size of the bill,
not for its cents.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from dynamodb_backup.archive.datafile import item_of
from dynamodb_backup.aws import Clients
from dynamodb_backup.aws_errors import error_code
from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.restore.state import TableState
from dynamodb_backup.table.definition import describe
from dynamodb_backup.table.side_effects import side_effects, ttl_attribute
from dynamodb_backup.table.write_budget import UNIT_BYTES, default_budget

__all__ = ["Estimator"]

US_DOLLARS_PER_MILLION_WRITE_UNITS = 0.625
US_DOLLARS_PER_GB_IMPORTED = 0.15
BYTES_PER_GB = 1_073_741_824

NEW_TABLE_UNITS_PER_SECOND = 4000
"""What a new on-demand table takes:
docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html"""

TTL_FORGETS_SECONDS = 5 * 365 * 24 * 3600
"""TTL leaves items alone that expired more than five years ago:
docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-before-you-start.html"""


class Estimator:
    """Measures one table's backup while it is verified, and looks at its target."""

    def __init__(
        self,
        clients: Clients,
        request: RestoreRequest,
        state: TableState,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._request = request
        self._state = state
        self._now = now()
        self._unknown: list[str] = []
        self._target = _target(clients, state.target)
        self._expires_by = ttl_attribute(clients.dynamodb, state.target, self._unknown) if self._target else None

    def measured(self, number: int) -> Callable[[bytes], dict[str, Any]]:
        """Return how a line of data file ``number`` is parsed: as ever, and measured."""
        size = self._state.files[number].size

        def parse(line: bytes) -> dict[str, Any]:
            item = item_of(line)
            size.json_bytes += len(line)
            size.write_units += -(-len(line) // UNIT_BYTES)
            size.expired_items += self._is_expired(item)
            return item

        return parse

    def conclude(self) -> None:
        """Put the estimate and the side effects into the table's state."""
        sizes = [file.size for file in self._state.files]
        json_bytes = sum(size.json_bytes for size in sizes)
        write_units = sum(size.write_units for size in sizes)
        imports = self._request.method == "import"
        rate = None if imports else self._units_per_second()
        self._state.estimate = {
            "items": self._state.items_expected,
            "json_bytes": json_bytes,
            "write_units": 0 if imports else write_units,
            "write_units_of_indexes": 0 if imports else write_units * self._indexes(),
            "write_units_per_second": rate,
            "minutes": round(write_units / rate / 60, 1) if rate else None,
            "us_dollars": self._us_dollars(json_bytes, write_units, imports=imports),
        }
        found = side_effects(self._target) if self._target else []
        expired = sum(size.expired_items for size in sizes)
        if expired:
            found.append(f"TTL ({self._expires_by}) will delete {expired} items that have expired since the backup")
        self._state.side_effects = [*found, *self._unknown]

    def _units_per_second(self) -> float:
        known = default_budget(self._target) if self._target else None
        wished = self._request.max_write_units_per_second or self._request.warm_write_units_per_second
        return float(wished or known or NEW_TABLE_UNITS_PER_SECOND)

    def _us_dollars(self, json_bytes: int, write_units: int, *, imports: bool) -> float | None:
        """Return the price; ``None`` for provisioned capacity, which is paid by the hour whether it is used or not."""
        if imports:
            return round(json_bytes / BYTES_PER_GB * US_DOLLARS_PER_GB_IMPORTED, 2)
        billing = ((self._target or {}).get("BillingModeSummary") or {}).get("BillingMode")
        if self._target and billing != "PAY_PER_REQUEST":
            return None
        copies = 1 + len((self._target or {}).get("Replicas") or ())
        units = write_units * (1 + self._indexes()) * copies
        return round(units / 1_000_000 * US_DOLLARS_PER_MILLION_WRITE_UNITS, 2)

    def _indexes(self) -> int:
        target = self._target or {}
        return sum(len(target.get(kind) or ()) for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"))

    def _is_expired(self, item: Mapping[str, Any]) -> bool:
        if self._expires_by is None:
            return False
        try:
            moment = float(item[self._expires_by]["N"])
        except (KeyError, TypeError, ValueError):
            return False
        return self._now - TTL_FORGETS_SECONDS < moment < self._now


def _target(clients: Clients, table: str) -> dict[str, Any] | None:
    """Return the target's description; ``None`` if there is no such table, so that the restore would make it."""
    try:
        return describe(clients.dynamodb, table)
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            return None
        raise
