"""Is the suite able to fail? Each mutant breaks the product in one way; the suite plays seeds until it sees it.

PYTHONPATH=.:lambda_src python -m tests.reliability.chaos.mutants
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import pytest

import sandbox
from dynamodb_backup.aws_errors import AWS_ERRORS, is_transient
from dynamodb_backup.backup.methods import native_export
from dynamodb_backup.backup.run import BackupRun
from dynamodb_backup.contract.restore_result import RestoreResult
from dynamodb_backup.restore.mirror import Mirror
from dynamodb_backup.restore.state import FileState, RestoreState
from dynamodb_backup.table import export_job
from dynamodb_backup.table.batch_call import BatchCall
from dynamodb_backup.table.batch_write import MOST_BATCH_ITEMS, BatchWriter
from dynamodb_backup.table.conditional_put import ConditionalWriter
from dynamodb_backup.table.keys import KeySchema
from dynamodb_backup.verify.comparison import Comparison
from tests import conftest
from tests.reliability.chaos.invoking import impatient_clients
from tests.reliability.chaos.plan import Plan
from tests.reliability.chaos.runs import play
from tests.reliability.chaos.seeds import plan_of
from tests.reliability.chaos.story import PromiseBroken
from tests.reliability.summary import print_summary

Patch = pytest.MonkeyPatch
NEVER = "never"


def drop_an_unprocessed_item(patch: Patch) -> None:
    original = BatchWriter._still_to_do
    patch.setattr(BatchWriter, "_still_to_do", lambda *arguments: original(*arguments)[:-1])


def take_a_passing_error_for_done(patch: Patch) -> None:
    original = BatchCall.send

    def send(self: BatchCall, operations: Sequence[bytes]) -> list[dict[str, Any]]:
        try:
            return original(self, operations)
        except AWS_ERRORS as error:
            if not is_transient(error):
                raise
            return []

    patch.setattr(BatchCall, "send", send)


def skip_the_deletes_of_mirror(patch: Patch) -> None:
    patch.setattr(Mirror, "run", lambda *_: True)


def take_a_partition_for_an_item_when_deleting(patch: Patch) -> None:
    original = KeySchema.digest
    first = Mirror._clear_segment

    def clear(self: Mirror, *arguments: Any) -> None:
        self._keys = KeySchema(self._keys.attributes[:1])
        first(self, *arguments)

    def digest(self: KeySchema, item: Any) -> bytes:
        return original(KeySchema(self.attributes[:1]), item)

    patch.setattr(Mirror, "_clear_segment", clear)
    patch.setattr(KeySchema, "digest", digest)


def count_retries_twice(patch: Patch) -> None:
    original = BatchWriter._attempt

    def attempt(self: BatchWriter, batch: list[bytes], waiting: Any, outcome: Any) -> list[bytes]:
        left = original(self, batch, waiting, outcome)
        outcome.written += len(left)
        return left

    patch.setattr(BatchWriter, "_attempt", attempt)


def export_again_on_resume(patch: Patch) -> None:
    def start(client: Any, arn: str, destination: Any, _token: str) -> str:
        return export_job.start_export(client, arn, destination, uuid.uuid4().hex)

    patch.setattr(native_export, "start_export", start)


def never_join_an_unfinished_run(patch: Patch) -> None:
    patch.setattr(BackupRun, "_can_join", lambda *_: False)


def forget_the_counts_of_earlier_turns(patch: Patch) -> None:
    original = RestoreState.find.__func__  # type: ignore[attr-defined]

    def find(cls: type[RestoreState], *arguments: Any) -> RestoreState | None:
        state: RestoreState | None = original(cls, *arguments)
        for table in state.tables if state else ():
            table.items_written = 0
        return state

    patch.setattr(RestoreState, "find", classmethod(find))


def lose_the_lines_behind_a_gap(patch: Patch) -> None:
    def settle(self: FileState, start: int, end: int) -> None:
        self.lines_settled = max(self.lines_settled, end)

    patch.setattr(FileState, "settle", settle)


def answer_200_when_time_ran_out(patch: Patch) -> None:
    original = RestoreResult.status_code.fget  # type: ignore[attr-defined]
    patch.setattr(RestoreResult, "status_code", property(lambda self: {202: 200}.get(original(self), original(self))))


def leave_out_the_last_item_of_a_batch(patch: Patch) -> None:
    original = BatchWriter.put

    def put(self: BatchWriter, lines: Sequence[bytes]) -> Any:
        outcome = original(self, lines[:-1] or lines)
        outcome.written += len(lines) > 1 and not outcome.unsettled
        return outcome

    patch.setattr(BatchWriter, "put", put)


def take_numbers_for_floats(patch: Patch) -> None:
    def rounded(value: Any) -> Any:
        if isinstance(value, dict):
            if set(value) == {"N"} and isinstance(value["N"], str):
                return {"N": repr(float(value["N"]))}
            return {name: rounded(one) for name, one in value.items()}
        return [rounded(one) for one in value] if isinstance(value, list) else value

    original = BatchWriter.put
    patch.setattr(
        BatchWriter,
        "put",
        lambda self, lines: original(self, [json.dumps(rounded(json.loads(line))).encode() for line in lines]),
    )


def take_astral_characters_for_question_marks(patch: Patch) -> None:
    def plain(line: bytes) -> bytes:
        return "".join(one if ord(one) < 0x10000 else "?" for one in line.decode()).encode()

    original = BatchWriter.put
    patch.setattr(BatchWriter, "put", lambda self, lines: original(self, [plain(line) for line in lines]))


def take_every_item_there_for_identical(patch: Patch) -> None:
    original = Comparison._mark_of
    patch.setattr(Comparison, "_mark_of", lambda self, digest: original(self, digest) and 1)


def overwrite_in_only_missing(patch: Patch) -> None:
    patch.setattr(ConditionalWriter, "put", lambda self, lines: self._batches.put(lines))


def _restore_meets(plan: Plan, *kinds: str) -> bool:
    return bool(plan.content.damage.count) and any(one.kind.startswith(kinds) for one in plan.restore.faults)


def _restore_is_cut(plan: Plan) -> bool:
    return 0 in plan.restore.seconds[:1] and len(plan.content.items) > MOST_BATCH_ITEMS and plan.driver == "pipeline"


def _backup_is_cut(plan: Plan) -> bool:
    return plan.method == "native_export" and (any(plan.backup.kills) or any(plan.backup.doubled))


MUTANTS: dict[Callable[[Patch], None], Callable[[Plan], bool]] = {
    drop_an_unprocessed_item: lambda plan: _restore_meets(plan, "unprocessed"),
    take_a_passing_error_for_done: lambda plan: _restore_meets(plan, "500 of D", "503 of D", "throttle", "reset"),
    skip_the_deletes_of_mirror: lambda plan: plan.write_mode == "mirror",
    take_a_partition_for_an_item_when_deleting: lambda plan: plan.write_mode == "mirror" and len(plan.content.keys) > 1,
    count_retries_twice: lambda plan: _restore_meets(plan, "unprocessed", "500 of D", "503 of D", "throttle"),
    export_again_on_resume: _backup_is_cut,
    never_join_an_unfinished_run: _backup_is_cut,
    forget_the_counts_of_earlier_turns: _restore_is_cut,
    lose_the_lines_behind_a_gap: lambda plan: _restore_is_cut(plan) and plan.max_workers > 1,
    answer_200_when_time_ran_out: _restore_is_cut,
    leave_out_the_last_item_of_a_batch: lambda plan: bool(plan.content.damage.count),
    take_numbers_for_floats: lambda plan: "type N" in plan.content.features,
    take_astral_characters_for_question_marks: lambda plan: "type S" in plan.content.features,
    take_every_item_there_for_identical: lambda plan: plan.write_mode == "diff" and bool(plan.content.damage.changed),
    overwrite_in_only_missing: lambda plan: plan.write_mode == "only_missing" and bool(plan.content.damage.changed),
}
"""Each with a look at the plan: runs that cannot show it are counted, but not played."""


def main() -> int:
    """Hunt every mutant; 1 if one lives."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.chaos.mutants", description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="most runs for each")
    parser.add_argument("--only", default="", help="part of a mutant's name")
    options = parser.parse_args()
    conftest.forget_the_person()
    rows = []
    with sandbox.start() as aws, impatient_clients():
        for mutate, can_show in MUTANTS.items():
            if options.only in mutate.__name__:
                rows.append((mutate.__name__.replace("_", " "), *_hunt(aws, mutate, can_show, options.runs)))
                sys.stderr.write(f"{time.strftime('%H:%M:%S')} {rows[-1]}\n")
    print_summary("Mutants", ("the product would", "seen by run", "as"), rows)
    return any(as_what == NEVER for _, _, as_what in rows)


def _hunt(
    aws: sandbox.Sandbox, mutate: Callable[[Patch], None], can_show: Callable[[Plan], bool], most: int
) -> tuple[int, str]:
    for seed in range(1, most + 1):
        if not can_show(plan_of(seed)):
            continue
        with pytest.MonkeyPatch.context() as patch:
            mutate(patch)
            try:
                play(aws, seed)
            except PromiseBroken as error:
                return seed, str(error).splitlines()[0].removeprefix("broken: ")
    return most, NEVER


if __name__ == "__main__":
    sys.exit(main())
