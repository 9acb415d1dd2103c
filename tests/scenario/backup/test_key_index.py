"""A backup leaves a key index beside each export, and does not fail for want of it."""

from __future__ import annotations

import pytest

from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.verify.key_index import read_key_index
from tests.scenario.backup.conftest import Configure
from tests.scenario.backup.kit import BUCKET, Stage, back_up, back_up_in_turns, some_items


def root_of(stage: Stage) -> str:
    return str(stage.recorded("orders")["export_manifest"]).removesuffix("manifest-summary.json")


@pytest.mark.parametrize("seconds", [0, 60])
def test_every_data_file_with_items_is_in_the_index(stage: Stage, configure: Configure, seconds: float) -> None:
    stage.create_table("orders", some_items(40))
    configure("orders")
    assert back_up_in_turns(seconds=seconds)[-1].code == 200
    index = read_key_index(ObjectStore(stage.s3, BUCKET), root_of(stage))
    assert index
    assert all(one.complete for one in index.filters.values())
    assert sum(len(one.prefixes) for one in index.filters.values()) == 40 * 4


def test_a_backup_is_as_good_without_an_index(stage: Stage, configure: Configure) -> None:
    stage.create_table("orders", some_items(40))
    configure("orders")
    stage.aws.faults.deny("s3", "PutObject", resource=f"{BUCKET}/*/key-index/*")
    answer = back_up()
    assert answer.code == 200
    assert "the key index was not written" in str(answer.of("orders")["warnings"])
    assert not [key for key in stage.all_keys() if key == Layout.key_index(root_of(stage))]
