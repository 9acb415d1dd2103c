"""What can go wrong on the way to the other store: nothing half is ever seen there, and everything is told."""

from __future__ import annotations

import io
import json
import os
import random
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dynamodb_backup.archive import plain_store
from dynamodb_backup.aws import clients
from dynamodb_backup.contract.offsite import OffsiteRequest
from dynamodb_backup.offsite import transfer
from dynamodb_backup.offsite.day import Day
from dynamodb_backup.offsite.lease import TurnLease
from dynamodb_backup.offsite.run import OffsiteRun
from dynamodb_backup.offsite.terms import OffsiteTerms
from dynamodb_backup.settings import Settings
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import Deadline
from dynamodb_backup.turns.means import Means
from sandbox.environment import SECRET_ACCESS_KEY
from tests.scenario.backup.kit import back_up, today
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

pytestmark = pytest.mark.xdist_group("off-site copy")  # its tests share a backup and the other store
SMALL_PART = 4096


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stream = io.StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    return stream


@pytest.fixture
def backed_up(places: Places, copied_day: CopiedDay) -> str:
    """A full backup that is not copied yet; the date of it."""
    return places.have(copied_day, copied=False)


def back_up_a_table(places: Places, items: list[dict[str, Any]] = DAY_S_ITEMS) -> str:
    places.create_table()
    places.fill(items)
    return places.make_full_backup()


def large_items() -> list[dict[str, Any]]:
    """Items that hardly compress: a data file of three parts."""
    source = random.Random(7)
    return [
        {"id": {"S": f"item-{number:06}"}, "b": {"B": b64encode(source.randbytes(1_450)).decode()}}
        for number in range(8)
    ]


@pytest.fixture
def large(places: Places, monkeypatch: pytest.MonkeyPatch) -> tuple[Places, str]:
    """A backup whose one data file is copied in three parts; and its date."""
    monkeypatch.setattr(plain_store, "PART_BYTES", SMALL_PART)
    monkeypatch.setattr(transfer, "PART_BYTES", SMALL_PART)
    places.aws.exports.configure(seconds=0, partitions=1)
    date = back_up_a_table(places, large_items())
    return places, date


def manifest_of(date: str) -> str:
    return f"{COPY_PREFIX}/{date}/manifest.json"


def test_a_large_file_goes_in_parts_turn_after_turn_and_comes_back(large: tuple[Places, str]) -> None:
    places, date = large
    answers = offsite_in_turns()
    assert [one.code for one in answers] == [202] * (len(answers) - 1) + [200], answers[-1].body
    assert len(answers) > 2
    assert places.store.requests.count("s3", "UploadPart") == 3
    assert places.store.requests.count("s3", "CreateMultipartUpload") == 1
    places.lose_everything()
    fetched = offsite_in_turns({"action": "fetch", "backup_date": date})
    assert (fetched[-1].code, len(fetched) > 2) == (200, True), fetched[-1].body
    assert restore({"create_missing_tables": True, "prove": True}).result["proven"]
    assert places.items() == canonicals(large_items())


def test_a_store_that_is_down_in_the_middle_of_a_file_is_gone_on_with(large: tuple[Places, str]) -> None:
    places, date = large
    with places.store.faults.reset_connection("s3", "UploadPart", skip=1):
        first = offsite(seconds=20)
    assert (first.code, first.statuses()) == (202, ["IN_PROGRESS"]), first.body
    assert "waiting after" in first.body["copies"][0]["error"]
    assert manifest_of(date) not in places.copied_keys()
    second = offsite()
    assert second.code == 200, second.body
    # What had arrived was not sent again.
    sent = [one for one in places.store.requests.list("s3", "UploadPart") if one.status == 200]
    assert len(sent) == 3
    assert places.store.requests.count("s3", "CreateMultipartUpload") == 1


def test_a_store_that_stays_down_is_given_up_and_told(places: Places, backed_up: str) -> None:
    with places.store.faults.server_error("s3", "PutObject"):
        answer = offsite(seconds=20)
    assert (answer.code, answer.body["bytes_copied"]) == (500, 0), answer.body
    assert answer.body["error"].startswith("gave up after PutObject failed with")
    assert offsite().code == 200


def test_a_store_that_does_not_answer_at_all_is_named(places: Places, backed_up: str) -> None:
    places.be_at(HOME, endpoint_url="http://127.0.0.1:9")
    answer = offsite(seconds=12)
    assert (answer.code, answer.body["error_type"]) == (500, "StoreUnusable")
    assert "the store http://127.0.0.1:9 does not answer" in answer.body["error"]


