"""docs/permissions.md says what a plan of everything says, and that plan holds every role and every statement."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.permissions.page import many, page, statements
from scripts.permissions.planned import Document, PlannedRole
from scripts.permissions.reasons import comments, reason

pytestmark = pytest.mark.xdist_group("permissions")  # one plan for all

DOCUMENT = """
data "aws_iam_policy_document" "backup" {
  # Exports of the listed tables,
  # and no others.
  statement {
    sid       = "Export"
    actions   = ["dynamodb:ExportTableToPointInTime"]
    resources = ["x"]
  }

  dynamic "statement" {
    for_each = [1]

    content {
      sid = "List"
      actions = [
        "dynamodb:ListBackups", # for the list
      ]
      # It knows no resource.
      resources = ["*"]
    }
  }

  statement {
    sid = "Bare"
  }
}
"""


def test_the_page_is_what_the_plan_says(roles: list[PlannedRole], repo_root: Path) -> None:
    written = (repo_root / "docs" / "permissions.md").read_text(encoding="utf-8")
    assert written == page(repo_root, roles), "docs/permissions.md is out of date: run `make docs`."


def test_every_role_of_the_modules_is_in_the_plan_of_everything(roles: list[PlannedRole], repo_root: Path) -> None:
    planned = {re.sub(r"\[.*?\]", "", role.address).rsplit(".", 1)[-1] for role in roles}
    paths = [*repo_root.glob("*.tf"), *repo_root.glob("modules/*/*.tf")]
    written = {
        name
        for path in paths
        for name in re.findall(r'^resource "aws_iam_role" "(\w+)"', path.read_text(), re.MULTILINE)
    }
    assert written - planned == set(), "switch it on in scripts/permissions/everything.tf"


def test_every_statement_of_a_role_is_in_the_plan_of_everything(roles: list[PlannedRole], repo_root: Path) -> None:
    planned = {(one, statement["Sid"]) for role in roles for one in role.documents for statement in statements(role)}
    used = {one for role in roles for one in role.documents}
    written = set()
    for directory in {one.directory for one in used}:
        for path in (repo_root / directory).glob("*.tf"):
            found = comments(path.read_text(encoding="utf-8"))
            written |= {(Document(directory, document), sid) for document, sid in found}
    missing = {(one, sid) for one, sid in written if one in used} - planned
    assert missing == set(), "switch it on in scripts/permissions/everything.tf"


def test_every_role_has_the_boundary_and_the_path(roles: list[PlannedRole]) -> None:
    given = {(role.values["permissions_boundary"], role.values["path"]) for role in roles}
    assert given == {("arn:aws:iam::123456789012:policy/BOUNDARY", "/ROLES/")}


def test_no_role_has_a_wildcard_for_an_action(roles: list[PlannedRole]) -> None:
    allowed = {
        action
        for role in roles
        for statement in statements(role)
        if statement["Effect"] == "Allow"
        for action in many(statement["Action"])
    }
    # Both are how DynamoDB's page on encrypted tables writes them: the API has several operations of the kind.
    assert {action for action in allowed if "*" in action} == {"kms:GenerateDataKey*", "kms:ReEncrypt*"}


def test_comments_are_the_reasons() -> None:
    assert comments(DOCUMENT) == {
        ("backup", "Export"): "Exports of the listed tables, and no others.",
        ("backup", "List"): "It knows no resource. `dynamodb:ListBackups`: for the list.",
        ("backup", "Bare"): "",
    }


@pytest.mark.parametrize(
    ("sid", "says"), [("Bare", "statement Bare .* has no comment"), ("Other", "no statement Other")]
)
def test_a_statement_without_a_reason_is_refused_by_name(sid: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "backup.tf").write_text(DOCUMENT, encoding="utf-8")
    with pytest.raises(ValueError, match=says):
        reason(tmp_path, [Document(".", "backup")], sid)
