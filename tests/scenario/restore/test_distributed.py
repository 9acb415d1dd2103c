"""A restore by the state machine's steps: many workers, lost and repeated ones, and the same promises."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dynamodb_backup.aws import clients
from dynamodb_backup.restore.distributed import coordinator, lease
from sandbox import Sandbox, exports
from tests.scenario.restore.kit import Stage, canonicals, listening, restore, strings, table_writes
from tests.scenario.restore.steps import Execution, shuffled_and_doubled, step
from tests.scenario.restore.test_new_target import definition

ITEMS = strings(40, text={"S": "x" * 200})
KEYED = [{**item, "at": {"N": "1"}, "day": {"S": "d"}} for item in strings(20)]


@pytest.fixture(autouse=True)
def few_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many lines in a job as the half of ITEMS has."""
    monkeypatch.setenv("RESTORE_SLICE_LINES", "20")


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch, few_slices: None) -> None:
    """Two jobs for each of two or three files."""
    monkeypatch.setenv("RESTORE_SLICE_LINES", "10")


@pytest.mark.usefixtures("small_slices")
def test_files_and_slices_of_them_are_restored_by_many_workers(stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", ITEMS, file_count=3)
    execution = Execution(stage, {})

    answer = execution.run()

    assert answer.code == 200, answer.body
    assert stage.items("orders") == canonicals(ITEMS)
    assert (answer.result["items_written"], answer.result["proven"]) == (40, True)
    assert [len(jobs) for jobs in execution.rounds] == [3, 6]
    report = json.loads(stage.get(answer.body["report"].removeprefix(f"s3://{stage.bucket}/")))
    assert report["statusCode"] == 200
    assert report["body"]["restore_results"][0]["files_done"] == 3


def test_nothing_is_written_before_every_file_is_verified(stage: Stage, aws: Sandbox) -> None:
    stage.create_table("orders")
    damaged = stage.export("orders", ITEMS, file_count=3)
    damaged.objects[damaged.data_keys[2]] = damaged.objects[damaged.data_keys[2]][:-9]
    stage.back_up_damaged("orders", damaged)

    answer = Execution(stage, {}).run()

    assert (answer.code, answer.result["status"]) == (500, "FAILED")
    assert damaged.data_keys[2] in answer.errors
    assert table_writes(aws) == []


def test_a_damaged_table_fails_alone(stage: Stage) -> None:
    for table in ("orders", "users"):
        stage.create_table(table)
    damaged = stage.export("orders", ITEMS)
    damaged.objects[damaged.data_keys[0]] = b"no gzip"
    stage.back_up_damaged("orders", damaged)
    stage.back_up("users", ITEMS[:10], file_count=2)

    answer = Execution(stage, {"tables": ["orders", "users"]}).run()

    assert answer.code == 207
    assert (answer.of("orders")["status"], answer.of("users")["status"]) == ("FAILED", "COMPLETED")
    assert (stage.items("orders"), stage.items("users")) == ([], canonicals(ITEMS[:10]))


@pytest.mark.usefixtures("small_slices")
def test_doubled_and_reordered_workers_change_nothing(stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", ITEMS, file_count=3)

    answer = Execution(stage, {}, hand_out=shuffled_and_doubled).run()

    assert answer.code == 200
    assert stage.items("orders") == canonicals(ITEMS)
    assert answer.result["items_written"] == 40


def test_keys_that_stand_twice_in_different_files_are_found(stage: Stage, aws: Sandbox) -> None:
    stage.create_table("orders")
    lines = [exports.full_line(item) for item in ITEMS[:20]]
    stage.back_up("orders", files=[exports.data_file(lines), exports.data_file(lines[:1])])

    answer = Execution(stage, {}).run()

    assert (answer.code, answer.result["status"]) == (500, "FAILED")
    assert "1 items of the backup share their key" in answer.errors
    assert table_writes(aws) == []


def test_a_mirror_deletes_what_the_backup_does_not_hold(stage: Stage) -> None:
    stage.create_table("orders")
    stage.fill("orders", strings(30, start=1000))
    stage.back_up("orders", ITEMS, file_count=2)

    answer = Execution(stage, {"write_mode": "mirror"}).run()

    assert (answer.code, answer.result["items_deleted"]) == (200, 30)
    assert stage.items("orders") == canonicals(ITEMS)


@pytest.mark.parametrize("mode", ["only_missing", "diff"])
def test_the_other_modes_write_what_they_promise(stage: Stage, mode: str) -> None:
    stage.create_table("orders")
    stage.fill("orders", ITEMS[:20])
    stage.back_up("orders", ITEMS, file_count=2)

    answer = Execution(stage, {"write_mode": mode}).run()

    assert answer.code == 200, answer.body
    assert stage.items("orders") == canonicals(ITEMS)
    assert answer.result["items_written"] == 20


def test_what_the_workers_transform_is_counted(stage: Stage) -> None:
    stage.create_table("copy")
    stage.back_up("orders", ITEMS, file_count=2)
    rules = [{"attribute": "text", "action": "mask"}, {"attribute": "email", "action": "mask"}]

    answer = Execution(stage, {"transform": {"orders": rules}, "target_tables": {"orders": "copy"}}).run()

    assert answer.code == 200, answer.body
    assert stage.items("copy") == canonicals([{**item, "text": {"S": "***"}} for item in ITEMS])
    report = json.loads(stage.get(answer.body["report"].removeprefix(f"s3://{stage.bucket}/")))["body"]
    assert report["restore_results"][0]["transformed_attributes"] == {"text": 40, "email": 0}
    assert report["warnings"] == ["no item of table orders has the attribute 'email' that 'transform' names"]


def test_a_dry_run_only_verifies(stage: Stage, aws: Sandbox) -> None:
    stage.create_table("orders")
    stage.back_up("orders", ITEMS, file_count=2)

    answer = Execution(stage, {"dry_run": True}).run()

    assert (answer.code, answer.result["status"]) == (200, "READY")
    assert table_writes(aws) == []


def test_a_worker_that_is_killed_in_a_file_is_done_again(stage: Stage, aws: Sandbox, monkeypatch: Any) -> None:
    monkeypatch.setattr(lease, "LEASE_SECONDS", 25)
    monkeypatch.setattr(lease, "RENEW_SECONDS", 1)
    stage.create_table("orders")
    stage.back_up("orders", ITEMS)
    killed: list[str] = []

    class Killed(BaseException):
        """What a process that ends at once does not do: answer, and give back its lease."""

    def work(action: str, **event: Any) -> dict[str, Any]:
        if event["job"].startswith("write") and not killed:
            killed.append(event["job"])
            with monkeypatch.context() as patch:
                patch.setattr(lease.Lease, "__exit__", lambda self, *_: self._stop.set())
                patch.setattr("dynamodb_backup.restore.write.TableWriter._count", _raise(Killed))
                with pytest.raises(Killed):
                    step(action, **event)
            aws.requests.clear()
            answer = step(action, **event)
            assert (answer["statusCode"], table_writes(aws)) == (202, [])
            patch_lease_away(stage)
            return answer
        return step(action, **event)

    answer = Execution(stage, {}, work=work).run()

    assert killed
    assert answer.code == 200
    assert stage.items("orders") == canonicals(ITEMS)


def _raise(error: type[BaseException]) -> Any:
    def raising(*_: object, **__: object) -> None:
        raise error

    return raising


def patch_lease_away(stage: Stage) -> None:
    """Let every lease run out, as a minute's wait would."""
    for key in stage.keys("native-exports/restores/"):
        if "/leases/" in key:
            stage.put(key, json.dumps({"holder": "nobody", "until": "2020-01-01T00:00:00.000Z"}))


def test_an_import_that_was_begun_by_an_invocation_that_died_is_gone_on_with(stage: Stage) -> None:
    key = "native-exports/2026-01-31/runs/run-1/definitions/orders.json"
    stage.put(key, json.dumps(definition()))
    stage.back_up("orders", KEYED, file_count=2, entry={"table_definition": key})
    (part,) = step("plan", event={"method": "import"})["body"]["parts"]
    for job in _jobs(stage, step("advance", **part)):
        step("work", **job)

    class Killed(BaseException):
        """The import is begun, and nobody has noted it."""

    with listening(clients().dynamodb, "after-call.dynamodb.ImportTable", _raise(Killed)), pytest.raises(Killed):
        step("advance", **part)
    while (answer := step("advance", **part))["statusCode"] == 202:
        pass

    (result,) = answer["body"]["restore_results"]
    assert (answer["statusCode"], result["status"], result["error"]) == (200, "COMPLETED", None)
    assert stage.items("orders") == canonicals(KEYED)
    assert len(stage.dynamodb.list_imports()["ImportSummaryList"]) == 1


def test_a_late_worker_does_nothing_once_the_restore_has_ended(stage: Stage, aws: Sandbox) -> None:
    stage.create_table("orders")
    stage.back_up("orders", ITEMS, file_count=2)
    execution = Execution(stage, {})
    assert execution.run().code == 200
    stage.dynamodb.delete_item(TableName="orders", Key={"id": ITEMS[0]["id"]})
    aws.requests.clear()

    for jobs in execution.rounds:
        for job in jobs:
            answer = step("work", **job)
            assert answer["body"]["error"] == "the restore no longer waits for this job"

    assert table_writes(aws) == []


def test_a_restore_throttled_to_a_tenth_ends_well(stage: Stage, aws: Sandbox) -> None:
    stage.create_table("orders")
    stage.back_up("orders", ITEMS, file_count=2)
    aws.faults.throttle("dynamodb", "BatchWriteItem", resource="orders", probability=0.9)

    answer = Execution(stage, {}).run()

    assert answer.code == 200
    assert stage.items("orders") == canonicals(ITEMS)


def test_a_partition_that_never_accepts_ends_as_a_failure_and_the_rest_is_written(
    stage: Stage, aws: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESTORE_STALL_SECONDS", "2")
    stage.create_table("orders")
    stage.back_up("orders", ITEMS[:20], file_count=2)

    def work(action: str, **event: Any) -> dict[str, Any]:
        if event["job"].startswith("write-1"):
            with aws.faults.throttle("dynamodb", "BatchWriteItem", resource="orders"):
                return step(action, **event)
        return step(action, **event)

    answer = Execution(stage, {}, seconds=3, work=work).run()

    assert (answer.code, answer.result["status"]) == (207, "FAILED")
    assert "1 of 2 data files were not written whole: nothing was accepted for" in answer.errors
    assert "ProvisionedThroughputExceeded" in answer.errors
    assert answer.result["items_written"] == len(stage.items("orders")) == 10


def test_a_table_that_is_deleted_meanwhile_fails(stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", ITEMS, file_count=2)

    def work(action: str, **event: Any) -> dict[str, Any]:
        if event["job"].startswith("write-1"):
            stage.dynamodb.delete_table(TableName="orders")
        return step(action, **event)

    with pytest.MonkeyPatch.context():
        answer = Execution(stage, {}, work=_once(work)).run()

    assert answer.result["status"] == "FAILED"
    assert "target table orders does not exist" in answer.errors


def _once(work: Any) -> Any:
    """Let only the first call do what a test adds."""
    called: list[str] = []

    def only_first(action: str, **event: Any) -> dict[str, Any]:
        if event["job"].startswith("write-1") and not called:
            called.append(event["job"])
            return dict(work(action, **event))
        return step(action, **event)

    return only_first


def test_a_backup_that_is_replaced_after_it_was_verified_is_not_written(stage: Stage, aws: Sandbox) -> None:
    stage.create_table("orders")
    export = stage.back_up("orders", ITEMS, file_count=2)
    other = stage.export("orders", strings(300, text={"S": "other"}), file_count=2)

    def hand_out(jobs: Any) -> Any:
        if jobs[0]["job"].startswith("write"):
            for key, replaced in zip(export.data_keys, other.data_keys, strict=True):
                stage.put(key, other.objects[replaced])
        return jobs

    answer = Execution(stage, {}, hand_out=hand_out).run()

    assert answer.result["status"] == "FAILED"
    assert "was replaced after it had been verified" in answer.errors
    assert table_writes(aws) == []


def test_a_manifest_that_is_replaced_makes_the_plan_stale(stage: Stage, aws: Sandbox) -> None:
    stage.create_table("orders")
    export = stage.back_up("orders", ITEMS, file_count=2)
    planned = step("plan", event={})
    (part,) = planned["body"]["parts"]
    other = exports.build_full_export(
        exports.ExportRequest(export.request.table_arn, stage.bucket, export.request.prefix),
        [exports.data_file([exports.full_line(item) for item in ITEMS[:3]])],
    )
    for name in ("manifest-summary", "manifest-files"):
        for end in (".json", ".md5"):
            body = other.objects[f"{other.request.root}{name}{end}"]
            stage.put(
                f"{export.request.root}{name}{end}",
                body.replace(other.request.root.encode(), export.request.root.encode()),
            )

    answer = step("advance", restore_id=part["restore_id"])

    assert answer["statusCode"] == 500
    assert table_writes(aws) == []


def test_a_table_that_nobody_could_carry_to_its_end_has_the_cause_in_the_report(stage: Stage, aws: Sandbox) -> None:
    stage.create_table("orders")
    stage.back_up("orders", ITEMS, file_count=3)
    aws.faults.deny("s3", "PutObject", resource=f"{stage.bucket}/*/leases/*")

    answer = Execution(stage, {}).run()

    assert (answer.code, answer.result["status"]) == (500, "FAILED")
    assert "ended while it was in the phase verify: " in answer.result["error"]
    assert "AccessDenied" in answer.result["error"]
    assert table_writes(aws) == []


def test_a_table_of_whose_end_nothing_is_known_points_to_the_log(stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", ITEMS, file_count=3)
    restore_id = step("plan", event={})["body"]["restore_id"]

    answer = step("finish", restore_id=restore_id)

    (result,) = answer["body"]["restore_results"]
    assert result["error"] == (
        "its part of the execution ended while it was in the phase verify: the function's log says why"
    )


@pytest.mark.parametrize("ended", ["x", [1], [{"restore_id": "a"}], {"restore_id": "a", "error": "b"}])
def test_causes_that_the_state_machine_did_not_send_are_refused(stage: Stage, ended: Any) -> None:
    answer = step("finish", restore_id="20260101T000000Z-00000000", ended=ended)
    assert answer["statusCode"] == 500
    assert "field 'ended' must be" in answer["body"]["error"]


@pytest.mark.usefixtures("small_slices")
def test_refused_items_of_all_jobs_are_kept_together(stage: Stage) -> None:
    stage.create_table("orders")
    bad = [{"id": {"S": f"bad-{number}"}, "text": {"S": "x" * 420_000}} for number in range(2)]
    lines = [exports.full_line(item) for item in [*ITEMS[:15], bad[0], *ITEMS[15:30], bad[1]]]
    stage.back_up("orders", files=[exports.data_file(lines[:16]), exports.data_file(lines[16:])])

    answer = Execution(stage, {}).run()

    assert (answer.code, answer.result["status"], answer.result["items_failed"]) == (207, "PARTIAL_SUCCESS", 2)
    assert stage.items("orders") == canonicals(ITEMS[:30])
    kept = restore({"export": answer.result["failed_items_export"], "tables": ["orders"], "dry_run": True})
    assert (kept.code, kept.result["items_expected"]) == (200, 2)


@pytest.mark.parametrize(
    ("event", "problem"),
    [
        ({"no_such": 1}, "field 'no_such' is unknown"),
        ({"restore_id": "a"}, "field 'restore_id' continues a restore of the function"),
        ({"action": "verify", "tables": ["orders"]}, "field 'action' is not restore"),
        ({"action": ["undo"]}, "field 'action' is not restore"),
        ([], "field 'event' must be a JSON object"),
        ({"tables": ["not-here"], "backup_date": "2020-01-01"}, "2020-01-01"),
    ],
)
def test_a_bad_event_is_refused_by_name(stage: Stage, event: Any, problem: str) -> None:
    answer = step("plan", event=event)
    assert answer["statusCode"] == 500
    assert problem in answer["body"]["error"]
    assert stage.keys("native-exports/restores/") == set()


@pytest.mark.usefixtures("small_slices")
def test_the_budget_is_divided_among_the_workers(stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", ITEMS, file_count=3)
    (part,) = step("plan", event={"max_write_units_per_second": 1500})["body"]["parts"]
    for job in _jobs(stage, step("advance", **part)):
        step("work", **job)

    jobs = step("advance", **part)["body"]["jobs"]

    assert (jobs["count"], jobs["concurrency"]) == (6, 2)
    checkpoint = json.loads(stage.get(f"native-exports/restores/{part['restore_id']}/checkpoint.json"))
    assert checkpoint["tables"][0]["units_per_worker"] == 750


def _jobs(stage: Stage, answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stage.get(answer["body"]["jobs"]["key"]).splitlines()]


def test_progress_tells_what_the_workers_have_done(stage: Stage) -> None:
    stage.create_table("orders")
    stage.back_up("orders", ITEMS, file_count=3)
    seen: list[tuple[str, int, int]] = []
    execution = Execution(stage, {})

    def work(action: str, **event: Any) -> dict[str, Any]:
        answer = step(action, **event)
        restore_id = event["restore_id"].rpartition("-")[0]
        row = json.loads(stage.get(f"native-exports/restores/{restore_id}/progress.json"))["tables"][0]
        seen.append((row["phase"], row["files_verified"], row["items_written"]))
        return answer

    execution.work = work
    assert execution.run().code == 200
    assert [one for one in seen if one[0] == "verify"] == [("verify", 1, 0), ("verify", 2, 0), ("verify", 3, 0)]
    assert seen[-1] == ("write", 3, 40)
    ended = json.loads(stage.get(f"native-exports/restores/{execution.restore_id}/progress.json"))
    assert (ended["status"], ended["percent"], ended["files_done"]) == ("ENDED", 100.0, 3)


def test_what_does_not_fit_into_memory_is_restored_without_proof_or_refused(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinator.Coordinator, "_needed_mb", lambda *_: 20_000)
    stage.create_table("orders")
    stage.back_up("orders", ITEMS, file_count=2)
    refused = Execution(stage, {"write_mode": "mirror"}).run()
    assert "raise functions.restore.memory_mb, which is 1024" in refused.errors
    assert stage.items("orders") == []
