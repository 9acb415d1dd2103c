"""DynamoDB exports as AWS writes them: build one from items, put it into S3.

The sandbox's own ExportTableToPointInTime uses it, and tests that need an export to exist, odd ones too:

    export_id = write_full_export(s3, "bucket", "native-exports/2024-05-14/users", TABLE_ARN, items)

A test that needs a damaged export builds one (`build_full_export`), edits `export.objects` and uploads it (`upload`).
"""

from sandbox.exports.format import DataFile, data_file, full_line, incremental_line
from sandbox.exports.model import Export, ExportRequest, build_full_export, build_incremental_export, new_export_id
from sandbox.exports.upload import upload, write_full_export, write_incremental_export

__all__ = [
    "DataFile",
    "Export",
    "ExportRequest",
    "build_full_export",
    "build_incremental_export",
    "data_file",
    "full_line",
    "incremental_line",
    "new_export_id",
    "upload",
    "write_full_export",
    "write_incremental_export",
]
