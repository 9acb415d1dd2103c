"""The HTTP API: what is started, once and under which name; what is refused, and how; what is told of an end."""

from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from dynamodb_backup.api.routes import ROUTES
from dynamodb_backup.contract.api import MOST_BODY_BYTES
from dynamodb_backup.handlers import api
from dynamodb_backup.telemetry import logger
from tests.unit.api.fakes import NOW, VARIABLES, FakeS3, FakeStepFunctions, client_error, request

CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 29_000)
SECRET = "jane.doe@example.com"


@dataclass
class Aws:
    """The fakes, and the door."""

    stepfunctions: FakeStepFunctions = field(default_factory=FakeStepFunctions)
    s3: FakeS3 = field(default_factory=FakeS3)
    dynamodb: Any = None
    dynamodb_writes: Any = None

    def send(self, route: str, body: Any = None, **parts: Any) -> tuple[int, dict[str, Any]]:
        response = self.answer(request(route, body, **parts))
        return response["statusCode"], json.loads(response["body"])

    def answer(self, event: Any) -> dict[str, Any]:
        return api.lambda_handler(event, CONTEXT)

    def started(self) -> list[Any]:
        return [json.loads(start["input"]) for start in self.stepfunctions.starts]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    fake = Aws()
    monkeypatch.setattr(api, "api_clients", lambda: fake)
    return fake


@pytest.mark.parametrize(
    ("route", "body", "place"),
    [
        ("POST /backups", {"tables": ["orders"]}, "/backups/runs/"),
        ("POST /restores", {"tables": ["orders"], "dry_run": True}, "/restores/"),
        ("POST /verifications", {"against": "table"}, "/verifications/"),
    ],
)
def test_a_post_starts_an_execution_with_the_body_and_says_where_to_follow_it(
    aws: Aws, route: str, body: dict[str, Any], place: str
) -> None:
    response = aws.answer(request(route, body))

    assert response["statusCode"] == 202
    told = json.loads(response["body"])
    (start,) = aws.stepfunctions.starts
    assert start["stateMachineArn"].endswith(
        f"shop-dynamodb-{route.split('/')[1][:-1].replace('verification', 'verify')}"
    )
    assert json.loads(start["input"]) == body
    assert response["headers"]["location"] == told["location"] == place + start["name"]
    assert (told["id"], told["status"], told["started_at"]) == (
        start["name"],
        "IN_PROGRESS",
        "2026-01-31T12:00:00.000Z",
    )


def test_the_same_idempotency_key_starts_nothing_twice_also_when_it_has_ended(aws: Aws) -> None:
    send = {"headers": {"Idempotency-Key": "k1"}}
    _, first = aws.send("POST /backups", {}, **send, request_id="a")
    _, again = aws.send("POST /backups", {}, **send, request_id="b")
    aws.stepfunctions.end(status="SUCCEEDED", output="{}")
    status, ended = aws.send("POST /backups", {}, **send, request_id="c")

    assert len(aws.stepfunctions.executions) == 1
    assert first["id"] == again["id"] == ended["id"]
    assert (status, ended["status"]) == (202, "COMPLETED")


def test_an_idempotency_key_is_for_one_request(aws: Aws) -> None:
    send = {"headers": {"Idempotency-Key": "k1"}}
    aws.send("POST /restores", {"tables": ["orders"]}, **send)
    status, told = aws.send("POST /restores", {"tables": ["users"]}, **send)

    assert status == 422
    assert "Idempotency-Key was used for another request" in told["detail"]
    assert len(aws.stepfunctions.executions) == 1


def test_without_a_key_every_request_starts_something_but_lambda_s_repetition_of_one(aws: Aws) -> None:
    for request_id in ("a", "a", "b"):
        aws.send("POST /backups", {}, request_id=request_id)
    assert len(aws.stepfunctions.executions) == 2


@pytest.mark.parametrize("key", ["", "a b", "ä", "x" * 256])
def test_a_bad_idempotency_key_is_refused_by_name(aws: Aws, key: str) -> None:
    status, told = aws.send("POST /backups", {}, headers={"Idempotency-Key": key})
    assert (status, told["field"]) == (400, "Idempotency-Key")
    assert aws.started() == []


