"""What one rehearsal takes in the process that does it: CPU time, memory, and the longest line of its log."""

from __future__ import annotations

import resource
import sys
import time
from contextlib import redirect_stdout
from logging import StreamHandler
from typing import Any, TextIO, cast
from unittest.mock import patch

from dynamodb_backup.telemetry import logger
from tests.reliability.scale import limits
from tests.reliability.scale.rehearsals import REHEARSALS

__all__ = ["measured"]


class _Lines:
    """A stream that keeps nothing but the length of its longest line."""

    def __init__(self) -> None:
        self.longest = 0

    def write(self, text: str) -> int:
        self.longest = max(self.longest, *(len(line) for line in text.split("\n")))
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""


def measured(name: str, size: int) -> dict[str, Any]:
    """Rehearse once. Memory is the most that the whole process had, in MB of 1,048,576 bytes."""
    lines = _Lines()
    stream = cast("TextIO", lines)
    for handler in logger.handlers:
        cast("StreamHandler[TextIO]", handler).setStream(stream)
    began = time.process_time()
    with redirect_stdout(stream), patch("time.sleep"):
        outcome = REHEARSALS[name].run(size)
    seconds = time.process_time() - began
    if lines.longest:
        outcome.payloads["log line"] = (lines.longest, limits.LOG_LINE)
    if outcome.history_events:
        outcome.payloads["events in the execution's history"] = (outcome.history_events, limits.HISTORY_EVENTS)
    # Linux counts in KB, macOS in bytes.
    unit = 1_048_576 if sys.platform == "darwin" else 1024
    return {
        "requests": sum(outcome.requests.values()),
        "by_operation": dict(outcome.requests.most_common()),
        "cpu_seconds": round(seconds, 2),
        "moved_bytes": outcome.moved,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit,
        "payloads": outcome.payloads,
        "largest_objects": outcome.objects,
        "longest_page": outcome.longest_page,
    }
