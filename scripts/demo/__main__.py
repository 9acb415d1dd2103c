"""`python -m scripts.demo [--items N]`: apply the complete example into a sandbox, back up, damage, restore, prove."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from botocore.exceptions import BotoCoreError, ClientError

import sandbox
from scripts.demo.deployment import Deployment
from scripts.demo.failure import DemoFailed
from scripts.demo.screen import Screen
from scripts.demo.story import ITEMS_PER_TABLE, Outcome, Story
from scripts.terraform_cli import Terraform, TerraformError, copy_module, terraform_environment
from scripts.terraform_plugins import ROOT, SetupError

__all__ = ["deploy", "main", "prepare"]

EXAMPLE = Path("examples", "complete")
LAYER = ROOT / "dist" / "layer.zip"
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130
# What the person has set for Terraform and AWS elsewhere has no business here; where the provider is stays.
PERSONAL_PREFIXES = ("AWS_", "TF_VAR_", "TF_CLI_ARGS", "TF_DATA_DIR", "TF_WORKSPACE")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.demo", description="Back up, damage and restore tables in a sandbox."
    )
    parser.add_argument("--items", type=int, default=ITEMS_PER_TABLE, help="of each table (default: %(default)s)")
    items = parser.parse_args(arguments).items
    screen = Screen(sys.stdout)
    try:
        with _interrupted_by_signals():
            outcome = _run(screen, items)
    except (SetupError, sandbox.SandboxError) as problem:
        print(problem, file=sys.stderr)
        return 1
    except (DemoFailed, TerraformError, ClientError, BotoCoreError) as failure:
        screen.ended(f"DEMO FAILED: {failure}", good=False)
        return 1
    except KeyboardInterrupt:
        screen.ended("Interrupted. Nothing is left running, and no file is left.", good=False)
        return INTERRUPTED
    screen.ended(
        f"DEMO OK: {outcome.tables} tables, {outcome.items} items, restored identical in "
        f"{outcome.restore_seconds:.1f} s",
        good=True,
    )
    return 0


def _run(screen: Screen, items: int) -> Outcome:
    screen.title(
        "Back up, damage and restore DynamoDB tables, in a small AWS that runs on this machine. No AWS account is "
        "used, and nothing leaves 127.0.0.1."
    )
    if not LAYER.exists():
        raise SetupError("dist/layer.zip, which the functions need, has not been built: run make dist.")
    screen.step("Find Terraform and the AWS provider (a first run may download it)")
    environment = terraform_environment(_without_personal_settings(os.environ))
    with ExitStack() as stack:
        screen.step("Start the sandbox")
        aws = stack.enter_context(sandbox.start())
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="demo-")))
        screen.say(f"{aws.endpoint}, account {aws.account_id}, region {aws.region}")

        screen.step(f"Apply {EXAMPLE} with Terraform, in a temporary directory")
        # Terraform's plugins put their sockets into TMPDIR, and leave them behind when they are killed.
        environment |= aws.environment | {"TMPDIR": str(directory)}
        deployment = stack.enter_context(deploy(prepare(directory), environment))
        stack.callback(_ignore_signals)  # run first: what cleans up is not interrupted again
        outcome = Story(aws, deployment, screen, items).tell()

        screen.step("Stop the sandbox")
        screen.say("What was deployed is gone with it: terraform destroy would have nothing left to do.")
    return outcome


def prepare(directory: Path) -> Path:
    """Copy the module into a directory and return the example in it, with its variables set."""
    example = copy_module(directory) / EXAMPLE
    (example / "demo.auto.tfvars.json").write_text(json.dumps({"layer_zip_path": str(LAYER)}))
    return example


def deploy(example: Path, environment: Mapping[str, str]) -> Deployment:
    """Begin to apply an example."""
    # Should this process be killed, Terraform shall not go on asking a sandbox that is gone.
    environment = {**environment, "AWS_MAX_ATTEMPTS": "2"}
    Terraform(example, environment).get()
    return Deployment(example, environment)


def _without_personal_settings(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith(PERSONAL_PREFIXES)}


@contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    """Let every signal that asks for an end do what Ctrl-C does, once."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        _ignore_signals()
        raise KeyboardInterrupt

    heard = [number for number in ENDING_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]  # nohup stays nohup
    earlier = {number: signal.signal(number, interrupt) for number in heard}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _ignore_signals() -> None:
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main())
