"""What can befall a stored backup: every damage as the bucket that it leaves."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import md5
from typing import Any

from tests.reliability.corruption.specimens import DATE, EARLIER, PREFIX, Specimen
from tests.reliability.corruption.trial import Case

Objects = Mapping[str, bytes]

HEADER_BYTES, TRAILER_BYTES = 10, 8
"""RFC 1952: what DynamoDB writes has no optional fields."""


def _changed(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return f"{value[:-1]}{'1' if value[-1:] == '0' else '0'}"
    return [*value, value[-1]] if isinstance(value, list) and value else {"a": 1}


CHANGES: Mapping[str, Callable[[Any], Any]] = {
    "changed": _changed,
    "null": lambda _value: None,
    "a number": lambda value: 7 if value != 7 else 8,
    "a text": lambda value: "7" if value != "7" else "8",
    "negative": lambda _value: -1,
    "enormous": lambda _value: 10**30,
    "true": lambda _value: True,
    "an array": lambda value: [value],
    "an object": lambda value: {"a": value},
    "empty": lambda value: type(value)() if isinstance(value, str | list | dict) else "",
}


def all_damages(specimen: Specimen, *, flips: Sequence[int]) -> Iterator[Case]:
    """Yield every damage of a specimen.

    Parameters
    ----------
    flips
        Which bits are flipped in each byte, as masks.
    """
    for find in (_bytes_flipped, _lengths, _objects_dropped, _objects_swapped):
        yield from find(specimen, flips)
    for find_more in (_fields, _listings, _repacked, _consistent):
        yield from find_more(specimen)


def is_data(key: str) -> bool:
    return key.endswith(".json.gz")


def kind_of(key: str) -> str:
    """Return what an object is, for the table of results."""
    if is_data(key):
        return "data file"
    if "/chains/" in key:
        return "chain record"
    if "/definitions/" in key:
        return "definition"
    if "/key-index/" in key:
        return "key index"
    return key.rpartition("/")[2]


def used(specimen: Specimen) -> list[str]:
    """Return the keys of the date that is restored; those of the earlier date are only there to be mistaken for it."""
    return [key for key in specimen.objects if f"/{EARLIER}/" not in key]


def md5_of(body: bytes) -> bytes:
    return b64encode(md5(body, usedforsecurity=False).digest())


def _bytes_flipped(specimen: Specimen, flips: Sequence[int]) -> Iterator[Case]:
    for key in used(specimen):
        body = specimen.objects[key]
        for place in range(len(body)):
            for mask in flips:
                damaged = body[:place] + bytes([body[place] ^ mask]) + body[place + 1 :]
                kind = f"{_part(key, place, len(body))}: byte altered"
                yield _case(specimen, kind, f"{key}@{place}^{mask:#x}", {key: damaged})


def _part(key: str, place: int, size: int) -> str:
    if not is_data(key):
        return kind_of(key)
    if place < HEADER_BYTES:
        return "data file, gzip header"
    return "data file, gzip trailer" if place >= size - TRAILER_BYTES else "data file, body"


def _lengths(specimen: Specimen, _flips: Sequence[int]) -> Iterator[Case]:
    for key in used(specimen):
        body = specimen.objects[key]
        places = range(len(body)) if is_data(key) else range(0, len(body), 7)
        for place in places:
            yield _case(specimen, f"{kind_of(key)}: truncated", f"{key}@{place}", {key: body[:place]})
        for name, tail in (("NUL", b"\0"), ("text", b"x"), ("itself again", body), ("gzip", gzip.compress(b"{}\n"))):
            yield _case(specimen, f"{kind_of(key)}: something behind it", f"{key}+{name}", {key: body + tail})
        yield _case(specimen, f"{kind_of(key)}: something before it", key, {key: b"\0" + body})


def _objects_dropped(specimen: Specimen, _flips: Sequence[int]) -> Iterator[Case]:
    for key in used(specimen):
        yield _case(specimen, f"{kind_of(key)}: missing", key, {key: None})
        yield _case(specimen, f"{kind_of(key)}: replaced by NULs", key, {key: b"\0" * len(specimen.objects[key])})


def _objects_swapped(specimen: Specimen, _flips: Sequence[int]) -> Iterator[Case]:
    """Put one object in the place of another of its kind: of the same export, another table, another date."""
    for key in used(specimen):
        for other in specimen.objects:
            if other == key or kind_of(other) != kind_of(key) or specimen.objects[other] == specimen.objects[key]:
                continue
            whose = "another date's" if f"/{EARLIER}/" in other else "another"
            name = f"{key} <- {other}"
            yield _case(specimen, f"{kind_of(key)}: {whose} in its place", name, {key: specimen.objects[other]})
            if whose == "another" and other > key:
                both = {key: specimen.objects[other], other: specimen.objects[key]}
                yield _case(specimen, f"{kind_of(key)}: two swapped", name, both)


def _fields(specimen: Specimen) -> Iterator[Case]:
    """Each field of each JSON document: changed, of another type, removed, twice; its .md5, if any, made to match."""
    for key in used(specimen):
        if is_data(key) or not key.endswith(".json"):
            continue
        lines = specimen.objects[key].splitlines() if "manifest-files" in key else [specimen.objects[key]]
        for number, line in enumerate(lines):
            for place, name, document in _altered(json.loads(line)):
                body = b"\n".join([*lines[:number], document, *lines[number + 1 :]]) + b"\n"
                changes = _with_md5(key, body) if "AWSDynamoDB" in key else {key: body}
                yield _case(specimen, f"{kind_of(key)}: field {name}", f"{key}:{number}:{place} {name}", changes)


def _altered(document: Any) -> Iterator[tuple[str, str, bytes]]:
    """Yield every alteration of one field of a document as the text of the whole."""
    for steps in list(_paths(document)):
        place, member = "/".join(map(str, steps)), steps[-1]
        for name, change in CHANGES.items():
            altered, parent = _copied(document, steps)
            value = change(parent[member])
            if value != parent[member] or type(value) is not type(parent[member]):
                parent[member] = value
                yield place, name, json.dumps(altered).encode()
        altered, parent = _copied(document, steps)
        del parent[member]
        yield place, "removed", json.dumps(altered).encode()
        altered, parent = _copied(document, steps)
        if isinstance(parent, list):
            parent.append(parent[member])
            yield place, "twice", json.dumps(altered).encode()
            continue
        for name, second in (("twice", parent[member]), ("twice, the second other", _changed(parent[member]))):
            parent[_MARK] = second
            # The mark, which is the last member of its object, becomes the same name once more.
            yield place, name, json.dumps(altered).replace(json.dumps(_MARK), json.dumps(member)).encode()


_MARK = "the name that comes a second time"


def _copied(document: Any, steps: tuple[Any, ...]) -> tuple[Any, Any]:
    """Return a copy of a document, and in it what holds the member that the steps lead to."""
    altered = json.loads(json.dumps(document))
    return altered, _parent(altered, steps)


def _paths(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    members = document.items() if isinstance(document, dict) else enumerate(document)
    for name, value in members:
        yield (*path, name)
        if isinstance(value, dict | list):
            yield from _paths(value, (*path, name))


def _parent(document: Any, steps: tuple[Any, ...]) -> Any:
    for step in steps[:-1]:
        document = document[step]
    return document


def _with_md5(key: str, body: bytes) -> dict[str, bytes | None]:
    return {key: body, f"{key.removesuffix('.json')}.md5": md5_of(body)}


def _listings(specimen: Specimen) -> Iterator[Case]:
    """Lines of manifest-files.json dropped, doubled, in another order, added; with and without a matching .md5."""
    for key in used(specimen):
        if not key.endswith("/manifest-files.json"):
            continue
        lines = specimen.objects[key].splitlines(keepends=True)
        other = _line_of_another(specimen, key)
        changed = {
            "line dropped": [lines[:n] + lines[n + 1 :] for n in range(len(lines))],
            "line twice": [[*lines, line] for line in lines],
            "file of another export added": [[*lines, other]] if other else [],
            "file of another export in one's place": [[other, *lines[1:]]] if other else [],
            "file that is not there added": [[*lines, lines[0].replace(b".json.gz", b"x.json.gz")]],
        }
        for name, bodies in changed.items():
            for number, body in enumerate(bodies):
                text = b"".join(body)
                yield _case(specimen, f"manifest-files.json: {name}", f"{key} {number}", {key: text})
                matching = _with_md5(key, text)
                yield _case(specimen, f"manifest-files.json: {name}, .md5 made to match", f"{key} {number}", matching)
                dropped = json.loads(lines[number % len(lines)])["dataFileS3Key"]
                if name == "line dropped":
                    kind = "data file and its line dropped, .md5 made to match"
                    yield _case(specimen, kind, f"{key} {number}", {**matching, dropped: None})
        if len(lines) > 1:
            text = b"".join(reversed(lines))
            yield _case(specimen, "manifest-files.json: lines reordered", key, {key: text})


def _line_of_another(specimen: Specimen, key: str) -> bytes | None:
    for other in specimen.objects:
        if other.endswith("/manifest-files.json") and other != key:
            return specimen.objects[other].splitlines(keepends=True)[0]
    return None


def _repacked(specimen: Specimen) -> Iterator[Case]:
    """The same lines in other bytes, or other lines in well-formed bytes; the manifest unchanged."""
    for key in filter(is_data, used(specimen)):
        lines = gzip.decompress(specimen.objects[key]).splitlines(keepends=True)
        bodies = {
            "packed otherwise, same lines": gzip.compress(b"".join(lines), 1, mtime=1),
            "packed as several gzip members": b"".join(gzip.compress(line, mtime=0) for line in lines),
            "lines reordered": gzip.compress(b"".join(reversed(lines)), mtime=0) if len(lines) > 1 else None,
            "line dropped": gzip.compress(b"".join(lines[1:]), mtime=0),
            "line twice": gzip.compress(b"".join([*lines, lines[0]]), mtime=0),
            "not packed": b"".join(lines),
            "not text": gzip.compress(b"\xff\xfe", mtime=0),
        }
        for name, body in bodies.items():
            if body is not None:
                yield _case(specimen, f"data file: {name}", key, {key: body})


def _consistent(specimen: Specimen) -> Iterator[Case]:
    """Other content, with every checksum of the export itself made to match: count, MD5, ETag, .md5, summary."""
    for listing in used(specimen):
        if not listing.endswith("/manifest-files.json"):
            continue
        entries = [json.loads(line) for line in specimen.objects[listing].splitlines()]
        for number, entry in enumerate(entries):
            key = entry["dataFileS3Key"]
            lines = gzip.decompress(specimen.objects[key]).splitlines(keepends=True)
            contents = {
                "one item altered": [lines[0].replace(b'"S":"', b'"S":"x', 1), *lines[1:]],
                "one item less": lines[1:],
                "one item twice": [*lines, lines[0]],
                "of another table": _lines_of_another_table(specimen, key),
                "of another date": _lines_of_another_date(specimen, key),
            }
            for name, content in contents.items():
                if content is None or content == lines:
                    continue
                changes = _rewritten(specimen, listing, entries, number, content)
                yield _case(specimen, f"data file: {name}, all checksums of the export made to match", key, changes)


def _lines_of_another_table(specimen: Specimen, key: str) -> list[bytes] | None:
    other = next((one for one in specimen.objects if is_data(one) and "/customers/" in one), None)
    return None if other is None or "/customers/" in key else gzip.decompress(specimen.objects[other]).splitlines(True)


def _lines_of_another_date(specimen: Specimen, key: str) -> list[bytes] | None:
    table = "/orders/" if "/orders/" in key else "/customers/"
    earlier = (one for one in specimen.objects if is_data(one) and f"/{EARLIER}{table}" in one)
    other = next((one for one in earlier if one[-9:] == key[-9:]), None)
    return gzip.decompress(specimen.objects[other]).splitlines(True) if other else None


def _rewritten(
    specimen: Specimen, listing: str, entries: Sequence[Mapping[str, Any]], number: int, lines: Sequence[bytes]
) -> dict[str, bytes | None]:
    body = gzip.compress(b"".join(lines), mtime=0)
    entry = {**entries[number], "itemCount": len(lines), "md5Checksum": md5_of(body).decode()}
    entry["etag"] = md5(md5(body).digest()).hexdigest() + "-1"
    files = [*entries[:number], entry, *entries[number + 1 :]]
    summary = listing.replace("manifest-files", "manifest-summary")
    document = json.loads(specimen.objects[summary]) | {"itemCount": sum(one["itemCount"] for one in files)}
    return {
        entry["dataFileS3Key"]: body,
        **_with_md5(listing, b"".join(json.dumps(one).encode() + b"\n" for one in files)),
        **_with_md5(summary, json.dumps(document).encode()),
    }


def _case(specimen: Specimen, kind: str, name: str, changes: Mapping[str, bytes | None]) -> Case:
    objects = {**specimen.objects, **{key: body for key, body in changes.items() if body is not None}}
    for key, body in changes.items():
        if body is None:
            objects.pop(key, None)
    return Case(specimen, kind, name.replace(f"{PREFIX}/", "").replace(f"{DATE}/", ""), objects)
