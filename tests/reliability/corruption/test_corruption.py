"""Damaged backups: every one is refused by name before the first write, or restores exactly what was backed up.

``make corruption`` tries every byte in every way; here it is one case of each class, written over what is there or
mirrored by turns. What one file shows, several show, too: it is left to ``make long``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle

import pytest

from tests.reliability.corruption.matrix import spread, try_all
from tests.reliability.corruption.specimens import MODES, Specimen, all_specimens
from tests.reliability.corruption.trial import HARMLESS, Case, outcome, the_functions_run_here

MOST_OF_A_CLASS = 1
SPECIMENS = {specimen.name: specimen for specimen in all_specimens()}


@pytest.fixture(autouse=True)
def _as_a_function() -> Iterator[None]:
    with the_functions_run_here():
        yield


@pytest.mark.parametrize("specimen", SPECIMENS.values(), ids=SPECIMENS)
def test_an_undamaged_backup_is_restored(specimen: Specimen) -> None:
    whole = Case(specimen, "definition", "no damage", specimen.objects)
    assert [outcome(whole, way) for way in whole.ways] == [HARMLESS] * len(whole.ways)


@pytest.mark.parametrize(
    "specimen",
    [
        pytest.param(specimen, id=name, marks=[pytest.mark.long] if name == "one file" else [])
        for name, specimen in SPECIMENS.items()
    ],
)
def test_no_damage_passes(specimen: Specimen) -> None:
    by_turns = cycle(MODES)

    def ways_of(case: Case) -> Sequence[str]:
        return [next(by_turns), *(way for way in case.ways if way not in MODES)]

    results = try_all(spread(specimen, MOST_OF_A_CLASS), ways_of)

    assert results.passed == []
    assert len(results.tallies) > 50
