"""How far a restore of single keys is with finding them: a part of a table's checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dynamodb_backup.verify.stored_backup import FileProgress

__all__ = ["Selection"]


@dataclass
class Selection:
    """The data files to look through, each with its number in the manifest and its progress, and what was found.

    ``found`` are digests of wanted keys, ``parts`` data files of the export that is made of the found items, and
    ``not_found`` the wanted keys that no file holds, known at the end.
    """

    files: list[tuple[int, FileProgress]]
    found: list[str] = field(default_factory=list)
    parts: list[dict[str, Any]] = field(default_factory=list)
    not_found: list[dict[str, Any]] | None = None
