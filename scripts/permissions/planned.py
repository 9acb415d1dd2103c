"""Plan everything.tf against a sandbox, and read the roles out of the plan."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import sandbox
from scripts.terraform_cli import Terraform, copy_module, terraform_environment
from scripts.warm_provider import warm_provider

__all__ = ["Document", "PlannedRole", "plan_everything", "planned_roles", "resources"]

HERE = Path(__file__).resolve().parent
AT = PurePosixPath("scripts/permissions")  # where everything.tf lies, in the copy as in the repository


@dataclass(frozen=True)
class Document:
    """An `aws_iam_policy_document` by the directory of its module and its name."""

    directory: str
    name: str


@dataclass(frozen=True)
class PlannedRole:
    """A role with its one inline policy as the provider would write them.

    Parameters
    ----------
    documents
        those of which the policy is made, for their comments.
    """

    address: str
    values: Mapping[str, Any]
    policy: Mapping[str, Any]
    documents: tuple[Document, ...]

    @property
    def name(self) -> str:
        return str(self.values["name"])

    @property
    def trust(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(self.values["assume_role_policy"])
        return found


def plan_everything(aws: sandbox.Sandbox) -> dict[str, Any]:
    """Return the plan of everything.tf as JSON. The sandbox tells the provider its account and the SSM parameter."""
    with tempfile.TemporaryDirectory() as scratch:
        directory = copy_module(Path(scratch)) / AT
        directory.mkdir(parents=True)
        for source in HERE.glob("*.tf"):
            shutil.copy(source, directory)
        with warm_provider(directory, terraform_environment() | aws.environment) as environment:
            terraform = Terraform(directory, environment)
            terraform.get()
            terraform.run("plan", "-out=everything.tfplan", "-lock=false")
            found: dict[str, Any] = json.loads(terraform.run("show", "-json", "everything.tfplan"))
    return found


def resources(plan: Mapping[str, Any], kind: str) -> Iterator[dict[str, Any]]:
    """Yield the planned resources of one type, in the order of their addresses."""
    found = (one for one in _resources(plan["planned_values"]["root_module"]) if one["type"] == kind)
    yield from sorted(found, key=lambda one: str(one["address"]))


def _resources(module: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from _resources(child)


def planned_roles(plan: Mapping[str, Any]) -> list[PlannedRole]:
    """Return all roles by name.

    Raises
    ------
    ValueError
        a role has no inline policy or more than one, or a policy is not known at plan.
    """
    policies: dict[str, list[dict[str, Any]]] = {}
    for policy in resources(plan, "aws_iam_role_policy"):
        if "policy" not in policy["values"]:
            raise ValueError(f"{policy['address']} is not known at plan: build its ARNs from names")
        policies.setdefault(policy["address"].replace("aws_iam_role_policy.", "aws_iam_role."), []).append(policy)
    roles = []
    for role in resources(plan, "aws_iam_role"):
        found = policies.pop(role["address"], [])
        if len(found) != 1:
            raise ValueError(f"{role['address']} has {len(found)} inline policies of its own name, not one")
        (policy,) = found
        documents = tuple(_documents(plan, policy["address"]))
        roles.append(PlannedRole(role["address"], role["values"], json.loads(policy["values"]["policy"]), documents))
    if policies:
        raise ValueError(f"no role has the same name as {sorted(policies)}")
    return sorted(roles, key=lambda role: role.name)


def _documents(plan: Mapping[str, Any], address: str) -> Iterator[Document]:
    """Yield the documents of a policy: its own, those that it includes, those that its module's caller hands in."""
    module: Any = plan["configuration"]["root_module"]
    chain: list[tuple[Any, str, Any]] = []
    directory = AT
    parts = [part.split("[")[0] for part in address.split(".")]
    while parts[0] == "module":
        call = module["module_calls"][parts[1]]
        directory = _joined(directory, call["source"])
        chain.append((module, str(directory), call))
        module, parts = call["module"], parts[2:]
    own = next(one for one in module["resources"] if one["address"] == ".".join(parts))
    yield from _included(module, str(directory), _of_documents(module, own["expressions"]["policy"]))
    for index in range(len(chain) - 1, 0, -1):
        caller, _, call = chain[index]
        if "policy_json" in call["expressions"]:
            yield from _included(caller, chain[index - 1][1], call["expressions"]["policy_json"])


def _of_documents(module: Mapping[str, Any], expression: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an expression that names its documents. What a local is made of, no plan says: any but a trust."""
    if not any(reference.startswith("local.") for reference in expression.get("references", [])):
        return expression
    roles = [one["expressions"] for one in module["resources"] if one["type"] == "aws_iam_role"]
    trusts = {reference for role in roles for reference in role["assume_role_policy"].get("references", [])}
    documents = {one["address"] for one in module["resources"] if one["type"] == "aws_iam_policy_document"}
    return {"references": sorted(documents - trusts)}


def _included(module: Mapping[str, Any], directory: str, expression: Mapping[str, Any]) -> Iterator[Document]:
    prefix = "data.aws_iam_policy_document."
    names = {
        reference.removeprefix(prefix).split(".")[0].split("[")[0]
        for reference in expression.get("references", [])
        if reference.startswith(prefix)
    }
    for name in sorted(names):
        yield Document(directory, name)
        data = next(one for one in module["resources"] if one["address"] == f"{prefix}{name}")
        yield from _included(module, directory, data.get("expressions", {}).get("source_policy_documents", {}))


def _joined(directory: PurePosixPath, source: str) -> PurePosixPath:
    parts = list(directory.parts)
    for part in PurePosixPath(source).parts:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return PurePosixPath(*parts)
