"""Small functions, deployed into the sandbox as zips."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from typing import Any

from sandbox import Sandbox

_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": ["lambda.amazonaws.com", "scheduler.amazonaws.com", "states.amazonaws.com"]},
            "Action": "sts:AssumeRole",
        }
    ],
}


def create_role(aws: Sandbox, statements: Sequence[dict[str, Any]] = ()) -> str:
    """Create the role `function` with these statements as its only policy; return its ARN."""
    iam = aws.client("iam")
    role = iam.create_role(RoleName="function", AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]
    if statements:
        policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_role_policy(RoleName="function", PolicyName="function", PolicyDocument=policy)
    return str(role["Arn"])


def zipped(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def deploy(
    aws: Sandbox, source: str, *, statements: Sequence[dict[str, Any]] = (), role: str | None = None, **settings: Any
) -> str:
    """Deploy `source` (a module with `handler`) as the function `probe`; return its ARN."""
    created = aws.client("lambda").create_function(
        FunctionName="probe",
        Runtime=settings.pop("Runtime", "python3.13"),
        Role=role or create_role(aws, statements),
        Handler="probe.handler",
        Code={"ZipFile": zipped({"probe.py": source})},
        **settings,
    )
    return str(created["FunctionArn"])


def invoke(aws: Sandbox, event: Any = None) -> tuple[str | None, Any]:
    """Invoke `probe`; return the kind of its error, if any, and the parsed answer."""
    answer = aws.client("lambda").invoke(FunctionName="probe", Payload=json.dumps(event or {}))
    return answer.get("FunctionError"), json.loads(answer["Payload"].read())
