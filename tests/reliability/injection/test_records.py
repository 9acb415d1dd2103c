"""Hostile manifests, records and checkpoints: what lies in S3 leads a function to no other bucket, table or role."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dynamodb_backup.restore.state import FileState, RestoreState, TableState
from dynamodb_backup.undo.state import TableState as UndoTable
from dynamodb_backup.undo.state import UndoState
from dynamodb_backup.verify.state import TableVerificationState, VerifyState
from tests.reliability.corruption.damages import md5_of
from tests.reliability.corruption.memory import MemoryAws
from tests.reliability.corruption.specimens import DATE, PREFIX, Specimen, chain, one_file
from tests.reliability.corruption.trial import answered_by, present, the_functions_run_here
from tests.unit.backup.fake_aws import BUCKET

THEIRS = "somebody-elses-bucket"
FOREIGN_ARN = "arn:aws:dynamodb:us-east-1:999999999999:table/victim"
ODD = (
    "../orders", "a/b", "..%2Forders", "%2e%2e", "orders\nforged", "orders\0", "orders*", "*", "'; --", '"', "$.x",
    "orders\u2028", "\u043erders", "x" * 256, "", ".", "..", "arn:aws:dynamodb:us-east-1:999999999999:table/victim",
    "\x1b[2J", "\ud800abc", "{}", "${orders}", "<b>", "a b",
)  # fmt: skip
"""Names that no DynamoDB table can have, one with a Cyrillic letter among them."""

MANIFEST = f"{PREFIX}/{DATE}/manifest.json"
WAYS: tuple[dict[str, Any], ...] = (
    {},
    {"write_mode": "mirror"},
    {"tables": ["orders"]},
    {"action": "verify"},
    {"dry_run": True},
)


@pytest.fixture(scope="module")
def whole() -> Specimen:
    return one_file()


@pytest.fixture(scope="module")
def chained() -> Specimen:
    return chain()


@pytest.fixture(autouse=True)
def _as_a_function() -> Iterator[None]:
    with the_functions_run_here():
        yield


def account(objects: dict[str, bytes], items: list[dict[str, Any]]) -> MemoryAws:
    """Our bucket, and theirs with the very same objects: whoever reads there would find what he looks for."""
    tables = {table: present(table, items) for table in ("orders", "customers", FOREIGN_ARN)}
    return MemoryAws({BUCKET: objects, THEIRS: dict(objects)}, tables)


def assert_kept_in_bounds(aws: MemoryAws, before: MemoryAws) -> None:
    assert aws.read_buckets <= {BUCKET}
    assert {call.of for call in aws.table_writes} <= {"orders"}
    for table in ("customers", FOREIGN_ARN):
        assert aws.tables[table] == before.tables[table]
    assert all(".." not in call.key.split("/") for call in aws.calls)
    assert all(call.key.startswith(f"{PREFIX}/") for call in aws.calls if call.key)


def run(specimen: Specimen, objects: dict[str, bytes], event: dict[str, Any]) -> dict[str, Any]:
    aws = account(objects, specimen.items["orders"])
    before = copy.deepcopy(aws)
    response = answered_by(aws, event)
    assert_kept_in_bounds(aws, before)
    json.dumps(response, ensure_ascii=False).encode()
    return response


def edited(specimen: Specimen, key: str, edit: Callable[[dict[str, Any]], None]) -> dict[str, bytes]:
    """Return the bucket with one document changed by somebody who knows to remove or mend what would tell."""
    document = json.loads(specimen.objects[key])
    document.pop("sha256", None)
    edit(document)
    objects = {**specimen.objects, key: json.dumps(document).encode()}
    if key.endswith("manifest-summary.json"):
        objects[key.replace(".json", ".md5")] = md5_of(objects[key])
    return objects


@pytest.mark.parametrize("name", ODD)
def test_odd_table_names_in_a_manifest_are_refused(whole: Specimen, name: str) -> None:
    def rename(document: dict[str, Any]) -> None:
        document["exports"][0]["table_name"] = name

    for way in WAYS:
        response = run(whole, edited(whole, MANIFEST, rename), {"backup_date": DATE, **way})
        assert response["statusCode"] == 500
        assert response["body"]["error"] in (
            f"{MANIFEST} is damaged: entry 0 has a table_name that no DynamoDB table can have",
            f"{MANIFEST} is not JSON: it holds half of a character (a lone surrogate)",
        )


PLACES = ("../..", "/../", f"s3://{THEIRS}/x", f"{PREFIX}/../{THEIRS}", "..%2f..", "\n", "\0", "//", "x" * 3000, "é")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("field", ["s3_prefix", "export_arn", "export_manifest", "table_definition"])
def test_odd_places_in_a_manifest_lead_nowhere_else(whole: Specimen, field: str, place: str) -> None:
    for value in (place, f"{place}/AWSDynamoDB/{place}/manifest-summary.json", f"{FOREIGN_ARN}/export/{place}"):

        def redirect(document: dict[str, Any], value: str = value) -> None:
            document["exports"][0][field] = value
            document["s3_bucket"] = THEIRS

        for way in ({}, {"action": "verify"}):
            response = run(whole, edited(whole, MANIFEST, redirect), {"backup_date": DATE, **way})
            assert response["statusCode"] in {200, 500}


@pytest.mark.parametrize("count", [-1, 10**30, 2**63, "5", [5], 5.5, None])
@pytest.mark.parametrize("field", ["item_count", "billed_size_bytes"])
def test_odd_counts_in_a_manifest_are_no_reason_to_break(whole: Specimen, field: str, count: object) -> None:
    def recount(document: dict[str, Any]) -> None:
        document["exports"][0][field] = count

    response = run(whole, edited(whole, MANIFEST, recount), {"backup_date": DATE})
    assert response["statusCode"] in {200, 500}


@pytest.mark.parametrize("field", ["s3Bucket", "s3Prefix", "manifestFilesS3Key", "exportArn", "tableArn"])
@pytest.mark.parametrize("value", [THEIRS, f"../{THEIRS}", FOREIGN_ARN, f"{FOREIGN_ARN}/export/1", "\n", "../../x"])
def test_a_summary_of_dynamodb_leads_nowhere_else(whole: Specimen, field: str, value: str) -> None:
    key = next(key for key in whole.objects if key.endswith("manifest-summary.json"))

    def redirect(document: dict[str, Any]) -> None:
        document[field] = value

    response = run(whole, edited(whole, key, redirect), {"backup_date": DATE})
    assert response["statusCode"] == (500 if field == "tableArn" and ":table/" in value else 200)


@pytest.mark.parametrize(
    "tail", ["../../../x.json.gz", f"../../{THEIRS}/x.json.gz", "./x.json.gz", "\nx.json.gz", "%2e%2e/x.json.gz"]
)
def test_a_list_of_files_leads_nowhere_else(whole: Specimen, tail: str) -> None:
    key = next(key for key in whole.objects if key.endswith("manifest-files.json"))
    line = json.loads(whole.objects[key])
    for name in (line["dataFileS3Key"].rpartition("/")[0] + "/" + tail, f"{THEIRS}/{line['dataFileS3Key']}"):
        body = json.dumps({**line, "dataFileS3Key": name}).encode() + b"\n"
        objects = {**whole.objects, key: body, key.replace(".json", ".md5"): md5_of(body)}

        # The manifest of the date would tell that these are other files.
        def forget(document: dict[str, Any]) -> None:
            del document["exports"][0]["verification"]

        objects[MANIFEST] = edited(whole, MANIFEST, forget)[MANIFEST]
        response = run(whole, objects, {"backup_date": DATE})
        assert response["statusCode"] == (200 if name.startswith(THEIRS) else 500)


def test_a_file_list_without_end_is_refused_by_its_counts(whole: Specimen) -> None:
    key = next(key for key in whole.objects if key.endswith("manifest-files.json"))
    line = json.loads(whole.objects[key])
    body = b"".join(
        json.dumps({**line, "dataFileS3Key": f"{line['dataFileS3Key'][:-8]}{number}.json.gz"}).encode() + b"\n"
        for number in range(20_000)
    )
    objects = {**whole.objects, key: body, key.replace(".json", ".md5"): md5_of(body)}
    response = run(whole, objects, {"backup_date": DATE})
    assert response["statusCode"] == 500
    assert "contradict each other" in response["body"]["restore_results"][0]["error"]


@pytest.mark.parametrize("place", [*PLACES, f"{THEIRS}/a/b/c/d/e.json", "a/../b/../c/manifest-summary.json"])
@pytest.mark.parametrize("field", ["export_manifest", "export_arn", "s3_prefix"])
def test_a_chain_record_leads_nowhere_else(chained: Specimen, field: str, place: str) -> None:
    key = next(key for key in chained.objects if "/chains/" in key)

    def redirect(document: dict[str, Any]) -> None:
        document["windows"][0][field] = place
        if field in document["base"]:
            document["base"][field] = place

    response = run(chained, edited(chained, key, redirect), dict(chained.event))
    assert response["statusCode"] in {200, 500}


def state_of(specimen: Specimen, **changes: Any) -> tuple[str, bytes]:
    """Return a restore's checkpoint that is ready to write, though nothing was verified, with these changes."""
    root = next(key for key in specimen.objects if key.endswith("manifest-summary.json")).rpartition("/")[0] + "/"
    table = TableState("orders", "orders", bucket=BUCKET, root=root, files=[FileState()], items_expected=5)
    for name, value in changes.items():
        setattr(table, name, value)
    key = f"{PREFIX}/restores/r1/checkpoint.json"
    event = {"backup_date": DATE, "tables": ["orders"]}
    return key, RestoreState("r1", event, [table], home=f"s3://{BUCKET}/{key}").to_json()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"target": "customers"}, "it has a target that its request does not name"),
        ({"source": "customers", "target": "customers"}, "it has a table that its request does not name"),
        ({"source": FOREIGN_ARN, "target": FOREIGN_ARN}, "it has a target that its request does not name"),
        ({"bucket": THEIRS}, "it leads to another place"),
        ({"root": "elsewhere/AWSDynamoDB/1/"}, "it leads to another place"),
        ({"root": f"{PREFIX}x/AWSDynamoDB/1/"}, "it leads to another place"),
        ({"definition_key": "elsewhere/orders.json"}, "it leads to another place"),
    ],
)
def test_a_checkpoint_leads_nowhere_else(whole: Specimen, changes: dict[str, Any], says: str) -> None:
    key, body = state_of(whole, **changes)
    for event in ({"restore_id": "r1"}, {"restore_id": "r1", "tables": ["orders"]}):
        response = run(whole, {**whole.objects, key: body}, event)
        assert (response["statusCode"], says in response["body"]["error"]) == (500, True)
        assert key in response["body"]["error"]


