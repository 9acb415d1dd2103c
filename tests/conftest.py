"""What every test may rely on: the repository's root, a sandbox of its own, and nothing of the person who runs it."""

from __future__ import annotations

import importlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import pytest
from botocore import parsers
from botocore.context import get_context
from botocore.useragent import UserAgentString
from hypothesis import settings

import sandbox as local_aws
from sandbox.environment import CACHE_VARIABLE
from tests import botocore_once, plain_http
from tests.cpu import CpuSeconds

ROOT = Path(__file__).resolve().parent.parent

# A busy machine is no failure: how long one example takes says nothing about what is tested.
settings.register_profile("any machine", deadline=None, max_examples=20)
# What make long loads: other examples each time, and five times as many.
settings.register_profile("long", deadline=None, max_examples=100)
settings.load_profile("any machine")

# Where the tests run is nobody's account: no profile, no credentials, no metadata service can be reached by mistake.
HARMLESS_AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
# The functions' own settings and Terraform's inputs would change what is tested. TF_CLI_CONFIG_FILE, TF_PLUGIN_DIR and
# TF_PLUGIN_CACHE_DIR stay: they say where this machine has its provider.
LEAKING_PREFIXES = ("AWS_", "POWERTOOLS_", "TF_VAR_", "TF_CLI_ARGS")
LEAKING_NAMES = (
    "BACKUP_BUCKET",
    "BACKUP_BUCKET_OWNER",
    "BACKUP_METHODS",
    "DYNAMODB_TABLES",
    "ENVIRONMENT",
    "EXPORT_KMS_KEY_ID",
    "OFFSITE_COPY",
    "RESTORE_TARGET_TABLES",
    "RESTORE_TEST_MAX_TABLE_BYTES",
    "RESTORE_TEST_PREFIX",
    "RESTORE_TEST_TABLES",
    "S3_EXPORTS_PREFIX",
    "TABLE_NAME_PATTERN",
    "TF_DATA_DIR",
    "TF_WORKSPACE",
)


def pytest_configure(config: pytest.Config) -> None:
    """Begin, also in each xdist worker, before anything reads the environment."""
    distributing = bool(config.getoption("numprocesses", None)) and not hasattr(config, "workerinput")
    config.pluginmanager.register(CpuSeconds(alone=distributing))
    if not hasattr(config, "workerinput"):
        share_what_all_sandboxes_have(config)
    forget_the_person()
    work_out_once_what_every_request_has()
    botocore_once.remember()
    plain_http.install()


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Let the workers share the compiling of the tests: each begins with other files, and finds the rest compiled.

    In a fresh clone pytest compiles each file, with its assertions rewritten, which takes half of the collecting.
    Without this, all workers would compile the same files at the same time.
    """
    worker = getattr(session.config, "workerinput", None)
    if worker is None:
        return
    asked_for = {Path(argument.partition("::")[0]).resolve() for argument in session.config.args}
    files = [file for file in sorted(ROOT.glob("tests/**/test_*.py")) if asked_for & {file, *file.parents}]
    number = int(worker["workerid"].removeprefix("gw"))
    for file in files[number :: worker["workercount"]]:
        # A file that cannot be imported, or skips itself, is told of when it is collected.
        with suppress(Exception, pytest.skip.Exception):
            importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))


def work_out_once_what_every_request_has() -> None:
    """Keep the user agent, which botocore puts together twice per request, and parsed times, which repeat.

    They were an eighth of what a request costs its client, and no test is about them.
    """
    put_together = UserAgentString.to_string

    @lru_cache(maxsize=256)
    def text(agent: UserAgentString, _request_s_features: frozenset[str]) -> str:
        return str(put_together(agent))

    def to_string(agent: UserAgentString) -> str:
        context = get_context()
        return text(agent, frozenset(context.features if context else ()))

    setattr(UserAgentString, "to_string", to_string)  # noqa: B010 - mypy takes no assignment to a method
    parsers.DEFAULT_TIMESTAMP_PARSER = lru_cache(maxsize=1024)(parsers.DEFAULT_TIMESTAMP_PARSER)


def share_what_all_sandboxes_have(config: pytest.Config) -> None:
    """Let the sandboxes of this run, whichever process starts them, unpack and compile functions once for all."""
    shared = tempfile.TemporaryDirectory(prefix="sandboxes-", ignore_cleanup_errors=True)
    os.environ[CACHE_VARIABLE] = shared.name
    config.add_cleanup(shared.cleanup)


def forget_the_person() -> None:
    """Take the person's settings out of the environment."""
    for name in list(os.environ):
        if name in LEAKING_NAMES or name.startswith(LEAKING_PREFIXES):
            del os.environ[name]
    os.environ.update(HARMLESS_AWS)


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The top of the tree under test."""
    return ROOT


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[local_aws.Sandbox]:
    """One sandbox per xdist worker, with whatever earlier tests left in it; most tests want ``aws``."""
    with local_aws.start() as running:
        yield running


@pytest.fixture
def aws(running_sandbox: local_aws.Sandbox) -> local_aws.Sandbox:
    """An empty account: no resources, faults or logged requests of other tests."""
    running_sandbox.reset()
    plain_http.begin_anew()
    return running_sandbox
