"""A region is lost: tables come back in the second one, from nothing but the copy of the backups.

What S3 replicated and what was copied by hand differ in bucket and prefix alone: `make long` shows with the former what
`make test` shows with the latter, but for the newest backup, which is restored from both.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.scenario.backup.kit import back_up
from tests.scenario.restore.kit import canonicals, restore, restore_in_turns, strings
from tests.scenario.second_region.kit import FIRST, HOME, PREFIX, REPLICA, SECOND, TABLE, History, Regions, with_history
from tests.scenario.verify.kit import verify, verify_in_turns

pytestmark = pytest.mark.xdist_group("second region")  # its tests share a history

CONVENTION = r"^standby_[a-z]+$"


REPLICATED, COPIED = "replicated", "copied to another bucket and prefix"
either = pytest.mark.parametrize("second", [REPLICATED, COPIED], indirect=True)
either_in_the_long_run = pytest.mark.parametrize(
    "second", [pytest.param(REPLICATED, marks=pytest.mark.long), COPIED], indirect=True
)


@pytest.fixture
def second(request: pytest.FixtureRequest, history: History, regions: Regions) -> tuple[Regions, str, str]:
    """The second region after the first was lost: its bucket and prefix, by S3's replication or by a plain copy."""
    if request.param == REPLICATED:
        regions.replicate()
        with_history(regions)
        bucket, prefix = REPLICA, PREFIX
    else:
        bucket, prefix = "by-hand", "deep/copy-of-backups"
        regions.copied(history, bucket, prefix)
    regions.lose_first_region()
    regions.be_in(SECOND, bucket, prefix)
    return regions, bucket, prefix


@either
def test_latest_comes_back_with_its_table(second: tuple[Regions, str, str]) -> None:
    regions, _, _ = second
    answer = restore({"create_missing_tables": True, "prove": True})
    assert (answer.code, answer.result["proven"], answer.result["items_written"]) == (200, True, 40)
    assert regions.items(SECOND) == canonicals(strings(40))
    assert regions.requests_to_the_lost_bucket() == []


@either_in_the_long_run
def test_a_date_comes_back_under_another_environments_names(second: tuple[Regions, str, str]) -> None:
    regions, bucket, prefix = second
    (date,) = {key.removeprefix(f"{prefix}/")[:10] for key in regions.keys(bucket) if key.endswith("/manifest.json")}
    regions.be_in(SECOND, bucket, prefix, ENVIRONMENT="standby", TABLE_NAME_PATTERN=CONVENTION)
    event: dict[str, Any] = {"backup_date": date, "create_missing_tables": True}
    refused = restore(event)
    assert (refused.code, regions.tables[SECOND].list_tables()["TableNames"]) == (500, [])
    answer = restore(event | {"target_tables": {TABLE: "standby_orders"}})
    assert answer.code == 200
    assert regions.items(SECOND, "standby_orders") == canonicals(strings(40))
    assert regions.requests_to_the_lost_bucket() == []


@either_in_the_long_run
def test_every_moment_of_the_increments_comes_back(second: tuple[Regions, str, str]) -> None:
    regions, _, _ = second
    for moment, items in regions.states.items():
        answer = restore({"restore_to": moment, "create_missing_tables": True, "write_mode": "mirror", "prove": True})
        assert (answer.code, answer.result["restored_to"], answer.result["proven"]) == (200, moment, True)
        assert regions.items(SECOND) == items
    assert len(regions.states) == 2
    assert regions.requests_to_the_lost_bucket() == []


@either_in_the_long_run
def test_single_items_come_back_by_the_copied_key_index(second: tuple[Regions, str, str]) -> None:
    regions, bucket, prefix = second
    regions.create_table(SECOND)
    answer = restore({"tables": [TABLE], "keys": [{"id": {"S": "item-000007"}}]})
    assert answer.code == 200, answer.body
    assert regions.items(SECOND) == canonicals(strings(1, start=7))
    # One of two data files: the index that lies beside the copied export told which.
    assert not any("index" in warning for warning in answer.result["warnings"])
    data = regions.aws.requests.list("s3", "GetObject", f"{bucket}/{prefix}/20*/data/*")
    assert len({one.resources for one in data}) == 1
    assert regions.requests_to_the_lost_bucket() == []


