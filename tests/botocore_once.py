"""What botocore does again and again although the outcome is the same: here, once a process.

Most tests make clients of their own, and a session for them; without this, each reads the descriptions of its services
anew, which takes three quarters of what a client costs. And each look into a request's or an answer's headers, a
hundred in a request, makes two objects.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import botocore.loaders
import botocore.session
from botocore.awsrequest import HeadersDict


def remember() -> None:
    """Let all sessions from now on share one reader of descriptions."""
    loader = botocore.loaders.create_loader()
    botocore.session.create_loader = lambda *_: loader
    for name, method in vars(_PlainHeaders).items():
        if callable(method):
            setattr(HeadersDict, name, method)


class _PlainHeaders:
    """The methods of botocore's ``HeadersDict``, on names in lower case with each name as it was given first."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._dict: dict[str, tuple[str, Any]] = {}
        for name, value in dict(*arguments, **named).items():
            self[name] = value

    def __setitem__(self, name: str, value: Any) -> None:
        lower = name.lower()
        kept = self._dict.get(lower)
        self._dict[lower] = (kept[0] if kept else name, value)

    def __getitem__(self, name: str) -> Any:
        return self._dict[name.lower()][1]

    def __delitem__(self, name: str) -> None:
        del self._dict[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._dict

    def get(self, name: str, default: Any = None) -> Any:
        found = self._dict.get(name.lower())
        return found[1] if found else default

    def items(self) -> list[tuple[str, Any]]:
        return list(self._dict.values())

    def __iter__(self) -> Iterator[str]:
        return iter([name for name, _ in self._dict.values()])

    def __repr__(self) -> str:
        return repr(dict(self._dict.values()))