@pytest.mark.parametrize(
    "step", [{"action": "advance", "restore_id": "r1"}, {"action": "work", "restore_id": "r1", "job": "write-0-0-end"}]
)
@pytest.mark.parametrize("changes", [{"target": "customers"}, {"bucket": THEIRS}])
def test_nor_does_it_lead_the_workers(whole: Specimen, step: dict[str, Any], changes: dict[str, Any]) -> None:
    key, body = state_of(whole, **changes)
    response = run(whole, {**whole.objects, key: body}, step)
    assert response["statusCode"] == 500
    assert "malformed: it " in response["body"]["error"]


@pytest.mark.parametrize("parts", [["../../x"], ["r1-2"], [FOREIGN_ARN], ["r1-1", "r2-2"]])
def test_a_plan_names_only_its_own_parts(whole: Specimen, parts: object) -> None:
    plan = {"restore_id": "r1", "request": {}, "started_at": f"{DATE}T00:00:00Z", "parts": parts, "warnings": []}
    objects = {**whole.objects, f"{PREFIX}/restores/r1/plan.json": json.dumps(plan).encode()}
    response = run(whole, objects, {"action": "finish", "restore_id": "r1"})
    assert response["statusCode"] == 500
    assert response["body"]["error"] == "the plan of restore 'r1' is malformed: it names other parts than its own"