@pytest.mark.parametrize(
    ("route", "body", "field"),
    [
        ("POST /backups", {"tables": ["unknown"]}, "tables"),
        ("POST /backups", {"tabels": []}, "tabels"),
        ("POST /backups", {"run_id": "2026-01-31-0001"}, "run_id"),
        ("POST /backups", {"detail-type": "Scheduled Event", "source": "me"}, "detail-type"),
        ("POST /restores", {"write_mode": "sideways"}, "write_mode"),
        ("POST /restores", {"action": "undo"}, "action"),
        ("POST /restores", {"restore_id": "20260131T000000Z-00000000"}, "restore_id"),
        ("POST /restores", {"tables": ["orders"], "keys": "x"}, "keys"),
        ("POST /verifications", {"against": "luck"}, "against"),
        ("POST /verifications", {"verify_id": "x"}, "verify_id"),
    ],
)
def test_a_bad_field_is_refused_by_name_before_anything_is_started(
    aws: Aws, route: str, body: dict[str, Any], field: str
) -> None:
    response = aws.answer(request(route, body))

    told = json.loads(response["body"])
    assert (response["statusCode"], told["status"], told["field"], told["title"]) == (400, 400, field, "Bad Request")
    assert response["headers"]["content-type"] == "application/problem+json"
    assert told["request_id"] == "request-1"
    assert aws.started() == []


