"""Lambda in MiniStack: the runtime's Python and libraries instead of this process's own, and true error types."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.emulator import lambda_processes, unpacked
from sandbox.emulator import patch_points as at
from sandbox.emulator.lambda_python import python_for, runtime_libraries
from sandbox.environment import CACHE_VARIABLE

_REPORT = '"error": str(e), "trace": traceback.format_exc()}'
_REPORT_WITH_TYPE = '"error": str(e), "type": type(e).__name__, "trace": traceback.format_exc()}'

# Runs in the function's process before anything else. The process inherits this one's environment and stays when it
# dies in the middle of an invocation; neither is so on Lambda.
_PREAMBLE = """
def _prepare():
    import os, sys, threading, time
    for name in {inherited!r}:
        os.environ.pop(name, None)
    os.environ["TZ"] = ":UTC"
    os.environ["AWS_EXECUTION_ENV"] = "AWS_Lambda_" + {runtime!r}
    os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] = "on-demand"
    sys.path.append({libraries!r})
    parent = os.getppid()

    def end_with_parent():
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()

_prepare()
del _prepare
"""


def apply(directory: Path) -> None:
    """Install the patches; the runtime's libraries are kept in `directory`."""
    libraries = runtime_libraries(directory)
    inherited = [name for name in os.environ if name not in ("PATH", "LANG", "AWS_ENDPOINT_URL", "HOME", "TMPDIR")]
    inherited = [name for name in inherited if not name.startswith("AWS_") or name.endswith("_FILE")]
    script = at.PYTHON_WORKER.current
    if script.count(_REPORT) != 1:
        raise at.UnsupportedMiniStack("the Python worker of ministack no longer reports errors as expected")
    script = script.replace(_REPORT, _REPORT_WITH_TYPE)

    def detect(original: Callable[[str], tuple[str, str]]) -> Callable[[str], tuple[str, str]]:
        def detected(runtime: str) -> tuple[str, str]:
            if not runtime.startswith("python"):
                return original(runtime)
            preamble = _PREAMBLE.format(inherited=inherited, runtime=runtime, libraries=str(libraries))
            return python_for(runtime), preamble + script

        return detected

    at.DETECT_RUNTIME.wrap(detect)
    lambda_processes.apply(libraries)
    unpacked.apply(Path(os.environ.get(CACHE_VARIABLE) or directory / "unpacked"))
    _name_error_types()


def _name_error_types() -> None:
    """Answer a failed invocation with its exception's name, as Lambda does, not with `Runtime.HandlerError`."""
    failed = threading.local()

    def invoke(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        def remembered(*arguments: Any, **named: Any) -> dict[str, Any]:
            failed.result = {}
            result = original(*arguments, **named)
            failed.result = result
            return result

        return remembered

    def execute(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        def named(func: Any, event: Any, request_id: str) -> dict[str, Any]:
            failed.result = {}
            answer = original(func, event, request_id)
            if answer.get("error") and "type" in failed.result:
                answer["body"]["errorType"] = failed.result["type"]
                answer["body"]["stackTrace"] = failed.result["trace"].splitlines(keepends=True)
                answer["body"]["requestId"] = request_id
            return answer

        return named

    at.WORKER_INVOKE.wrap(invoke)
    at.EXECUTE_WARM.wrap(execute)
