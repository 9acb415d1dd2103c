"""Requests made from api/openapi.yaml, good and bad: none breaks the function, and every answer is as documented.

``make long`` also sends those at the boundaries of what the document allows, and a hundred of each kind. The library is
imported where it is used: every worker collects this file, and one of them runs it.
"""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import yaml
from hypothesis import HealthCheck, given, settings

from dynamodb_backup.handlers import api
from sandbox import http_api
from tests.conftest import ROOT
from tests.unit.api.fakes import NOW, VARIABLES, FakeS3, FakeStepFunctions

DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "api" / "openapi.yaml").read_text(encoding="utf-8"))
SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=x"}
KNOWN_ID, KNOWN_DATE = "nightly", "2026-01-31"
OPERATIONS = [
    (path, method) for path, methods in DOCUMENT["paths"].items() for method in methods if method != "parameters"
]
made_up = settings(deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)


@pytest.fixture(scope="module")
def documented_api() -> Any:
    import schemathesis  # noqa: PLC0415 - takes half a second

    api_schema = schemathesis.openapi.from_dict(DOCUMENT)
    # API Gateway itself answers a method that no route has, with 404.
    api_schema.config.phases.coverage.unexpected_methods = set()
    return api_schema


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The function behind its door, with a backup and an execution of each state machine that have ended."""
    s3, stepfunctions = FakeS3(), FakeStepFunctions()
    s3.put(f"{KNOWN_DATE}/manifest.json", _manifest())
    s3.put(
        f"restores/by-execution/{KNOWN_ID}.json",
        {"restore_id": "r", "parts": ["r-1"], "started_at": "2026-01-31T12:00:00Z"},
    )
    s3.put("restores/r/progress.json", {"percent": 100.0, "status": "ENDED"})
    for name in ("BACKUP", "RESTORE", "VERIFY"):
        arn = VARIABLES[f"{name}_STATE_MACHINE_ARN"].replace(":stateMachine:", ":execution:")
        stepfunctions.executions[f"{arn}:{KNOWN_ID}"] = {
            "name": KNOWN_ID,
            "status": "SUCCEEDED",
            "input": "{}",
            "output": json.dumps({"statusCode": 200, "body": {}}),
            "startDate": NOW,
            "stopDate": datetime(2026, 1, 31, 12, 30, tzinfo=UTC),
        }
    clients = SimpleNamespace(s3=s3, dynamodb=None, dynamodb_writes=None, stepfunctions=stepfunctions)
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 29_000)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in VARIABLES.items():
            patch.setenv(name, value)
        patch.setattr(api, "api_clients", lambda: clients)
        with http_api.open_door(DOCUMENT, lambda event: api.lambda_handler(event, context)) as door:
            yield door


def _manifest() -> dict[str, Any]:
    entry = {
        "table_name": "orders",
        "status": "COMPLETED",
        "export_arn": "arn:aws:dynamodb:us-east-1:123456789012:table/orders/export/01",
        "s3_prefix": f"native-exports/{KNOWN_DATE}/orders",
        "item_count": 3,
    }
    return {"backup_date": KNOWN_DATE, "environment": "test", "exports": [entry]}


def _known(case: Any) -> Any:
    """Have a part of the good requests ask for what is there: nobody guesses an id."""
    for name, value in (("id", KNOWN_ID), ("date", KNOWN_DATE)):
        given = case.path_parameters.get(name)
        if case.meta.generation.mode.is_positive and isinstance(given, str) and given[-1:] in string.digits:
            case.path_parameters[name] = value
    return case


def _judge(case: Any, url: str) -> None:
    from schemathesis.checks import not_a_server_error  # noqa: PLC0415 - takes half a second
    from schemathesis.specs.openapi import checks  # noqa: PLC0415

    expected = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_headers_conformance,
        checks.response_schema_conformance,
        checks.negative_data_rejection,
    ]
    response = _known(case).call(base_url=url, headers=SIGNED)
    case.validate_response(response, checks=expected)


def _send_made_up(operation: Any, url: str, examples: int) -> None:
    from schemathesis.generation import GenerationMode  # noqa: PLC0415 - takes half a second

    for mode in GenerationMode:

        @settings(made_up, max_examples=examples)
        @given(case=operation.as_strategy(generation_mode=mode))
        def send(case: Any) -> None:
            _judge(case, url)

        send()


@pytest.mark.parametrize("examples", [5, pytest.param(100, marks=pytest.mark.long)])
def test_every_answer_is_as_documented(documented_api: Any, url: str, examples: int) -> None:
    for path, method in OPERATIONS:
        _send_made_up(documented_api[path][method], url, examples)


@pytest.mark.long
def test_every_answer_at_the_boundaries_is_as_documented(
    documented_api: Any, url: str, request: pytest.FixtureRequest
) -> None:
    import schemathesis  # noqa: PLC0415 - takes half a second

    @schemathesis.pytest.from_fixture("documented_api").parametrize()
    @settings(made_up, max_examples=20)
    def send(case: Any, url: str) -> None:
        _judge(case, url)

    send(request=request)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/backups", 1),
        ("/backups?tables=orders,users&limit=1", 1),
        (f"/backups/{KNOWN_DATE}", 1),
        ("/backups?to=2026-01-30", 0),
    ],
)
def test_recovery_points_are_listed(url: str, path: str, expected: int) -> None:
    found = requests.get(url + path, headers=SIGNED, timeout=10)
    assert (found.status_code, found.json()["total_recovery_points"]) == (200, expected)
