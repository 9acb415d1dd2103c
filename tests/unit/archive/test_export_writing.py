"""Items are packed into lines as they are, whatever spaces the wire has put between their members."""

from __future__ import annotations

import gzip
import json

import pytest

from dynamodb_backup.archive.datafile import item_of
from dynamodb_backup.archive.export_writing import PackedItems

ITEM = {"id": {"S": "line\nfeed \u2028 \r"}, "n": {"N": "1E+125"}, "b": {"B": "aGVsbG8="}}


@pytest.mark.parametrize("indent", [None, 2])
def test_an_item_is_one_line(indent: int | None) -> None:
    packed = PackedItems()
    packed.add([json.dumps(ITEM, indent=indent).encode()] * 3)
    packed.add([])
    packed.add([json.dumps(ITEM, ensure_ascii=False).encode()])
    body = packed.finish()
    lines = gzip.decompress(body).split(b"\n")
    assert lines.pop() == b""
    assert [item_of(line) for line in lines] == [ITEM] * 4
    assert (packed.count, packed.size) == (4, len(body))


def test_nothing_packed_is_the_gzip_of_nothing() -> None:
    assert gzip.decompress(body := PackedItems().finish()) == b""
    assert len(body) == 20
