"""One table of a verification: its stored backup whole, and where asked for the live table compared with it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from dynamodb_backup.archive.export import NativeExport, read_export
from dynamodb_backup.archive.export_manifests import listing_digest
from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.contract.verify import VerifyRequest
from dynamodb_backup.errors import BackupDamaged, ObjectChanged, TargetUnusable, TimeIsUp, ToolError
from dynamodb_backup.pool import run_workers
from dynamodb_backup.table.definition import target_key_schema
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.telemetry import logger
from dynamodb_backup.turns.means import Means
from dynamodb_backup.turns.outcome import told_by
from dynamodb_backup.verify.comparison import Comparison, ComparisonState
from dynamodb_backup.verify.digests import BackupDigests
from dynamodb_backup.verify.fingerprint import Fingerprint, item_digest
from dynamodb_backup.verify.state import TableVerificationState
from dynamodb_backup.verify.stored_backup import OnItem, verify_file
from dynamodb_backup.verify.stored_fingerprint import keep_fingerprint

__all__ = ["TableVerifier"]


class TableVerifier:
    """Carries one table as far as time allows. Its state tells the outcome; nothing about it alone is raised.

    Parameters
    ----------
    folder
        Where turns keep what they know of the items; ends with ``/``.
    """

    def __init__(
        self,
        means: Means,
        folder: str,
        request: VerifyRequest,
        state: TableVerificationState,
    ) -> None:
        self._client = means.clients.dynamodb
        self._records = means.store
        self._folder = folder
        self._store = means.store.in_bucket(state.bucket)
        self._request = request
        self._state = state
        self._deadline = means.deadline
        self._digests = BackupDigests(means.store, folder, state.digests, with_items=True)
        self._comparison: Comparison | None = None

    @property
    def open(self) -> bool:
        return self._state.open

    def save(self) -> None:
        """Keep in S3 what the checkpoint itself does not hold and a later turn needs."""
        self._digests.save()
        if self._comparison:
            self._comparison.save()

    def execute(self) -> None:
        """Go on with this table until it is done, has failed, must wait, or time is up."""
        state = self._state
        with told_by(state, "verification", table=state.source), suppress(TimeIsUp):
            export = self._same_export()
            keys = target_key_schema(self._client, state.target) if state.target else None
            if keys:
                self._refuse_other_keys(keys)
            if state.phase == "verify" and self._verify(export, keys):
                state.phase = "compare" if keys else "done"
            if state.phase == "compare" and keys and self._compare(export, keys):
                state.phase = "done"
            if state.phase == "done":
                self._conclude()

    def _same_export(self) -> NativeExport:
        export = read_export(self._store, self._state.root)
        if listing_digest(export.files) != self._state.listing:
            raise ObjectChanged(
                f"the manifest of s3://{export.bucket}/{export.root} changed since this verification began"
            )
        return export

    def _refuse_other_keys(self, keys: KeySchema) -> None:
        recorded = self._state.source_keys
        source = KeySchema(tuple(recorded)) if recorded else keys
        if source != keys:
            raise self._incomparable(keys, f"the backup's is {source}")

    def _refuse_shared_keys(self, export: NativeExport, keys: KeySchema) -> None:
        if export.item_count and not len(self._digests):
            raise self._incomparable(keys, "no item of the backup has such a key")
        shared = self._digests.duplicates(self._deadline)
        if shared:
            raise self._incomparable(keys, f"{shared} items of the backup share their key there with another")

    def _incomparable(self, keys: KeySchema, instead: str) -> TargetUnusable:
        return TargetUnusable(
            f"table {self._state.target} has the key schema {keys}, but {instead}; compare a table with the same keys"
        )

    def _verify(self, export: NativeExport, keys: KeySchema | None) -> bool:
        """Read every data file whole; ``False`` means that time was up."""
        state = self._state

        def verify(number: int) -> None:
            file = export.files[number]
            verify_file(self._store, file, state.files[number].progress, self._deadline, self._on_item(number, keys))

        waiting = [number for number, file in enumerate(state.files) if not file.progress.done]
        if not run_workers(self._request.max_workers, waiting, verify, self._deadline):
            return False
        if keys:
            self._refuse_shared_keys(export, keys)
        files = [file.fingerprint for file in state.files]
        state.fingerprint = str(sum(files, Fingerprint()))
        if state.stores_fingerprint:
            self._keep_fingerprint(export, files)
        logger.info("backup verified", table=state.source, items=export.item_count, files=len(export.files))
        return True

    def _keep_fingerprint(self, export: NativeExport, files: list[Fingerprint]) -> None:
        state = self._state
        try:
            state.fingerprint_key, replaced = keep_fingerprint(self._records, export, files)
        except (ToolError, *AWS_ERRORS) as error:
            # The backup is whole all the same.
            state.warnings.append(f"the fingerprint of table {state.source} was not stored: {explain(error)}")
            return
        if replaced:
            state.warnings.append(
                f"another fingerprint was stored at s3://{self._records.bucket}/{state.fingerprint_key}; it was "
                "damaged or of another version, and is replaced"
            )

    def _on_item(self, number: int, keys: KeySchema | None) -> OnItem:
        """Return what is done once with each item of a data file while it is verified.

        Whatever else wants to see every item of a backup (an index, for example) is called here.
        """
        file = self._state.files[number]

        def on_item(item: dict[str, Any]) -> None:
            try:
                digest = item_digest(item)
            except ValueError as error:
                raise BackupDamaged(f"an item of table {self._state.source} is damaged: {error}") from None
            file.fingerprint.add(digest)
            if keys:
                # An item without the key is in no table that has this key: it will be counted as missing.
                with suppress(ValueError):
                    self._digests.note(keys.digest(item), digest)

        return on_item

    def _compare(self, export: NativeExport, keys: KeySchema) -> bool:
        """Read the table; ``False`` means that time was up."""
        state = self._state
        if state.comparison is None:
            state.comparison = ComparisonState()
        found = state.comparison
        if self._comparison is None:
            self._comparison = Comparison(self._records, self._folder, self._digests, keys, found)
        workers, table = self._request.max_workers, state.target or ""
        if not self._comparison.run(self._client, table, state.items_expected, workers, self._deadline):
            return False
        if found.missing:
            etags = [file.progress.etag for file in state.files]
            files = {file.key: etag for file, etag in zip(export.files, etags, strict=True)}
            return self._comparison.sample_missing(self._store, files, self._deadline)
        return True

    def _conclude(self) -> None:
        state, found = self._state, self._state.comparison
        if found is None:
            state.status = "VERIFIED"
        elif found.missing or found.different or found.extra:
            state.status = "DIFFERENT"
        else:
            state.status = "IDENTICAL"
