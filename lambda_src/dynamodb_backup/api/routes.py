"""What is done for each route. API Gateway has chosen the route already: it is made of the same api/openapi.yaml."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from dynamodb_backup.api import events, outcome
from dynamodb_backup.api.executions import Executions
from dynamodb_backup.api.settings import ApiSettings
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws import ApiClients
from dynamodb_backup.catalog.listing import Listing
from dynamodb_backup.contract.api import HttpAnswer, HttpRequest
from dynamodb_backup.contract.catalog import ListRequest
from dynamodb_backup.errors import BackupNotFound, HttpRefused
from dynamodb_backup.telemetry import logger
from dynamodb_backup.timing import Deadline, iso

__all__ = ["ROUTES", "Api"]


class Api:
    """The HTTP API with everything it needs."""

    def __init__(self, settings: ApiSettings, clients: ApiClients, deadline: Deadline) -> None:
        self._settings = settings.common
        self._authorization = settings.authorization
        self._clients = clients
        self._deadline = deadline
        self._layout = Layout(settings.common.exports_prefix)
        self._store = ObjectStore(clients.s3, settings.common.bucket)
        self._backups = Executions(clients.stepfunctions, settings.backup_machine_arn)
        self._restores = Executions(clients.stepfunctions, settings.restore_machine_arn)
        self._verifications = Executions(clients.stepfunctions, settings.verify_machine_arn)

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """Answer one request.

        Raises
        ------
        HttpRefused
            The route is unknown, the request was not authorised, or its body cannot be read.
        RequestRefused
            A field or parameter is unknown or wrong. Nothing was started.
        BackupNotFound
            There is no such backup, restore or verification.
        """
        if request.authorized_by != self._authorization:
            raise HttpRefused(
                HTTPStatus.FORBIDDEN,
                "API Gateway did not check who sent the request, as a route without its authorizer does; apply the "
                "module again",
            )
        route = ROUTES.get(request.route)
        if route is None:
            raise HttpRefused(HTTPStatus.NOT_FOUND, "there is no such route; api/openapi.yaml has those that there are")
        return route(self, request)

    def start_backup(self, request: HttpRequest) -> HttpAnswer:
        request.only_query(())
        event = events.backup_event(request.json_object(), self._settings)
        return _started(self._backups, request, event, "/backups/runs")

    def backup_run(self, request: HttpRequest) -> HttpAnswer:
        request.only_query(())
        return HttpAnswer(HTTPStatus.OK, outcome.of_backup(self._backups.find(request.parameter("id"))))

    def backups(self, request: HttpRequest) -> HttpAnswer:
        return self._listed(events.list_request(request.only_query(events.LIST_PARAMETERS)))

    def backups_of_date(self, request: HttpRequest) -> HttpAnswer:
        date = request.parameter("date")
        found = self._listed(events.points_of_date(date, request.only_query(events.DATE_PARAMETERS)))
        if not found.body["total_recovery_points"] and not found.body["unreadable_dates"]:
            raise BackupNotFound(f"there is no backup of {date}; GET /backups lists those that there are")
        return found

    def start_restore(self, request: HttpRequest) -> HttpAnswer:
        request.only_query(())
        event = events.restore_event(request.json_object(), self._settings)
        return _started(self._restores, request, event, "/restores")

    def restore(self, request: HttpRequest) -> HttpAnswer:
        request.only_query(())
        execution = self._restores.find(request.parameter("id"))
        return HttpAnswer(HTTPStatus.OK, outcome.of_restore(execution, self._store, self._layout))

    def start_verification(self, request: HttpRequest) -> HttpAnswer:
        request.only_query(())
        event = events.verify_event(request.json_object())
        return _started(self._verifications, request, event, "/verifications")

    def verification(self, request: HttpRequest) -> HttpAnswer:
        request.only_query(())
        return HttpAnswer(HTTPStatus.OK, outcome.of_verification(self._verifications.find(request.parameter("id"))))

    def _listed(self, request: ListRequest) -> HttpAnswer:
        response = Listing(self._settings, self._clients, self._deadline).execute(request).to_response()
        return HttpAnswer(response["statusCode"], response["body"])


def _started(executions: Executions, request: HttpRequest, event: Mapping[str, Any], place: str) -> HttpAnswer:
    execution = executions.start(request.execution_name(), event)
    # The event may hold keys of items, so of it the names of its fields alone.
    logger.info("started", route=request.route, id=execution.name, caller=request.caller, fields=sorted(event))
    location = f"{place}/{execution.name}"
    body = {
        "id": execution.name,
        "status": execution.status,
        "location": location,
        "started_at": iso(execution.started_at),
    }
    return HttpAnswer(HTTPStatus.ACCEPTED, body, {"location": location})


ROUTES: Mapping[str, Callable[[Api, HttpRequest], HttpAnswer]] = {
    "POST /backups": Api.start_backup,
    "GET /backups": Api.backups,
    "GET /backups/{date}": Api.backups_of_date,
    "GET /backups/runs/{id}": Api.backup_run,
    "POST /restores": Api.start_restore,
    "GET /restores/{id}": Api.restore,
    "POST /verifications": Api.start_verification,
    "GET /verifications/{id}": Api.verification,
}
