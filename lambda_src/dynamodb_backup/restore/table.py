"""One table of a restore, carried through its phases: verify, write, delete, done."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from dynamodb_backup.archive.datafile import item_of
from dynamodb_backup.archive.export import NativeExport, read_export
from dynamodb_backup.aws_errors import AWS_ERRORS
from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.errors import ObjectChanged, TargetUnusable, TimeIsUp, ToolError
from dynamodb_backup.pool import run_workers
from dynamodb_backup.restore.chain_digests import ChainDigests
from dynamodb_backup.restore.changes import Changes
from dynamodb_backup.restore.estimate import Estimator
from dynamodb_backup.restore.failed_items import FailedItems
from dynamodb_backup.restore.mirror import Mirror
from dynamodb_backup.restore.modes import LineWriter
from dynamodb_backup.restore.new_target import NewTarget
from dynamodb_backup.restore.plan import fingerprint_of
from dynamodb_backup.restore.proof import TableProof
from dynamodb_backup.restore.selection import Selector
from dynamodb_backup.restore.state import TableState
from dynamodb_backup.restore.transform import TransformingWriter, refuse_rules_for_keys
from dynamodb_backup.restore.write import TableWriter
from dynamodb_backup.table.batch_write import BatchWriter
from dynamodb_backup.table.conditional_put import ConditionalWriter
from dynamodb_backup.table.definition import describe, target_key_schema
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.table.write_budget import ItemWriter, paced
from dynamodb_backup.telemetry import logger
from dynamodb_backup.turns.means import Means
from dynamodb_backup.turns.outcome import told_by
from dynamodb_backup.verify.comparison import ComparisonState
from dynamodb_backup.verify.digests import BackupDigests
from dynamodb_backup.verify.lookup import refuse_other_keys
from dynamodb_backup.verify.stored_backup import OnItem, Parse, verify_file

__all__ = ["TableRestorer"]


class TableRestorer:
    """Carries one table as far as time allows. Its state tells the outcome; nothing about it alone is raised."""

    def __init__(
        self,
        means: Means,
        request: RestoreRequest,
        restore_id: str,
        state: TableState,
    ) -> None:
        clients, store, layout, deadline = means.clients, means.store, means.layout, means.deadline
        self._clients = clients
        self._records = store
        self._store = store.in_bucket(state.bucket)
        self._layout = layout
        self._request = request
        self._restore_id = restore_id
        self._state = state
        self._deadline = deadline
        folder = layout.digests(restore_id, state.target)
        with_items = request.prove or request.write_mode == "diff"
        # By the request, not by the windows: whoever takes part in this restore must collect records of one form.
        kind = ChainDigests if request.restore_to else BackupDigests
        self._digests = kind(store, folder, state.digests, with_items=with_items)
        self._changes = Changes(store, state, deadline)
        self._proof = TableProof(clients, store, folder, request, state, self._digests, deadline)
        self._new_target = NewTarget(clients, store, request, restore_id, state, deadline)
        self._selector = Selector(store, layout, request, restore_id, state)

    @property
    def open(self) -> bool:
        return self._state.open

    def save(self) -> None:
        """Keep in S3 what the checkpoint itself does not hold and a later turn needs."""
        if self._state.phase == "select":
            self._selector.save()
        elif self._state.phase == "verify" or self._request.reads_table:
            self._digests.save()
            self._proof.save()

    def execute(self) -> None:
        """Go on with this table until it is done, has failed, must wait, or time is up."""
        state = self._state
        with told_by(state, "restore", table=state.source, target=state.target):
            export = self._same_export()
            keys = self._target_keys()
            if state.phase != "verify":
                self._resolve()
            refuse_rules_for_keys(state.source, self._request.transform.get(state.source, ()), keys)
            if state.phase == "select":
                if not self._select(export, keys):
                    return
                export = self._same_export()
            with BatchWriter(self._clients.dynamodb_writes, state.target, keys, self._deadline) as writer:
                phases = self._phases(export, keys, writer)
                following = [*list(phases)[1:], "done"]
                for (phase, work), next_phase in zip(phases.items(), following, strict=True):
                    if state.phase == phase and work():
                        state.phase = next_phase
            if state.phase == "done":
                self._conclude()

    def _select(self, export: NativeExport, keys: KeySchema) -> bool:
        """Find the request's keys; ``True`` if there is something to go on with."""
        state = self._state
        refuse_other_keys(keys, self._request.keys, self._request.partition_keys)
        if not self._selector.run(self._store, export, keys, self._deadline):
            return False
        if not state.items_expected:
            state.fail(state.missing_keys or "")
            return False
        found = len(state.selection.found) if state.selection else 0
        if self._request.keys and state.items_expected > found:
            raise self._shared_keys(keys, state.items_expected - found)
        state.phase = "done" if self._request.dry_run else "verify"
        self._store = self._records.in_bucket(state.bucket)
        return True

    def _phases(self, export: NativeExport, keys: KeySchema, writer: BatchWriter) -> dict[str, Callable[[], bool]]:
        """Return this restore's phases in their order; each does its work and tells whether it is done with it."""
        phases: dict[str, Callable[[], bool]] = {"verify": lambda: self._verify(export, keys)}
        compare = {"compare": lambda: self._proof.compare(keys)} if self._request.write_mode == "diff" else {}
        if self._request.dry_run:
            return phases if self._state.creates_target else phases | compare
        if self._request.method == "import":
            phases["import"] = lambda: self._new_target.import_items(export)
        else:
            if self._request.create_missing_tables:
                phases["create"] = self._new_target.create
            phases |= compare
            phases["write"] = lambda: self._write(export, keys, writer)
        if self._state.windows:
            phases["changes"] = lambda: self._apply_changes(self._paced(writer))
        if self._request.write_mode == "mirror":
            phases["delete"] = lambda: self._mirror(keys, self._paced(writer))
        if self._request.prove:
            phases["prove"] = lambda: self._proof.prove(self._store, export, keys)
        if self._request.makes_targets:
            # Behind the proof: once TTL is on, it deletes what the proof still looks for.
            phases["settle"] = self._new_target.settle
        return phases

    def _paced(self, writer: ItemWriter) -> ItemWriter:
        rate = self._write_units_per_second()
        if rate is None:
            return writer
        return paced(writer, describe(self._clients.dynamodb, self._state.target), rate, self._deadline)

    def _write_units_per_second(self) -> float | None:
        """Return the write budget, if there is one.

        Unasked a restore takes what DynamoDB gives: it throttles by itself, and whoever invoked the function waits.
        """
        return self._request.max_write_units_per_second

    def _transforming(self, writer: LineWriter) -> LineWriter:
        """Return what applies the table's rules to each line before the writer gets it; without rules the writer."""
        rules = self._request.transform.get(self._state.source)
        if not rules:
            return writer
        self._state.transformed = self._state.transformed or {rule.name: 0 for rule in rules}
        return TransformingWriter(writer, rules, self._request.transform_salt, self._state.transformed)

    def _same_export(self) -> NativeExport:
        export = read_export(self._store, self._state.root)
        if fingerprint_of(export) != self._state.fingerprint:
            raise ObjectChanged(f"the manifest of s3://{export.bucket}/{export.root} changed since this restore began")
        return export

    def _target_keys(self) -> KeySchema:
        keys = self._new_target.keys_of_missing_target() or target_key_schema(
            self._clients.dynamodb, self._state.target
        )
        source = self._state.captured_keys
        if source is not None and source != keys:
            raise self._other_keys(keys, f"the backup's is {source}")
        return keys

    def _other_keys(self, keys: KeySchema, instead: str) -> TargetUnusable:
        return TargetUnusable(
            f"target table {self._state.target} has the key schema {keys}, but {instead}; "
            "restore into a table with the same key schema"
        )

    def _shared_keys(self, keys: KeySchema, items: int) -> TargetUnusable:
        return self._other_keys(
            keys, f"{items} items of the backup share their key there with another and would overwrite each other"
        )

    def _verify(self, export: NativeExport, keys: KeySchema) -> bool:
        """Check everything before the first write; ``False`` means that time was up."""
        return self._verify_files(export, keys) and self._accept(export, keys)

    def _verify_files(self, export: NativeExport, keys: KeySchema) -> bool:
        """Check every file; ``False`` means that time was up."""
        parse = self._estimator().measured if self._request.dry_run else _parse

        def verify(number: int) -> None:
            progress, on_item = self._state.files[number].verified, self._on_item(keys)
            verify_file(self._store, export.files[number], progress, self._deadline, on_item, parse(number))

        waiting = [number for number, file in enumerate(self._state.files) if not file.verified.done]
        return run_workers(self._request.max_workers, waiting, verify, self._deadline)

    def _accept(self, export: NativeExport, keys: KeySchema) -> bool:
        """Check what only shows when every file has been read; ``False`` means that time was up."""
        if export.item_count and not len(self._digests):
            raise self._other_keys(keys, "no item of the backup has such a key")
        try:
            duplicates = self._digests.duplicates(self._deadline)
        except TimeIsUp:
            return False
        if duplicates:
            raise self._shared_keys(keys, duplicates)
        if isinstance(self._digests, ChainDigests):
            if not self._changes.verify(keys, self._digests, self._request.max_workers):
                return False
            self._resolve()
        logger.info("backup verified", table=self._state.source, items=export.item_count, files=len(export.files))
        return True

    def _resolve(self) -> None:
        """Have the digests of a chain tell its last state, if anything is compared with them."""
        if isinstance(self._digests, ChainDigests) and self._request.reads_table:
            self._digests.resolve()
            self._state.items_promised = len(self._digests)

    def _estimator(self) -> Estimator:
        return Estimator(self._clients, self._request, self._state)

    def _on_item(self, keys: KeySchema) -> OnItem | None:
        """Return what is done with each item while it is verified: its digests are noted."""

        def on_item(item: dict[str, Any]) -> None:
            # An item without the key is left to DynamoDB, which refuses it and says why.
            with suppress(ValueError):
                self._digests.add(keys, item)

        return on_item

    def _write(self, export: NativeExport, keys: KeySchema, batches: BatchWriter) -> bool:
        if self._request.write_mode == "only_missing":
            with ConditionalWriter(
                self._clients.dynamodb_writes, self._state.target, keys, batches, self._deadline
            ) as puts:
                return self._write_with(self._paced(puts), export)
        writer = self._paced(batches)
        changed = self._request.write_mode == "diff"
        return self._write_with(self._proof.changed_only(keys, writer) if changed else writer, export)

    def _failed_items(self) -> FailedItems:
        return FailedItems(self._records, self._layout.failed_items(self._restore_id, self._state.target), self._state)

    def _apply_changes(self, writer: ItemWriter) -> bool:
        """Apply the increments behind the full backup; ``False`` means that time was up."""
        failed = self._failed_items()
        try:
            finished = self._changes.apply(writer, failed, self._request.max_workers)
        except (ToolError, *AWS_ERRORS):
            failed.finish()
            raise
        if finished:
            failed.finish()
        return finished

    def _write_with(self, writer: LineWriter, export: NativeExport) -> bool:
        state = self._state
        failed = self._failed_items()
        table_writer = TableWriter(self._store, export, state, self._transforming(writer), failed, self._deadline)
        try:
            finished = table_writer.run(self._request.max_workers)
        except (ToolError, *AWS_ERRORS):
            failed.finish()
            raise
        if finished:
            failed.finish()
        elif table_writer.trouble:
            state.error = f"time ran out while retrying: {table_writer.trouble}"
        return finished

    def _mirror(self, keys: KeySchema, writer: ItemWriter) -> bool:
        mirror = Mirror(self._clients, self._state, keys, self._digests, self._deadline)
        return mirror.run(writer, self._request.max_workers)

    def _succeed(self, status: str) -> None:
        """Conclude well. Of single keys, what was found is done, which may be less than what was asked for."""
        missing = self._state.missing_keys
        self._state.status, self._state.error = ("PARTIAL_SUCCESS" if missing else status), missing

    def _conclude(self) -> None:
        state = self._state
        if self._request.dry_run:
            if not self._state.selection:
                self._estimator().conclude()
            self._succeed("READY")
            return
        state.warnings += [
            f"no item of table {state.source} has the attribute '{name}' that 'transform' names"
            for name, count in (state.transformed or {}).items()
            if not count and state.items_written
        ]
        settled = state.items_settled
        if settled != state.items_expected:
            raise ToolError(
                f"{settled} of {state.items_expected} items of table {state.source} were accounted for; "
                "this is a defect of the restore function, please report it"
            )
        if not state.items_failed:
            self._succeed("COMPLETED")
            if state.proven is False:
                self._conclude_unproven()
            return
        state.status = "PARTIAL_SUCCESS" if state.items_failed < state.items_expected else "FAILED"
        state.error = (
            f"DynamoDB refused {state.items_failed} of {state.items_expected} items; they are kept, with DynamoDB's "
            f"reasons, in {state.failed_items_export}; mend the cause and restore that with the field 'export'"
        )

    def _conclude_unproven(self) -> None:
        state = self._state
        found = state.proof or ComparisonState()
        state.status = "PARTIAL_SUCCESS"
        state.error = (
            f"every item was written, but when table {state.target} was read afterwards it did not hold what the "
            f"restore promises: {found.missing} missing, {found.different} different and {found.extra} extra items; "
            "the likely causes are another writer during the restore, or items that TTL expired meanwhile; look at "
            '\'differences\', stop the writers, and restore again, with "write_mode": "diff" or "mirror"'
        )


def _parse(_: int) -> Parse:
    """Return how the lines of a data file are parsed where nothing is measured."""
    return item_of
