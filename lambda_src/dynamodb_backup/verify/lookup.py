"""Looking single keys up in an export: which data files must be read, and which of their items are meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from dynamodb_backup.archive.export import NativeExport
from dynamodb_backup.archive.index import KeyIndex
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws_errors import explain, is_transient
from dynamodb_backup.contract.selection import TypedKey
from dynamodb_backup.errors import BackupDamaged, RequestRefused
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.verify.key_index import read_key_index

__all__ = ["WantedKeys", "files_to_read", "refuse_other_keys"]


def refuse_other_keys(
    schema: KeySchema, keys: Sequence[TypedKey] | None, partition_keys: Sequence[TypedKey] | None
) -> None:
    """Compare the keys of a request with the table's key schema.

    Raises
    ------
    RequestRefused
        One of them has other attributes or types.
    """
    field, expected, what = ("keys", schema, "primary key")
    if partition_keys:
        field, expected, what = ("partition_keys", schema.partition, "partition key")
    for number, key in enumerate(keys or partition_keys or (), start=1):
        given = {name: kind for name, typed in key.items() for kind in typed}
        if given != dict(expected.attributes):
            shown = " + ".join(f"{name} ({kind})" for name, kind in given.items())
            raise RequestRefused(field, f"holds as entry {number} the attributes {shown}, but the {what} is {expected}")


class WantedKeys:
    """The keys that are looked for: whole primary keys, or partition keys with every item below them."""

    def __init__(self, schema: KeySchema, wanted: Sequence[Mapping[str, Any]], *, partitions: bool) -> None:
        self.schema = schema
        self._matching = schema.partition if partitions else schema
        self.digests = [self._matching.digest(key) for key in wanted]
        self.partition_digests = {schema.partition.digest(key) for key in wanted}
        self._set = set(self.digests)

    def match(self, item: Mapping[str, Any]) -> bytes | None:
        """Return the digest of the wanted key that an item has; ``None`` if it has none of them."""
        try:
            digest = self._matching.digest(item)
        except ValueError:
            return None
        return digest if digest in self._set else None


def files_to_read(store: ObjectStore, export: NativeExport, wanted: WantedKeys) -> tuple[list[int], list[str]]:
    """Return the numbers of the data files that may hold a wanted key, and a warning where the index does not help.

    Raises ``ClientError`` where S3 fails with what passes by itself.
    """
    holding = [number for number, file in enumerate(export.files) if file.item_count]
    index, trouble = _usable_index(store, export, wanted)
    if index is None:
        return holding, [f"{trouble}, so all {len(holding)} data files with items are read"]
    unknown = sum(not _is_known(index, export.files[number].md5) for number in holding)
    warnings = []
    if unknown:
        warnings.append(
            f"the key index of s3://{export.bucket}/{export.root} does not cover {unknown} of its {len(holding)} data "
            "files with items, so these are read"
        )
    return [number for number in holding if _may_hold(index, export.files[number].md5, wanted)], warnings


def _usable_index(store: ObjectStore, export: NativeExport, wanted: WantedKeys) -> tuple[KeyIndex | None, str]:
    place = f"s3://{export.bucket}/{export.root}"
    try:
        index = read_key_index(store, export.root)
    except BackupDamaged as error:
        return None, str(error)
    except ClientError as error:
        if is_transient(error):
            raise
        return None, f"the key index of {place} cannot be read ({explain(error)})"
    if index is None:
        return None, f"{place} has no key index"
    if index.partition_key != wanted.schema.attributes[0]:
        return None, f"the key index of {place} is of another partition key"
    return index, ""


def _is_known(index: KeyIndex, md5: str) -> bool:
    known = index.filters.get(md5)
    return known is not None and known.complete


def _may_hold(index: KeyIndex, md5: str, wanted: WantedKeys) -> bool:
    return any(index.may_hold(md5, digest) for digest in wanted.partition_digests)
