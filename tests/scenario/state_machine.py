"""The state machine's definition as Terraform renders it from its template."""

from __future__ import annotations

import functools
import json
import subprocess
import tempfile

from scripts.terraform_plugins import terraform_binary
from tests.conftest import ROOT

__all__ = ["rendered_definition"]


@functools.cache
def rendered_definition(
    function_arn: str,
    *,
    name: str,
    failure_topic_arn: str,
    success_topic_arn: str | None = None,
    timeout: int = 960,
    machine: str = "backup",
) -> str:
    """Return the definition with the template's variables filled in, as Terraform does it."""
    variables = {
        "partition": "aws",
        "region": "us-east-1",
        "name": name,
        "function_arn": function_arn,
        "task_timeout_seconds": timeout,
        "failure_topic_arn": failure_topic_arn,
        "success_topic_arn": success_topic_arn,
    }
    if machine in {"restore", "offsite_copy"}:
        variables |= {"retry": (ROOT / "templates/lambda_retry.json").read_text(), "tables_at_once": 10}
    template = json.dumps(str(ROOT / f"templates/{machine}.asl.json"))
    with tempfile.TemporaryDirectory() as nowhere:
        said = subprocess.run(
            [terraform_binary(), "console"],
            cwd=nowhere,
            input=f"jsonencode(templatefile({template}, {json.dumps(variables)}))",
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    definition: str = json.loads(json.loads(said))  # the console quotes what it prints, too
    return definition
