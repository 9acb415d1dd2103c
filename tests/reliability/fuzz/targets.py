"""All targets by name."""

from __future__ import annotations

from tests.reliability.fuzz.environment import KEYS_OF_PEOPLE, SETTINGS
from tests.reliability.fuzz.events import EVENTS, HTTP
from tests.reliability.fuzz.lines import FILES, LINES
from tests.reliability.fuzz.records import MANIFESTS, RECORDS

__all__ = ["TARGETS"]

TARGETS = {target.name: target for target in (EVENTS, HTTP, MANIFESTS, RECORDS, LINES, FILES, SETTINGS, KEYS_OF_PEOPLE)}
