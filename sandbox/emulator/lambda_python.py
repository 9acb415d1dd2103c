"""Which Python runs a function, and what is on its path besides the function's zip and layers."""

from __future__ import annotations

import functools
import importlib.util
import logging
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

logger = logging.getLogger(__name__)

# What Lambda's Python runtimes bring along; everything else must be in the zip or in a layer.
_RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "urllib3", "dateutil", "six")


def runtime_libraries(directory: Path) -> Path:
    """Return a folder that holds boto3 and its dependencies, linked from this environment, and nothing else."""
    folder = directory / "runtime"
    folder.mkdir()
    for name in _RUNTIME_PACKAGES:
        specification = importlib.util.find_spec(name)
        if specification is None or specification.origin is None:
            raise RuntimeError(f"the sandbox needs the package {name}, which Lambda's runtime brings along")
        origin = Path(specification.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    return folder


@functools.cache
def python_for(runtime: str) -> str:
    """Return the interpreter for e.g. `python3.13`: that version where the machine has it, else the sandbox's own."""
    for candidate in _candidates(runtime):
        if _works(candidate, runtime):
            return candidate
    logger.warning("%s is not on this machine: functions of that runtime run on %s", runtime, sys.version.split()[0])
    return sys.executable


def _candidates(runtime: str) -> Iterator[str]:
    if runtime == f"python{sys.version_info.major}.{sys.version_info.minor}":
        yield sys.executable
    found = shutil.which(runtime)
    if found:
        yield found
    version = runtime.removeprefix("python")
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv")
    yield from sorted(str(found) for found in pyenv.glob(f"versions/{version}.*/bin/{runtime}"))


def _works(python: str, runtime: str) -> bool:
    """Try it: a version manager's shim may be there for a version that is not active; a bare build may lack TLS."""
    probe = 'import ssl, sys, zlib; print("python%d.%d" % sys.version_info[:2])'
    try:
        done = subprocess.run([python, "-I", "-c", probe], capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return False
    return done.returncode == 0 and done.stdout.strip() == runtime
