"""Every committed input, also each one that once met a fault, is read or refused as documented; without atheris."""

from __future__ import annotations

import pytest

from tests.reliability.fuzz import mutation
from tests.reliability.fuzz.oracle import read_inputs
from tests.reliability.fuzz.records import KINDS
from tests.reliability.fuzz.targets import TARGETS

ALTERED = 40
"""So many inputs of each target are altered by the fuzzer's own dice: enough to see that dice and oracle still work."""


@pytest.mark.parametrize("target", TARGETS)
def test_committed_inputs(target: str) -> None:
    inputs = list(read_inputs(target))
    assert inputs
    for data in inputs:
        TARGETS[target].check(data)


@pytest.mark.parametrize("target", TARGETS)
def test_altered_inputs(target: str) -> None:
    inputs = list(read_inputs(target))
    for seed in range(ALTERED):
        data = inputs[seed % len(inputs)]
        TARGETS[target].check(mutation.mutated(TARGETS[target].shape, data, 4096, seed, lambda text, most: text[:most]))


def test_every_kind_of_record_has_an_input() -> None:
    named = {data.partition(b"\n")[0].decode() for target in ("manifests", "records") for data in read_inputs(target)}
    assert named == set(KINDS)
