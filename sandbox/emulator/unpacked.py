"""Zips of functions and layers, each unpacked once: cold starts share its files, and the bytecode beside them.

MiniStack unpacks both anew for each cold start, into another folder each time, so that Python would compile all of a
function's modules again. Lambda's own folders for them, /var/task and /opt, cannot be written to either.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import types
import zipfile
from pathlib import Path
from typing import Any

from sandbox.emulator import patch_points as at


def apply(store: Path) -> None:
    """Let Lambda's workers find their zips unpacked in `store`, which other sandboxes may use at the same time."""
    store.mkdir(parents=True, exist_ok=True)

    class SharedZipFile(zipfile.ZipFile):
        """A zip that is not unpacked into an empty folder: the folder becomes a link to the one in the store."""

        def extractall(self, path: Any = None, *options: Any, **named: Any) -> None:
            if self.filename is None or options or named:
                raise at.UnsupportedMiniStack("ministack no longer unpacks whole zip files for Lambda")
            folder = Path(path)
            folder.rmdir()
            folder.symlink_to(_unpacked(Path(self.filename), store), target_is_directory=True)

    at.LAMBDA_ZIPFILE.replace(types.SimpleNamespace(**vars(zipfile) | {"ZipFile": SharedZipFile}))


def _unpacked(archive: Path, store: Path) -> Path:
    """Return the folder in the store that holds what the archive holds."""
    with archive.open("rb") as file:
        folder = store / hashlib.file_digest(file, "sha256").hexdigest()
    if not folder.exists():
        fresh = Path(tempfile.mkdtemp(dir=store))
        with zipfile.ZipFile(archive) as content:
            content.extractall(fresh)
        try:
            fresh.rename(folder)
        except OSError:
            if not folder.exists():
                raise
            shutil.rmtree(fresh)  # another sandbox, or another invocation, was faster
    return folder
