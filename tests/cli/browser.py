"""Debian's Chromium without a window, and what a screenshot of it shows."""

from __future__ import annotations

import shutil
import struct
import subprocess
import zlib
from pathlib import Path

__all__ = ["CHROMIUM", "colours_of", "screenshot"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SECONDS = 180


def screenshot(page: Path, picture: Path, *, width: int, height: int) -> str:
    """Take a screenshot of a page, and return what the browser complains about."""
    assert CHROMIUM
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr",
         f"--user-data-dir={picture.parent / 'profile'}", f"--window-size={width},{height}",
         f"--screenshot={picture}", page.as_uri()],
        capture_output=True, text=True, timeout=SECONDS, check=True,
    )  # fmt: skip
    return "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line or "Refused to" in line)


def colours_of(picture: Path) -> set[tuple[int, int, int]]:
    """Return the colours of a PNG of 8 bits a channel, as browsers write them."""
    data, at, packed, header = picture.read_bytes(), 8, b"", b""
    while at < len(data):
        (length,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + length]
        header, packed = (body, packed) if kind == b"IHDR" else (header, packed + (body if kind == b"IDAT" else b""))
        at += length + 12
    width, height, depth, kind_of_colour = struct.unpack(">IIBB", header[:10])
    channels = {2: 3, 6: 4}[kind_of_colour]
    assert depth == 8
    lines, stride, previous, colours = zlib.decompress(packed), width * channels, bytes(width * channels), set()
    for row in range(height):
        start = row * (stride + 1)
        previous = _unfiltered(lines[start], lines[start + 1 : start + 1 + stride], previous, channels)
        colours |= set(zip(previous[::channels], previous[1::channels], previous[2::channels], strict=True))
    return colours


def _unfiltered(kind: int, line: bytes, above: bytes, channels: int) -> bytes:
    """Undo a filter of one line: www.w3.org/TR/png-3/#9Filters."""
    if kind == 0:
        return line
    if kind == 2:
        return bytes((one + up) & 255 for one, up in zip(line, above, strict=True))
    found = bytearray(line)
    for channel in range(channels):
        left = corner = 0
        for place in range(channel, len(line), channels):
            up = above[place]
            if kind == 1:
                guess = left
            elif kind == 3:
                guess = (left + up) >> 1
            else:
                to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
                guess = left if to_left <= to_up and to_left <= to_corner else up if to_up <= to_corner else corner
            left = found[place] = (line[place] + guess) & 255
            corner = up
    return bytes(found)
