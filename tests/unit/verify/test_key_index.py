"""Making a key index over several turns: a file that went on from an unknown place is left out, never half in."""

from __future__ import annotations

from dynamodb_backup.archive.export import DataFile, NativeExport
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.verify.key_index import IndexMaker, read_key_index
from dynamodb_backup.verify.stored_backup import FileProgress
from tests.unit.restore.fake_s3 import FakeS3

ROOT = "p/AWSDynamoDB/01-a/"
KEYS = KeySchema((("id", "S"), ("sk", "N")))
EXPORT = NativeExport(
    "backups", ROOT, None, None, 4, 0, None,
    (DataFile("a", 2, "A", None), DataFile("b", 2, "B", None)), (),
)  # fmt: skip


def item(name: str) -> dict[str, dict[str, str]]:
    return {"id": {"S": name}, "sk": {"N": "1"}}


def turn(s3: FakeS3, number: int, begin: int, names: list[str], *, done: bool) -> None:
    maker = IndexMaker(s3.store(), EXPORT, KEYS)
    progress = FileProgress(lines=begin)
    on_item = maker.on_item(number, progress)
    for name in names:
        progress.lines += 1
        if on_item:
            on_item(item(name))
    progress.done = done
    maker.save({number: progress})


def may_hold(s3: FakeS3, md5: str, name: str) -> bool:
    index = read_key_index(s3.store(), ROOT)
    assert index
    return index.may_hold(md5, KEYS.partition.digest(item(name)))


def test_turns_add_up() -> None:
    s3 = FakeS3({})
    turn(s3, 0, 0, ["a1"], done=False)
    assert may_hold(s3, "A", "other")
    turn(s3, 0, 1, ["a2"], done=True)
    turn(s3, 1, 0, ["b1", "b2"], done=True)
    held = [(md5, name) for md5 in "AB" for name in ("a1", "a2", "b1", "b2", "other") if may_hold(s3, md5, name)]
    assert held == [("A", "a1"), ("A", "a2"), ("B", "b1"), ("B", "b2")]


def test_a_turn_that_does_not_fit_the_one_before_leaves_the_file_out() -> None:
    s3 = FakeS3({})
    turn(s3, 0, 0, ["a1", "a2"], done=False)
    turn(s3, 0, 1, ["a2"], done=True)
    assert may_hold(s3, "A", "other")
    s3 = FakeS3({})
    turn(s3, 0, 1, ["a2"], done=True)
    assert Layout.key_index(ROOT) not in s3.objects


def test_an_altered_index_is_made_anew() -> None:
    s3 = FakeS3({Layout.key_index(ROOT): b"nonsense"})
    turn(s3, 0, 0, ["a1"], done=True)
    assert may_hold(s3, "A", "a1")
    assert not may_hold(s3, "A", "other")
