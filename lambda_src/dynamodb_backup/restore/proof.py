"""Comparing the target table with the backup: before writing, for ``diff``, and after it, for ``prove``."""

from __future__ import annotations

from dynamodb_backup.archive.export import NativeExport
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws import Clients
from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.restore.modes import ChangedItemsWriter, LineWriter, keeps_promise
from dynamodb_backup.restore.state import TableState
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import Deadline
from dynamodb_backup.verify.comparison import Comparison, ComparisonState
from dynamodb_backup.verify.digests import BackupDigests

__all__ = ["TableProof"]


class TableProof:
    """What is found when one table of a restore is read."""

    def __init__(
        self,
        clients: Clients,
        store: ObjectStore,
        folder: str,
        request: RestoreRequest,
        state: TableState,
        digests: BackupDigests,
        deadline: Deadline,
    ) -> None:
        self._client = clients.dynamodb
        self._records = store
        self._folder = folder
        self._request = request
        self._state = state
        self._digests = digests
        self._deadline = deadline
        self._comparisons: dict[int, Comparison] = {}

    def save(self) -> None:
        """Keep what a later turn needs of the comparisons."""
        for comparison in self._comparisons.values():
            comparison.save()

    def compare(self, keys: KeySchema) -> bool:
        """Find out before writing what the table holds already; ``False`` means that time was up."""
        if self._state.comparison is None:
            self._state.comparison = ComparisonState()
        found = self._state.comparison
        if not self._read(keys, found):
            return False
        if self._request.dry_run:
            self._state.items_unchanged = found.identical
        return True

    def changed_only(self, keys: KeySchema, writer: LineWriter) -> ChangedItemsWriter:
        """Return a writer that leaves alone what ``compare`` found to be equal."""
        return ChangedItemsWriter(writer, self._comparison(keys, self._state.comparison or ComparisonState()))

    def prove(self, store: ObjectStore, export: NativeExport, keys: KeySchema) -> bool:
        """Read the table after everything was written and say whether it holds what the mode promises.

        ``False`` means that time was up, not that the proof failed.
        """
        state = self._state
        if state.proof is None:
            state.proof = ComparisonState()
        if not self._read(keys, state.proof):
            return False
        found = state.proof
        if found.missing:
            etags = [file.verified.etag for file in state.files]
            files = {file.key: etag for file, etag in zip(export.files, etags, strict=True)}
            if not self._comparison(keys, found).sample_missing(store, files, self._deadline):
                return False
        mode = "mirror" if self._request.method == "import" else self._request.write_mode
        # A refused item may have no key by which the table could be seen to lack it.
        state.proven = keeps_promise(mode, found) and not state.items_failed
        logger.info(
            "restore of a table proven" if state.proven else "restore of a table not proven",
            table=state.source,
            target=state.target,
            missing=found.missing,
            extra_items=found.extra,
            different=found.different,
        )
        return True

    def _read(self, keys: KeySchema, found: ComparisonState) -> bool:
        workers = self._request.max_workers
        comparison = self._comparison(keys, found)
        promised = self._state.items_promised
        expected = self._state.items_expected if promised is None else promised
        return comparison.run(self._client, self._state.target, expected, workers, self._deadline)

    def _comparison(self, keys: KeySchema, found: ComparisonState) -> Comparison:
        known = self._comparisons.get(id(found))
        if known is None:
            known = Comparison(self._records, self._folder, self._digests, keys, found)
            self._comparisons[id(found)] = known
        return known
