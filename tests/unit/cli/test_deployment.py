"""Functions and state machines are found by name as the module names them, and in Terraform's output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dynamodb_backup_cli.deployment import Deployment
from dynamodb_backup_cli.failures import Refused

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:shop-production-dynamodb-"
MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:shop-production-dynamodb-"
OUTPUTS: dict[str, Any] = {
    "functions": {verb: {"arn": ARN + verb, "name": verb} for verb in ("backup", "restore", "verify")},
    "state_machines": {verb: {"arn": MACHINE + verb, "name": verb} for verb in ("backup", "restore")},
    "restore_tests": None,
    "http_api": None,
}


def enveloped(value: Any) -> dict[str, Any]:
    return {"sensitive": False, "type": ["object", {}], "value": value}


def written(folder: Path, document: object) -> str:
    path = folder / "outputs.json"
    path.write_text(json.dumps(document))
    return str(path)


def test_a_name_is_a_prefix() -> None:
    deployment = Deployment.named("shop-production")
    assert deployment.functions["restore_test"] == "shop-production-dynamodb-restore-test"
    assert deployment.state_machines["restore"] == "shop-production-dynamodb-restore"


def test_a_long_name_is_cut_as_the_module_cuts_it() -> None:
    name = "a-rather-long-application-production"
    assert Deployment.named(name).functions["backup"] == "a-rather-long-application-77f84dc9-dynamodb-backup"


@pytest.mark.parametrize(
    "document",
    [
        {name: enveloped(value) for name, value in OUTPUTS.items()},
        {"bucket": enveloped("b"), "dynamodb_backup": enveloped(OUTPUTS)},
        {"backups": enveloped({"eu": OUTPUTS})},
        OUTPUTS,
    ],
    ids=["outputs passed on one by one", "the whole module", "deeper", "without envelopes"],
)
def test_terraform_s_output_is_understood_wherever_the_module_stands_in_it(document: Any, tmp_path: Path) -> None:
    deployment = Deployment.of_terraform(written(tmp_path, document))
    assert deployment.label == "shop-production"
    assert deployment.functions == {verb: ARN + verb for verb in ("backup", "restore", "verify")}
    assert deployment.state_machines == {verb: MACHINE + verb for verb in ("backup", "restore")}


def test_restore_tests_and_the_verifications_of_the_api_are_found_where_they_are(tmp_path: Path) -> None:
    more = {
        "restore_tests": {
            "function": {"arn": ARN + "restore-test", "name": "n"},
            "state_machine": {"arn": MACHINE + "restore-test", "name": "n"},
            "scratch_prefix": "x",
        },
        "http_api": {"verify_state_machine": {"arn": MACHINE + "verify", "name": "n"}, "endpoint": "https://x"},
    }
    deployment = Deployment.of_terraform(written(tmp_path, OUTPUTS | more))
    assert deployment.functions["restore_test"] == ARN + "restore-test"
    assert deployment.state_machines["restore_test"] == MACHINE + "restore-test"
    assert deployment.state_machines["verify"] == MACHINE + "verify"


@pytest.mark.parametrize("document", [{}, [], {"functions": enveloped({"backup": "no arn"})}], ids=str)
def test_other_documents_are_refused_with_what_to_output(document: Any, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="functions") as refused:
        Deployment.of_terraform(written(tmp_path, document))
    assert "output " in refused.value.hint


def test_a_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("no json")
    with pytest.raises(Refused, match="cannot be read"):
        Deployment.of_terraform(str(path))
    with pytest.raises(Refused, match="cannot be read"):
        Deployment.of_terraform(str(tmp_path / "nowhere"))
