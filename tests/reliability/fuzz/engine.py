"""One target under atheris, in a process of its own: ``python -m tests.reliability.fuzz.engine TARGET ...``.

What fails is kept, one input for each place in the product that raised, and the search goes on. What hangs or takes too
much memory ends the process, as libFuzzer has it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sys
import traceback
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["dynamodb_backup", "dynamodb_backup_cli"]):
    from tests.reliability.fuzz.mutation import mutated
    from tests.reliability.fuzz.targets import TARGETS

MOST_INPUT_BYTES = 8_192


def main() -> None:
    """Search until libFuzzer ends; the arguments behind TARGET and the folder for crashes are libFuzzer's own."""
    target, crashes = TARGETS[sys.argv[1]], Path(sys.argv[2])
    logging.disable()
    seen: set[str] = set()

    def check(data: bytes) -> None:
        try:
            target.check(data)
        except Exception as error:  # noqa: BLE001 - whatever comes out is what is looked for
            place = place_of(error)
            if place not in seen:
                seen.add(place)
                name = f"{target.name}-{hashlib.sha256(place.encode()).hexdigest()[:12]}"
                (crashes / name).write_bytes(data)
                (crashes / f"{name}.json").write_text(json.dumps({"place": place, "error": repr(error)[:400]}))

    def custom(data: bytes, most: int, seed: int) -> bytes:
        return mutated(target.shape, data, most, seed, atheris.Mutate)

    flags = [f"-max_len={MOST_INPUT_BYTES}", *sys.argv[3:]]
    atheris.Setup([sys.argv[0], *flags], check, custom_mutator=custom)
    atheris.Fuzz()


def place_of(error: BaseException) -> str:
    """Return which error it is and where the product raised it: equal for inputs that meet the same fault."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "dynamodb_backup" in frame.filename] or list(frames)
    return f"{type(error).__name__} at {Path(ours[-1].filename).name}:{ours[-1].lineno} in {ours[-1].name}"


if __name__ == "__main__":
    main()
