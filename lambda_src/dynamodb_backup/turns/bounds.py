"""Where the state of a work may lead: it lies in S3, where others may write, too."""

from __future__ import annotations

from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.settings import Settings

__all__ = ["ELSEWHERE", "may_read"]

ELSEWHERE = "it leads to another place than this function's backups"


def may_read(settings: Settings, export: str | None, bucket: str, root: str) -> bool:
    """Tell whether a work may read an export at ``root`` of a bucket: below our prefix, or where its event says.

    Parameters
    ----------
    export
        The event's own field ``export``, ``s3://bucket/.../AWSDynamoDB/<ExportId>/``.
    bucket, root
        Where the state says that the export lies; empty before that is known.
    """
    if not bucket and not root:
        return True
    asked = f"{export.rstrip('/')}/" if export else None
    own = bucket == settings.bucket and root.startswith(Layout(settings.exports_prefix).root)
    return own or f"s3://{bucket}/{root}" == asked
