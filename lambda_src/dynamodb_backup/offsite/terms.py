"""Which store a deployment copies to, and by which key: the secret's ARN alone is configured, never the key."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dynamodb_backup.archive.layout import Layout
from dynamodb_backup.archive.plain_store import PlainStore
from dynamodb_backup.archive.store import ObjectStore
from dynamodb_backup.aws import foreign_s3, secret_text
from dynamodb_backup.aws_errors import AWS_ERRORS, explain, is_transient
from dynamodb_backup.errors import ConfigurationError, StoreUnusable
from dynamodb_backup.json_setting import json_setting
from dynamodb_backup.offsite.work import Side
from dynamodb_backup.strict_json import read_json

__all__ = ["OffsiteTerms"]

VARIABLE = "OFFSITE_COPY"
_TEXTS = ("endpoint_url", "region", "bucket", "prefix", "secret_arn")
_KEY_FIELDS = ("access_key_id", "secret_access_key")
_ENDPOINT = re.compile(r"https://[^/?#@\s]+/?|http://(localhost|127\.0\.0\.1)(:[0-9]+)?/?")
"""Without TLS only to this machine, where a store for trying things out may run."""


@dataclass(frozen=True)
class OffsiteTerms:
    """The off-site copy's part of the environment. ``days`` is how far back a copy looks by itself."""

    endpoint_url: str
    region: str
    bucket: str
    prefix: str
    secret_arn: str
    days: int
    allow_fetch: bool

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> OffsiteTerms:
        """Read and check the variable.

        Raises
        ------
        ConfigurationError
            It is missing, or says what is wrong with it by name.
        """
        document = _object(variables.get(VARIABLE, ""))
        texts = {name: document.get(name) for name in _TEXTS}
        for name, text in texts.items():
            if not isinstance(text, str) or not text.strip():
                raise ConfigurationError(VARIABLE, f"has no '{name}'; the Terraform module sets it, so apply it again")
        if _ENDPOINT.fullmatch(str(texts["endpoint_url"])) is None:
            raise ConfigurationError(
                VARIABLE,
                f"has the endpoint_url '{texts['endpoint_url']}', which must begin with https:// and hold no more than "
                "the store's host and port",
            )
        prefix = str(texts["prefix"]).strip("/")
        if not prefix or "//" in prefix:
            raise ConfigurationError(VARIABLE, "has a prefix that is empty or has empty parts")
        days = document.get("days")
        if type(days) is not int or days < 1:
            raise ConfigurationError(VARIABLE, "has no 'days' that is a whole number from 1")
        known = {name: str(text) for name, text in texts.items()} | {"prefix": prefix}
        return cls(**known, days=days, allow_fetch=document.get("allow_fetch") is True)

    @property
    def name(self) -> str:
        """Return how messages call the store."""
        return self.endpoint_url.rstrip("/")

    @property
    def store_id(self) -> str:
        """Return what tells this place from any other, so that nothing counts as copied that lies elsewhere."""
        place = f"{self.name}|{self.bucket}|{self.prefix}"
        return hashlib.sha256(place.encode()).hexdigest()[:16]

    def side(self) -> Side:
        """Return the store, which has answered once.

        Raises
        ------
        StoreUnusable
            The secret cannot be read or has another form, or the store refuses its key, the bucket or the prefix.
        """
        key = self._key()
        client = foreign_s3(self.endpoint_url, self.region, key.access_key_id, key.secret_access_key)
        layout = Layout(self.prefix)
        plain = PlainStore(client, self.bucket, self.name)
        plain.try_access(layout.root)
        return Side(ObjectStore(client, self.bucket), plain, layout)

    def _key(self) -> _Key:
        try:
            text = secret_text(self.secret_arn)
        except AWS_ERRORS as error:
            if is_transient(error):
                raise
            raise StoreUnusable(f"the secret {self.secret_arn} cannot be read: {explain(error)}") from error
        try:
            document = read_json(text)
        except ValueError:
            document = None  # its message could hold a part of the secret
        values = [document.get(name) if isinstance(document, dict) else None for name in _KEY_FIELDS]
        if not all(isinstance(value, str) and value.strip() for value in values):
            raise StoreUnusable(
                f"the secret {self.secret_arn} must be a JSON object with the texts access_key_id and "
                "secret_access_key, but is not"
            )
        return _Key(*(str(value).strip() for value in values))


@dataclass(frozen=True)
class _Key:
    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)


def _object(text: str) -> dict[str, Any]:
    if not text.strip():
        raise ConfigurationError(VARIABLE, "is not set; set the module's input offsite_copy, and apply")
    document = json_setting(VARIABLE, text, "a JSON object")
    if not isinstance(document, dict):
        raise ConfigurationError(VARIABLE, "must be a JSON object")
    return document
