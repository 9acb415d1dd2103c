"""One object from store to store: in parts, gone on with in the middle, and never there before it is whole."""

from __future__ import annotations

import random

import pytest

from dynamodb_backup.archive import plain_store
from dynamodb_backup.errors import BackupDamaged, ObjectChanged, ObjectMissing, StoreUnusable, TimeIsUp
from dynamodb_backup.offsite import transfer as transfer_module
from dynamodb_backup.offsite.transfer import Transfer, Upload
from dynamodb_backup.timing import Deadline
from tests.unit.offsite.fake_store import FakeStore, client_error, md5

PART = 1000
LARGE = random.Random(5).randbytes(3 * PART + 17)
SMALL = b"small"


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_store, "PART_BYTES", PART)
    monkeypatch.setattr(transfer_module, "PART_BYTES", PART)
    monkeypatch.setattr("time.sleep", lambda seconds: None)


class Stage:
    """A source with both objects, and an empty target."""

    def __init__(self, *, overwrite: bool = True) -> None:
        self.source, self.target = FakeStore({"large": LARGE, "small": SMALL}), FakeStore()
        self.overwrite = overwrite
        self.uploads: dict[str, Upload] = {}
        self.sent: list[int] = []
        self.kept = 0

    def copy(self, key: str = "large", *, seconds: float = 60, md5: str | None = None) -> int:
        deadline = Deadline(seconds)
        transfer = Transfer(
            self.source.plain("ours"), self.target.plain(), deadline, self.sent.append, overwrite=self.overwrite
        )
        return transfer.copy(key, f"to/{key}", self.uploads, self._keep, md5)

    def _keep(self) -> None:
        self.kept += 1


@pytest.mark.parametrize(("key", "body"), [("large", LARGE), ("small", SMALL)])
def test_an_object_arrives_as_it_is(key: str, body: bytes) -> None:
    stage = Stage()
    assert stage.copy(key, md5=md5(body)) == len(body) == sum(stage.sent)
    assert stage.target.objects == {f"to/{key}": body}
    assert (stage.uploads, stage.target.uploads) == ({}, {})


def test_an_object_of_whole_parts_has_no_empty_one() -> None:
    stage = Stage()
    stage.source.objects["large"] = LARGE[: 2 * PART]
    stage.copy()
    assert stage.target.count("part") == 2


def test_an_empty_object_arrives() -> None:
    stage = Stage()
    stage.source.objects["small"] = b""
    stage.copy("small")
    assert stage.target.objects == {"to/small": b""}


@pytest.mark.parametrize("key", ["large", "small"])
def test_what_is_not_what_its_manifest_says_is_never_seen_at_the_target(key: str) -> None:
    stage = Stage()
    with pytest.raises(BackupDamaged, match=f"s3://bucket/{key} of ours is altered: its MD5 is .* but its manifest"):
        stage.copy(key, md5=md5(b"other"))
    assert stage.target.objects == {}
    assert (stage.uploads, stage.target.uploads) == ({}, {})


def test_every_turn_sends_a_part_and_the_last_one_completes() -> None:
    stage = Stage()
    for sent in (1, 2, 3):
        with pytest.raises(TimeIsUp):
            stage.copy(seconds=0, md5=md5(LARGE))
        assert (len(stage.uploads["to/large"].parts), stage.target.objects) == (sent, {})
    stage.copy(seconds=0, md5=md5(LARGE))
    assert (stage.target.objects, stage.target.count("part"), stage.kept) == ({"to/large": LARGE}, 4, 1)


def test_a_source_replaced_between_turns_is_begun_anew() -> None:
    stage = Stage()
    with pytest.raises(TimeIsUp):
        stage.copy(seconds=0)
    stage.source.objects["large"] = other = LARGE[::-1]
    stage.copy(md5=md5(other))
    assert (stage.target.objects, stage.target.count("abort"), stage.target.uploads) == ({"to/large": other}, 1, {})


def test_a_source_replaced_within_a_turn_is_refused() -> None:
    stage = Stage()

    def replace(call: str, key: str) -> None:
        if call == "get" and stage.source.count("get") == 2:
            stage.source.objects["large"] = LARGE[::-1]

    stage.source.before = replace
    with pytest.raises(ObjectChanged, match="was replaced while it was copied"):
        stage.copy()
    assert (stage.target.objects, stage.target.uploads) == ({}, {})


