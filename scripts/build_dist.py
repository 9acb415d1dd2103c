"""Build the function's and the layer's zip, byte for byte the same on every machine, and what tells of them.

``dist/function.zip`` holds ``lambda_src/dynamodb_backup`` and nothing else; it is committed, so that applying the
module needs no build tool. ``dist/layer.zip`` holds the wheels that the layer's requirements pin, unpacked; it is other
people's code and is built on demand. Entries are stored, sorted, and have one date and one mode: a compressor's
version, a clock or an umask cannot change a byte.

Committed beside them: ``layer.json`` (what the layer holds), ``sbom.cdx.json`` (the bill of materials) and
``SHA256SUMS``, which names both zips and the bill. Building the function alone needs no network and nothing installed.

    python -m scripts.build_dist              build everything
    python -m scripts.build_dist --layer      build the layer alone (or --function)
    python -m scripts.build_dist --check      build beside dist/ and compare; exit 1 where they differ
"""

from __future__ import annotations

import argparse
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from scripts.supply.inventory import Layer, UnknownLicenseError, checksums, file_digest, inventory
from scripts.supply.sbom import bill_of_materials, released_version

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "lambda_src"
PACKAGE = "dynamodb_backup"
REQUIREMENTS = SOURCES / "requirements.txt"
DIST = ROOT / "dist"
FUNCTION_ZIP = "function.zip"
LAYER_ZIP = "layer.zip"
LAYER_JSON = "layer.json"
SBOM = "sbom.cdx.json"
CHECKSUMS = "SHA256SUMS"

EARLIEST_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
READABLE_FILE = stat.S_IFREG | 0o644
UNIX = 3  # "version made by" of a zip entry: without it the mode is ignored


class BuildError(Exception):
    """Something that must not be packed was found; the message names it and what to do."""


def function_entries(sources: Path = SOURCES) -> dict[str, bytes]:
    """Read the package's files, keyed by their path in the zip.

    Raises
    ------
    BuildError
        the package is missing, or holds anything but ``*.py`` and ``py.typed`` with Unix line endings.
    """
    entries: dict[str, bytes] = {}
    for path in sorted((sources / PACKAGE).rglob("*")):
        if "__pycache__" in path.parts or (path.is_dir() and not path.is_symlink()):
            continue
        name = path.relative_to(sources).as_posix()
        if path.is_symlink() or not (path.suffix == ".py" or path.name == "py.typed"):
            raise BuildError(f"{name}: only *.py and py.typed belong in {FUNCTION_ZIP}: move it out of {PACKAGE}/")
        entries[name] = path.read_bytes()
        if b"\r" in entries[name]:
            raise BuildError(f"{name}: has a carriage return: check it out with Unix line endings (.gitattributes)")
    if f"{PACKAGE}/__init__.py" not in entries:
        raise BuildError(f"{sources / PACKAGE} holds no Python package")
    return entries


def layer_entries(wheels: Path) -> dict[str, bytes]:
    """Unpack every wheel of a folder below ``python/``, keyed by path in the zip.

    Raises
    ------
    BuildError
        a wheel is not pure Python, has files that an installer would move, or overlaps with another.
    """
    entries: dict[str, bytes] = {}
    for wheel in sorted(wheels.iterdir()):
        if not wheel.name.endswith("-none-any.whl"):
            raise BuildError(f"{wheel.name}: is not a pure-Python wheel, so the layer would not serve arm64 and x86_64")
        for name, content in _wheel_files(wheel):
            target = f"python/{name}"
            if target in entries:
                raise BuildError(f"{wheel.name}: {name} is in another wheel too")
            entries[target] = content
    if not entries:
        raise BuildError(f"{wheels} holds no wheel")
    return entries


