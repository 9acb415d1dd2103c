"""The documentation is in step with the code: fields, variables, metrics, events, names, links, sizes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dynamodb_backup.api.settings import ApiSettings
from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.backup.manifests import Manifests
from dynamodb_backup.backup.record import RunRecord
from dynamodb_backup.contract import backup as backup_contract
from dynamodb_backup.contract import catalog as list_contract
from dynamodb_backup.contract import history as history_contract
from dynamodb_backup.contract import offsite as offsite_contract
from dynamodb_backup.contract import on_demand as on_demand_contract
from dynamodb_backup.contract import restore_test as restore_test_contract
from dynamodb_backup.contract import undo as undo_contract
from dynamodb_backup.contract.backup import BackupRequest, BackupResult, TableBackup
from dynamodb_backup.contract.catalog import (
    ChainPoint,
    ListRequest,
    ListResult,
    RecoveryPoint,
    TableRecoveryPoints,
    UnreadableDate,
)
from dynamodb_backup.contract.history import (
    HistoryRequest,
    HistoryResult,
    ItemVersion,
    UnreadablePoint,
    WrittenVersion,
)
from dynamodb_backup.contract.legal_hold import LegalHoldRequest
from dynamodb_backup.contract.on_demand import OnDemandResult, RequestedBackup
from dynamodb_backup.contract.progress import FIELDS as PROGRESS_FIELDS
from dynamodb_backup.contract.progress import ProgressRequest, ProgressResult
from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.contract.restore_fields import FIELDS as RESTORE_FIELDS
from dynamodb_backup.contract.restore_result import RestoreResult, TableRestore
from dynamodb_backup.contract.undo import TableUndo, UndoRequest, UndoResult
from dynamodb_backup.offsite.terms import VARIABLE as OFFSITE_VARIABLE
from dynamodb_backup.restore_test.terms import Terms
from dynamodb_backup.settings import OnDemandSettings, Settings, audit_log_group
from dynamodb_backup.telemetry import _UNITS as METRICS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
TABLES = ("shop-orders", "shop-users")
WARNED = ("something to know",)


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def section(page: str, heading: str) -> str:
    """Return what stands under a heading, up to the next one of the same depth."""
    _, found, rest = text_of(page).partition(f"\n{heading}\n")
    assert found, f"{page} has no heading '{heading}'"
    depth = heading.partition(" ")[0]
    return rest.partition(f"\n{depth} ")[0]


def tables_of(text: str) -> list[list[str]]:
    """Return the first column of each Markdown table, without the heading and the backticks."""
    blocks = re.findall(r"(?:^\|.*\n)+", text + "\n", re.MULTILINE)
    return [[row.split("|")[1].strip().strip("`") for row in block.splitlines()[2:]] for block in blocks]


def test_fields_of_events_are_documented() -> None:
    for heading, fields in (
        ("## Backup event", backup_contract._FIELDS),
        ("## List event", list_contract._FIELDS),
        ("## Restore event", RESTORE_FIELDS),
        ("## History event", history_contract._FIELDS),
        ("## Progress event", PROGRESS_FIELDS),
        ("## Restore test event", restore_test_contract._FIELDS),
        ("## Off-site copy event", offsite_contract._FIELDS),
        ("## Undo event", undo_contract._FIELDS),
        ("## On-demand backup event", on_demand_contract._FIELDS),
    ):
        (documented,) = tables_of(section("docs/contract.md", heading))
        assert sorted(documented) == sorted(fields), heading


def test_readme_shows_only_fields_of_the_contract() -> None:
    backup, restore, _codes = tables_of(section("README.md", "## The contract in short"))
    assert set(backup) <= set(backup_contract._FIELDS)
    assert set(restore) <= set(RESTORE_FIELDS)


def test_fields_of_the_backup_result_are_documented() -> None:
    table = TableBackup("shop-orders", "FAILED", warnings=WARNED, windows=(), item_count_alert="most items are gone")
    body = BackupResult(None, None, None, tables=(table,), error="broken", error_type="ToolError").to_response()["body"]
    whole, of_table = tables_of(section("docs/contract.md", "## Backup result"))
    assert sorted(whole) == sorted(body)
    assert sorted(of_table) == sorted(table.to_dict())


def test_fields_of_the_off_site_copy_s_result_are_documented() -> None:
    copy = offsite_contract.UnitCopy("date", "2026-08-01", "FAILED")
    result = offsite_contract.OffsiteResult(None, None, copies=(copy,), waiting="x", error="broken", error_type="E")
    whole, of_copy = tables_of(section("docs/contract.md", "## Off-site copy result"))
    fields = [name.strip(" `") for row in whole for name in row.split(",")]
    assert sorted(fields) == sorted(result.to_response()["body"])
    assert sorted(of_copy) == sorted(copy.to_dict())


def test_fields_of_the_restore_result_are_documented() -> None:
    rare: dict[str, Any] = {
        "files_read": 0,
        "keys_not_found": (),
        "estimate": {},
        "side_effects": [],
        "transformed_attributes": {},
    }
    table = TableRestore("shop-orders", "shop-orders", "FAILED", warnings=WARNED, **rare)
    result = RestoreResult(None, None, tables=(table,), warnings=WARNED, error="broken", error_type="ToolError")
    whole, of_table = tables_of(section("docs/contract.md", "## Restore result"))
    assert sorted(whole) == sorted(result.to_response()["body"])
    assert sorted(of_table) == sorted(table.to_dict())


def test_fields_of_the_history_s_result_are_documented() -> None:
    item = {"order_id": {"S": "1"}}
    full = ItemVersion("2026-08-01", None, item)
    written = WrittenVersion("2026-08-01T01:00:00Z", "2026-08-01T02:00:00Z", "2026-08-01T01:30:00Z", item, item)
    point = UnreadablePoint("2026-08-01", "DAMAGED", "broken")
    result = HistoryResult(
        None, None, "shop-orders", ((item, (full,)),), unreadable_points=(point,),
        warnings=WARNED, error="broken", error_type="ToolError",
    )  # fmt: skip
    whole, of_full, of_written, of_point = tables_of(section("docs/contract.md", "## History result"))
    assert sorted(whole) == sorted(result.to_response()["body"])
    assert sorted(of_full) == sorted(full.to_dict())
    assert sorted(of_written) == sorted(written.to_dict())
    assert sorted(of_point) == sorted(point.to_dict())


def test_fields_of_the_progress_s_result_are_documented() -> None:
    (documented,) = tables_of(section("docs/contract.md", "## Progress result"))
    result = ProgressResult(None, None, error="broken", error_type="ToolError")
    assert sorted(documented) == sorted(result.to_response()["body"])


def test_fields_of_the_undo_result_are_documented() -> None:
    table = TableUndo("shop-orders", "FAILED", warnings=WARNED)
    result = UndoResult(None, None, tables=(table,), error="broken", error_type="ToolError")
    whole, of_table = tables_of(section("docs/contract.md", "## Undo result"))
    assert sorted(whole) == sorted(result.to_response()["body"])
    assert sorted(of_table) == sorted(table.to_dict())


def test_fields_of_the_list_s_result_are_documented() -> None:
    point = RecoveryPoint("shop-orders", "2026-08-01", "COMPLETED", verified=True)
    chain = ChainPoint("2026-08-01-0001", "2026-08-01", "from", "until", windows=1, changes=2, billed_size_bytes=3)
    table = TableRecoveryPoints("shop-orders", (point,), point, searched=True, chains=(chain,))
    date = UnreadableDate("2026-08-01", "DAMAGED", "native-exports/2026-08-01/manifest.json", "broken")
    result = ListResult(None, None, (table,), (date,), warnings=WARNED, error="broken", error_type="ToolError")
    whole, of_table, of_chain, of_point, of_date = tables_of(section("docs/contract.md", "## List result"))
    assert sorted(whole) == sorted(result.to_response()["body"])
    assert sorted(of_table) == sorted(table.to_dict())
    assert sorted(of_chain) == sorted(chain.to_dict())
    assert sorted(of_point) == sorted(point.to_dict())
    assert sorted(of_date) == sorted(date.to_dict())


def test_fields_of_the_on_demand_result_are_documented() -> None:
    table = RequestedBackup("shop-orders", "FAILED")
    body = OnDemandResult(None, tables=(table,), error="broken", error_type="ToolError").to_response()["body"]
    whole, of_table = tables_of(section("docs/contract.md", "## On-demand backup result"))
    assert sorted(whole) == sorted([*body, "warnings"])
    assert sorted(of_table) == sorted(table.to_dict())


def test_fields_of_the_manifest_are_documented() -> None:
    store: Any = OneObject()
    settings = Settings.from_environment(environment())
    manifests = Manifests(store, Layout("native-exports"), settings, lambda: datetime(2026, 8, 1, 3, tzinfo=UTC))
    manifests.take_in(RunRecord.begin(1, BackupRequest(TABLES, "FULL_EXPORT"), "2026-08-01T03:00:00.000Z"))
    document = json.loads(store.body)
    whole, of_export = tables_of(section("docs/contract.md", "## manifest.json"))
    assert sorted(whole) == sorted(document)
    assert sorted(of_export) == sorted(document["exports"][0])


class OneObject:
    """An object store that keeps what is written to it last."""

    body = b""

    def find(self, key: str) -> None:
        return None

    def put_if_unchanged(self, key: str, body: bytes, etag: str | None) -> str:
        self.body = body
        return "etag"


def environment() -> dict[str, str]:
    return {
        "BACKUP_BUCKET": "shop-production-dynamodb-backup-123456789012",
        "ENVIRONMENT": "production",
        "DYNAMODB_TABLES": json.dumps(TABLES),
    }


class Recorded(Mapping[str, str]):
    """An environment that notes which variables are asked for."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self.asked_for: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked_for.add(name)
        return self._variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)


