"""The demo can fail: where something is not as it was backed up, or is refused, it says so and exits with 1."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

import sandbox
from scripts.demo import __main__ as demo
from scripts.demo import functions
from scripts.demo.failure import DemoFailed
from scripts.demo.items import key
from scripts.demo.screen import Screen
from scripts.demo.story import Story
from scripts.demo.tables import Table
from scripts.terraform_plugins import ROOT
from tests.apply.conftest import AppliedExample
from tests.apply.test_examples import examples
from tests.apply.traces import processes_with

ITEMS = 40
TOTP = "mfa-api_production_totp_global"


@pytest.fixture
def aws(example: AppliedExample) -> Iterator[sandbox.Sandbox]:
    example.aws.exports.configure(seconds=0)
    yield example.aws
    example.aws.faults.clear()
    example.aws.exports.configure(fail_with=None, seconds=1)


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


def begin(example: AppliedExample, screen: io.StringIO) -> Story:
    """Begin a story, whose tables are full; what an earlier one left in them is gone."""
    assert example.deployment is not None
    for name in example.outputs["tables"].values():
        example.empty(name)
    story = Story(example.aws, example.deployment, Screen(screen), ITEMS)
    story.fill()
    return story


@pytest.fixture(scope="module")
def backed_up(example: AppliedExample) -> None:
    """Back up what each of the stories begins with; none of them is about how."""
    example.aws.exports.configure(seconds=0)
    begin(example, io.StringIO()).back_up()


@pytest.fixture
def story(backed_up: None, example: AppliedExample, aws: sandbox.Sandbox, screen: io.StringIO) -> Story:
    """A story whose tables are backed up and damaged."""
    story = begin(example, screen)
    story.damage()
    return story


@examples("complete")
def test_a_restore_that_answers_200_is_not_believed_but_compared(
    aws: sandbox.Sandbox, story: Story, screen: io.StringIO
) -> None:
    answer = story.restore()
    table = Table.of(aws.client("dynamodb"), TOTP)
    gone, wrong, extra = key(table.keys, 1), key(table.keys, 2), key(table.keys, ITEMS)
    table.change(delete=[gone], put=[wrong | {"label": {"S": "secret"}}, extra])

    with pytest.raises(DemoFailed, match="answered 200, but 3 items differ from what was backed up"):
        story.prove(answer)

    shown = " ".join(screen.getvalue().split())
    assert f"{TOTP} 40 items 3 DIFFER" in shown
    assert '- item {"apiKey": {"S": "key/000000"}, "uuid": {"S": "key/000001"}} is missing' in shown
    assert '"uuid": {"S": "key/000002"}} differs: attribute binaries is missing' in shown
    assert "attribute label (S) has another value" in shown
    assert '"uuid": {"S": "key/000040"}} is not in the backup' in shown
    assert "secret" not in shown


@examples("complete")
def test_a_restore_that_is_refused_shows_what_is_still_damaged(
    example: AppliedExample, aws: sandbox.Sandbox, story: Story, screen: io.StringIO
) -> None:
    bucket = example.outputs["bucket"]
    aws.faults.corrupt(f"{bucket}/*/{TOTP}/*.json.gz", offset=-1)
    answer = story.restore()

    with pytest.raises(DemoFailed, match=f"The restore answered 207: {TOTP}: .*json.gz"):
        story.prove(answer)

    shown = " ".join(screen.getvalue().split())
    assert f"{TOTP} 40 items 20 DIFFER" in shown
    assert "- and 10 more" in shown
    assert shown.count("40 items identical") == 2


@examples("complete")
def test_a_dry_run_that_writes_is_caught(aws: sandbox.Sandbox, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    truly = functions.restore

    def writing(*arguments: Any) -> functions.Answer:
        Table.of(aws.client("dynamodb"), TOTP).change(delete=[key((("apiKey", "S"), ("uuid", "S")), 1)])
        return truly(*arguments)

    monkeypatch.setattr(functions, "restore", writing)

    with pytest.raises(DemoFailed, match="The dry run sent 1 writes"):
        story.dry_run()


@examples("complete")
def test_a_dry_run_that_is_not_200_ends_the_demo(example: AppliedExample, aws: sandbox.Sandbox, story: Story) -> None:
    bucket = example.outputs["bucket"]
    aws.faults.deny("s3", "GetObject", resource=f"{bucket}/*/{TOTP}/*")

    with pytest.raises(DemoFailed, match=f"The dry run answered 207: {TOTP}: .*AccessDenied"):
        story.dry_run()


@examples("complete")
def test_a_failed_backup_ends_the_whole_demo_with_exit_code_1(
    example: AppliedExample,
    aws: sandbox.Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    aws.exports.configure(fail_with="S3AccessDenied")
    monkeypatch.setattr(sandbox, "start", lambda: nullcontext(aws))
    monkeypatch.setattr(demo, "deploy", lambda *_: nullcontext(example.deployment))

    exit_code = demo.main([f"--items={ITEMS}"])

    last = capsys.readouterr().out.splitlines()[-1]
    assert exit_code == 1
    assert last.startswith("DEMO FAILED: The execution of the backup state machine is FAILED: The backup answered 500")
    assert "S3AccessDenied" in last


def test_an_apply_that_fails_says_what_terraform_says(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text('resource "terraform_data" "this" {\n  input = nonsense.of.mine\n}\n')

    with demo.deploy(tmp_path, dict(os.environ)) as deployment:
        with pytest.raises(DemoFailed, match=r"terraform apply failed: .*nonsense"):
            deployment.wait()
        with pytest.raises(DemoFailed, match=r"terraform apply failed: .*nonsense"):
            list(deployment.created("aws_dynamodb_table"))


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"PATH": "/nowhere"}, "Terraform 1.9 or newer is needed and not on PATH"),
        ({"TF_PLUGIN_DIR": "/nowhere"}, "TF_PLUGIN_DIR is /nowhere, which "),
    ],
)
def test_what_is_missing_is_said_in_one_sentence(environment: dict[str, str], sentence: str) -> None:
    done = _start(environment)
    _, errors = done.communicate()

    assert (done.returncode, len(errors.splitlines())) == (1, 1)
    assert errors.startswith(sentence)


def test_a_layer_that_is_not_built_is_said_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(demo, "LAYER", tmp_path / "layer.zip")

    assert demo.main([]) == 1
    assert capsys.readouterr().err == "dist/layer.zip, which the functions need, has not been built: run make dist.\n"


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_an_interrupted_demo_cleans_up_at_once(number: signal.Signals, tmp_path: Path) -> None:
    process = _start({"TMPDIR": str(tmp_path)})
    assert process.stdout is not None
    for line in process.stdout:
        if "Fill the tables" in line:
            break
    began = time.monotonic()
    process.send_signal(number)
    output, errors = process.communicate()

    assert (process.returncode, errors) == (130, "")
    assert output.splitlines()[-1] == "Interrupted. Nothing is left running, and no file is left."
    assert time.monotonic() - began < 30
    assert list(tmp_path.iterdir()) == []
    assert list(processes_with(str(tmp_path))) == []


def _start(environment: dict[str, str]) -> subprocess.Popen[str]:
    # Where these tests run in the background of a shell, Ctrl-C is ignored, and the demo would take that over.
    earlier = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return _popen(environment)
    finally:
        signal.signal(signal.SIGINT, earlier)


def _popen(environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "scripts.demo"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": "lambda_src"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
