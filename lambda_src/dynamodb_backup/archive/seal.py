"""A SHA-256 in a JSON document over everything else that it holds: it tells damage, not an attacker.

DynamoDB gives its manifests a checksum beside them. Our own manifests and chain records carry theirs inside, so that a
copy takes it along and one conditional write changes both.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from dynamodb_backup.errors import BackupDamaged

__all__ = ["check_seal", "content_digest", "is_altered", "is_sealed", "resealed", "sealed"]

SEAL = "sha256"


def sealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document with its checksum. Spaces and the order of members are no part of what is sealed."""
    return {**document, SEAL: _digest(document)}


def resealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document that was changed on purpose with a new checksum in place of its own, if it had one."""
    bare = {field: value for field, value in document.items() if field != SEAL}
    return sealed(bare) if SEAL in document else bare


def check_seal(document: Mapping[str, Any], name: str) -> None:
    """Compare a document with its checksum; one without, of another tool or an earlier version, passes.

    Raises
    ------
    BackupDamaged
        Something in it was altered.
    """
    if document.get(SEAL) != resealed(document).get(SEAL):
        raise BackupDamaged(
            f"{name} is altered: it no longer has the SHA-256 that it states in its field 'sha256'; bring back an "
            "earlier version of the object, or, if it was changed on purpose, remove that field"
        )


def content_digest(body: bytes) -> str:
    """Return the SHA-256 of an object, as another document that is sealed names it."""
    return hashlib.sha256(body).hexdigest()


def is_altered(body: bytes, recorded: str | None) -> bool:
    """Tell whether an object is not what its recorded digest says; ``None``, of an earlier version, says nothing."""
    return recorded is not None and recorded != content_digest(body)


def is_sealed(document: Mapping[str, Any]) -> bool:
    """Tell whether a document states a checksum of itself."""
    return SEAL in document


def _digest(document: Mapping[str, Any]) -> str:
    return content_digest(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())
