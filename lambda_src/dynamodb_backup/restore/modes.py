"""What each ``write_mode`` writes, and what it promises of the table afterwards.

========================  ====================================  ================================================
mode                      writes                                the table afterwards
========================  ====================================  ================================================
``overwrite``             every item of the backup              holds every item of the backup
``only_missing``          items whose key the table lacks       holds every key of the backup
``mirror``                every item, and deletes all others    holds exactly the backup
``diff``                  items that are missing or different   holds every item of the backup
========================  ====================================  ================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dynamodb_backup.archive.datafile import item_of
from dynamodb_backup.table.batch_write import Outcome
from dynamodb_backup.verify.comparison import Comparison, ComparisonState

__all__ = ["ChangedItemsWriter", "LineWriter", "keeps_promise"]


class LineWriter(Protocol):
    """Writes some lines of a data file and says what became of each."""

    def put(self, lines: Sequence[bytes]) -> Outcome: ...


class ChangedItemsWriter:
    """Writes only what a comparison found missing or different; what the table holds already is left alone."""

    def __init__(self, writer: LineWriter, comparison: Comparison) -> None:
        self._writer = writer
        self._comparison = comparison

    def put(self, lines: Sequence[bytes]) -> Outcome:
        """Put the lines that differ. Raises ``ClientError`` for what no retry mends."""
        wanted = [number for number, line in enumerate(lines) if not self._comparison.is_identical(item_of(line))]
        outcome = self._writer.put([lines[number] for number in wanted]) if wanted else Outcome()
        # Where time ran out, the outcome is that of the leading lines up to the first one that is not settled.
        settled_lines = wanted[outcome.settled] if outcome.unsettled else len(lines)
        outcome.unchanged = settled_lines - outcome.settled
        return outcome


def keeps_promise(write_mode: str, found: ComparisonState) -> bool:
    """Tell whether a table that was compared with the backup holds what the mode promises."""
    if write_mode == "only_missing":
        return not found.missing
    same = not found.missing and not found.different
    return same and not found.extra if write_mode == "mirror" else same
