"""Use case: which versions of an item do the backups hold? Reads what may hold it, writes nothing."""

from __future__ import annotations

from dynamodb_backup.archive.catalog import Catalog, StoredBackup
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws import Clients
from dynamodb_backup.aws_errors import AWS_ERRORS, explain
from dynamodb_backup.catalog.expiry import Expiry
from dynamodb_backup.catalog.history_page import HistoryPage
from dynamodb_backup.catalog.points import Increment, Point, TablePoints
from dynamodb_backup.catalog.versions import VersionReader
from dynamodb_backup.contract.history import NOT_A_LOSS, HistoryRequest, HistoryResult, UnreadablePoint
from dynamodb_backup.errors import BackupDamaged, BackupNotFound, RequestRefused, TimeIsUp, ToolError
from dynamodb_backup.settings import Settings
from dynamodb_backup.timing import Clock, Deadline, utc_now

__all__ = ["History"]


class History:
    """The history use case with everything it needs."""

    def __init__(self, settings: Settings, clients: Clients, deadline: Deadline, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._clients = clients
        self._deadline = deadline
        self._expiry = Expiry(settings.retention_days, clock())
        self._store = ObjectStore(clients.s3, settings.bucket)
        self._layout = Layout(settings.exports_prefix)
        self._catalog = Catalog(self._store, self._layout)

    def execute(self, request: HistoryRequest) -> HistoryResult:
        """Show versions, newest first, up to the request's limit or as far as time allows.

        Raises
        ------
        RequestRefused
            The keys are not of the primary key that the table had in its newest backup.
        BackupNotFound
            No date that was asked for holds a backup of the table.
        """
        page = self._page(request)
        lost = any(point.status not in NOT_A_LOSS for point in page.unreadable)
        if not (page.read_something or lost or request.page or page.next_page):
            raise BackupNotFound(
                f"no date from {request.earliest or 'the oldest'} to {request.latest or 'the newest'} holds a "
                f"COMPLETED backup of table {request.table} that has not expired"
            )
        nothing = lost and not page.read_something
        return HistoryResult(
            environment=self._settings.environment,
            s3_bucket=self._settings.bucket,
            table_name=request.table,
            keys=tuple((key, tuple(found)) for key, found in zip(request.keys, page.versions, strict=True)),
            full_backups_read=page.full_backups,
            increments_read=page.increments,
            unreadable_points=tuple(page.unreadable),
            next_page=page.next_page,
            warnings=page.warnings,
            error="no recovery point of this page could be read; see unreadable_points" if nothing else None,
            error_type="NothingReadable" if nothing else None,
        )

    def _page(self, request: HistoryRequest) -> HistoryPage:
        page = HistoryPage(request)
        reader = VersionReader(self._store, self._catalog, self._clients, request.table, request.keys)
        resumed, given = request.start
        points = TablePoints(self._store, self._layout, self._catalog, self._expiry, request)
        for point in points.newest_first():
            start = given if point.place == resumed else 0
            page.reach(point.token(start))
            if page.next_page and not page.waits:
                break
            if page.next_page and not isinstance(point.content, StoredBackup):
                continue
            if page.begun and self._deadline.passed():
                page.end_early(point.token(start))
                break
            if isinstance(point.content, UnreadablePoint):
                page.miss(point.content)
            elif not self._read(page, reader, point, start):
                page.end_early(point.token(start))
                break
        return page

    def _read(self, page: HistoryPage, reader: VersionReader, point: Point, start: int) -> bool:
        """Put a point's versions on the page, or why it cannot be read; ``False`` means that time was up."""
        try:
            if isinstance(point.content, StoredBackup):
                page.take_full(point, reader.read_full(point.content, start, page.room, self._deadline))
            elif isinstance(point.content, Increment):
                page.take_increment(point, reader.read_increment(point.content, start, page.room, self._deadline))
        except TimeIsUp as error:
            if page.begun:
                return False
            # Trying again would end the same way; the page goes on behind it.
            page.miss(_unreadable(point, "UNREADABLE", f"{error}; give the function more time or memory"))
        except RequestRefused as error:
            if page.request.page is None and not page.read_something:
                raise
            page.miss(_unreadable(point, "OTHER_KEY", str(error)))
        except BackupDamaged as error:
            page.miss(_unreadable(point, "DAMAGED", str(error)))
        except BackupNotFound as error:
            page.miss(_unreadable(point, "MISSING", str(error)))
        except (ToolError, *AWS_ERRORS) as error:
            page.miss(_unreadable(point, "UNREADABLE", explain(error)))
        return True


def _unreadable(point: Point, status: str, error: str) -> UnreadablePoint:
    if isinstance(point.content, Increment):
        window = point.content.window
        return UnreadablePoint(point.date, status, error, "increment", window.start, window.end)
    return UnreadablePoint(point.date, status, error)
