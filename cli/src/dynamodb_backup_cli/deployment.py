"""Where a deployment's functions and state machines are: by its name, or as ``terraform output -json`` tells."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from dynamodb_backup.strict_json import read_json
from dynamodb_backup_cli.failures import Refused

__all__ = ["Deployment"]

LONGEST_PREFIX = 34
"""What the module's main.tf leaves of app_name-environment, so that every name built from it is short enough."""

FUNCTIONS = ("backup", "restore", "verify", "restore_test")
STATE_MACHINES = ("backup", "restore", "verify", "restore_test")


@dataclass(frozen=True)
class Deployment:
    """Names or ARNs of functions and state machines, by what they do. ``label`` is for people."""

    label: str
    functions: Mapping[str, str] = field(default_factory=dict)
    state_machines: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def named(cls, name: str) -> Deployment:
        """Return the names that the module gives to an application's environment, ``APP-ENVIRONMENT``."""
        prefix = name
        if len(name) > LONGEST_PREFIX:
            prefix = f"{name[: LONGEST_PREFIX - 9]}-{sha256(name.encode()).hexdigest()[:8]}"
        names = {verb: f"{prefix}-dynamodb-{verb.replace('_', '-')}" for verb in FUNCTIONS}
        return cls(name, names, {verb: names[verb] for verb in STATE_MACHINES})

    @classmethod
    def of_terraform(cls, place: str) -> Deployment:
        """Read what ``terraform output -json`` printed: from a file, or from standard input (``-``).

        The outputs ``functions`` and ``state_machines`` of the module may stand alone, or inside another output.

        Raises
        ------
        Refused
            It cannot be read, is not JSON, or does not hold the module's output ``functions``.
        """
        hint = 'Output the whole module, for example: output "dynamodb_backup" { value = module.dynamodb_backup }'
        try:
            text = sys.stdin.read() if place == "-" else Path(place).read_text(encoding="utf-8")
            document = read_json(text)
        except (OSError, ValueError) as error:
            raise Refused(f"The output of Terraform in '{place}' cannot be read: {error}.", hint) from error
        for outputs in _objects(document):
            functions, machines = _arns(outputs.get("functions")), _arns(outputs.get("state_machines"))
            if "backup" in functions and "restore" in functions:
                return cls(_label(functions["backup"]), functions | _tests(outputs), machines | _machines(outputs))
        raise Refused(f"The output of Terraform in '{place}' does not hold the module's output 'functions'.", hint)


def _objects(document: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a document, the outermost first, without Terraform's envelopes around values."""
    if isinstance(document, dict):
        if "value" in document and "sensitive" in document:
            yield from _objects(document["value"])
            return
        plain = {name: _value(one) for name, one in document.items()}
        yield plain
        for one in plain.values():
            yield from _objects(one)


def _value(output: Any) -> Any:
    return output["value"] if isinstance(output, dict) and "value" in output and "sensitive" in output else output


def _arns(output: Any) -> dict[str, str]:
    if not isinstance(output, dict):
        return {}
    return {
        verb: one["arn"] for verb, one in output.items() if isinstance(one, dict) and isinstance(one.get("arn"), str)
    }


def _tests(outputs: Mapping[str, Any]) -> dict[str, str]:
    tests = outputs.get("restore_tests")
    return {"restore_test": arn} if isinstance(tests, dict) and (arn := _arns(tests).get("function")) else {}


def _machines(outputs: Mapping[str, Any]) -> dict[str, str]:
    """Return the state machines of restore tests and of the HTTP API, which are there only where they are asked for."""
    found = {}
    for output, member, verb in (
        ("restore_tests", "state_machine", "restore_test"),
        ("http_api", "verify_state_machine", "verify"),
    ):
        arn = _arns(outputs.get(output)).get(member)
        if arn:
            found[verb] = arn
    return found


def _label(function_arn: str) -> str:
    return function_arn.rpartition(":")[2].removesuffix("-dynamodb-backup")
