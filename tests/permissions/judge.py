"""What a policy answers, by the evaluator of the sandbox's IAM; and a policy without one of its permissions."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

from sandbox.remote import Authorization
from scripts.permissions.page import many

Policy = Mapping[str, Any]


@dataclass(frozen=True, order=True)
class Permission:
    """One action on one resource in one statement."""

    sid: str
    action: str
    resource: str


def allows(policy: Policy, asked: Authorization) -> bool:
    """Tell whether this policy alone allows what was asked."""
    context = EvalContext(
        principal_arn=asked.principal,
        principal_type="AssumedRole",
        principal_account="123456789012",
        action=asked.action,
        resource_arn=asked.resource,
        region="us-east-1",
        service_context=dict(asked.context),
    )
    return bool(evaluate(context, [parse_policy_document(dict(policy))]).decision == "Allow")


def permissions(policy: Policy) -> Iterator[Permission]:
    """Yield what the policy's statements allow, one by one."""
    for statement in policy["Statement"]:
        if statement["Effect"] == "Allow":
            for action in many(statement["Action"]):
                for resource in many(statement["Resource"]):
                    yield Permission(statement["Sid"], action, resource)


def without(policy: Policy, sid: str, *, action: str | None = None, resource: str | None = None) -> Policy:
    """Return the policy with a statement, or an action or a resource of it, taken away."""
    changed = copy.deepcopy(dict(policy))
    for statement in changed["Statement"]:
        if statement["Sid"] == sid and action is not None:
            statement["Action"] = [one for one in many(statement["Action"]) if one != action]
        if statement["Sid"] == sid and resource is not None:
            statement["Resource"] = [one for one in many(statement["Resource"]) if one != resource]
    changed["Statement"] = [
        statement
        for statement in changed["Statement"]
        if statement["Action"]
        and statement["Resource"]
        and (statement["Sid"] != sid or action is not None or resource is not None)
    ]
    return changed


def missed(policy: Policy, asked: Iterable[Authorization]) -> bool:
    """Tell whether something of what was asked is not allowed."""
    return any(not allows(policy, one) for one in asked)