def test_a_target_outside_the_naming_convention_is_refused(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABLE_NAME_PATTERN", "^(orders|users)$")
    status, told = aws.send("POST /restores", {"tables": ["orders"], "target_tables": {"orders": "other"}})
    assert (status, told["field"]) == (400, "target_tables")
    assert aws.started() == []


def test_who_started_what_is_written_into_the_audit_log(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[dict[str, Any]] = []

    def put(**call: Any) -> dict[str, Any]:
        written.append(json.loads(call["logEvents"][0]["message"]))
        return {}

    puts = SimpleNamespace(put_log_events=put)
    monkeypatch.setattr("dynamodb_backup.handlers.audited.audit_client", lambda: puts)
    monkeypatch.setattr("dynamodb_backup.handlers.audited.clients", lambda: aws)
    aws.send("POST /restores", {"tables": ["orders"]})
    assert written == []  # off by default

    monkeypatch.setenv("AUDIT_LOG_GROUP", "audit")
    for route in ("POST /backups", "POST /restores", "POST /verifications"):
        _, told = aws.send(route, {"tables": ["orders"]})
        line = written.pop()
        act = {"backups": "backup", "restores": "restore", "verifications": "verification"}[route[6:]]
        assert (line["act"], line["phase"], line["id"]) == (act, "requested", told["id"])
        assert line["who"]["caller"] == request(route, {})["requestContext"]["authorizer"]["iam"]["userArn"]
    aws.send("GET /backups", None)
    aws.send("POST /restores", {"nonsense": 1})
    assert written == []


def test_a_restore_that_deletes_needs_confirmation_where_the_module_says_so(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUIRE_CONFIRMATION", "true")
    mirror = {"tables": ["orders"], "target_tables": {"orders": "copy"}, "write_mode": "mirror"}
    for wrong in ({}, {"confirm": "orders"}):
        status, told = aws.send("POST /restores", mirror | wrong)
        assert (status, told["field"]) == (400, "confirm")
        assert '"confirm": "copy"' in told["detail"]
    assert aws.started() == []

    assert aws.send("POST /restores", mirror | {"confirm": ["copy"]})[0] == 202
    assert aws.started() == [mirror | {"confirm": ["copy"]}]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (None, {}, 400),
        ("{", {}, 400),
        ("[]", {}, 400),
        ('{"max_workers": NaN}', {}, 400),
        ("[" * 100_000, {}, 400),
        ('{"tables": ["\ud800"]}', {}, 400),
        ("{}", {"content-type": "text/plain"}, 415),
        (" " * (MOST_BODY_BYTES + 1), {}, 413),
    ],
)
def test_a_body_that_is_no_json_object_of_a_fair_size_is_refused(
    aws: Aws, body: str | None, headers: dict[str, str], status: int
) -> None:
    code, told = aws.send("POST /restores", body, headers=headers)
    assert (code, told["status"]) == (status, status)
    assert aws.started() == []


def test_a_body_in_base64_is_the_same(aws: Aws) -> None:
    event = request("POST /backups", base64.b64encode(b'{"tables": ["orders"]}').decode())
    assert aws.answer(event | {"isBase64Encoded": True})["statusCode"] == 202
    assert aws.started() == [{"tables": ["orders"]}]
    assert aws.answer(event | {"isBase64Encoded": True, "body": "?"})["statusCode"] == 400


@pytest.mark.parametrize("authorizer", [None, {}, {"lambda": {"sub": "x"}}, {"jwt": {"claims": {"sub": "x"}}}])
def test_a_request_that_api_gateway_did_not_authorize_as_configured_is_refused(aws: Aws, authorizer: Any) -> None:
    for route in ROUTES:
        status, _ = aws.send(route, {}, path={"id": "x", "date": "2026-01-31"}, authorizer=authorizer)
        assert status == 403, route
    assert aws.started() == []


def test_with_tokens_a_request_signed_for_iam_is_refused(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_AUTHORIZATION", "jwt")
    assert aws.send("POST /backups", {})[0] == 403
    assert aws.send("POST /backups", {}, authorizer={"jwt": {"claims": {"sub": "jane"}}})[0] == 202


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the function logs. The logger has kept the standard output of the time when it was made."""
    lines = io.StringIO()
    handler = next(one for one in logger.handlers if isinstance(one, logging.StreamHandler))
    before = handler.setStream(lines)
    yield lines
    handler.setStream(before)


def test_neither_log_nor_name_holds_item_data_or_a_key(aws: Aws, log: io.StringIO) -> None:
    body = {"tables": ["orders"], "keys": [{"id": {"S": SECRET}}]}
    aws.send("POST /restores", body, headers={"Idempotency-Key": SECRET})
    aws.send("POST /restores", {**body, "prove": SECRET})
    aws.send("POST /restores", {SECRET: 1})
    aws.send("POST /restores", '{"' + SECRET)
    aws.stepfunctions.failure = client_error("AccessDeniedException", "StartExecution")
    aws.send("POST /restores", body)

    assert len(aws.started()) == 2
    assert '"message":"started"' in log.getvalue()
    assert "Traceback" in log.getvalue()
    assert SECRET not in log.getvalue()
    assert SECRET not in aws.stepfunctions.starts[0]["name"]


def test_who_started_what_is_logged(aws: Aws, log: io.StringIO) -> None:
    _, told = aws.send("POST /backups", {"tables": ["orders"]})
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    (line,) = [line for line in lines if line.get("message") == "started"]
    assert (line["id"], line["caller"], line["fields"]) == (
        told["id"],
        "arn:aws:iam::123456789012:user/operator",
        ["tables"],
    )


def test_throttling_is_answered_with_503_and_when_to_come_back(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dynamodb_backup.aws_errors.time.sleep", lambda _: None)
    aws.stepfunctions.failure = client_error("ThrottlingException", "StartExecution")
    response = aws.answer(request("POST /backups", {}))
    assert (response["statusCode"], response["headers"]["retry-after"]) == (503, "5")


def test_what_is_not_expected_is_a_500_without_its_insides(aws: Aws) -> None:
    aws.stepfunctions.failure = client_error("AccessDeniedException", "StartExecution")
    status, told = aws.send("POST /backups", {})
    assert (status, told["detail"].split(";")[0]) == (500, "AccessDeniedException")
    assert "Traceback" not in json.dumps(told)


@pytest.mark.parametrize("name", ["API_AUTHORIZATION", "BACKUP_BUCKET", "VERIFY_STATE_MACHINE_ARN"])
def test_a_missing_variable_is_a_500_that_names_it(aws: Aws, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    status, told = aws.send("GET /backups")
    assert status == 500
    assert name in told["detail"]


@pytest.mark.parametrize("event", [None, [], {}, {"version": "1.0"}, {"tables": ["orders"]}])
def test_an_event_that_is_not_api_gateway_s_is_refused(aws: Aws, event: Any) -> None:
    assert aws.answer(event)["statusCode"] == 400


def test_an_unknown_route_or_parameter_is_refused(aws: Aws) -> None:
    assert aws.send("DELETE /backups")[0] == 404
    status, told = aws.send("GET /backups", query={"form": "2026-01-31"})
    assert (status, told["field"]) == (400, "form")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "x"}, "limit"),
        ({"limit": "0"}, "limit"),
        ({"limit": "1e3"}, "limit"),
        ({"from": "yesterday"}, "from"),
        ({"tables": "a,b"}, "tables"),
        ({"next": "x"}, "next"),
    ],
)
def test_a_bad_parameter_is_refused_by_name(aws: Aws, query: dict[str, str], field: str) -> None:
    status, told = aws.send("GET /backups", query=query)
    assert (status, told["field"]) == (400, field)


def test_a_date_without_backups_is_not_found(aws: Aws) -> None:
    assert aws.send("GET /backups/{date}", path={"date": "2026-01-31"})[0] == 404
    status, told = aws.send("GET /backups/{date}", path={"date": "2026-01-31"}, query={"next": "2026-01-30"})
    assert (status, told["field"]) == (400, "next")


@pytest.mark.parametrize(
    "date", ["latest", "../2026-01-31", "2026-01-31/..", "2026-01-31\n", "2026%2D01-31", "\uff12026-01-31"]
)
def test_a_date_that_is_none_is_refused_by_its_own_name(aws: Aws, date: str) -> None:
    status, told = aws.send("GET /backups/{date}", path={"date": date})
    assert (status, told["field"]) == (400, "date")


@pytest.mark.parametrize("route", ["GET /backups/runs/{id}", "GET /restores/{id}", "GET /verifications/{id}"])
@pytest.mark.parametrize("name", ["unknown", "a:b", "*", "x" * 81, "../x", "a%2Fb", "a\n", "\uff11", "a b"])
def test_an_unknown_id_is_not_found(aws: Aws, route: str, name: str) -> None:
    status, told = aws.send(route, path={"id": name})
    assert status == 404
    assert name[:80] in told["detail"]


def test_a_backup_that_failed_says_why(aws: Aws) -> None:
    _, started = aws.send("POST /backups", {})
    aws.stepfunctions.end(status="FAILED", error="Backup.Status500", cause="table orders: no")
    status, told = aws.send("GET /backups/runs/{id}", path={"id": started["id"]})
    assert (status, told["status"], told["execution_status"]) == (200, "FAILED", "FAILED")
    assert (told["error"], told["cause"], told["result"]) == ("Backup.Status500", "table orders: no", None)


def test_a_backup_that_ended_well_has_the_run_s_result(aws: Aws) -> None:
    _, started = aws.send("POST /backups", {})
    aws.stepfunctions.end(status="SUCCEEDED", output='{"statusCode": 200, "body": {"run_id": "2026-01-31-0001"}}')
    _, told = aws.send("GET /backups/runs/{id}", path={"id": started["id"]})
    assert (told["status"], told["result"]) == ("COMPLETED", {"run_id": "2026-01-31-0001"})


class TestRestore:
    """GET /restores/{id}."""

    @pytest.fixture
    def name(self, aws: Aws) -> str:
        _, started = aws.send("POST /restores", {})
        return str(started["id"])

    def told(self, aws: Aws, name: str) -> dict[str, Any]:
        status, told = aws.send("GET /restores/{id}", path={"id": name})
        assert status == 200, told
        return told

    def planned(self, aws: Aws, name: str, started_at: str = "2026-01-31T12:00:00.300Z") -> None:
        record = {"restore_id": "r1", "parts": ["r1-1"], "started_at": started_at}
        aws.s3.put(f"restores/by-execution/{name}.json", record)

    def test_before_it_is_planned_there_is_no_progress(self, aws: Aws, name: str) -> None:
        told = self.told(aws, name)
        assert (told["status"], told["restore_id"], told["progress"]) == ("IN_PROGRESS", None, None)

    def test_while_it_runs_its_progress_is_told(self, aws: Aws, name: str) -> None:
        self.planned(aws, name)
        aws.s3.put("restores/r1/progress.json", {"percent": 12.5, "status": "IN_PROGRESS"})
        told = self.told(aws, name)
        assert (told["restore_id"], told["progress"]["percent"], told["result"]) == ("r1", 12.5, None)

    def test_a_partial_one_has_failed_and_its_report_is_told(self, aws: Aws, name: str) -> None:
        self.planned(aws, name)
        aws.s3.put("restores/r1/report.json", {"statusCode": 207, "body": {"restore_results": [1]}})
        aws.stepfunctions.end(status="FAILED", error="Restore.Status207", cause="2 items")
        told = self.told(aws, name)
        assert (told["status"], told["error"], told["result"]) == (
            "FAILED",
            "Restore.Status207",
            {"restore_results": [1]},
        )

    def test_a_report_that_is_too_large_to_answer_gives_way_to_the_short_one(self, aws: Aws, name: str) -> None:
        self.planned(aws, name)
        aws.s3.put("restores/r1/report.json", {"body": "x" * 4_000_000})
        aws.stepfunctions.end(status="SUCCEEDED", output='{"statusCode": 200, "body": {"report": "s3://"}}')
        assert self.told(aws, name)["result"] == {"report": "s3://"}

    def test_an_older_execution_of_the_same_name_is_not_taken_for_it(self, aws: Aws, name: str) -> None:
        self.planned(aws, name, started_at="2025-10-01T12:00:00.000Z")
        assert self.told(aws, name)["restore_id"] is None

    @pytest.mark.parametrize("body", [b"{", b"[]", b'{"restore_id": 1}'])
    def test_a_malformed_record_is_said_by_its_key(self, aws: Aws, name: str, body: bytes) -> None:
        aws.s3.objects[f"native-exports/restores/by-execution/{name}.json"] = body
        status, told = aws.send("GET /restores/{id}", path={"id": name})
        assert status == 500
        assert f"by-execution/{name}.json" in told["detail"]

    @pytest.mark.parametrize("body", [b"{", b"[]"])
    def test_a_malformed_progress_is_said_by_its_key(self, aws: Aws, name: str, body: bytes) -> None:
        self.planned(aws, name)
        aws.s3.objects["native-exports/restores/r1/progress.json"] = body
        status, told = aws.send("GET /restores/{id}", path={"id": name})
        assert status == 500
        assert "restores/r1/progress.json" in told["detail"]


@pytest.mark.parametrize(
    ("outcome", "status", "cause", "result"),
    [
        (
            {"status": "SUCCEEDED", "output": '{"statusCode": 200, "body": {"verified_tables": 1}}'},
            "COMPLETED",
            None,
            1,
        ),
        ({"status": "FAILED", "cause": '{"verified_tables": 1, "error": "e"}'}, "FAILED", "e", 1),
        ({"status": "TIMED_OUT", "cause": "too long"}, "FAILED", "too long", None),
    ],
)
def test_a_verification_tells_its_result_also_when_it_found_a_difference(
    aws: Aws, outcome: dict[str, Any], status: str, cause: str | None, result: int | None
) -> None:
    _, started = aws.send("POST /verifications", {})
    aws.stepfunctions.end(**outcome)
    _, told = aws.send("GET /verifications/{id}", path={"id": started["id"]})
    assert (told["status"], told["cause"], told["ended_at"]) == (status, cause, "2026-01-31T12:00:00.000Z")
    assert (told["result"] or {}).get("verified_tables") == result
    assert NOW.year == 2026


@pytest.mark.parametrize(
    "change",
    [
        {"pathParameters": "no object"},
        {"queryStringParameters": {"limit": 5}},
        {"headers": {"content-type": ["application/json"]}},
        {"headers": []},
        {"body": {"tables": ["orders"]}},
        {"body": True},
        {"isBase64Encoded": "yes"},
        {"routeKey": None},
        {"requestContext": 1},
        {"requestContext": {"requestId": "r", "authorizer": {"iam": "me"}}},
    ],
)
def test_an_event_that_api_gateway_does_not_send_is_refused(aws: Aws, change: dict[str, Any]) -> None:
    answer = aws.answer(request("POST /backups", {}) | change)
    told = json.loads(answer["body"])
    assert (answer["statusCode"], told["field"]) == (400, "event")
    assert aws.started() == []


@pytest.mark.parametrize("route", [route for route in ROUTES if "{" in route])
def test_a_route_whose_parameter_is_missing_is_not_found(aws: Aws, route: str) -> None:
    status, told = aws.send(route)
    assert status == 404, told


def test_a_body_in_base64_of_other_characters_is_refused(aws: Aws) -> None:
    event = request("POST /backups", {}) | {"body": "é", "isBase64Encoded": True}
    assert aws.answer(event)["statusCode"] == 400
