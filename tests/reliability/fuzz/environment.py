"""What Terraform and people say: environment variables, and keys on the command line."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import click

from dynamodb_backup.api.settings import ApiSettings
from dynamodb_backup.contract.history import HistoryRequest
from dynamodb_backup.offsite.terms import OffsiteTerms
from dynamodb_backup.restore_test.terms import Terms
from dynamodb_backup.settings import OnDemandSettings, Settings, audit_log_group
from dynamodb_backup_cli.deployment import Deployment
from dynamodb_backup_cli.failures import CliError
from dynamodb_backup_cli.items import compact, from_json, plain, short_key
from dynamodb_backup_cli.values import KEYS, TABLE_PAIR, key_of_words
from tests.reliability.fuzz.oracle import Target, documented

__all__ = ["KEYS_OF_PEOPLE", "SETTINGS"]


def check_settings(data: bytes) -> None:
    """Read a JSON object of texts as a function's environment."""
    try:
        variables = json.loads(data)
    except (ValueError, RecursionError):
        return
    # What the process cannot be given is no case: variables are texts in UTF-8 without NUL.
    if not isinstance(variables, dict) or not all(isinstance(one, str) for one in variables.values()):
        return
    with documented():
        settings = Settings.from_environment(variables)
        settings.convention.allows("orders")
        settings.method_of("orders")
        with documented():
            Terms.from_environment(variables, settings).new_name("orders")
    for read in (ApiSettings.from_environment, OffsiteTerms.from_environment, OnDemandSettings.from_environment):
        with documented():
            read(variables)
    audit_log_group(variables)


def check_key(data: bytes) -> None:
    """Read words on the command line, one a line, as a key; a whole input as what Terraform printed."""
    text = data.decode("utf-8", "surrogateescape")  # as Python reads its own arguments
    if text.startswith("@"):
        return
    with documented(ValueError):
        key = key_of_words(text.split("\n"))
        (wanted,) = HistoryRequest.from_event({"tables": ["orders"], "keys": [key]}).keys
        assert short_key(wanted)
        assert from_json(wanted).keys() == wanted.keys()
        compact({"item": plain({"M": wanted})})
    with documented(click.UsageError):
        compact({"keys": KEYS.convert(text, None, None)})
    with documented(click.UsageError):
        TABLE_PAIR.convert(text, None, None)
    place = Path(tempfile.gettempdir()) / "fuzz-terraform-output.json"
    place.write_bytes(data)
    with documented(CliError):
        Deployment.of_terraform(str(place))


SETTINGS = Target("settings", check_settings, "json")
KEYS_OF_PEOPLE = Target("keys", check_key, "text")