@pytest.mark.parametrize("changes", [{"bucket": THEIRS}, {"target": "customers"}, {"root": "elsewhere/"}])
def test_a_verification_leads_nowhere_else(whole: Specimen, changes: dict[str, Any]) -> None:
    table = TableVerificationState("orders", "orders", bucket=BUCKET, root=f"{PREFIX}/x/AWSDynamoDB/1/")
    for name, value in changes.items():
        setattr(table, name, value)
    key = f"{PREFIX}/verifications/v1/checkpoint.json"
    request = {"backup_date": DATE, "tables": ["orders"], "against": "table"}
    objects = {**whole.objects, key: VerifyState("v1", request, [table], home=f"s3://{BUCKET}/{key}").to_json()}
    response = run(whole, objects, {"action": "verify", "verify_id": "v1"})
    assert response["statusCode"] == 500
    assert "another place" in response["body"]["error"]


@pytest.mark.parametrize("changes", [{"bucket": THEIRS, "root": "x/"}, {"table": "customers"}, {"root": "elsewhere/"}])
def test_an_undo_leads_nowhere_else(whole: Specimen, changes: dict[str, Any]) -> None:
    table = UndoTable("orders", phase="revert")
    for name, value in changes.items():
        setattr(table, name, value)
    undo_id = "20260131T000000Z-00000001"
    key = f"{PREFIX}/undos/{undo_id}/undo.json"
    window = {"from": f"{DATE}T01:00:00Z", "to": f"{DATE}T02:00:00Z"}
    request = {"tables": ["orders"], **window}
    objects = {**whole.objects, key: UndoState(undo_id, request, [table], home=f"s3://{BUCKET}/{key}").to_json()}
    response = run(whole, objects, {"action": "undo", "undo_id": undo_id})
    assert response["statusCode"] == 500
    assert "malformed: it " in response["body"]["error"]
