"""Every damage tried, and what came of it by class of damage."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.reliability.corruption.damages import all_damages
from tests.reliability.corruption.specimens import Specimen
from tests.reliability.corruption.trial import HARMLESS, OLDER, REFUSED, Case, Passed, outcome

HARMLESS_KINDS: Mapping[str, str] = {
    "definition": "no table is made from it, so at most its warning is missing; 'create' refuses every change",
    "key index": "a look-up reads more without it; it carries a SHA-256 of its own",
    "manifest-files.md5: missing": "copies drop it; the answer warns",
    "manifest-summary.md5: missing": "copies drop it; the answer warns",
    "manifest-files.md5: something behind it": "white space",
    "manifest-summary.md5: something behind it": "white space",
    "manifest-files.json: field": "the ETag alone, which proves nothing; or the same value twice",
    "manifest-summary.json: field": "what does not say which items there are, such as startTime",
    "manifest.json: missing": "a chain's record names its full backup itself",
    "manifest.json: truncated": "by the line feed at its end",
    "chain record: truncated": "by the line feed at its end",
    "manifest.json: byte altered": "in the name of the field sha256",
    "manifest.json: field": "the field sha256 is gone, or a field stands twice with its value last",
    "chain record: byte altered": "in the name of the field sha256",
    "chain record: field": "the field sha256 is gone, or a field stands twice with its value last",
    "data file: packed otherwise, same lines": "the same bytes",
    "data file: of another table, all": "the same lines",
}
"""Where a damage may go unnoticed because the table holds exactly the backup afterwards, and why it does."""


@dataclass
class Tally:
    """What came of the damages of one class: how many were tried, in how many runs, and how these ended."""

    cases: int = 0
    runs: Counter[str] = field(default_factory=Counter)


@dataclass
class Results:
    """The tallies by class, and what passed."""

    tallies: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    passed: list[str] = field(default_factory=list)

    def add(self, other: Results) -> None:
        self.passed += other.passed
        for kind, tally in other.tallies.items():
            self.tallies[kind].cases += tally.cases
            self.tallies[kind].runs.update(tally.runs)

    def rows(self) -> Iterator[tuple[str | int, ...]]:
        for kind, tally in [*sorted(self.tallies.items()), ("all", self._all())]:
            runs = tally.runs
            yield kind, tally.cases, runs.total(), runs[REFUSED], runs[HARMLESS], runs[OLDER], runs["passed"]

    def _all(self) -> Tally:
        every = self.tallies.values()
        return Tally(sum(one.cases for one in every), sum((one.runs for one in every), Counter()))


def every_way(case: Case) -> Sequence[str]:
    return case.ways


def try_all(cases: Iterable[Case], ways_of: Callable[[Case], Sequence[str]] = every_way) -> Results:
    """Restore and verify each damaged backup in every way, or in some of them."""
    results = Results()
    for case in cases:
        tally = results.tallies[case.kind]
        tally.cases += 1
        for way in ways_of(case):
            try:
                ended = outcome(case, way)
                if ended == HARMLESS and (way == "create" or not _may_be_harmless(case.kind)):
                    raise Passed(f"{case.title} ({way}): went unnoticed, though the table holds the backup")
            except Passed as error:
                results.passed.append(str(error))
                ended = "passed"
            tally.runs[ended] += 1
    return results


OURS = ("manifest.json: byte", "manifest.json: field", "chain record: byte", "chain record: field")
"""What only our own checksum protects: few of its bytes would do harm, so more of them are tried."""

MOST_OF_OURS, MOST_OF_DEFINITIONS = 12, 4


def spread(specimen: Specimen, most: int) -> list[Case]:
    """Return at most so many cases of each class, evenly spread over it."""

    def taken(kind: str, cases: list[Case]) -> list[Case]:
        wanted = MOST_OF_DEFINITIONS if kind == "definition: field changed" else most
        if len(specimen.event) != 1:
            wanted = MOST_OF_OURS if kind.startswith(OURS) else wanted
        return cases[:: max(1, -(-len(cases) // wanted))]

    kinds: dict[str, list[Case]] = defaultdict(list)
    for case in all_damages(specimen, flips=(0x01,)):
        kinds[case.kind].append(case)
    return [case for kind, cases in kinds.items() for case in taken(kind, cases)]


def _may_be_harmless(kind: str) -> bool:
    return any(kind.startswith(known) for known in HARMLESS_KINDS)
