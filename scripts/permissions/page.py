"""docs/permissions.md: a table of each role, and which role may do what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from scripts.permissions.planned import PlannedRole
from scripts.permissions.reasons import reason

__all__ = ["page", "statements"]

HEAD = """# Permissions: role by role

Written by `make docs` from a plan of [`scripts/permissions/everything.tf`](../scripts/permissions/everything.tf), which
switches everything on: a role never has more than this, and what is not switched on has neither role nor statement.
Names in capitals stand for yours: `TABLE` is backed up by export, `SCANNED` by scan, `TARGET` is one of
`restore_target_tables`, `bucket` and `PREFIX` are where backups lie, and `app-env` is `<app_name>-<environment>`.
Resources are ARNs without partition, region and account. The last table turns the others round: which role may do what.
The reasons are the comments in the `.tf` files.

`tests/permissions` runs every function under its role of that plan and shows that each action of each statement is
needed: without it, something that a function or a service asks for is refused. It shows, too, what no role can do.
"""
ARN = re.compile(r"^arn:aws:(\w[\w-]*):[^:]*:[^:]*:(.*)$")


def statements(role: PlannedRole) -> list[Mapping[str, Any]]:
    """Return the statements of the role's policy in its order."""
    found: list[Mapping[str, Any]] = role.policy["Statement"]
    return found


def many(value: Any) -> list[str]:
    """Return the values of a policy's member, which is one of them or a list."""
    return sorted(value) if isinstance(value, list) else [value]


def page(root: Path, roles: Iterable[PlannedRole]) -> str:
    """Return the whole page. Raises ValueError where a statement has no reason."""
    roles = list(roles)
    parts = [HEAD, *(_of_role(root, role) for role in roles), _by_action(roles)]
    return "\n".join(parts)


def _of_role(root: Path, role: PlannedRole) -> str:
    lines = [
        f"## `{role.name}`",
        "",
        f"{role.values['description']}. {_assumed_by(role)}",
        "",
        "| statement | actions | resources | condition | why |",
        "| --- | --- | --- | --- | --- |",
    ]
    for statement in statements(role):
        effect = "" if statement["Effect"] == "Allow" else f" (**{statement['Effect']}**)"
        cells = [
            f"`{statement['Sid']}`{effect}",
            _listed(many(statement["Action"])),
            _listed(_short(one) for one in many(statement["Resource"])),
            _listed(_conditions(statement.get("Condition", {}))),
            reason(root, role.documents, statement["Sid"]).replace("|", "\\|"),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _assumed_by(role: PlannedRole) -> str:
    (statement,) = role.trust["Statement"]
    conditions = list(_conditions(statement.get("Condition", {})))
    where = f", where {' and '.join(f'`{one}`' for one in conditions)}" if conditions else ""
    return f"Assumed by `{statement['Principal']['Service']}`{where}."


def _conditions(conditions: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for test, keys in sorted(conditions.items()):
        for key, values in sorted(keys.items()):
            yield f"{test} {key} {' or '.join(_short(one) for one in many(values))}"


def _by_action(roles: Iterable[PlannedRole]) -> str:
    allowed: dict[str, set[str]] = {}
    for role in roles:
        for statement in statements(role):
            if statement["Effect"] == "Allow":
                for action in many(statement["Action"]):
                    allowed.setdefault(action, set()).add(role.name)
    lines = ["## Which role may do what", "", "| action | roles |", "| --- | --- |"]
    lines += [f"| `{action}` | {_listed(sorted(names))} |" for action, names in sorted(allowed.items())]
    return "\n".join([*lines, ""])


def _listed(values: Iterable[str]) -> str:
    return "<br>".join(f"`{value}`" for value in values)


def _short(resource: str) -> str:
    """Leave out of an ARN what all have alike."""
    arn = ARN.match(resource)
    return f"{arn[1]}:{arn[2]}" if arn else resource
