"""Find Terraform and the AWS provider, on a machine with or without a way to the public registry.

In this order:

1. ``TF_PLUGIN_DIR``, a directory that holds ``registry.terraform.io/hashicorp/aws/...``;
2. ``terraform init``, which follows ``TF_CLI_CONFIG_FILE`` and the person's own Terraform configuration. It runs once: what
   it installs is kept in the user's cache, because a provider has some 700 MB and every test initialises a directory anew;
3. a plugin mirror: a directory named ``registry.terraform.io`` under the usual prefixes.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

__all__ = ["SetupError", "find_mirror", "init_environment", "plugin_directory", "terraform_binary"]

ROOT = Path(__file__).resolve().parent.parent
REGISTRY = "registry.terraform.io"
PROVIDER = Path(REGISTRY, "hashicorp", "aws")
USUAL_PREFIXES = (Path("/opt"), Path("/usr/share"), Path("/usr/local/share"), Path("~/.terraform.d").expanduser())
MIRROR_DEPTH = 3  # registry.terraform.io lies at most this many levels below a prefix
REGISTRY_TIMEOUT_SECONDS = 5  # for an answer of the registry, not for the download


class SetupError(RuntimeError):
    """Terraform or the provider is missing; the message is one sentence that says what to install."""


def terraform_binary() -> str:
    """Return Terraform's path.

    Raises:
        SetupError: there is none on PATH.
    """
    binary = shutil.which("terraform")
    if binary is None:
        raise SetupError(
            "Terraform 1.9 or newer is needed and not on PATH: install it from https://developer.hashicorp.com/terraform/install."
        )
    return binary


def init_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment in which any ``terraform init`` finds the provider, without the network.

    Args:
        environment: what to start from; by default this process's environment.

    Raises:
        SetupError: Terraform or the provider is missing.
    """
    settled = _without_missing_configuration(os.environ if environment is None else environment)
    settled["TF_CLI_ARGS_init"] = f"-plugin-dir={plugin_directory(settled)}"
    settled["TF_IN_AUTOMATION"] = "yes"
    settled["CHECKPOINT_DISABLE"] = "yes"  # no question for newer versions: each would wait for the network
    return settled


def plugin_directory(environment: Mapping[str, str]) -> Path:
    """Return a directory for ``terraform init -plugin-dir`` that holds the AWS provider.

    Raises:
        SetupError: Terraform or the provider is missing.
    """
    chosen = environment.get("TF_PLUGIN_DIR")
    if chosen:
        if not (Path(chosen) / PROVIDER).is_dir():
            raise SetupError(f"TF_PLUGIN_DIR is {chosen}, which does not hold {PROVIDER}: point it at a plugin mirror or unset it.")
        return Path(chosen).resolve()
    installed = _installed(environment)
    if installed is not None:
        return installed
    mirror = find_mirror(USUAL_PREFIXES)
    if mirror is not None:
        return mirror
    raise SetupError(
        f"The Terraform provider hashicorp/aws cannot be had, because terraform init does not reach {REGISTRY}: "
        "give this machine a way to it, or set TF_PLUGIN_DIR to a directory made by `terraform providers mirror`."
    )


def find_mirror(prefixes: tuple[Path, ...]) -> Path | None:
    """Return the parent of the first ``registry.terraform.io`` below the prefixes that holds the AWS provider."""
    for prefix in prefixes:
        for directory in _directories(prefix, MIRROR_DEPTH):
            if directory.name == REGISTRY and (directory.parent / PROVIDER).is_dir():
                return directory.parent.resolve()
    return None


def _directories(top: Path, depth: int) -> Iterator[Path]:
    """Yield the directories below ``top``, nearest and alphabetically first; unreadable ones are passed over."""
    try:
        children = sorted(child for child in top.iterdir() if child.is_dir())
    except OSError:
        return
    yield from children
    if depth > 1:
        for child in children:
            yield from _directories(child, depth - 1)


def _without_missing_configuration(environment: Mapping[str, str]) -> dict[str, str]:
    """Drop a TF_CLI_CONFIG_FILE that does not exist: Terraform goes on without it, but warns at every command."""
    kept = dict(environment)
    if not Path(kept.get("TF_CLI_CONFIG_FILE", os.devnull)).exists():
        kept["TF_CLI_CONFIG_FILE"] = os.devnull
    return kept


def _installed(environment: Mapping[str, str]) -> Path | None:
    """Install the provider by ``terraform init``, once, and return where; None if the registry cannot be reached."""
    cache = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "terraform-dynamodb-backup"
    providers = cache / ".terraform" / "providers"
    with _locked(cache):
        if (cache / "complete").exists() and (providers / PROVIDER).is_dir():
            return providers
        shutil.copy(ROOT / "versions.tf", cache / "versions.tf")
        attempt = subprocess.run(
            [terraform_binary(), "init", "-input=false", "-no-color"],
            cwd=cache,
            env=_without_missing_configuration(environment)
            | {"TF_REGISTRY_CLIENT_TIMEOUT": str(REGISTRY_TIMEOUT_SECONDS), "TF_REGISTRY_DISCOVERY_RETRY": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if attempt.returncode != 0:
            _raise_if_too_old(attempt.stdout)
            return None
        (cache / "complete").touch()
        return providers


def _raise_if_too_old(output: str) -> None:
    """With a mirror, a Terraform that is too old would fail the same way, and say less about why."""
    if "Unsupported Terraform Core version" in output:
        raise SetupError(
            "Terraform 1.9 or newer is needed and the one on PATH is older: install it from https://developer.hashicorp.com/terraform/install."
        )


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold a directory for this process: parallel test workers install once."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
