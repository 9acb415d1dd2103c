"""Every damage to every byte: ``make corruption``. With a case's title, or a part of it, those cases alone."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import islice

from tests.reliability.corruption.damages import all_damages
from tests.reliability.corruption.matrix import Results, try_all
from tests.reliability.corruption.specimens import all_specimens
from tests.reliability.corruption.trial import the_functions_run_here
from tests.reliability.summary import print_summary

FLIPS = (0x01,)
"""Which bits of each byte are flipped, one mask at a time."""

SHARES = 16
COLUMNS = ("damage", "cases", "runs", "refused before the first write", "harmless", "older, told", "passed")


def share(number: int, wanted: str) -> Results:
    """Try every sixteenth case."""
    with the_functions_run_here():
        cases = (case for specimen in all_specimens() for case in all_damages(specimen, flips=FLIPS))
        mine = islice(cases, number, None, SHARES)
        return try_all(case for case in mine if wanted in case.title)


def main() -> int:
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    results = Results()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for one in pool.map(share, range(SHARES), [wanted] * SHARES):
            results.add(one)
    print_summary("Damaged backups, restored and verified", COLUMNS, results.rows())
    for passed in results.passed[:20]:
        print(f'PASSED: {passed}\n  again: python -m tests.reliability.corruption "TITLE OR A PART OF IT"')
    return 1 if results.passed or not results.tallies else 0


if __name__ == "__main__":
    sys.exit(main())
