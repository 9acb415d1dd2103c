"""Serve a provider's executable, run in a directory, to Terraform until standard input ends; see the package."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import re
import sys

import grpc

from scripts.terraform_plugins import ROOT
from scripts.warm_provider.pool import UNLIMITED, Pool, Provider, ProviderError

ADDRESS = "registry.terraform.io/hashicorp/aws"
WRITTEN_IN = ("*.tf", "examples/**/*.tf", "modules/**/*.tf", "scripts/**/*.tf", "tests/**/*.hcl", "docs/*.md")


def known_names() -> frozenset[str]:
    """Return whatever may be the name of a resource or data source in this repository."""
    found: set[str] = set()
    for pattern in WRITTEN_IN:
        for path in ROOT.glob(pattern):
            found.update(re.findall(r"\baws_[a-z0-9_]+", path.read_text(encoding="utf-8")))
    return frozenset(found)


async def serve(executable: str, directory: str) -> None:
    """Print what TF_REATTACH_PROVIDERS must be, and serve."""
    start = functools.partial(Provider.start, executable, directory)
    first = await start()
    pool = Pool(start, first, known_names())
    server = grpc.aio.server(handlers=[pool], options=UNLIMITED)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    here = {"Network": "tcp", "String": f"127.0.0.1:{port}"}
    # "Test": Terraform leaves the process alone when it is done.
    about = {"Protocol": "grpc", "ProtocolVersion": first.protocol, "Pid": os.getpid(), "Test": True, "Addr": here}
    print(json.dumps({ADDRESS: about}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(None)
    await pool.end()


if __name__ == "__main__":
    try:
        asyncio.run(serve(*sys.argv[1:]))
    except ProviderError as error:
        sys.exit(str(error))