API_VARIABLES = {
    "API_AUTHORIZATION": "iam",
    **{
        f"{verb}_STATE_MACHINE_ARN": f"arn:aws:states:eu-west-1:123456789012:stateMachine:shop-{verb}"
        for verb in ("BACKUP", "RESTORE", "VERIFY")
    },
}


def test_environment_variables_are_documented() -> None:
    recorded = Recorded(environment())
    Settings.from_environment(recorded)
    audit_log_group(recorded)
    terraform = "\n".join(
        text_of(name) for name in ("main.tf", "backup.tf", "restore.tf", "http_api.tf", "modules/function/main.tf")
    )
    powertools = set(re.findall(r"\bPOWERTOOLS_[A-Z_]+", terraform))
    documented, of_api, of_restore_test, of_offsite, of_on_demand = tables_of(
        section("docs/contract.md", "## Environment variables")
    )
    assert set(documented) == recorded.asked_for | powertools
    api = Recorded(environment() | API_VARIABLES)
    ApiSettings.from_environment(api)
    assert set(of_api) == api.asked_for - recorded.asked_for == set(API_VARIABLES)
    on_demand = Recorded(environment() | {"BACKUP_NAME_PREFIX": "shop-production", "QUEUE_URL": "https://queue.fifo"})
    OnDemandSettings.from_environment(on_demand)
    assert set(of_on_demand) == on_demand.asked_for - set(documented)
    test = Recorded(environment() | {"RESTORE_TEST_PREFIX": "shop-production-restore-test-"})
    Terms.from_environment(test, Settings.from_environment(environment()))
    assert set(of_restore_test) == test.asked_for
    assert all(name in text_of("restore_test.tf") for name in of_restore_test)
    assert of_offsite == [OFFSITE_VARIABLE]
    assert f"{OFFSITE_VARIABLE} = jsonencode(" in text_of("offsite_copy.tf")
    unset = [name for name in [*documented, *of_api] if not re.search(rf"\b{name}\b", terraform)]
    assert not unset, "the module sets every documented variable"


