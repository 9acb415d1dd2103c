"""Finding Terraform and the provider, with a Terraform that only pretends: none of this needs the real one."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from scripts import terraform_plugins
from scripts.terraform_plugins import SetupError, find_mirror, terraform_environment

EXECUTABLE = Path("registry.terraform.io/hashicorp/aws/6.1.0/linux_amd64/terraform-provider-aws_v6.1.0_x5")
# Like init, it fills .terraform/providers from -plugin-dir, otherwise from $REGISTRY: what can be reached.
PRETENDER = """#!/bin/sh
echo "$@" >> "$CALLS"
echo "config=$TF_CLI_CONFIG_FILE" >> "$CALLS"
source="$REGISTRY"
for argument in "$@"; do case "$argument" in -plugin-dir=*) source="${argument#-plugin-dir=}" ;; esac; done
test -n "$TOO_OLD" && { echo "Error: Unsupported Terraform Core version"; exit 1; }
test -d "$source/registry.terraform.io" || { echo "could not connect to registry.terraform.io"; exit 1; }
mkdir -p .terraform && cp -r "$source" .terraform/providers
"""


class Machine:
    """A machine with a pretended Terraform, a cache and nothing else."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = home
        self.calls = home / "calls"
        (home / "bin").mkdir()
        terraform = home / "bin" / "terraform"
        terraform.write_text(PRETENDER, encoding="utf-8")
        terraform.chmod(terraform.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{home / 'bin'}:/usr/bin:/bin")
        monkeypatch.setattr(terraform_plugins, "USUAL_PREFIXES", (home / "opt",))
        self.environment = {
            "PATH": f"{home / 'bin'}:/usr/bin:/bin",
            "CALLS": str(self.calls),
            "XDG_CACHE_HOME": str(home / "cache"),
        }

    def mirror(self, place: str) -> Path:
        """Make a plugin mirror."""
        executable = self.home / place / EXECUTABLE
        executable.parent.mkdir(parents=True)
        executable.touch()
        return self.home / place

    def configuration(self) -> str:
        """Return the CLI configuration that comes of this machine."""
        return Path(terraform_environment(self.environment)["TF_CLI_CONFIG_FILE"]).read_text(encoding="utf-8")

    def inits(self) -> list[str]:
        """Return the init commands that were run."""
        return [line for line in self.calls.read_text(encoding="utf-8").splitlines() if line.startswith("init")]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_registry_is_used_where_it_can_be_reached(machine: Machine) -> None:
    machine.environment["REGISTRY"] = str(machine.mirror("registry"))
    machine.mirror("opt/plugins")
    assert "aws/6.1.0/linux_amd64" in machine.configuration()
    assert ["-plugin-dir" in init for init in machine.inits()] == [False]


def test_mirror_under_a_usual_prefix_stands_in_for_the_registry(machine: Machine) -> None:
    mirror = machine.mirror("opt/some/plugins")
    assert "aws/6.1.0/linux_amd64" in machine.configuration()
    assert machine.inits()[-1].endswith(f"-plugin-dir={mirror}")


def test_plugin_dir_comes_first(machine: Machine) -> None:
    machine.environment |= {"REGISTRY": str(machine.mirror("registry")), "TF_PLUGIN_DIR": str(machine.mirror("mine"))}
    assert "aws/6.1.0/linux_amd64" in machine.configuration()
    assert [init.split("=")[-1] for init in machine.inits()] == [str(machine.home / "mine")]


def test_provider_is_installed_once(machine: Machine) -> None:
    machine.mirror("opt/plugins")
    first = machine.configuration()
    count = len(machine.inits())
    assert machine.configuration() == first
    assert len(machine.inits()) == count


def test_own_configuration_is_followed_while_installing(machine: Machine) -> None:
    own = machine.home / "own.tfrc"
    own.touch()
    machine.environment |= {"REGISTRY": str(machine.mirror("registry")), "TF_CLI_CONFIG_FILE": str(own)}
    machine.configuration()
    assert f"config={own}" in machine.calls.read_text(encoding="utf-8")


def test_configuration_that_does_not_exist_is_left_out(machine: Machine) -> None:
    machine.environment |= {
        "REGISTRY": str(machine.mirror("registry")),
        "TF_CLI_CONFIG_FILE": str(machine.home / "absent.tfrc"),
    }
    machine.configuration()
    assert "config=\n" in machine.calls.read_text(encoding="utf-8")


def test_mirror_too_deep_or_of_other_providers_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "a" / "b" / "c" / EXECUTABLE).mkdir(parents=True)
    (tmp_path / "other" / "registry.terraform.io" / "hashicorp" / "google").mkdir(parents=True)
    assert find_mirror((tmp_path, tmp_path / "absent")) is None


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({}, "set TF_PLUGIN_DIR to a directory made by `terraform providers mirror`."),
        ({"TF_PLUGIN_DIR": "nowhere"}, "TF_PLUGIN_DIR is nowhere, which has no hashicorp/aws"),
        ({"TOO_OLD": "yes"}, "Terraform 1.9 or newer is needed and the one on PATH is older: install it from https://"),
    ],
)
def test_one_sentence_says_what_to_do(environment: dict[str, str], says: str, machine: Machine) -> None:
    machine.environment |= environment
    with pytest.raises(SetupError) as raised:
        machine.configuration()
    assert says in str(raised.value)
    assert str(raised.value).count(". ") == 0


def test_missing_terraform_is_said_in_one_sentence(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(machine.home))
    with pytest.raises(
        SetupError, match=r"^Terraform 1\.9 or newer is needed and not on PATH: install it from https://\S+$"
    ):
        machine.configuration()
