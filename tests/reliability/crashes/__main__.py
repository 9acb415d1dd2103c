"""`python -m tests.reliability.crashes`: kill each use case at each of its calls, and print what came of it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from tests.reliability.crashes.clock import CLOCK

sys.path[:0] = [str(Path(__file__).resolve().parents[3] / name) for name in ("lambda_src", "cli/src")]
# Before anything is imported that takes the time.
CLOCK.install()
sys.exit(importlib.import_module("tests.reliability.crashes.command").main())