def _wheel_files(wheel: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(wheel) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            parts = info.filename.split("/")
            # An installer would move these; unpacked as they are, only scripts (command-line tools) can stay unused.
            misplaced = parts[0].endswith(".data") and parts[1] != "scripts"
            if misplaced or ".." in parts or info.filename.startswith("/"):
                raise BuildError(f"{wheel.name}: {info.filename} cannot be used where it would be unpacked")
            yield info.filename, archive.read(info)


def download_wheels(target: Path, requirements: Path = REQUIREMENTS) -> None:
    """Fetch exactly the pinned, hashed wheels into a folder; pip refuses any other.

    Raises
    ------
    BuildError
        pip failed; it has said why on stderr.
    """
    command = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check", "--require-hashes"]
    command += ["--no-deps", "--only-binary", ":all:", "--requirement", str(requirements), "--dest", str(target)]
    if subprocess.run(command, check=False).returncode != 0:
        raise BuildError(f"pip could not download the wheels of {requirements.name}; its own message is above")


def write_zip(target: Path, entries: Mapping[str, bytes]) -> None:
    """Write a zip whose bytes depend on nothing but the names and contents of its entries."""
    partial = target.with_suffix(f".{os.getpid()}.partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(entries):
            info = zipfile.ZipInfo(name, EARLIEST_ZIP_DATE)
            info.create_system = UNIX
            info.external_attr = READABLE_FILE << 16
            archive.writestr(info, entries[name])
    partial.replace(target)


def build_function(dist: Path) -> None:
    """Write ``function.zip``."""
    write_zip(dist / FUNCTION_ZIP, function_entries())


def build_layer(dist: Path) -> None:
    """Write ``layer.zip`` from freshly downloaded wheels, and ``layer.json``, which tells what they are.

    Raises
    ------
    BuildError
        a wheel cannot be had, cannot be used as it is, or has a licence that nobody knows.
    """
    with tempfile.TemporaryDirectory() as wheels:
        download_wheels(Path(wheels))
        write_zip(dist / LAYER_ZIP, layer_entries(Path(wheels)))
        try:
            layer = inventory(dist / LAYER_ZIP, sorted(Path(wheels).iterdir()))
        except UnknownLicenseError as error:
            raise BuildError(str(error)) from error
    write_text(dist / LAYER_JSON, layer.to_json())


def describe(dist: Path) -> None:
    """Write the bill of materials and the checksums of a folder; what was not built in it is taken as committed."""
    for name in (FUNCTION_ZIP, LAYER_JSON):
        if not (dist / name).exists():
            shutil.copyfile(DIST / name, dist / name)
    layer = Layer.from_json((dist / LAYER_JSON).read_text(encoding="utf-8"))
    function_digest = file_digest(dist / FUNCTION_ZIP)
    version = released_version((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    write_text(dist / SBOM, bill_of_materials(version, function_digest, layer))
    digests = {FUNCTION_ZIP: function_digest, LAYER_ZIP: layer.sha256, SBOM: file_digest(dist / SBOM)}
    write_text(dist / CHECKSUMS, checksums(digests))


def write_text(target: Path, text: str) -> None:
    """Write a text file with Unix line endings, at once or not at all."""
    partial = target.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(text, encoding="utf-8", newline="\n")
    partial.replace(target)


BUILDERS = {
    "function": (build_function, (FUNCTION_ZIP,)),
    "layer": (build_layer, (LAYER_ZIP, LAYER_JSON)),
}
DESCRIPTIONS = (SBOM, CHECKSUMS)


def build(parts: list[str], dist: Path) -> list[Path]:
    """Build the named parts (``function``, ``layer``) into a folder with what tells of them; return the files."""
    dist.mkdir(exist_ok=True)
    written: list[str] = []
    for part in parts:
        builder, names = BUILDERS[part]
        builder(dist)
        written += names
    describe(dist)
    return [dist / name for name in (*written, *DESCRIPTIONS)]


def differing(parts: list[str], dist: Path = DIST) -> list[str]:
    """Build the named parts elsewhere and return the names of those files in ``dist`` that are absent or differ.

    ``layer.zip`` may be absent, since it is not committed: its digest in ``layer.json`` is compared all the same.
    """
    with tempfile.TemporaryDirectory() as fresh:
        return [file.name for file in build(parts, Path(fresh)) if not _is_same(file, dist / file.name)]


def _is_same(built: Path, found: Path) -> bool:
    if not found.is_file():
        return built.name == LAYER_ZIP
    return found.read_bytes() == built.read_bytes()


def main(arguments: list[str] | None = None) -> int:
    """Build or check; return the exit status."""
    parser = argparse.ArgumentParser(description="Build dist/ reproducibly.")
    parser.add_argument("--function", action="append_const", dest="parts", const="function", help="this part alone")
    parser.add_argument("--layer", action="append_const", dest="parts", const="layer", help="this part alone")
    parser.add_argument("--check", action="store_true", help="compare with dist/ instead of writing there")
    options = parser.parse_args(arguments)
    parts: list[str] = options.parts or list(BUILDERS)
    try:
        if options.check:
            stale = differing(parts)
            if stale:
                print(f"Not what the sources give: {', '.join('dist/' + name for name in stale)}. Run: make dist")
            return 1 if stale else 0
        for file in build(parts, DIST):
            print(f"dist/{file.name}  {file.stat().st_size:,} bytes")
    except BuildError as error:
        print(f"Not built: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
