"""What was read from AWS as text that a terminal shows and does not obey."""

from __future__ import annotations

import re

__all__ = ["harmless", "harmless_json"]

_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters beside tab and line feed, those that turn the direction of writing, and halves of pairs."""


def harmless(text: str) -> str:
    r"""Return a text in which what a terminal would obey stands as Python writes it, ``\x1b`` for the escape.

    Table names cannot hold such characters, but errors, keys and items can, and so can what somebody put into S3.
    """
    return _OBEYED.sub(lambda found: ascii(found.group())[1:-1], text)


def harmless_json(text: str) -> str:
    """Return JSON that means the same, with these characters escaped as JSON does it."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found.group()):04x}", text)
