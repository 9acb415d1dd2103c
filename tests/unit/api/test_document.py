"""api/openapi.yaml says what the code does: its routes, the fields of its requests, the sizes of what is sent."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from dynamodb_backup.api.events import DATE_PARAMETERS, LIST_PARAMETERS
from dynamodb_backup.api.routes import ROUTES
from dynamodb_backup.contract import restore_fields, verify
from tests.conftest import ROOT

DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "api" / "openapi.yaml").read_text(encoding="utf-8"))


def test_the_routes_are_the_document_s() -> None:
    documented = {f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert documented == set(ROUTES)


@pytest.mark.parametrize(
    ("schema", "fields"),
    [
        ("BackupRequest", {"tables", "export_type"}),
        ("RestoreRequest", {*restore_fields.FIELDS} - {"action", "restore_id"}),
        ("VerificationRequest", {*verify.FIELDS} - {"action", "verify_id"}),
    ],
)
def test_the_fields_of_a_body_are_those_of_the_event(schema: str, fields: set[str]) -> None:
    documented = DOCUMENT["components"]["schemas"][schema]
    assert set(documented["properties"]) == fields
    assert documented["additionalProperties"] is False


@pytest.mark.parametrize(("path", "known"), [("/backups", LIST_PARAMETERS), ("/backups/{date}", DATE_PARAMETERS)])
def test_the_parameters_of_a_list_are_those_that_are_known(path: str, known: tuple[str, ...]) -> None:
    shared = DOCUMENT["components"]["parameters"]
    given = [
        shared[one["$ref"].rpartition("/")[2]] if "$ref" in one else one
        for one in DOCUMENT["paths"][path]["get"]["parameters"]
    ]
    assert {one["name"] for one in given if one["in"] == "query"} == set(known)
