"""Find Terraform and the AWS provider, on a machine with or without a way to the public registry.

The provider is installed once, by ``terraform init`` in the user's cache, from the first of these that has it:

1. ``TF_PLUGIN_DIR``, a directory that holds ``registry.terraform.io/hashicorp/aws/...``;
2. what ``TF_CLI_CONFIG_FILE`` or the person's own Terraform configuration say, otherwise the public registry;
3. a plugin mirror: a directory named ``registry.terraform.io`` under the usual prefixes.

From then on every directory uses that one, by a development override: the provider has some 700 MB, and Terraform would
otherwise hash all of it again at each init, plan and apply, which takes longer than most of what tests ask of it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

__all__ = ["SetupError", "find_mirror", "provider_executable", "terraform_binary", "terraform_environment"]

ROOT = Path(__file__).resolve().parent.parent
REGISTRY = "registry.terraform.io"
PROVIDER = Path(REGISTRY, "hashicorp", "aws")
USUAL_PREFIXES = (Path("/opt"), Path("/usr/share"), Path("/usr/local/share"), Path("~/.terraform.d").expanduser())
MIRROR_DEPTH = 3  # registry.terraform.io lies at most this many levels below a prefix
REGISTRY_TIMEOUT_SECONDS = 5  # for an answer of the registry, not for the download
INSTALL_TERRAFORM = "install it from https://developer.hashicorp.com/terraform/install."


class SetupError(RuntimeError):
    """Terraform or the provider is missing; the message is one sentence that says what to install."""


def terraform_binary() -> str:
    """Return Terraform's path.

    Raises
    ------
    SetupError
        there is none on PATH.
    """
    binary = shutil.which("terraform")
    if binary is None:
        raise SetupError(f"Terraform 1.9 or newer is needed and not on PATH: {INSTALL_TERRAFORM}")
    return binary


def terraform_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment in which Terraform finds the provider after ``terraform get``, without any init.

    Parameters
    ----------
    environment
        what to start from; by default this process's environment.

    Raises
    ------
    SetupError
        Terraform or the provider is missing.
    """
    start = dict(os.environ if environment is None else environment)
    # A configuration file that does not exist means nothing to Terraform but a warning at every command.
    if not Path(start.get("TF_CLI_CONFIG_FILE", os.devnull)).exists():
        start.pop("TF_CLI_CONFIG_FILE")
    return start | {
        "TF_CLI_CONFIG_FILE": str(_override(start)),
        "TF_IN_AUTOMATION": "yes",
        "CHECKPOINT_DISABLE": "yes",  # offline, every command would wait for news of a newer Terraform
    }


def provider_executable(environment: Mapping[str, str]) -> Path:
    """Return the provider that Terraform uses in an environment of `terraform_environment`."""
    directory = _installed(Path(environment["TF_CLI_CONFIG_FILE"]).parent)
    if directory is None:
        raise SetupError("The provider is gone from the cache: run the command again.")
    return max(directory.glob("terraform-provider-aws*"))


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


def _override(environment: Mapping[str, str]) -> Path:
    """Return a CLI configuration that overrides the provider; install the provider first if it is not there."""
    versions = (ROOT / "versions.tf").read_text(encoding="utf-8")
    asked_for = "\n".join([versions, *(environment.get(name, "") for name in ("TF_PLUGIN_DIR", "TF_CLI_CONFIG_FILE"))])
    home = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    directory = home / "terraform-dynamodb-backup" / hashlib.sha256(asked_for.encode()).hexdigest()[:12]
    configuration = directory / "override.tfrc"
    with _locked(directory):
        installed = _installed(directory)
        if installed is None or not configuration.exists():
            (directory / "versions.tf").write_text(versions, encoding="utf-8")
            _install(directory, environment)
            installed = _installed(directory)
            override = f'dev_overrides {{\n    "hashicorp/aws" = "{installed}"\n  }}'
            configuration.write_text(f"provider_installation {{\n  {override}\n}}\n", encoding="utf-8")
    return configuration


def _installed(directory: Path) -> Path | None:
    """Return the directory of the provider's executable that ``terraform init`` left, if it is (still) there."""
    executables = sorted((directory / ".terraform" / "providers" / PROVIDER).glob("*/*/terraform-provider-aws*"))
    return executables[-1].parent.resolve() if executables else None


def _install(directory: Path, environment: Mapping[str, str]) -> None:
    """Run ``terraform init`` against each source in turn until one has the provider.

    Raises
    ------
    SetupError
        none has, or Terraform is missing or too old.
    """
    chosen = environment.get("TF_PLUGIN_DIR")
    if chosen:
        if not _init(directory, environment, Path(chosen)):
            raise SetupError(
                f"TF_PLUGIN_DIR is {chosen}, which has no hashicorp/aws of a version that versions.tf allows: "
                "point it at a directory made by `terraform providers mirror`, or unset it."
            )
        return
    if _init(directory, environment):
        return
    mirror = find_mirror(USUAL_PREFIXES)
    if mirror is None or not _init(directory, environment, mirror):
        raise SetupError(
            f"The Terraform provider hashicorp/aws cannot be had, because terraform init does not reach {REGISTRY}: "
            "give this machine a way to it, or set TF_PLUGIN_DIR to a directory made by `terraform providers mirror`."
        )


def _init(directory: Path, environment: Mapping[str, str], mirror: Path | None = None) -> bool:
    """Tell whether ``terraform init`` found the provider: in the mirror if one is given, otherwise as configured."""
    shutil.rmtree(directory / ".terraform", ignore_errors=True)
    attempt = subprocess.run(
        [terraform_binary(), "init", "-input=false", "-no-color", *([f"-plugin-dir={mirror}"] if mirror else [])],
        cwd=directory,
        env=dict(environment)
        | {"TF_REGISTRY_CLIENT_TIMEOUT": str(REGISTRY_TIMEOUT_SECONDS), "TF_REGISTRY_DISCOVERY_RETRY": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if "Unsupported Terraform Core version" in attempt.stdout:
        raise SetupError(f"Terraform 1.9 or newer is needed and the one on PATH is older: {INSTALL_TERRAFORM}")
    return attempt.returncode == 0


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold a directory for this process: parallel test workers install once."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
