"""Where everything lies in the bucket. Keys are made here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

__all__ = ["EXPORT_FOLDER", "Layout", "export_id_of"]

EXPORT_FOLDER = "AWSDynamoDB/"


@dataclass(frozen=True)
class Layout:
    """Keys under one exports prefix, such as ``native-exports``."""

    prefix: str

    @property
    def root(self) -> str:
        return f"{self.prefix}/"

    def date_of(self, folder: str) -> str | None:
        """Return the date of a folder key such as ``native-exports/2026-01-31/``; ``None`` if it is not a date's."""
        name = folder.removeprefix(self.root).rstrip("/")
        try:
            return name if date.fromisoformat(name).isoformat() == name else None
        except ValueError:
            return None

    def day(self, day: str) -> str:
        return f"{self.root}{day}/"

    def manifest(self, day: str) -> str:
        return f"{self.day(day)}manifest.json"

    def export_prefix(self, day: str, table: str) -> str:
        """Return the S3Prefix given to DynamoDB, which appends ``/AWSDynamoDB/<ExportId>/``."""
        return f"{self.day(day)}{table}"

    def export_root(self, day: str, table: str, export_arn: str) -> str:
        """Return the folder of one export's manifests, and of a full one's data files; it ends with ``/``."""
        return f"{self.export_prefix(day, table)}/{EXPORT_FOLDER}{export_id_of(export_arn)}/"

    def runs(self, day: str) -> str:
        return f"{self.day(day)}runs/"

    def run_record(self, day: str, run_id: str) -> str:
        return f"{self.runs(day)}{run_id}/run.json"

    def table_definition(self, day: str, run_id: str, table: str) -> str:
        return f"{self.runs(day)}{run_id}/definitions/{table}.json"

    @staticmethod
    def key_index(export_root: str) -> str:
        """Return where the key index of an export lies: beside its ``AWSDynamoDB/``, so that a copy takes it along."""
        place, _, export_id = export_root.removesuffix("/").rpartition(EXPORT_FOLDER)
        return f"{place}key-index/{export_id}"

    @property
    def retention_progress(self) -> str:
        return f"{self.root}retention/progress.json"

    @property
    def item_counts(self) -> str:
        """Return where it is kept how many items each table's backups held."""
        return f"{self.root}retention/item-counts.json"

    @property
    def legal_holds(self) -> str:
        """Return the folder of the records of legal holds."""
        return f"{self.root}legal-holds/"

    def legal_hold(self, day: str) -> str:
        return f"{self.legal_holds}{day}.json"

    @property
    def all_chains(self) -> str:
        """Return the folder of all tables' chain records."""
        return f"{self.root}chains/"

    def chains(self, table: str) -> str:
        """Return the folder of a table's chain records: which increments follow which full backup."""
        return f"{self.all_chains}{table}/"

    def chain(self, table: str, chain_id: str) -> str:
        return f"{self.chains(table)}{chain_id}.json"

    def rerooted(self, export_manifest: str) -> str:
        """Return the root of an export from the key recorded for its manifest; a copy's lies under our prefix."""
        return "/".join([self.prefix, *export_manifest.split("/")[-5:-1], ""])

    def scan(self, day: str, run_id: str, table: str) -> str:
        """Return the folder in which a scan's plan and checkpoints lie; it ends with ``/``."""
        return f"{self.runs(day)}{run_id}/scans/{table}/"

    @staticmethod
    def fingerprint(export_root: str) -> str:
        """Return where the fingerprint of an export lies: beside ``AWSDynamoDB/``, so that a copy takes it along."""
        place, _, export_id = export_root.removesuffix("/").rpartition(EXPORT_FOLDER)
        return f"{place}fingerprint/{export_id}.json"

    def audit_record(self, day: str, work_id: str) -> str:
        """Return where the audit record of a restore or an undo lies, by the day on which it began."""
        return f"{self.root}audit/{day}/{work_id}.json"

    def verification(self, verify_id: str) -> str:
        return f"{self.root}verifications/{verify_id}/checkpoint.json"

    def verification_digests(self, verify_id: str, table: str) -> str:
        """Return the folder of what a verification knows of a backup's items between its turns; it ends with ``/``."""
        return f"{self.root}verifications/{verify_id}/{table}/keys/"

    def checkpoint(self, restore_id: str) -> str:
        return f"{self.root}restores/{restore_id}/checkpoint.json"

    def restore_plan(self, restore_id: str) -> str:
        return f"{self.root}restores/{restore_id}/plan.json"

    def restore_report(self, restore_id: str) -> str:
        return f"{self.root}restores/{restore_id}/report.json"

    def restore_of_execution(self, name: str) -> str:
        """Return where it is written which restore an execution of the state machine carries."""
        return f"{self.root}restores/by-execution/{name}.json"

    def job(self, restore_id: str, job: str) -> str:
        return f"{self.root}restores/{restore_id}/jobs/{job}.json"

    def job_list(self, restore_id: str, turn: int) -> str:
        return f"{self.root}restores/{restore_id}/jobs/list-{turn}.jsonl"

    def lease(self, restore_id: str, work: str) -> str:
        return f"{self.root}restores/{restore_id}/leases/{work}.json"

    def progress(self, restore_id: str) -> str:
        return f"{self.root}restores/{restore_id}/progress.json"

    def digests(self, restore_id: str, table: str) -> str:
        """Return the folder of what a restore knows of a backup's items between its turns; it ends with ``/``."""
        return f"{self.root}restores/{restore_id}/{table}/keys/"

    def failed_items(self, restore_id: str, table: str) -> str:
        """Return the root of an export of the items that a restore could not write; it ends with ``/``."""
        return f"{self.root}restores/{restore_id}/{table}/{EXPORT_FOLDER}{restore_id}/"

    def selection(self, restore_id: str, table: str, export_id: str) -> str:
        """Return the root of an export of the items that a restore of single keys found; it ends with ``/``."""
        return f"{self.root}restores/{restore_id}/{table}/selection/{EXPORT_FOLDER}{export_id}/"

    def undo(self, undo_id: str) -> str:
        return f"{self.root}undos/{undo_id}/undo.json"

    def not_reverted(self, undo_id: str, table: str) -> str:
        """Return the folder of the keys that an undo left as they are; it ends with ``/``."""
        return f"{self.root}undos/{undo_id}/{table}/not-reverted/"

    def overwritten(self, undo_id: str, table: str) -> str:
        """Return the root of an export of what an undo overwrote although it had changed since; it ends with ``/``."""
        return f"{self.root}undos/{undo_id}/{table}/overwritten/{EXPORT_FOLDER}{undo_id}/"

    def window_prefix(self, window: str, table: str) -> str:
        """Return the S3Prefix of the incremental export that all undos of one window and table share."""
        return f"{self.root}undos/windows/{window}/{table}"

    def window(self, window: str, table: str) -> str:
        return f"{self.window_prefix(window, table)}/window.json"

    @property
    def restore_test_run(self) -> str:
        """Return where the restore test that goes on, or was the last, keeps how far it is."""
        return f"{self.root}restore-tests/run.json"

    def restore_test_result(self, table: str, test_id: str) -> str:
        return f"{self.root}restore-tests/results/{table}/{test_id}.json"

    def restore_test_status(self, table: str) -> str:
        """Return where it is kept when a table was last tested, and last proven restorable."""
        return f"{self.root}restore-tests/status/{table}.json"

    def scratch_definition(self, table: str) -> str:
        return f"{self.root}restore-tests/definitions/{table}.json"

    def offsite(self, store_id: str) -> str:
        """Return the folder of what is known of the copies in one off-site store; it ends with ``/``."""
        return f"{self.root}offsite/{store_id}/"


def export_id_of(export_arn: str) -> str:
    """Return the ExportId, the last element of ``arn:...:table/NAME/export/<ExportId>``."""
    return export_arn.rpartition("/")[2]