def test_the_backup_is_as_good_while_the_store_is_down(places: Places) -> None:
    date = back_up_a_table(places)
    with places.store.faults.deny("s3", "*"):
        assert offsite().code == 500
        assert back_up().code == 200
        assert restore({"backup_date": date}).code == 200


def test_an_answer_that_was_lost_is_no_failure(places: Places, backed_up: str) -> None:
    date = backed_up
    places.store.faults.reset_connection("s3", "PutObject", after=True, times=3)
    places.aws.faults.reset_connection("s3", "PutObject", resource=f"{HOME}/*/offsite/*", after=True, times=4)
    answer = offsite()
    assert answer.code == 200, answer.body
    assert manifest_of(date) in places.copied_keys()


def test_an_altered_file_at_home_is_not_copied_and_the_other_table_is(places: Places) -> None:
    places.create_table("users")
    places.fill(strings(5), "users")
    places.be_at(HOME, tables=("orders", "users"))
    date = back_up_a_table(places)
    data = next(key for key in keys(places.s3, HOME, f"{PREFIX}/{date}/users/") if "/data/" in key)
    whole = places.s3.get_object(Bucket=HOME, Key=data)["Body"].read()
    places.s3.put_object(Bucket=HOME, Key=data, Body=whole[:-1] + b"!")
    answer = offsite()
    assert (answer.code, answer.statuses()) == (207, ["PARTIAL"]), answer.body
    assert f"{data} of the backup bucket is altered: its MD5 is" in answer.body["copies"][0]["errors"]["users"]
    assert not any(key.endswith(data.rpartition("/")[2]) for key in places.copied_keys())
    manifest = json.loads(places.read_copy(manifest_of(date)))
    assert {one["table_name"]: one["status"] for one in manifest["exports"]} == {
        "orders": "COMPLETED",
        "users": "FAILED",
    }
    # Mended at home, the next copy makes it whole.
    places.s3.put_object(Bucket=HOME, Key=data, Body=whole)
    assert offsite().code == 200
    there = places.read_copy(manifest_of(date))
    assert there == places.s3.get_object(Bucket=HOME, Key=f"{PREFIX}/{date}/manifest.json")["Body"].read()


def test_a_file_altered_on_the_way_is_sent_again_by_nobody(places: Places, backed_up: str) -> None:
    date = backed_up
    places.aws.faults.corrupt(f"{HOME}/*/data/*")
    answer = offsite()
    assert (answer.code, answer.statuses()) == (500, ["FAILED"]), answer.body
    assert "is altered" in answer.body["copies"][0]["error"]
    assert not any("/data/" in key or key == manifest_of(date) for key in places.copied_keys())


def test_killed_in_the_middle_it_goes_on_when_the_lease_has_run_out(places: Places, backed_up: str) -> None:
    date = backed_up

    class Killed(BaseException):
        """As if the process ended: nothing of ours runs any more."""

    def kill(*_: object) -> None:
        raise Killed

    with places.monkeypatch.context() as patched:
        patched.setattr(TurnLease, "__exit__", kill)
        patched.setattr(Day, "_copy_runs", kill)
        with pytest.raises(Killed):
            offsite(seconds=30)
    assert manifest_of(date) not in places.copied_keys()
    data = sum("/data/" in key for key in places.copied_keys())
    waiting = offsite()
    assert (waiting.code, waiting.body["copies"], data) == (202, [], 2)
    assert "another invocation is at it until" in waiting.body["waiting"]
    puts = places.store.requests.count("s3", "PutObject")
    settings, terms = Settings.from_environment(os.environ), OffsiteTerms.from_environment(os.environ)
    later = datetime.now(UTC) + timedelta(minutes=16)
    went_on = OffsiteRun(Means(settings, clients(), Deadline(60), clock=lambda: later), terms).execute(OffsiteRequest())
    assert (went_on.status_code, manifest_of(date) in places.copied_keys()) == (200, True)
    # The export had been copied: only what is recorded of the run, and the manifest, were left.
    assert places.store.requests.count("s3", "PutObject") - puts == 3


