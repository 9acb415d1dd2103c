"""The account's bucket is lost: tables come back exactly, from nothing but the copy at another provider."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dynamodb_backup.archive.seal import resealed
from tests.scenario.backup.kit import back_up
from tests.scenario.offsite.kit import (
    COPY,
    COPY_PREFIX,
    DAY_S_ITEMS,
    HOME,
    PREFIX,
    TABLE,
    CopiedDay,
    Places,
    keys,
    offsite,
    offsite_in_turns,
)
from tests.scenario.restore.kit import canonicals, restore, strings
from tests.scenario.verify.kit import verify

pytestmark = pytest.mark.xdist_group("off-site copy")  # its tests share a backup, its copy and the other store


def with_increments(places: Places) -> str:
    """Make a full backup with its fingerprint and two increments, copy them, and return the date."""
    places.create_table()
    places.fill(strings(20))
    date = places.make_full_backup()
    assert verify().code == 200
    places.dynamodb.delete_item(TableName=TABLE, Key={"id": {"S": "item-000001"}})
    places.make_increment()
    places.fill(strings(2, start=100, note={"S": "newer"}))
    places.make_increment()
    places.store.requests.clear()
    answer = offsite()
    assert (answer.code, answer.statuses(), answer.statuses("chain")) == (200, ["COPIED"], ["COPIED"]), answer.body
    return date


@pytest.fixture
def full(places: Places, copied_day: CopiedDay) -> str:
    """A full backup of 12 items and its copy; the date of it."""
    return places.have(copied_day)


def test_everything_is_copied_and_every_moment_comes_back(places: Places) -> None:
    date = with_increments(places)
    assert_all_is_there_byte_for_byte(places)
    assert_only_what_every_store_has_is_asked_for(places)
    assert_manifest_and_chain_come_last(places, date)
    places.lose_everything()
    fetched = offsite({"action": "fetch", "backup_date": date})
    assert fetched.code == 200, fetched.body
    answer = restore({"create_missing_tables": True, "prove": True})
    assert (answer.code, answer.result["proven"], answer.result["items_written"]) == (200, True, 20), answer.body
    assert places.items() == canonicals(strings(20))
    verified = verify()
    assert (verified.code, verified.result["warnings"]) == (200, [])
    assert len(places.states) == 2
    for moment, items in places.states.items():
        answer = restore({"restore_to": moment, "write_mode": "mirror", "prove": True})
        assert (answer.code, answer.result["restored_to"], answer.result["proven"]) == (200, moment, True), answer.body
        assert places.items() == items
    # Bringing it back again finds all of it there.
    again = offsite({"action": "fetch", "backup_date": date})
    assert (again.code, again.body["already_copied"], again.body["bytes_copied"]) == (200, 2, 0)
    assert_a_deleted_increment_is_fetched_again(places, date)


def assert_a_deleted_increment_is_fetched_again(places: Places, date: str) -> None:
    data = f"{PREFIX}/{date}/{TABLE}/AWSDynamoDB/data/"
    whole = keys(places.s3, "made-anew", data)
    places.s3.delete_object(Bucket="made-anew", Key=whole[0])
    again = offsite({"action": "fetch", "backup_date": date})
    assert (again.code, again.statuses("chain")) == (200, ["COPIED"]), again.body
    assert keys(places.s3, "made-anew", data) == whole


def assert_all_is_there_byte_for_byte(places: Places) -> None:
    left_out = ("/offsite/", "/verifications/", "_started", "/retention/")
    at_home = {key.removeprefix(PREFIX) for key in keys(places.s3, HOME) if not any(part in key for part in left_out)}
    assert {key.removeprefix(COPY_PREFIX) for key in places.copied_keys()} == at_home
    for key in at_home:
        body = places.s3.get_object(Bucket=HOME, Key=f"{PREFIX}{key}")["Body"].read()
        assert places.read_copy(f"{COPY_PREFIX}{key}") == body, key


def assert_only_what_every_store_has_is_asked_for(places: Places) -> None:
    copying = {one.operation for one in places.store.requests.list("s3") if one.resources[0] != COPY}
    assert copying <= {"PutObject", "HeadObject", "GetObject"}, copying
    assert {one.operation for one in places.aws.requests.list("secretsmanager")} == {"CreateSecret", "GetSecretValue"}


def assert_manifest_and_chain_come_last(places: Places, date: str) -> None:
    puts = [one.resources[0] for one in places.store.requests.list("s3", "PutObject")]
    manifest = puts.index(f"{COPY}/{COPY_PREFIX}/{date}/manifest.json")
    (chain,) = (number for number, key in enumerate(puts) if "/chains/" in key)
    summaries = [number for number, key in enumerate(puts) if key.endswith("manifest-summary.json")]
    assert summaries[0] < manifest < summaries[1] < summaries[2] < chain == len(puts) - 1
    assert len([key for key in puts[: summaries[0]] if "/data/" in key]) == 2


def test_it_comes_back_in_short_turns_and_under_another_prefix(places: Places, full: str) -> None:
    date = full
    places.lose_everything("elsewhere")
    places.be_at("elsewhere", "a/deep/prefix", allow_fetch=True)
    answers = offsite_in_turns({"action": "fetch", "days": 2})
    assert answers[-1].code == 200, answers[-1].body
    answer = restore({"create_missing_tables": True, "prove": True})
    assert (answer.code, answer.result["proven"], places.items()) == (200, True, canonicals(DAY_S_ITEMS)), answer.body
    (points,) = back_up({"action": "list"}).body["tables"]
    assert points["newest_verified"]["export_manifest"].startswith(f"a/deep/prefix/{date}/{TABLE}/")


def test_a_fetched_backup_that_was_altered_at_the_store_is_refused(places: Places, full: str) -> None:
    date = full
    data = next(key for key in places.copied_keys() if "/data/" in key and f"/{date}/{TABLE}/" in key)
    body = bytearray(places.read_copy(data))
    body[-1] ^= 1
    places.there.put_object(Bucket=COPY, Key=data, Body=bytes(body))
    places.lose_everything()
    answer = offsite({"action": "fetch", "backup_date": date})
    assert (answer.code, answer.statuses()) == (500, ["FAILED"]), answer.body
    assert f"{data} of {places.store.endpoint} is altered: its MD5 is" in answer.body["copies"][0]["error"]
    assert not any(key.endswith(f"{date}/manifest.json") for key in keys(places.s3, "made-anew"))


def test_nothing_that_is_there_is_overwritten_on_the_way_back(places: Places, full: str) -> None:
    date = full
    manifest = f"{PREFIX}/{date}/manifest.json"
    stored = json.loads(places.s3.get_object(Bucket=HOME, Key=manifest)["Body"].read())
    other = json.dumps(resealed(stored | {"note": "a newer run"})).encode()
    places.s3.put_object(Bucket=HOME, Key=manifest, Body=other)
    places.be_at(HOME, allow_fetch=True)
    answer = offsite({"action": "fetch", "backup_date": date})
    assert (answer.code, answer.statuses()) == (500, ["FAILED"]), answer.body
    assert "is there already with other content, and nothing is overwritten" in answer.body["copies"][0]["error"]
    assert places.s3.get_object(Bucket=HOME, Key=manifest)["Body"].read() == other


def test_latest_is_each_table_s_newest_backup_however_far_back(places: Places, full: str) -> None:
    date = full
    older = json.loads(places.read_copy(f"{COPY_PREFIX}/{date}/manifest.json"))
    older["exports"][0] |= {"status": "FAILED"}
    newer = json.dumps(resealed(older | {"backup_date": "2999-01-01"})).encode()
    places.there.put_object(Bucket=COPY, Key=f"{COPY_PREFIX}/2999-01-01/manifest.json", Body=newer)
    places.lose_everything()
    answer = offsite({"action": "fetch", "backup_date": "latest"})
    assert (answer.code, [one["name"] for one in answer.body["copies"]]) == (200, [date]), answer.body
    assert restore({"create_missing_tables": True}).result["items_written"] == 12


def test_what_was_deleted_after_it_was_fetched_is_fetched_again(places: Places, full: str) -> None:
    date = full
    places.lose_everything("made-anew")
    event = {"action": "fetch", "backup_date": date}
    assert offsite(event).code == 200
    for part in ("/data/", "/manifest.json"):
        whole = keys(places.s3, "made-anew")
        gone = next(key for key in whole if part in key and "/offsite/" not in key)
        places.s3.delete_object(Bucket="made-anew", Key=gone)
        again = offsite(event)
        assert (again.code, again.statuses()) == (200, ["COPIED"]), again.body
        assert keys(places.s3, "made-anew") == whole
        assert offsite(event).body["already_copied"] == 1


def test_a_table_that_the_copy_left_out_is_told_when_its_date_is_fetched(places: Places, full: str) -> None:
    date = full
    places.lose_everything()
    key = f"{COPY_PREFIX}/{date}/manifest.json"
    partial = json.loads(places.read_copy(key))
    left_out = {"table_name": "users", "status": "FAILED", "error": "the backup was not copied here: it is altered"}
    partial["exports"].append(left_out)
    places.there.put_object(Bucket=COPY, Key=key, Body=json.dumps(resealed(partial)).encode())
    answer = offsite({"action": "fetch", "backup_date": date})
    assert (answer.code, answer.statuses()) == (207, ["PARTIAL"]), answer.body
    assert answer.body["copies"][0]["errors"] == {"users": left_out["error"]}
    assert restore({"tables": [TABLE], "create_missing_tables": True}).result["items_written"] == 12


def test_fetching_where_there_is_nothing_is_no_success(places: Places, full: str) -> None:
    date = full
    places.lose_everything()
    document = json.loads(places.read_copy(f"{COPY_PREFIX}/{date}/manifest.json"))
    document["exports"][0] |= {"status": "FAILED"}
    failed = json.dumps(resealed(document)).encode()
    places.there.put_object(Bucket=COPY, Key=f"{COPY_PREFIX}/{date}/manifest.json", Body=failed)
    for asked, said in (
        ({"backup_date": date}, "no table has a COMPLETED"),
        ({"days": 3}, "nothing to fetch of the last 3"),
    ):
        answer = offsite({"action": "fetch", **asked})
        assert (answer.code, answer.body["error_type"]) == (500, "BackupNotFound"), answer.body
        assert said in answer.body["error"]
    assert offsite({"days": 3}).code == 200  # by its schedule there may well be nothing to do


def test_a_table_of_which_latest_finds_nothing_is_told(places: Places, full: str) -> None:
    date = full
    places.lose_everything()
    places.be_at("made-anew", tables=(TABLE, "users"), allow_fetch=True)
    for already in (0, 1):
        answer = offsite({"action": "fetch", "backup_date": "latest"})
        assert (answer.code, answer.body["already_copied"]) == (207, already), answer.body
        (told,) = (one for one in answer.body["copies"] if one["name"] == "latest")
        assert (told["status"], told["error"]) == ("FAILED", "users: no date holds a COMPLETED backup of it")
    assert restore({"backup_date": date, "create_missing_tables": True}).result["items_written"] == 12


WRONG_EVENTS: list[tuple[dict[str, Any], str]] = [
    ({"action": "fetch", "backup_date": "latest"}, "field 'action' is fetch, which this deployment does not allow"),
    ({"action": "fetch"}, "field 'backup_date' is missing"),
    ({"backup_date": "1999-01-01"}, "there is no backup of 1999-01-01"),
    ({"backup_date": "latest"}, "there is no backup under"),
    ({"tables": ["orders"]}, "field 'tables' is unknown"),
]


def test_a_wrong_event_is_refused_by_name(places: Places) -> None:
    for event, says in WRONG_EVENTS:
        answer = offsite(event)
        assert (answer.code, says in answer.body["error"]) == (500, True), answer.body
    assert places.store.requests.count("s3", "PutObject") == 0
