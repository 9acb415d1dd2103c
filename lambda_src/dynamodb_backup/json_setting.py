"""Environment variables that hold JSON, as Terraform writes lists and objects."""

from __future__ import annotations

from typing import Any

from dynamodb_backup.errors import ConfigurationError
from dynamodb_backup.strict_json import read_json

__all__ = ["json_setting"]


def json_setting(name: str, text: str, what: str) -> Any:
    """Return the value of an environment variable.

    Parameters
    ----------
    what
        What it must be, for whoever has to mend it: ``a JSON object``. Whether it is that, the caller says.

    Raises
    ------
    ConfigurationError
        It is not JSON.
    """
    try:
        return read_json(text)
    except ValueError as error:
        raise ConfigurationError(name, f"must be {what}, but is not JSON: {error}") from error
