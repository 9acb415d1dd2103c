"""What an input may make of the product: an answer, or one of its documented errors. Nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dynamodb_backup.errors import ToolError

__all__ = ["CORPUS", "Target", "documented", "read_inputs"]

CORPUS = Path(__file__).parent / "corpus"


@dataclass(frozen=True)
class Target:
    """One way in. ``check`` raises for whatever it should not; ``shape`` is how inputs are altered (``mutation``)."""

    name: str
    check: Callable[[bytes], None]
    shape: str


@contextmanager
def documented(*also: type[Exception]) -> Iterator[None]:
    """Let the product refuse: by an error of its own, or one of ``also``, which a docstring must name.

    A ``UnicodeError`` is a ``ValueError`` to Python, but never what a docstring means by one.
    """
    refusals: tuple[type[Exception], ...] = (ToolError, *also)
    try:
        yield
    except UnicodeError:
        raise
    except refusals:
        pass


def read_inputs(target: str) -> Iterator[bytes]:
    """Yield the committed inputs of a target: one a line, with Python's escapes; what begins with # is a comment."""
    for line in (CORPUS / f"{target}.txt").read_text(encoding="ascii").splitlines():
        if line and not line.startswith("#"):
            yield line.encode().decode("unicode_escape").encode("latin-1")
