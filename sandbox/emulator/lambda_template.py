"""Run by path, by the Python of a function's runtime: a process that every cold start of functions is a fork of.

It has imported what the runtime brings along, boto3 above all, and read the descriptions of the services that nearly
every function uses: most of the CPU time of a cold start. The fork has a function's streams, directory and environment,
and runs MiniStack's worker as a new process would.

    python -IS lambda_template.py SOCKET FOLDER...

Each request on the socket is a line of JSON with four descriptors: standard input, output and error, and a pipe that
only the fork then holds; the answer is the fork's process id. It ends when the socket does, and its forks with it.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
from contextlib import suppress
from typing import Any

LONGEST_REQUEST_BYTES = 1024 * 1024
SERVICES = ("dynamodb", "s3")


def import_runtime(folders: list[str]) -> None:
    """Import what functions find already imported. The path is then as it was."""
    sys.path.extend(folders)
    with suppress(ImportError):  # a layer's own package that does not fit is for its function to tell
        import boto3
        import botocore.handlers
        import botocore.loaders

        read = functools.cache(botocore.loaders.JSONFileLoader().load_file)
        setattr(botocore.loaders.JSONFileLoader, "load_file", lambda _, path: read(path))  # noqa: B010 - for mypy
        for service in SERVICES:
            boto3.session.Session().client(service, region_name="us-east-1")
    del sys.path[-len(folders) :]
    sys.path_importer_cache.clear()
    # A fork that looks for garbage in what it shares with this process would have to copy all of it.
    gc.collect()
    gc.freeze()


def serve(requests: socket.socket) -> str:
    """Fork for each request until there can be no more. Returns in each fork, with the script that it is to run."""
    children: set[int] = set()
    while True:
        ready = select.select([requests], [], [], 1.0)[0]
        children -= ended(children)
        if not ready:
            continue
        request, descriptors, _, _ = socket.recv_fds(requests, LONGEST_REQUEST_BYTES, 4)
        while request and not request.endswith(b"\n"):
            request += requests.recv(LONGEST_REQUEST_BYTES)
        if not request:
            for child in children:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
            os._exit(0)
        child = os.fork()
        if child == 0:
            requests.close()
            return become(json.loads(request), descriptors)
        children.add(child)
        for descriptor in descriptors:
            os.close(descriptor)
        requests.sendall(b"%d\n" % child)


def ended(children: set[int]) -> set[int]:
    """Return which have ended. Their CPU time counts as this process's from then on."""
    return {child for child in children if os.waitpid(child, os.WNOHANG)[0]}


def become(function: dict[str, Any], descriptors: list[int]) -> str:
    """Take over what a new process would have been given; the last descriptor just stays open."""
    for number, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(function["directory"])
    os.environ.clear()
    os.environ.update(function["environment"])
    sys.argv = [function["script"]]
    return sys.argv[0]


if __name__ == "__main__":
    import_runtime(sys.argv[2:])
    runpy.run_path(serve(socket.socket(fileno=int(sys.argv[1]))), run_name="__main__")
