"""One run: back a table up, damage it, restore it, whatever goes wrong, and look whether the promises hold."""

from __future__ import annotations

import builtins
import json
import time
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from dynamodb_backup.handlers.backup import lambda_handler as backup_handler
from dynamodb_backup.handlers.restore import lambda_handler as restore_handler
from sandbox import Sandbox
from tests.reliability.chaos.account import TABLE, Account, Snapshot
from tests.reliability.chaos.invoking import Clock, Event, Invoker, Tally, hurried_functions
from tests.reliability.chaos.plan import Increment, Plan
from tests.scenario.backup.kit import scheduled_event
from tests.scenario.restore.kit import AWS_VARIABLES, FUNCTION_VARIABLES, PREFIX

MOST_INVOCATIONS = 150
SLICE_LINES = "20"
IDLE_SECONDS = 70
"""How long the state machine waits, on the functions' clock, before it asks again: longer than a lease lasts."""

EXPORT_FAILED = "as the sandbox was told to let it fail"

ACT_MAY_BE_REPEATED = {"reset after the act", "slow beyond patience"}
"""Faults behind which a write was carried out, and is sent again."""


class PromiseBroken(AssertionError):
    """The product did not do what it promises."""


class Story:
    """One run of a plan."""

    def __init__(self, aws: Sandbox, plan: Plan, tally: Tally, name: str) -> None:
        self._plan = plan
        self._name = name
        self._tally = tally
        self._clock = Clock()
        self._account = Account(aws, plan)
        self._invoke = Invoker(aws, self._clock, tally)
        self._aws = aws
        self._backed_up: Snapshot = {}
        self._damaged: Snapshot = {}
        self._items_expected = 0
        self._restore_to: str | None = None
        self._calm = False
        self._told_of_export = False

    def play(self) -> None:
        """Raise ``PromiseBroken``, with all that happened, where one is."""
        variables = {name: self._aws.environment[name] for name in AWS_VARIABLES} | FUNCTION_VARIABLES
        variables |= {"RESTORE_SLICE_LINES": SLICE_LINES}
        if self._plan.method == "scan":
            variables["BACKUP_METHODS"] = json.dumps({TABLE: {"method": "scan", "segments": self._plan.partitions}})
        self._account.set_up()
        with hurried_functions(self._clock, variables) as log:
            try:
                self._play()
            except Exception as error:  # noqa: BLE001 - whatever it is, the run tells what had happened
                broken = str(error) if isinstance(error, PromiseBroken) else traceback.format_exc()
                told = "\n  ".join(["Invocations:", *self._invoke.history])
                logged = [line for line in log.getvalue().splitlines() if '"_aws"' not in line]
                last = "\n  ".join(["Log:", *logged[-30:]])
                raise PromiseBroken(f"{broken}\n{self._plan!r}\n{told}\n{last}") from None
            finally:
                self._invoke.calm()

    def _play(self) -> None:
        self._backed_up = self._account.snapshot()
        demand(len(self._backed_up) == len(self._plan.content.items), "the sandbox's table holds what was put there")
        self._invoke.meet(self._plan.backup)
        self._back_up()
        self._invoke.calm()
        if self._plan.increment:
            self._back_up_changes(self._plan.increment)
        self._account.change(self._plan.content.damage)
        self._damaged = self._account.snapshot()
        self._calm = False
        self._invoke.meet(self._plan.restore)
        self._restore()
        self._judge_table()

    # --- backup

    def _back_up(self) -> None:
        event: Event = scheduled_event(self._name) if self._plan.scheduled else {}
        excused = 0
        for answer in self._answers(backup_handler, event, "export_results"):
            if answer and answer["statusCode"] == 200:
                self._judge_backup(answer["body"])
                break
            told = answer and any(row["status"] == "FAILED" for row in answer["body"]["export_results"])
            if not told and not self._plan.scheduled and self._account.a_run_has_finished():
                # Whoever repeats an event that has no time, and whose run had ended, asks for another backup.
                excused += 1
        billed = self._account.exports_billed()
        # Behind a failure that is recorded a retry begins anew, though the invocation was killed before it told it.
        most = (1 + self._account.failed_runs() + excused) if self._plan.method == "native_export" else 0
        demand(billed <= most, f"{billed} exports are billed, and no more than {most} may be")
        self._items_expected = len(self._backed_up)

    def _back_up_changes(self, increment: Increment) -> None:
        """Have what the table's owner changes exported as an increment."""
        before = self._account.exports_billed()
        self._account.change(increment.changes)
        self._backed_up, changed = self._account.snapshot(), datetime.now(UTC)
        self._calm, failed = False, 0
        self._invoke.meet(increment.trouble)
        time.sleep(2.1)  # a window ends with a second that is over
        for answer in self._answers(backup_handler, {"export_type": "INCREMENTAL_EXPORT"}, "export_results"):
            if answer and answer["statusCode"] == 200:
                if self._account.chain_reaches(changed):
                    break
                time.sleep(1.1)
            failed += bool(answer and any(row["status"] == "FAILED" for row in answer["body"]["export_results"]))
        self._invoke.calm()
        chain = self._account.chain()
        windows, billed = chain["windows"], self._account.exports_billed() - before
        demand({one["status"] for one in windows} == {"COMPLETED"}, "every window is complete")
        starts = [one["from"] for one in windows]
        ends = [chain["base"]["export_time"], *(one["to"] for one in windows)]
        demand([*starts, chain["covered_until"]] == ends, "windows follow each other without gap or overlap")
        demand(billed <= len(windows) + failed, f"{billed} increments are billed for {len(windows)} windows")
        self._items_expected += sum(one["item_count"] for one in windows)
        self._restore_to = chain["covered_until"]

    def _judge_backup(self, body: Mapping[str, Any]) -> None:
        (row,) = body["export_results"]
        demand(row["status"] == "COMPLETED" and row["error"] is None, "200 is a completed backup")
        count = len(self._backed_up)
        demand(row["item_count"] == count == body["total_items_exported"], f"the backup has {count} items")
        manifest = json.loads(self._account.read(f"{PREFIX}/{body['backup_date']}/manifest.json"))
        (entry,) = manifest["exports"]
        demand(entry["status"] == "COMPLETED" and entry["item_count"] == count, "the manifest says the same")

    # --- restore

    def _restore(self) -> None:
        event: dict[str, Any] = {"write_mode": self._plan.write_mode, "max_workers": self._plan.max_workers}
        if self._plan.prove:
            event["prove"] = True
        if self._plan.write_units:
            event["max_write_units_per_second"] = self._plan.write_units
        if self._restore_to:
            event["restore_to"] = self._restore_to
        if self._plan.driver == "pipeline":
            self._by_pipeline(event)
        else:
            for attempt in range(10):
                if self._by_state_machine(event, f"{self._name}-{attempt}"):
                    return
            raise PromiseBroken("the restore never succeeds")

    def _by_pipeline(self, event: dict[str, Any]) -> None:
        """Repeat the event: with the id of an answer 202, and anew where none came, or where it failed."""
        given = dict(event)
        start, disturbed = self._damaged, self._invoke.disturbed
        for answer in self._answers(restore_handler, given, "restore_results"):
            if answer and answer["statusCode"] == 200:
                self._judge_counts(answer["body"], start, exactly=self._invoke.disturbed == disturbed)
                return
            if answer and answer["statusCode"] == 202:
                given["restore_id"] = answer["body"]["restore_id"]
            elif answer or "restore_id" not in given:
                given.pop("restore_id", None)
                start, disturbed = self._account.snapshot(), self._invoke.disturbed

    def _by_state_machine(self, event: Event, execution: str) -> bool:
        """Go through the states of one execution; return whether it succeeded."""
        start, disturbed = self._account.snapshot(), self._invoke.disturbed
        began = {"name": execution, "started_at": "2026-01-31T12:00:00Z"}
        planned = self._step("plan", event=event, execution=began)
        if planned["statusCode"] != 200:
            self._judge_failure(planned, "restore_results")
            return False
        ended = [self._carry(part["restore_id"]) for part in planned["body"]["parts"]]
        finish = {"restore_id": planned["body"]["restore_id"], "ended": [one for one in ended if one]}
        answer = self._step("finish", **finish)
        if answer["statusCode"] != 200:
            self._judge_failure(answer, "restore_results")
            return False
        self._judge_counts(answer["body"], start, exactly=self._invoke.disturbed == disturbed)
        return True

    def _carry(self, part: str) -> dict[str, Any]:
        idle = IDLE_SECONDS
        for _ in range(MOST_INVOCATIONS):
            answer = self._step("advance", restore_id=part)
            if answer["statusCode"] != 202:
                error = answer["body"].get("error")
                return {"restore_id": part, "error": error} if error else {}
            jobs = answer["body"].get("jobs") or {"count": 0}
            if jobs["count"]:
                for line in self._account.read(jobs["key"]).splitlines():
                    self._work(json.loads(line))
            else:
                self._clock.put_forward(idle)
                idle *= 2
        raise PromiseBroken(f"{part} does not end")

    def _work(self, job: Event) -> None:
        idle = IDLE_SECONDS
        for _ in range(MOST_INVOCATIONS):
            if self._step("work", **job)["statusCode"] != 202:
                return
            self._clock.put_forward(idle)
            idle *= 2
        raise PromiseBroken(f"{job} does not end")

    def _step(self, action: str, **event: Any) -> dict[str, Any]:
        for _ in range(MOST_INVOCATIONS):
            answer = self._invoke(restore_handler, {"action": action, **event})
            if answer is not None:
                demand_name(answer["body"])
                return answer
        raise PromiseBroken(f"{action} is never answered")

    # --- what is common

    def _answers(self, handler: Any, event: Event, rows: str) -> Iterator[dict[str, Any] | None]:
        """Invoke again and again; behind an honest failure without further trouble."""
        for _ in range(MOST_INVOCATIONS):
            answer = self._invoke(handler, event)
            if answer and answer["statusCode"] not in (200, 202):
                self._judge_failure(answer, rows)
            yield answer
        raise PromiseBroken(f"{MOST_INVOCATIONS} invocations and no end")

    def _judge_failure(self, answer: Mapping[str, Any], rows: str) -> None:
        """An answer that is no success names its cause, and comes of trouble: without any it must not come again."""
        body = answer["body"]
        demand_name(body)
        failed = [row for row in body.get(rows, ()) if row["status"] not in ("COMPLETED", "IN_PROGRESS")]
        for row in failed:
            demand(row["table_name"] == TABLE and row["error"], "a failure names its table and its cause")
        demand(failed or body.get("error"), "a failure has a cause")
        told = " ".join(str(one) for one in (body.get("error"), *(row["error"] for row in failed)))
        demand("is a defect of" not in told, "the product takes this for its own defect")
        # That an export failed amid the trouble may be told behind it, once: an answer before had another cause.
        export_failed = EXPORT_FAILED in told
        demand(not self._calm or (export_failed and not self._told_of_export), "without trouble nothing fails")
        self._told_of_export |= export_failed
        self._invoke.calm()
        self._account.configure_exports()
        self._calm = True
        self._tally.counts.update(["honest failures"])

    def _judge_counts(self, body: Mapping[str, Any], start: Snapshot, *, exactly: bool) -> None:
        """A 200 counts what it did to the table as it was when this restore began."""
        (row,) = body["restore_results"]
        count, mode = len(self._backed_up), self._plan.write_mode
        written, deleted = row["items_written"], row["items_deleted"]
        rest = row.get("items_skipped", 0) + row.get("items_unchanged", 0)
        demand(row["status"] == "COMPLETED" and row["error"] is None, "200 is a completed restore")
        expected, processed = row["items_expected"], row["items_processed"]
        demand(
            expected == processed == self._items_expected, f"{self._items_expected} items are expected and processed"
        )
        demand(row["items_failed"] == 0, "no item was refused")
        demand(body["total_items_written"] == written, "the total is the sum")
        if self._plan.prove or self._plan.driver == "state machine":
            demand(row["proven"] is True, "it is proven")
        if self._plan.increment:
            return  # what base and increments write one over the other counts each time
        if "items_skipped" in row:
            demand(written + rest == count, f"written, skipped and unchanged ones are {count}")
            demand(row["files_done"] == row["files_total"], "every file is done")
        missing = sum(key not in start for key in self._backed_up)
        differing = sum(start.get(key) != item for key, item in self._backed_up.items())
        most = {"only_missing": missing, "diff": differing}.get(mode, count)
        extra = sum(key not in self._backed_up for key in start) if mode == "mirror" else 0
        demand(written <= most and deleted <= extra, f"at most {most} are written and {extra} deleted")
        if mode in ("mirror", "overwrite"):
            demand(written == count, f"all {count} items are written")
        if exactly and mode == "diff" and "differences" in row and not self._plan.prove:
            found = {name: row["differences"][name] for name in ("missing", "different", "extra")}
            others = sum(key not in self._backed_up for key in start)
            told = {"missing": missing, "different": differing - missing, "extra": others}
            demand(found == told, f"what was found before writing is {told}")
        if exactly:
            demand(deleted == extra, f"{extra} items are deleted")
            repeated = self._invoke.calm() & ACT_MAY_BE_REPEATED
            demand(written == most or (mode == "only_missing" and repeated), f"{most} items are written")

    def _judge_table(self) -> None:
        """Only now, with everything at an end, the table itself is looked at."""
        backup, before = self._backed_up, self._damaged
        promised = {
            "mirror": backup,
            "overwrite": before | backup,
            "diff": before | backup,
            "only_missing": backup | before,
        }[self._plan.write_mode]
        now = self._account.snapshot()
        missing = sum(key not in now for key in promised)
        extra = sum(key not in promised for key in now)
        different = sum(key in now and now[key] != item for key, item in promised.items())
        demand(now == promised, f"the answer was 200, but of {len(promised)} items {missing} are missing, {different} "
               f"different, and {extra} are too many")  # fmt: skip


def demand_name(body: Mapping[str, Any]) -> None:
    """What fails has a name of AWS's or the product's own; a name of Python's is a defect that came to the door."""
    named = str(body.get("error_type") or "")
    demand(not hasattr(builtins, named), f"{named}: {body.get('error')}")


def demand(holds: object, promise: str) -> None:
    if not holds:
        raise PromiseBroken(f"broken: {promise}")