@either_in_the_long_run
def test_the_copy_is_verified_listed_and_imported(second: tuple[Regions, str, str]) -> None:
    regions, bucket, prefix = second
    verified = verify()
    assert verified.code == 200, verified.body
    assert not verified.result["warnings"]  # the fingerprint that was copied is the one that was computed here
    listed = back_up({"action": "list"})
    (points,) = listed.body["tables"]
    assert points["newest_verified"]["export_manifest"].startswith(f"{prefix}/20")
    assert points["newest_verified"]["export_manifest"] in regions.keys(bucket)
    (chain,) = points["chains"]
    assert (chain["windows"], chain["covered_until"]) == (2, max(regions.states))
    imported = restore({"method": "import", "target_tables": {TABLE: "imported"}})
    assert imported.code == 200, imported.body
    assert regions.items(SECOND, "imported") == canonicals(strings(40))
    assert regions.requests_to_the_lost_bucket() == []


@either_in_the_long_run
def test_backups_go_on_in_the_second_region(second: tuple[Regions, str, str]) -> None:
    regions, _, _ = second
    restore({"restore_to": max(regions.states), "create_missing_tables": True})
    regions.turn_recovery_on(SECOND)
    # The chain cannot go on with a table of another region, so this is a new full backup, and says why.
    made = back_up({"export_type": "INCREMENTAL_EXPORT"})
    assert made.code == 200, made.body
    assert made.of(TABLE)["export_type"] == "FULL_EXPORT"
    assert "created again" in json.dumps(made.of(TABLE)["warnings"])
    assert restore({"dry_run": True}).result["items_expected"] == 41
    regions.fill(strings(1, start=200), SECOND)
    regions.tables[FIRST] = regions.tables[SECOND]
    regions.make_increment()
    assert regions.requests_to_the_lost_bucket() == []


def test_a_table_under_a_key_of_the_lost_region_comes_back_under_awss_own(regions: Regions) -> None:
    regions.replicate()
    key = regions.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    regions.create_table(FIRST, SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key})
    regions.fill(strings(3))
    regions.make_full_backup()
    regions.lose_first_region()
    regions.be_in(SECOND, REPLICA)
    answer = restore({"create_missing_tables": True})
    assert answer.code == 200, answer.body
    assert any(key in warning and "another region" in warning for warning in answer.result["warnings"])
    created = regions.tables[SECOND].describe_table(TableName=TABLE)["Table"]["SSEDescription"]
    assert (created["SSEType"], created.get("KMSMasterKeyArn") == key) == ("KMS", False)


@pytest.mark.parametrize("started", ["exports", "window"])
def test_what_the_lost_region_had_begun_is_left_alone(regions: Regions, started: str) -> None:
    regions.replicate()
    regions.create_table(FIRST)
    regions.fill(strings(5))
    regions.make_full_backup()
    event = {"export_type": "INCREMENTAL_EXPORT"} if started == "window" else {}
    regions.aws.exports.configure(seconds=600)
    time.sleep(2.1 if started == "window" else 0)
    unfinished = back_up(event, seconds=8)
    assert unfinished.code == 202, unfinished.body
    regions.lose_first_region()
    regions.aws.exports.configure(seconds=0)
    regions.be_in(SECOND, REPLICA)
    restore({"create_missing_tables": True})
    regions.turn_recovery_on(SECOND)
    there = back_up()
    assert (there.code, there.body["export_results"][0]["status"]) == (200, "COMPLETED")
    assert there.body.get("warnings", []) == []
    assert back_up({"run_id": unfinished.body["run_id"]}).code == 500
    assert regions.aws.requests.count("dynamodb", "ExportTableToPointInTime") == 1
    # The chain of the lost table is closed, not gone on with, and that of the new full backup begins.
    regions.tables[FIRST] = regions.tables[SECOND]
    regions.make_increment()
    assert regions.requests_to_the_lost_bucket() == []


