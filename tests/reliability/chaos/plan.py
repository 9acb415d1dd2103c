"""One run as hypothesis draws it: a table, how it is backed up and restored, and what goes wrong meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from hypothesis import strategies as st

from sandbox.fault_model import Fault
from tests.reliability.chaos.content import SHARES, Changes, Content, contents

PATIENCE_SECONDS = 3.0
"""How long the functions wait for an answer here; in Lambda 8 seconds."""

BACKUP_OPERATIONS = ["DescribeExport", "ExportTableToPointInTime", "DescribeTable", "Describe*", "Scan", "*"]
RESTORE_OPERATIONS = ["BatchWriteItem", "BatchWriteItem", "PutItem", "Scan", "DescribeTable", "*"]
OBJECT_OPERATIONS = ["GetObject", "PutObject", "ListObjectsV2", "*"]
CONTROL_PLANE = ("Describe", "Export", "List")
CLOCK_JUMPS_SECONDS = [0, 0, 0, 0, 2, -2, 90, -90, 3600, -3600]
"""Together no more than the hours for which an unfinished backup is joined (docs/contract.md)."""


@dataclass(frozen=True)
class NamedFault:
    """A fault of the edge, and the kind under which the summary counts it."""

    kind: str
    fault: Fault


@dataclass(frozen=True)
class Trouble:
    """What meets the invocations of one phase, in turn; once a list is at its end, nothing more of it happens.

    ``kills``: the AWS call at which an invocation is cut. ``seconds``: what Lambda gives it. ``doubled``: whether a
    second one of the same event runs at the same time. ``jumps``: by how much the clock is put before it.
    """

    faults: tuple[NamedFault, ...]
    kills: tuple[int | None, ...]
    seconds: tuple[float, ...]
    doubled: tuple[bool, ...]
    jumps: tuple[float, ...]


@dataclass(frozen=True)
class Increment:
    """Changes behind the full backup that an incremental one takes up, and the trouble in that."""

    changes: Changes
    trouble: Trouble


@dataclass(frozen=True)
class Plan:
    """Everything about one run."""

    content: Content
    method: str
    scheduled: bool
    partitions: int
    items_per_file: int | None
    export_seconds: float
    backup: Trouble
    restore: Trouble
    write_mode: str
    max_workers: int
    prove: bool
    driver: str
    increment: Increment | None = None
    write_units: int | None = None
    export_fails: bool = False

    def __repr__(self) -> str:
        """Without the items: those are for a debugger."""
        damage = self.content.damage
        items = f"items={len(self.content.items)}, keys={self.content.keys}, features={sorted(self.content.features)}"
        harm = f"deleted={len(damage.deleted)}, changed={len(damage.changed)}, added={len(damage.added)}"
        shown = [f"{name}={value!r}" for name, value in vars(self).items() if name not in ("content", "increment")]
        if self.increment:
            shown.append(f"increment.trouble={self.increment.trouble}")
        return "\n  ".join(["Plan:", items, harm, *shown])


@st.composite
def named_faults(draw: st.DrawFn, phase: Phase) -> NamedFault:
    """Draw a fault that passes: it hits some requests and is spent."""
    kind = draw(st.sampled_from(sorted(phase.kinds)))
    fault = draw(_KINDS[kind](phase))
    probability = draw(st.sampled_from([1.0, 1.0, 0.5]))
    when = {"times": draw(st.integers(1, 6)), "skip": draw(st.sampled_from([0, 0, 0, 1, 2, 4, 8]))}
    if kind == "slow beyond patience":
        when["times"] = 1
    return NamedFault(kind, Fault(**{**fault.to_dict(), **when, "probability": probability}))


@dataclass(frozen=True)
class Phase:
    """What a run's phase asks of AWS: DynamoDB's operations, the bucket, and how many calls when nothing goes wrong."""

    operations: list[str]
    bucket: str
    calls: int

    @property
    def kinds(self) -> list[str]:
        return [kind for kind in _KINDS if "BatchWriteItem" in self.operations or not kind.startswith("unprocessed")]

    def anywhere(self) -> st.SearchStrategy[tuple[str, str]]:
        return self.dynamodb() | self.s3()

    def dynamodb(self) -> st.SearchStrategy[tuple[str, str]]:
        return st.sampled_from([("dynamodb", operation) for operation in self.operations])

    def s3(self) -> st.SearchStrategy[tuple[str, str]]:
        return st.sampled_from([("s3", operation) for operation in OBJECT_OPERATIONS])


def _error(places: st.SearchStrategy[tuple[str, str]], code: str, status: int) -> st.SearchStrategy[Fault]:
    return places.map(lambda place: Fault("error", *place, code=code, message="chaos", status=status))


def _throttle(place: tuple[str, str]) -> Fault:
    control_plane = place[1].startswith(CONTROL_PLANE)
    code = "ThrottlingException" if control_plane else "ProvisionedThroughputExceededException"
    return Fault("error", *place, code=code, message="chaos", status=400)


_KINDS: dict[str, Callable[[Phase], st.SearchStrategy[Fault]]] = {
    "throttle": lambda phase: phase.dynamodb().map(_throttle),
    "unprocessed, any subset": lambda _: st.sampled_from([0.1, 0.5, 0.9]).map(
        lambda share: Fault("unprocessed", "dynamodb", "BatchWriteItem", held_back=share)
    ),
    "unprocessed, the last ones": lambda _: st.integers(0, 24).map(
        lambda keep: Fault("unprocessed", "dynamodb", "BatchWriteItem", keep=keep)
    ),
    "reset before the act": lambda phase: phase.anywhere().map(lambda place: Fault("reset", *place)),
    "reset after the act": lambda phase: phase.anywhere().map(lambda place: Fault("reset", *place, after=True)),
    "500 of DynamoDB": lambda phase: _error(phase.dynamodb(), "InternalServerError", 500),
    "503 of DynamoDB": lambda phase: _error(phase.dynamodb(), "ServiceUnavailable", 503),
    "500 of S3": lambda phase: _error(phase.s3(), "InternalError", 500),
    "503 of S3": lambda phase: _error(phase.s3(), "SlowDown", 503),
    "slow": lambda phase: phase.anywhere().map(lambda place: Fault("delay", *place, seconds=0.1)),
    "slow beyond patience": lambda phase: phase.anywhere().map(
        lambda place: Fault("delay", *place, seconds=PATIENCE_SECONDS + 0.3)
    ),
    "object cut short": lambda phase: st.integers(0, 200).map(
        lambda keep: Fault("truncate", "s3", "GetObject", f"{phase.bucket}/*", keep=keep)
    ),
}
FAULT_KINDS = sorted(_KINDS)


@st.composite
def troubles(draw: st.DrawFn, phase: Phase) -> Trouble:
    """Draw the trouble of one phase."""
    return Trouble(
        faults=tuple(draw(st.lists(named_faults(phase), min_size=1, max_size=5))),
        kills=tuple(draw(st.lists(st.none() | st.integers(1, phase.calls), max_size=4))),
        seconds=tuple(draw(st.lists(st.sampled_from([0, 0, 0.5, 2, 12, 60]), max_size=5))),
        doubled=tuple(draw(st.lists(st.sampled_from([False, False, True]), max_size=3))),
        jumps=tuple(draw(st.lists(st.sampled_from(CLOCK_JUMPS_SECONDS), max_size=5))),
    )


@st.composite
def plans(draw: st.DrawFn, bucket: str) -> Plan:
    """Draw a whole run."""
    backing_up, restoring = Phase(BACKUP_OPERATIONS, bucket, 60), Phase(RESTORE_OPERATIONS, bucket, 45)
    plan = Plan(
        content=draw(contents()),
        method=draw(st.sampled_from(["native_export"] * 3 + ["scan"])),
        scheduled=draw(st.sampled_from([True, True, False])),
        partitions=draw(st.integers(1, 4)),
        items_per_file=draw(st.none() | st.integers(5, 60)),
        export_seconds=draw(st.sampled_from([0, 0, 0.3])),
        backup=draw(troubles(backing_up)),
        restore=draw(troubles(restoring)),
        write_mode=draw(st.sampled_from(["mirror"] * 5 + ["overwrite", "diff", "only_missing"])),
        max_workers=draw(st.integers(1, 4)),
        prove=draw(st.sampled_from([False, False, True])),
        driver=draw(st.sampled_from(["pipeline", "pipeline", "state machine"])),
    )
    if draw(st.sampled_from([False] * 7 + [True])):
        plan = draw(_with_increment(plan, backing_up))
    plan = replace(plan, write_units=draw(st.sampled_from([None, None, None, 3000])))
    return replace(plan, export_fails=plan.method == "native_export" and draw(st.sampled_from([False] * 9 + [True])))


@st.composite
def _with_increment(draw: st.DrawFn, plan: Plan, backing_up: Phase) -> Plan:
    """Add an increment to a plan; without clock jumps, because DynamoDB exports no window that ends in the future.

    Its event has a time, so that there is one full backup, and one chain behind it.
    """
    maker, shares, chance = plan.content.maker, draw(st.sampled_from(SHARES)), Random(draw(st.integers(0, 2**32 - 1)))
    increment = Increment(
        maker.changes(plan.content.items, shares, chance), replace(draw(troubles(backing_up)), jumps=())
    )
    backup, restore = replace(plan.backup, jumps=()), replace(plan.restore, jumps=())
    plan = replace(plan, increment=increment, backup=backup, restore=restore)
    return replace(plan, method="native_export", scheduled=True, write_mode="mirror")
