"""`python -m sandbox.edge PORT`: start the emulator and serve the edge on 127.0.0.1:PORT until stdin closes.

Prints one line of JSON when ready: `{"endpoint": ..., "directory": ...}`, or `{"error": ...}` and exits with 1.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from sandbox.edge.http1 import STREAM_LIMIT, Request
from sandbox.edge.proxy import Proxy
from sandbox.edge.state import EdgeState
from sandbox.edge.upstream import Upstream
from sandbox.environment import emulator_environment, write_profile

_START_SECONDS = 60.0
_STOP_SECONDS = 5.0


def main() -> None:
    """Serve until stdin closes, then leave nothing behind."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    directory = Path(tempfile.mkdtemp(prefix="sandbox-"))
    try:
        write_profile(directory)
        asyncio.run(_serve(int(sys.argv[1]), directory))
    except (OSError, RuntimeError) as error:
        print(json.dumps({"error": str(error)}), flush=True)
        sys.exit(1)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


async def _serve(port: int, directory: Path) -> None:
    listening = _listen(port)
    port = listening.getsockname()[1]
    emulator, emulator_port = _start_emulator(port, directory)
    try:
        state = EdgeState(Upstream(emulator_port))
        await _wait_until_ready(state, emulator, directory)
        server = await asyncio.start_server(Proxy(state).serve, sock=listening, limit=STREAM_LIMIT)
        print(json.dumps({"endpoint": f"http://127.0.0.1:{port}", "directory": str(directory)}), flush=True)
        await _until_told_to_stop(emulator)
        # Not waited for: since Python 3.12 that would wait for every client to hang up, and clients keep connections.
        server.close()
    finally:
        _stop_emulator(emulator)


def _listen(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen(1024)
    return listening


def _start_emulator(edge_port: int, directory: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Start the emulator on a socket that already listens, so that no other process can take its port."""
    with _listen(0) as listening:
        port = int(listening.getsockname()[1])
        number = listening.fileno()
        with (directory / "emulator.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "sandbox.emulator", str(number)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=(number,),
                env=emulator_environment(edge_port, directory),
                cwd=directory,
            )
    return process, port


async def _wait_until_ready(state: EdgeState, emulator: subprocess.Popen[bytes], directory: Path) -> None:
    """Wait for the first answer: the socket listens before the emulator does."""
    health = Request("GET", "/_ministack/health", [("host", "127.0.0.1")], b"")
    try:
        await asyncio.wait_for(state.upstream.send(health), _START_SECONDS)
    except ConnectionError:
        emulator.wait()
        log = (directory / "emulator.log").read_text(errors="replace")
        raise RuntimeError(f"the emulator did not start: {log[-4000:].strip()}") from None
    except TimeoutError:
        raise RuntimeError(f"the emulator was not ready after {_START_SECONDS:g} s") from None


async def _until_told_to_stop(emulator: subprocess.Popen[bytes]) -> None:
    """Until our parent closes stdin or dies, we are told to terminate, or the emulator ends."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_reader(sys.stdin.fileno(), lambda: stop.set() if not os.read(sys.stdin.fileno(), 4096) else None)
    while not stop.is_set() and emulator.poll() is None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 1.0)
    loop.remove_reader(sys.stdin.fileno())


def _stop_emulator(emulator: subprocess.Popen[bytes]) -> None:
    if emulator.stdin is not None:
        emulator.stdin.close()
    try:
        emulator.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        emulator.kill()
        emulator.wait()


main()
