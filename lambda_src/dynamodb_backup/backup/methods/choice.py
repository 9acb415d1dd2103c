"""Which method carries a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dynamodb_backup.backup.methods.method import BackupMethod, Resources
from dynamodb_backup.backup.methods.native_export import NativeExportMethod
from dynamodb_backup.backup.methods.scan import ScanMethod
from dynamodb_backup.backup.record import TableRun
from dynamodb_backup.errors import ExportRefused

__all__ = ["method_of"]

_METHODS: Mapping[str, Callable[[Resources], BackupMethod]] = {
    "native_export": NativeExportMethod,
    "scan": ScanMethod,
}


def method_of(table: TableRun, resources: Resources) -> BackupMethod:
    """Return the method that a table's backup was begun with.

    Raises
    ------
    ExportRefused
        The run record names a method of a newer version.
    """
    make = _METHODS.get(table.method)
    if make is None:
        raise ExportRefused(
            f"the backup of table {table.table_name} was begun by method '{table.method}', which this version does not "
            f"know ({', '.join(_METHODS)}); update the function, or let the next run back the table up"
        )
    return make(resources)