def test_two_invocations_at_once_are_one_copy(places: Places, backed_up: str) -> None:
    date = backed_up
    places.store.faults.delay("s3", "PutObject", seconds=0.5)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: offsite(), range(2)))
    assert sorted(one.code for one in answers) == [200, 202]
    (waiting,) = (one for one in answers if one.code == 202)
    assert "another invocation" in waiting.body["waiting"]
    puts = [one.resources[0] for one in places.store.requests.list("s3", "PutObject")]
    assert (len(puts), f"{COPY}/{manifest_of(date)}" in puts) == (len(set(puts)), True)
    after = offsite()
    assert (after.code, after.body["already_copied"], after.body["bytes_copied"]) == (200, 1, 0)


def test_nothing_is_copied_twice_and_a_second_run_of_the_day_is_added(places: Places) -> None:
    date = back_up_a_table(places)
    assert offsite().code == 200
    places.store.requests.clear()
    assert (offsite().body["already_copied"], places.store.requests.count("s3", "PutObject")) == (1, 0)
    places.fill(strings(1, start=500))
    places.make_full_backup()
    assert offsite().code == 200
    # One export beside the first, whose files are not touched.
    data = [one.resources[0] for one in places.store.requests.list("s3", "PutObject") if "/data/" in one.resources[0]]
    assert len(data) == 2
    places.lose_everything()
    assert offsite({"action": "fetch", "backup_date": date}).code == 200
    assert restore({"create_missing_tables": True}).result["items_written"] == 13


def test_a_wrong_secret_is_named_and_never_shown(places: Places, log: io.StringIO) -> None:
    places.store.requests.clear()
    for secret in ("K003-very-secret", '{"id": "0031f", "key": "K003-very-secret"}'):
        places.aws.client("secretsmanager").put_secret_value(SecretId=places.secret_arn, SecretString=secret)
        answer = offsite()
        assert (answer.code, answer.body["error_type"]) == (500, "StoreUnusable")
        assert f"the secret {places.secret_arn} must be a JSON object with the texts" in answer.body["error"]
        assert "very-secret" not in log.getvalue() + json.dumps(answer.body)
    assert places.store.requests.list("s3") == []


def test_a_store_that_cannot_be_used_is_refused_by_name(places: Places) -> None:
    wrong = {
        "bucket": (
            "no-such",
            f"bucket no-such of {places.store.endpoint} cannot be used: ListObjectsV2 failed",
        ),
        "endpoint_url": ("http://store.example.com", "must begin with https://"),
        "secret_arn": ("arn:aws:secretsmanager:us-east-1:123456789012:secret:no-such", "no-such cannot be read: Get"),
    }
    for name, (value, says) in wrong.items():
        places.be_at(HOME, **{name: value})
        answer = offsite()
        assert (answer.code, says in answer.body["error"]) == (500, True), answer.body


@pytest.mark.parametrize("operation", ["ListObjectsV2", "PutObject"])
def test_a_key_that_may_not_do_it_is_told(places: Places, backed_up: str, log: io.StringIO, operation: str) -> None:
    date = backed_up
    with places.store.faults.deny("s3", operation):
        answer = offsite()
    said = json.dumps(answer.body)
    assert (answer.code, f"cannot be used: {operation} failed with AccessDenied" in said) == (500, True), answer.body
    assert SECRET_ACCESS_KEY not in log.getvalue() + said
    assert manifest_of(date) not in places.copied_keys()


def test_ages_are_published_and_kept(places: Places, backed_up: str, capsys: pytest.CaptureFixture[str]) -> None:
    first = offsite({"action": "report"})
    assert (first.code, first.body["tables"][0]["newest_copy"]) == (200, None)
    assert offsite().code == 200
    reported = offsite({"action": "report"}).body["tables"][0]
    assert reported["table_name"] == TABLE
    assert reported["newest_copy"] == places.record("status.json")["tables"][TABLE]
    assert 0 <= reported["hours"] < 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "OffsiteCopyAgeHours" in line]
    assert len(lines) >= 3
    assert {line["table"] for line in lines} == {TABLE}


def test_a_backup_that_is_going_on_is_left_for_the_next_copy(places: Places) -> None:
    places.create_table()
    places.aws.exports.configure(seconds=600)
    assert back_up(seconds=8).code == 202
    answer = offsite()
    assert (answer.code, answer.body["copies"], places.store.requests.count("s3", "PutObject")) == (200, [], 0)
    refused = offsite({"backup_date": today()})
    assert (refused.code, "no table has a COMPLETED backup of" in refused.body["error"]) == (500, True), refused.body
    refused = offsite({"backup_date": "latest"})
    assert (refused.code, "holds a COMPLETED backup" in refused.body["error"]) == (500, True), refused.body
    assert places.store.requests.count("s3", "PutObject") == 0
