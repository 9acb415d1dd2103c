"""As much of protobuf's encoding as it takes to shorten a message that is otherwise passed on as it came."""

from __future__ import annotations

from collections.abc import Collection, Iterator

LENGTH_DELIMITED = 2


def without_unknown(message: bytes, maps: Collection[int], known: Collection[str]) -> bytes:
    """Return a message without those entries of its maps whose key is not known.

    Parameters
    ----------
    maps
        the numbers of the fields that are maps with text as keys; other fields stay.
    """
    return b"".join(
        message[start:end]
        for number, start, content, end in _fields(message)
        if number not in maps or text(message[content:end]) in known
    )


def text(message: bytes) -> str:
    """Return a message's first field, which is text; of a map's entry this is the key."""
    _, _, content, end = next(_fields(message))
    return message[content:end].decode()


def _fields(message: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yield each field of a message: its number, where it begins, where its content does, and where it ends."""
    place = 0
    while place < len(message):
        start = place
        tag, place = _number(message, place)
        if tag & 7 != LENGTH_DELIMITED:
            raise ValueError(
                f"a field of wire type {tag & 7} at byte {start}: only messages and text are expected here"
            )
        length, place = _number(message, place)
        yield tag >> 3, start, place, place + length
        place += length


def _number(message: bytes, place: int) -> tuple[int, int]:
    """Return the number at a place, seven bits in a byte and the lowest first, and the place after it."""
    value = shift = 0
    while True:
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