def test_metrics_are_documented() -> None:
    (documented,) = tables_of(section("docs/operations.md", "## Metrics"))
    assert sorted(documented) == sorted(METRICS)


def documented_events() -> list[tuple[str, str]]:
    """Return function and JSON of every event in the documentation."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for function, event in re.findall(r"<!-- event: (\w+) -->\n```json\n(.*?)```", text, re.DOTALL):
            found.append((function, event))
        for function, event in re.findall(r"-dynamodb-(backup|restore)\b[^`]*?--payload '(\{.*?\})'", text):
            found.append((function, event))
        found += [("restore", event) for event in re.findall(r"\./restore\.sh '(\{.*?\})'", text)]
    return found


def test_events_are_accepted() -> None:
    events = documented_events()
    assert len(events) > 10, "the documentation's events are not found any more"
    for function, event in events:
        if '"2026-13-01"' in event:
            continue  # shown because it is refused
        if json.loads(event).get("action") == "legal_hold":
            LegalHoldRequest.from_event(json.loads(event))
        elif function == "backup" and ListRequest.is_meant(json.loads(event)):
            ListRequest.from_event(json.loads(event))
        elif function == "backup":
            BackupRequest.from_event(json.loads(event), TABLES)
        elif json.loads(event).get("action") == "history":
            HistoryRequest.from_event(json.loads(event))
        elif json.loads(event).get("action") == "progress":
            ProgressRequest.from_event(json.loads(event))
        elif json.loads(event).get("action") == "undo":
            UndoRequest.from_event(json.loads(event))
        else:
            RestoreRequest.from_event(json.loads(event))


def test_module_blocks_use_inputs_and_outputs_that_exist() -> None:
    inputs_of = {
        module: set(re.findall(r'^variable "(\w+)"', text_of(f"{module}variables.tf"), re.MULTILINE))
        for module in ("", "modules/on_demand_backup/")
    }
    outputs = set(re.findall(r'^output "(\w+)"', text_of("outputs.tf"), re.MULTILINE))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in re.findall(r"```hcl\n(.*?)```", text, re.DOTALL):
            inputs = inputs_of["modules/on_demand_backup/" if "//modules/on_demand_backup" in block else ""]
            assert set(re.findall(r"^  (\w+)\s+=", block, re.MULTILINE)) <= inputs | {"source"}, page.name
        assert set(re.findall(r"module\.dynamodb_backup\.(\w+)", text)) <= outputs, page.name


def anchors_of(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, *sorted((ROOT / "examples").glob("*/README.md"))], ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors_of(target)):
            broken.append(link)
    assert not broken


def test_every_page_and_example_is_in_the_readme() -> None:
    readme = text_of("README.md")
    for page in (ROOT / "docs").glob("*.md"):
        assert f"(docs/{page.name})" in readme
    for example in (ROOT / "examples").iterdir():
        assert f"(examples/{example.name})" in readme


def test_every_module_is_in_the_architecture() -> None:
    package = ROOT / "lambda_src" / "dynamodb_backup"
    page = section("docs/architecture.md", "## The package")
    modules = [module for module in package.rglob("*.py") if module.name != "__init__.py"]
    assert not [module.name for module in modules if f"`{module.name}`" not in page]
    rooms = {module.parent.name for module in modules if module.parent != package}
    assert set(re.findall(r"^\| `(\w+)/`", page, re.MULTILINE)) == rooms
    named = set(re.findall(r"`(\w+\.py)`", page))
    assert named == {module.name for module in modules}, "a module that the page names is gone"


def test_readme_is_short() -> None:
    assert len(text_of("README.md").partition("<!-- BEGIN_TF_DOCS -->")[0].splitlines()) < 250