def test_an_upload_that_the_store_gave_up_between_turns_is_begun_anew() -> None:
    stage = Stage()
    with pytest.raises(TimeIsUp):
        stage.copy(seconds=0)
    stage.target.uploads.clear()
    stage.copy(md5=md5(LARGE))
    assert stage.target.objects == {"to/large": LARGE}


def test_a_store_that_gives_up_every_upload_is_told() -> None:
    stage = Stage()
    stage.target.before = lambda call, key: stage.target.uploads.clear() if call == "part" else None
    with pytest.raises(StoreUnusable, match="knows the multipart upload no more"):
        stage.copy()
    assert stage.uploads == {}


def test_a_lost_answer_to_the_completion_is_no_failure() -> None:
    stage = Stage()

    def lose(call: str, key: str) -> None:
        if call == "completed" and stage.target.count("complete") == 1:
            raise client_error("InternalError", 500, "CompleteMultipartUpload")

    stage.target.before = lose
    stage.copy(md5=md5(LARGE))
    assert (stage.target.objects, stage.uploads) == ({"to/large": LARGE}, {})


@pytest.mark.parametrize(("key", "body"), [("large", LARGE), ("small", SMALL)])
def test_a_store_with_etags_of_its_own_is_read_back(key: str, body: bytes) -> None:
    stage = Stage()
    stage.target.etag_of = lambda stored: f"encrypted-{len(stored)}"
    stage.copy(key, md5=md5(body))
    assert stage.target.objects == {f"to/{key}": body}
    assert stage.target.count("get") == -(-len(body) // PART)


@pytest.mark.parametrize("key", ["large", "small"])
def test_a_store_that_holds_something_else_is_told(key: str) -> None:
    stage = Stage()
    stage.target.store_as = lambda body: body[:-1] + b"!"
    with pytest.raises(StoreUnusable, match="does not hold what was written"):
        stage.copy(key)


def test_a_store_that_holds_less_is_told() -> None:
    stage = Stage()
    stage.target.store_as = lambda body: body[:-1]
    with pytest.raises(StoreUnusable, match=r"was written with 5 bytes, but the store holds 4 bytes"):
        stage.copy("small")


def test_what_is_there_already_is_not_sent_again() -> None:
    stage = Stage()
    stage.target.objects = {"to/large": LARGE, "to/small": SMALL}
    stage.copy("small")
    stage.copy("large", md5=md5(LARGE))
    assert stage.sent == []


def test_what_is_there_but_another_is_replaced_in_a_copy() -> None:
    stage = Stage()
    stage.target.objects = {"to/large": LARGE[::-1], "to/small": b"other"}
    stage.copy("small")
    stage.copy("large", md5=md5(LARGE))
    assert stage.target.objects == {"to/large": LARGE, "to/small": SMALL}


@pytest.mark.parametrize("key", ["large", "small"])
def test_what_is_there_but_another_is_never_replaced_on_the_way_back(key: str) -> None:
    stage = Stage(overwrite=False)
    stage.target.objects = there = {"to/large": LARGE[::-1], "to/small": b"other"}
    with pytest.raises(ObjectChanged, match="is there already with other content, and nothing is overwritten"):
        stage.copy(key)
    assert stage.target.objects == there
    assert stage.sent == []


def test_the_same_under_another_etag_is_known_on_the_way_back() -> None:
    stage = Stage(overwrite=False)
    stage.target.objects = {"to/large": LARGE}
    stage.target.etags["to/large"] = "0" * 32 + "-4"
    stage.copy("large")
    assert stage.sent == []


def test_a_missing_object_is_named() -> None:
    with pytest.raises(ObjectMissing, match="s3://bucket/nothing does not exist"):
        Stage().copy("nothing")


def test_an_object_that_is_too_large_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer_module, "MOST_OBJECT_BYTES", 2 * PART)
    stage = Stage()
    with pytest.raises(Exception, match=r"has 3017 bytes, and objects of more than 2000 bytes are not copied"):
        stage.copy()
    assert stage.source.count("get") == 0


def test_throttling_passes_and_a_refusal_is_named() -> None:
    stage = Stage()

    def throttle(call: str, key: str) -> None:
        if call == "put" and stage.target.count("put") < 3:
            raise client_error("SlowDown", 503, "PutObject")

    stage.target.before = throttle
    stage.copy("small")

    def deny(call: str, key: str) -> None:
        if call == "begin":
            raise client_error("AccessDenied", 403, "CreateMultipartUpload")

    stage.target.before = deny
    with pytest.raises(StoreUnusable, match=r"bucket bucket of https://store\.example\.com cannot be used: .*Denied"):
        stage.copy("large")
