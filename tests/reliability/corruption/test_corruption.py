"""Damaged backups: every one is refused by name before the first write, or restores exactly what was backed up.

``make corruption`` tries every byte; here it is one case of each class.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.reliability.corruption.matrix import spread, try_all
from tests.reliability.corruption.specimens import Specimen, all_specimens
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


@pytest.mark.parametrize("specimen", SPECIMENS.values(), ids=SPECIMENS)
def test_no_damage_passes(specimen: Specimen) -> None:
    results = try_all(spread(specimen, MOST_OF_A_CLASS))

    assert results.passed == []
    assert len(results.tallies) > 50