def test_an_unfinished_restore_of_the_lost_region_is_not_gone_on_with(regions: Regions) -> None:
    """What it has written it wrote to the tables there: going on would leave those items out, and call it 200."""
    regions.replicate()
    regions.create_table(FIRST)
    regions.fill(strings(60))
    regions.make_full_backup()
    with regions.aws.faults.throttle("dynamodb", "BatchWriteItem", skip=1):
        unfinished = restore({"max_workers": 1}, seconds=7)
    assert (unfinished.code, unfinished.result["items_written"]) == (202, 25), unfinished.body
    restore_id = unfinished.body["restore_id"]
    regions.lose_first_region()
    regions.be_in(SECOND, REPLICA)
    regions.create_table(SECOND)
    refused = restore({"restore_id": restore_id})
    assert refused.code == 500
    assert f"'restore_id' names work that began with s3://{HOME}/{PREFIX}/" in refused.errors
    assert regions.items(SECOND) == []
    assert restore_in_turns({}, seconds=20)[-1].code == 200
    assert regions.items(SECOND) == canonicals(strings(60))


def test_an_unfinished_verification_is_not_gone_on_with(regions: Regions) -> None:
    regions.replicate()
    regions.create_table(FIRST)
    regions.fill(strings(10))
    regions.make_full_backup()
    with regions.aws.faults.throttle("dynamodb", "Scan"):
        unfinished = verify({"against": "table"}, seconds=7)
    assert unfinished.code == 202, unfinished.body
    regions.lose_first_region()
    regions.be_in(SECOND, REPLICA)
    refused = verify({"verify_id": unfinished.body["verify_id"]})
    assert (refused.code, "'verify_id' names work that began with" in refused.body["error"]) == (500, True)
    assert verify_in_turns({}, seconds=20)[-1].code == 200


HOSTILE = {
    "s3_prefix": f"../../{HOME}/{PREFIX}/2026-01-31/orders",
    "export_manifest": f"s3://{HOME}/{PREFIX}/2026-01-31/orders/AWSDynamoDB/01/manifest-summary.json",
    "table_definition": f"s3://{HOME}/{PREFIX}/definitions/orders.json",
    "s3_bucket": HOME,
}


def test_no_manifest_makes_a_restore_read_another_bucket(history: History, regions: Regions) -> None:
    regions.copied(history, REPLICA, PREFIX)
    moment = max(regions.states)
    regions.lose_first_region()
    regions.be_in(SECOND, REPLICA)
    regions.create_table(SECOND)
    for field, value in HOSTILE.items():
        edit_everything(regions, history.objects, field, value)
        for event in ({"backup_date": "latest"}, {"restore_to": moment}):
            restore(event)
            verify()
        back_up({"action": "list"})
        assert {bucket for one in regions.aws.requests.list("s3") for bucket in buckets_of(one)} == {REPLICA}, field


def edit_everything(regions: Regions, whole: Mapping[str, bytes], field: str, value: str) -> None:
    """Set a field wherever it stands: in manifests of ours and of DynamoDB, and in chain records; mend all else."""

    def edited(document: Any) -> Any:
        if isinstance(document, dict):
            return {name: value if name == field else edited(one) for name, one in document.items()}
        return [edited(one) for one in document] if isinstance(document, list) else document

    edits: dict[str, bytes] = {}
    for key, content in whole.items():
        if key.endswith(("manifest.json", "manifest-summary.json")) or "/chains/" in key:
            document = json.loads(content)
            document |= {"s3Bucket": HOME, "s3Prefix": f"../{HOME}"} if "exportArn" in document else {}
            edits[key] = json.dumps(edited(document)).encode()
            regions.s3.delete_object(Bucket=REPLICA, Key=key.replace("summary.json", "summary.md5"))
    regions.aws.contents.put_objects(REPLICA, edits)
    for key in set(regions.keys(REPLICA)) - set(whole):
        regions.s3.delete_object(Bucket=REPLICA, Key=key)
    regions.aws.requests.clear()


def buckets_of(request: Any) -> set[str]:
    return {resource.partition("/")[0] for resource in request.resources}
