"""Writing an export of our own, in the layout and with the manifests of DynamoDB's full exports.

Layout and fields: docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html
"""

from __future__ import annotations

import hashlib
import json
import secrets
import zlib
from base64 import b32encode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dynamodb_backup.archive.store import ObjectStore, ObjectTerms

__all__ = ["ExportWriter", "ListedFile", "PackedItems"]

_GZIP = zlib.MAX_WBITS | 16


@dataclass(frozen=True)
class ListedFile:
    """One data file for the manifest. Checksums are base64 of the compressed object's; ``size`` is its bytes."""

    name: str
    item_count: int
    size: int
    md5: str
    sha256: str
    etag: str


class PackedItems:
    """Items packed into one data file in memory: ``{"Item":{...}}`` a line, gzip. Only the packed bytes are kept."""

    def __init__(self) -> None:
        self._gzip = zlib.compressobj(wbits=_GZIP)
        self._chunks: list[bytes] = []
        self.size = 0
        self.count = 0

    def add(self, items: Iterable[bytes]) -> None:
        """Take in items, each the JSON object that DynamoDB sent."""
        # A line feed can stand in JSON only as a space between members; here it would end the line.
        lines = [b'{"Item":' + item.replace(b"\n", b" ") + b"}\n" for item in items]
        self.count += len(lines)
        self._keep(self._gzip.compress(b"".join(lines)))

    def finish(self) -> bytes:
        """Return the whole file. Without items it is the gzip of nothing, as in DynamoDB's export of an empty table."""
        self._keep(self._gzip.flush())
        return b"".join(self._chunks)

    def _keep(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self.size += len(chunk)


@dataclass(frozen=True)
class ExportWriter:
    """Writes the objects of one export. ``root`` ends with ``/``; ``prefix`` is what stands before ``AWSDynamoDB/``."""

    store: ObjectStore
    prefix: str
    root: str
    terms: ObjectTerms

    def begin(self) -> None:
        """Write the marker that DynamoDB writes first."""
        self._put("_started", b"")

    def write(self, items: PackedItems, metadata: Mapping[str, str]) -> ListedFile:
        """Write a data file under a new name. It belongs to the export only once the manifest lists it."""
        name = b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower() + ".json.gz"
        body = items.finish()
        md5, sha256 = _base64(hashlib.md5(body, usedforsecurity=False)), _base64(hashlib.sha256(body))
        described = {**metadata, "item-count": str(items.count), "sha256": sha256}
        checks = {"ContentMD5": md5, "ChecksumSHA256": sha256, "Metadata": described}
        etag = self.store.put_on_terms(f"{self.root}data/{name}", body, "application/gzip", self.terms, **checks)
        return ListedFile(name, items.count, len(body), md5, sha256, etag.strip('"'))

    def finish(self, summary: Mapping[str, Any], files: Sequence[ListedFile]) -> None:
        """Write both manifests and their checksum companions, the summary last: with it the export is there.

        The same arguments give the same bytes, so two invocations that finish one export do not disturb each other.
        """
        key = self.terms.kms_key_id
        listing = b"".join(_json(self._listing(file)) for file in files)
        document = {
            "s3Bucket": self.store.bucket,
            "s3Prefix": self.prefix,
            "s3SseAlgorithm": "KMS" if key else "AES256",
            "s3SseKmsKeyId": key,
            "manifestFilesS3Key": f"{self.root}manifest-files.json",
            "itemCount": sum(file.item_count for file in files),
            "outputFormat": "DYNAMODB_JSON",
            **summary,
        }
        for name, body in (
            ("manifest-files", listing),
            ("manifest-summary", _json({member: document[member] for member in _SUMMARY_MEMBERS})),
        ):
            self._put(f"{name}.md5", _base64(hashlib.md5(body, usedforsecurity=False)).encode())
            self._put(f"{name}.json", body)

    def _listing(self, file: ListedFile) -> dict[str, Any]:
        return {
            "itemCount": file.item_count,
            "md5Checksum": file.md5,
            "etag": file.etag,
            "dataFileS3Key": f"{self.root}data/{file.name}",
        }

    def _put(self, name: str, body: bytes) -> None:
        self.store.put_on_terms(f"{self.root}{name}", body, "application/octet-stream", self.terms)


_SUMMARY_MEMBERS = (
    "version",
    "exportArn",
    "startTime",
    "endTime",
    "tableArn",
    "tableId",
    "exportTime",
    "s3Bucket",
    "s3Prefix",
    "s3SseAlgorithm",
    "s3SseKmsKeyId",
    "manifestFilesS3Key",
    "billedSizeBytes",
    "itemCount",
    "outputFormat",
)
"""The members of a full export's summary, as DynamoDB orders them."""


def _base64(checksum: Any) -> str:
    return b64encode(checksum.digest()).decode()


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
