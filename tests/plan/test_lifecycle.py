"""The planned lifecycle rules, carried out over years as S3 would: which backups are still there, and where."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from dynamodb_backup.contract.retention import CALENDAR_CLASSES, TAG, class_between
from scripts.terraform_cli import Terraform
from scripts.terraform_plugins import terraform_binary

SEVEN_YEARS = {
    "daily": {"days": 35},
    "weekly": {"days": 91},
    "monthly": {"days": 2557, "glacier_instant_retrieval_after_days": 35, "deep_archive_after_days": 400},
}
FIRST = date(2018, 1, 1)
TODAY = date(2026, 11, 20)
Rules = list[dict[str, Any]]


@dataclass
class Backup:
    """One backup's objects, which share day and tag."""

    day: date
    tag: str | None = None
    key: str = "native-exports/2026-01-01/users/AWSDynamoDB/1/data/a.json.gz"


@pytest.fixture(scope="module")
def rules_of(root_module: Terraform) -> Callable[[Any], Rules]:
    """Return what gives the rules of a retention; Terraform is asked once for each."""
    known: dict[str, str] = {}

    def planned(retention: Any) -> Rules:
        given = json.dumps({} if retention is None else {"retention": retention})
        if given not in known:
            known[given] = asked(given)
        rules: Rules = json.loads(known[given])
        return rules

    def asked(given: str) -> str:
        inputs = root_module.directory / "lifecycle.tfvars.json"
        values = {"app_name": "shop", "environment": "prod", "tables": ["users"], **json.loads(given)}
        inputs.write_text(json.dumps(values), encoding="utf-8")
        said = subprocess.run(
            [terraform_binary(), "console", f"-var-file={inputs.name}"],
            input="jsonencode(local.lifecycle_rules)\n",
            cwd=root_module.directory,
            env=dict(root_module.environment),
            capture_output=True,
            text=True,
            check=True,
        )
        return str(json.loads(said.stdout.strip().splitlines()[-1]))

    return planned


def matching(rules: Rules, backup: Backup) -> Rules:
    def matches(rule: dict[str, Any]) -> bool:
        both = rule["Filter"].get("And", rule["Filter"])
        tags = {tag["Key"]: tag["Value"] for tag in both.get("Tags", [])}
        return (
            backup.key.startswith(both["Prefix"]) and tags.items() <= ({TAG: backup.tag} if backup.tag else {}).items()
        )

    return [rule for rule in rules if matches(rule)]


def storage_class(rules: Rules, backup: Backup, today: date) -> str | None:
    """Return where a backup lies; ``None``: it has expired. S3 acts at the midnight after so many days."""
    age = (today - backup.day).days - 1
    lies_in = "STANDARD"
    for rule in matching(rules, backup):
        if age >= rule["Expiration"].get("Days", 1_000_000):
            return None
        for move in sorted(rule.get("Transitions", []), key=lambda move: int(move["Days"])):
            lies_in = move["StorageClass"] if age >= move["Days"] else lies_in
    return lies_in


def daily_backups(rules: Rules, last: date = TODAY) -> list[Backup]:
    """Return a backup of each day, each but the last classified as the function does it."""
    offered = {rule["Filter"]["And"]["Tags"][0]["Value"] for rule in rules if "And" in rule["Filter"]}
    days = [FIRST + timedelta(days=number) for number in range((last - FIRST).days + 1)]
    backups = [
        Backup(day, class_between(day, following, offered & set(CALENDAR_CLASSES))) for day, following in pairwise(days)
    ]
    return [*backups, Backup(last)]


def test_seven_years_of_month_ends_are_there_and_little_else(rules_of: Callable[[Any], Rules]) -> None:
    rules = rules_of(SEVEN_YEARS)
    kept = {
        one.day: lies_in for one in daily_backups(rules) if (lies_in := storage_class(rules, one, TODAY)) is not None
    }
    month_ends = [day for day in kept if (day + timedelta(days=1)).day == 1]
    assert month_ends[0] == date(2019, 11, 30)
    assert len(month_ends) == 7 * 12
    recent = [day for day in kept if (TODAY - day).days <= 35]
    assert len(recent) == 36
    sundays = [day for day in kept if day not in month_ends and day not in recent]
    assert all(day.isoweekday() == 7 for day in sundays)
    assert len(sundays) == 8
    assert {kept[day] for day in recent if day not in month_ends} == {"STANDARD"}
    assert [kept[day] for day in month_ends].count("DEEP_ARCHIVE") == 71
    assert [kept[day] for day in month_ends].count("GLACIER_IR") == 12
    assert kept[TODAY] == "STANDARD"


@pytest.mark.parametrize("retention", [None, {"daily": {"days": 1}}, SEVEN_YEARS])
def test_the_newest_backup_never_expires_when_backups_stop(rules_of: Callable[[Any], Rules], retention: Any) -> None:
    rules = rules_of(retention)
    backups = daily_backups(rules, last=date(2018, 6, 20))
    for years in range(1, 50):
        today = backups[-1].day + timedelta(days=366 * years)
        left = [one.day for one in backups if storage_class(rules, one, today)]
        assert left[-1] == date(2018, 6, 20)
        assert years < 8 or left == [date(2018, 6, 20)]


def test_only_what_carries_the_tag_expires_beside_records_of_restores(rules_of: Callable[[Any], Rules]) -> None:
    rules = rules_of(None)
    for key in ("2026-01-01/manifest.json", "2026-01-01/runs/2026-01-01-0001/run.json", "retention/progress.json"):
        assert storage_class(rules, Backup(FIRST, key=f"native-exports/{key}"), TODAY) == "STANDARD"
    assert storage_class(rules, Backup(FIRST, key="native-exports/restores/1/checkpoint.json"), TODAY) is None
    assert matching(rules, Backup(FIRST, "daily", key="native-exports-of-others/x")) == []
    assert storage_class(rules, Backup(FIRST, "kept-by-hand"), TODAY) == "STANDARD"


def test_defaults_keep_a_year_of_month_ends(rules_of: Callable[[Any], Rules]) -> None:
    rules = rules_of(None)
    kept = [one for one in daily_backups(rules) if storage_class(rules, one, TODAY)]
    assert {one.day for one in kept if one.tag == "monthly"} >= {date(2025, 11, 30), date(2026, 2, 28)}
    assert min(one.day for one in kept) == date(2025, 11, 30)
