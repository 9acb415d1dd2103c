"""Reading one field of an event, or refusing it by name."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from dynamodb_backup.errors import RequestRefused
from dynamodb_backup.naming import is_table_name
from dynamodb_backup.timing import iso, moment_or_none

__all__ = ["Fields", "is_from_eventbridge"]

_MISSING = object()
_LONGEST_ECHO = 80


def is_from_eventbridge(event: object) -> bool:
    """Tell whether an event is one of EventBridge or its Scheduler, whose envelope may hold anything."""
    return isinstance(event, Mapping) and "detail-type" in event and "source" in event


class Fields:
    """The fields of one event. Every reader returns the checked value, or raises ``RequestRefused``."""

    def __init__(self, event: object, known: Collection[str], *, strict: bool = True) -> None:
        if not isinstance(event, Mapping):
            raise RequestRefused("event", f"must be a JSON object, but is {_shown(event)}")
        unknown = sorted(str(name) for name in event if name not in known)
        if unknown and strict:
            raise RequestRefused(unknown[0][:_LONGEST_ECHO], f"is unknown; known fields are {', '.join(sorted(known))}")
        self._event = event

    def given(self, name: str) -> bool:
        return name in self._event

    def raw(self, name: str) -> Any:
        """Return a field as it is, for a reader that checks it by itself; ``None`` if it is absent."""
        return self._event.get(name)

    def boolean(self, name: str, *, default: bool) -> bool:
        value = self._event.get(name, default)
        if not isinstance(value, bool):
            raise _wrong(name, value, "true or false")
        return value

    def integer(self, name: str, *, default: int, least: int, most: int) -> int:
        value = self._event.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise _wrong(name, value, f"an integer from {least} to {most}")
        return value

    def optional_integer(self, name: str, *, least: int, most: int) -> int | None:
        """Return the integer; ``None`` if the field is absent."""
        return self.integer(name, default=least, least=least, most=most) if self.given(name) else None

    def choice(self, name: str, *, default: str, allowed: Collection[str]) -> str:
        value = self._event.get(name, default)
        if value not in allowed or not isinstance(value, str):
            raise _wrong(name, value, " or ".join(sorted(allowed)))
        return value

    def text(self, name: str, *, pattern: str, meaning: str) -> str | None:
        """Return a string that matches the pattern as a whole; ``None`` if the field is absent."""
        value = self._event.get(name, _MISSING)
        if value is _MISSING:
            return None
        if not isinstance(value, str) or re.fullmatch(pattern, value) is None:
            raise _wrong(name, value, meaning)
        return value

    def backup_date(self, name: str) -> str:
        """Return ``YYYY-MM-DD`` or ``latest``, which is the default."""
        value = self._event.get(name, "latest")
        if value != "latest" and not _is_date(value):
            raise _wrong(name, value, "a date such as 2026-01-31, or latest")
        return str(value)

    def moment(self, name: str) -> str | None:
        """Return a time of ISO 8601 with its zone, in UTC with milliseconds; ``None`` if the field is absent."""
        value = self._event.get(name, _MISSING)
        if value is _MISSING:
            return None
        moment = moment_or_none(value) if isinstance(value, str) and "T" in value else None
        if moment is None:
            raise _wrong(name, value, "a time in UTC such as 2026-01-31T14:30:00Z")
        return iso(moment)

    def day(self, name: str) -> str | None:
        """Return ``YYYY-MM-DD``; ``None`` if the field is absent."""
        value = self._event.get(name, _MISSING)
        if value is _MISSING:
            return None
        if not _is_date(value):
            raise _wrong(name, value, "a date such as 2026-01-31")
        return str(value)

    def table_names(self, name: str) -> tuple[str, ...] | None:
        """Return table names in their order, each once; ``None`` if the field is absent."""
        value = self._event.get(name, _MISSING)
        if value is _MISSING:
            return None
        if not isinstance(value, list | tuple) or not value:
            raise _wrong(name, value, "a non-empty array of table names")
        for table in value:
            if not isinstance(table, str) or not is_table_name(table):
                raise RequestRefused(name, f"holds {_shown(table)}, which cannot be a DynamoDB table name")
        return tuple(dict.fromkeys(value))

    def table_map(self, name: str) -> dict[str, str]:
        """Return a map from source table to target table; empty if the field is absent."""
        value = self._event.get(name, {})
        if not isinstance(value, Mapping):
            raise _wrong(name, value, "an object from source table name to target table name")
        for source, target in value.items():
            for table in (source, target):
                if not isinstance(table, str) or not is_table_name(table):
                    raise RequestRefused(name, f"holds {_shown(table)}, which cannot be a DynamoDB table name")
        return dict(value)


def _is_date(value: object) -> bool:
    try:
        # fromisoformat alone would also take 20260102 and 2026-W01-5.
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _wrong(name: str, given: object, allowed: str) -> RequestRefused:
    return RequestRefused(name, f"must be {allowed}, but is {_shown(given)}")


def _shown(value: Any) -> str:
    """Return the value as JSON with its type, shortened: enough to see what was wrong."""
    try:
        text = json.dumps(value)
    except (TypeError, ValueError):
        text = repr(value)
    if len(text) > _LONGEST_ECHO:
        text = text[:_LONGEST_ECHO] + "..."
    kinds = {str: "string", bool: "boolean", int: "integer", float: "number", dict: "object", list: "array"}
    return f"{text} ({kinds.get(type(value), 'null' if value is None else type(value).__name__)})"
