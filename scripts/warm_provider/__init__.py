"""A provider that stays: Terraform's commands attach to processes that are started and configured already.

A Terraform command starts the provider several times, and takes from it the schemas of all its 1,500 resources, of
which this project has some fifty: six CPU-seconds before anything is planned. A suite of some hundred commands spends
most of its time on that. Terraform can also attach to a provider that runs (TF_REATTACH_PROVIDERS, made for debuggers),
and this one stands between: it passes every call on to the same executable, and changes three things.

- Of the schemas it shows those whose names occur in this repository. Any other is an error of Terraform's at once.
- A provider process that was configured with the same bytes is used again; two configurations never share a process.
- What is the same every time (whether arguments are well-formed, documents computed of arguments) is asked once.

What a plan holds and what apply does is the real provider's in all cases. `make demo` and its tests go without it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from scripts.terraform_plugins import ROOT, provider_executable

__all__ = ["warm_provider"]

VARIABLE = "TF_REATTACH_PROVIDERS"
# Fewer collections of garbage, by Terraform and the provider: a third of their time goes into them otherwise.
LESS_COLLECTING = {"GOGC": "400"}


@contextmanager
def warm_provider(directory: Path, environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Give the environment in which Terraform's commands share the provider's processes, which end with the block.

    Parameters
    ----------
    directory
        where the commands run that apply: the provider opens files by paths that are relative to it.
    environment
        whole, of `terraform_environment`; the provider has it too. One that attaches already is left as it is. Where
        the provider does not start so, it is given back, and Terraform does all by itself: slower, and the same.
    """
    given = LESS_COLLECTING | dict(environment)
    if VARIABLE in given:
        yield given
        return
    server = subprocess.Popen(
        [sys.executable, "-m", "scripts.warm_provider", provider_executable(given), directory],
        cwd=ROOT,
        env=given,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with server:
        try:
            attach = server.stdout.readline().strip() if server.stdout else ""
            yield given | ({VARIABLE: attach} if attach else {})
        finally:
            if server.stdin:
                server.stdin.close()
            server.wait()
