"""One object from one store to another: in one piece or in parts, each checked, and gone on with where it was left."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field

from dynamodb_backup.archive.plain_store import PART_BYTES, Held, PlainStore, UploadGone, md5_of
from dynamodb_backup.aws_errors import AWS_ERRORS
from dynamodb_backup.errors import (
    BackupDamaged,
    ObjectChanged,
    ObjectMissing,
    StoreUnusable,
    TimeIsUp,
    UnsupportedExport,
)
from dynamodb_backup.timing import Deadline

__all__ = ["MOST_OBJECT_BYTES", "Transfer", "Upload"]

MOST_OBJECT_BYTES = 40 * 1024**3
"""Going on in the middle of an object means reading its beginning again, which must leave time for more of it."""


@dataclass
class Upload:
    """A multipart upload under way. ``etag`` is the source's, ``parts`` are MD5 (hexadecimal) and ETag of each."""

    upload_id: str
    etag: str
    parts: list[list[str]] = field(default_factory=list)


class Transfer:
    """Copies objects. Safe for threads as long as each object is copied by one.

    Parameters
    ----------
    overwrite
        Whether an object of the target that is another one is replaced, or refused.
    sent
        Told of the bytes of each piece that the target has taken.
    """

    def __init__(
        self,
        source: PlainStore,
        target: PlainStore,
        deadline: Deadline,
        sent: Callable[[int], None],
        *,
        overwrite: bool,
    ) -> None:
        self.source = source
        self.target = target
        self.overwrite = overwrite
        self._deadline = deadline
        self._sent = sent

    def copy(
        self, key: str, to: str, uploads: MutableMapping[str, Upload], keep: Callable[[], None], md5: str | None = None
    ) -> int:
        """Copy an object, unless the target holds it already, and return its size in bytes.

        Parameters
        ----------
        uploads
            The uploads under way by target key; changed as this one goes on.
        keep
            Called when an upload was begun, so that its id is not lost.
        md5
            What the object's MD5 must be, in hexadecimal; ``None`` if nothing tells.

        Raises
        ------
        ObjectMissing, BackupDamaged, ObjectChanged
            The source lacks the object, or it is not the one that the manifest lists.
        StoreUnusable
            The target refuses it, or does not hold what it was given.
        TimeIsUp
            The same call goes on later.
        """
        held = self.source.head(key)
        if held is None:
            raise ObjectMissing(self.source.bucket, key)
        if held.size > MOST_OBJECT_BYTES:
            raise UnsupportedExport(
                f"{self.source.place(key)} has {held.size} bytes, and objects of more than {MOST_OBJECT_BYTES} bytes "
                "are not copied off-site"
            )
        if held.size <= PART_BYTES:
            self._copy_whole(key, to, held, md5)
        else:
            self._copy_in_parts(key, to, held, md5, _Course(uploads, keep))
        return held.size

    def write(self, to: str, body: bytes) -> None:
        """Write a small object of known content, unless the target holds it already."""
        if not self._is_there(to, len(body), md5_of(body)):
            self.target.put(to, body)
            self._sent(len(body))

    def _copy_whole(self, key: str, to: str, held: Held, md5: str | None) -> None:
        body = self.source.read(key, held)
        self._compare(key, md5_of(body), md5)
        self.write(to, body)

    def _copy_in_parts(self, key: str, to: str, held: Held, md5: str | None, course: _Course) -> None:
        upload = course.uploads.get(to)
        if upload is None and self._is_there(to, held.size, md5, lambda: self.source.md5(key, held)):
            return
        if upload is not None and upload.etag != held.etag:
            self._give_up(to, course)
            upload = None
        is_new = upload is None
        if upload is None:
            upload = Upload(self.target.begin(to), held.etag)
            course.uploads[to] = upload
            course.keep()
        try:
            found = self._send_parts(key, to, held, upload)
            self._compare(key, found, md5)
        except (BackupDamaged, ObjectChanged):
            self._give_up(to, course)  # so nothing that is not the object is ever seen at the target
            raise
        except UploadGone:
            course.uploads.pop(to)
            if is_new:
                raise
            self._copy_in_parts(key, to, held, md5, course)  # stores give up uploads that wait for days
            return
        self._complete(to, held, upload, found, course)

    def _send_parts(self, key: str, to: str, held: Held, upload: Upload) -> str:
        """Send what is missing, at least one part, and return the MD5 of the whole object."""
        digest = hashlib.md5(usedforsecurity=False)
        for index, start in enumerate(range(0, held.size, PART_BYTES)):
            body = self.source.read(key, held, start)
            digest.update(body)
            if index < len(upload.parts):
                if upload.parts[index][0] != md5_of(body):
                    raise ObjectChanged(f"{self.source.place(key)} was replaced while it was copied")
                continue
            etag = self.target.put_part(to, upload.upload_id, index + 1, body)
            upload.parts.append([md5_of(body), etag])
            self._sent(len(body))
            if self._deadline.passed() and start + PART_BYTES < held.size:
                raise TimeIsUp("the same event again goes on with the copy")
        return digest.hexdigest()

    def _complete(self, to: str, held: Held, upload: Upload, md5: str, course: _Course) -> None:
        part_md5s = [part[0] for part in upload.parts]
        try:
            self.target.complete(to, upload.upload_id, [part[1] for part in upload.parts])
        except UploadGone:
            # Perhaps the upload was completed, and the answer was lost: then the object is there.
            course.uploads.pop(to)
        self.target.check(to, held.size, part_md5s, md5)
        course.uploads.pop(to, None)

    def _is_there(self, to: str, size: int, md5: str | None, read_md5: Callable[[], str] | None = None) -> bool:
        """Tell whether the target holds this object.

        Raises
        ------
        ObjectChanged
            It holds another one, which may not be replaced.
        """
        there = self.target.head(to)
        if there is None:
            return False
        if there.size == size and there.etag == md5:
            return True
        if self.overwrite:
            return False
        wanted = md5 or (read_md5() if read_md5 else None)
        if there.size == size and self.target.md5(to, there) == wanted:
            return True
        raise ObjectChanged(
            f"{self.target.place(to)} is there already with other content, and nothing is overwritten; bring the "
            "copy into a bucket or under an exports_prefix where nothing is"
        )

    def _compare(self, key: str, found: str, md5: str | None) -> None:
        if md5 is not None and found != md5:
            raise BackupDamaged(f"{self.source.place(key)} is altered: its MD5 is {found}, but its manifest says {md5}")

    def _give_up(self, to: str, course: _Course) -> None:
        upload = course.uploads.pop(to)
        # What cannot be given up costs a little until the store's own rule for unfinished uploads takes it away.
        with suppress(StoreUnusable, *AWS_ERRORS):
            self.target.abandon(to, upload.upload_id)


@dataclass(frozen=True)
class _Course:
    uploads: MutableMapping[str, Upload]
    keep: Callable[[], None]
