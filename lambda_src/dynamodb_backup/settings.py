"""The functions' environment variables, read once per invocation and checked by name."""

from __future__ import annotations

import gzip
import re
import zlib
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field

from dynamodb_backup.backup_methods import MethodChoice, chosen_methods
from dynamodb_backup.collapse_terms import CollapseTerms, chosen_collapse_terms
from dynamodb_backup.contract.retention import RETENTION_CLASSES
from dynamodb_backup.errors import ConfigurationError
from dynamodb_backup.json_setting import json_setting
from dynamodb_backup.naming import NamingConvention, is_table_name
from dynamodb_backup.object_lock import ObjectLock, chosen_object_lock

__all__ = ["DEFAULT_EXPORTS_PREFIX", "OnDemandSettings", "Settings", "audit_log_group"]

DEFAULT_EXPORTS_PREFIX = "native-exports"
DEFAULT_SLICE_LINES = 2_000_000
DEFAULT_STALL_SECONDS = 900
DEFAULT_MEMORY_MB = 1024


@dataclass(frozen=True)
class Settings:
    """What Terraform told the function."""

    bucket: str
    environment: str
    tables: tuple[str, ...]
    exports_prefix: str
    convention: NamingConvention
    export_kms_key_id: str | None = None
    bucket_owner: str | None = None
    retention_days: Mapping[str, int] = field(default_factory=dict)
    """Days from an object's creation by retention class; empty: nothing is ever given to S3 to delete."""
    methods: Mapping[str, MethodChoice] = field(default_factory=dict)
    on_demand_name_prefix: str | None = None
    """How the names begin of those on-demand backups that the list shows; ``None``: it asks for none."""
    on_demand_retention_days: int = 3
    object_lock: ObjectLock | None = None
    item_count_collapse: CollapseTerms | None = None
    target_roles: frozenset[str] = frozenset()
    """The roles in whose accounts a restore may write."""
    require_confirmation: bool = False
    """Whether an event that deletes or reverts items must repeat the names of its tables."""
    slice_lines: int = DEFAULT_SLICE_LINES
    stall_seconds: int = DEFAULT_STALL_SECONDS
    memory_mb: int = DEFAULT_MEMORY_MB

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> Settings:
        """Read and check the variables.

        Raises
        ------
        ConfigurationError
            Names the first variable that is missing or malformed.
        """
        convention = NamingConvention(
            pattern=_pattern(variables, "TABLE_NAME_PATTERN"),
            exceptions=frozenset(_table_names(variables, "RESTORE_TARGET_TABLES", default="[]")),
        )
        return cls(
            bucket=_bucket(variables, "BACKUP_BUCKET"),
            environment=_required(variables, "ENVIRONMENT"),
            tables=_table_names(variables, "DYNAMODB_TABLES"),
            exports_prefix=_prefix(variables, "S3_EXPORTS_PREFIX"),
            convention=convention,
            export_kms_key_id=variables.get("EXPORT_KMS_KEY_ID") or None,
            bucket_owner=_account_id(variables, "BACKUP_BUCKET_OWNER"),
            retention_days=_retention_days(variables, "RETENTION_CLASSES"),
            methods=chosen_methods(variables, "BACKUP_METHODS"),
            on_demand_name_prefix=(variables.get("ON_DEMAND_BACKUP_NAME_PREFIX") or "").removesuffix("-") or None,
            on_demand_retention_days=_whole_number(variables, "ON_DEMAND_RETENTION_DAYS", default=3),
            object_lock=chosen_object_lock(variables, "OBJECT_LOCK"),
            item_count_collapse=chosen_collapse_terms(variables, "ITEM_COUNT_COLLAPSE"),
            target_roles=frozenset(_texts(variables, "RESTORE_TARGET_ROLES", "role ARNs")),
            require_confirmation=_switch(variables, "REQUIRE_CONFIRMATION"),
            slice_lines=_count(variables, "RESTORE_SLICE_LINES", DEFAULT_SLICE_LINES),
            stall_seconds=_count(variables, "RESTORE_STALL_SECONDS", DEFAULT_STALL_SECONDS),
            memory_mb=_count(variables, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", DEFAULT_MEMORY_MB),
        )

    @property
    def scanned_tables(self) -> frozenset[str]:
        """Return the tables that are backed up by scan, which knows no increments."""
        return frozenset(table for table, chosen in self.methods.items() if chosen.method == "scan")

    def method_of(self, table: str) -> MethodChoice:
        """Return how a table is backed up: by native export, unless another method was chosen for it."""
        return self.methods.get(table) or MethodChoice()


@dataclass(frozen=True)
class OnDemandSettings:
    """What Terraform told the functions of the on-demand backup, which need no bucket."""

    environment: str
    tables: tuple[str, ...]
    convention: NamingConvention
    name_prefix: str
    queue_url: str
    topic_arn: str | None = None
    retention_days: int = 3
    alert_after_hours: int = 6

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> OnDemandSettings:
        """Read and check the variables.

        Raises
        ------
        ConfigurationError
            Names the first variable that is missing or malformed.
        """
        return cls(
            environment=_required(variables, "ENVIRONMENT"),
            tables=_table_names(variables, "DYNAMODB_TABLES"),
            convention=NamingConvention(pattern=_pattern(variables, "TABLE_NAME_PATTERN")),
            name_prefix=_required(variables, "BACKUP_NAME_PREFIX"),
            queue_url=_required(variables, "QUEUE_URL"),
            topic_arn=variables.get("NOTIFICATION_TOPIC_ARN") or None,
            retention_days=_whole_number(variables, "RETENTION_DAYS", default=3),
            alert_after_hours=_whole_number(variables, "ALERT_AFTER_HOURS", default=6),
        )


def audit_log_group(variables: Mapping[str, str]) -> str | None:
    """Return the log group of the audit records; ``None``: there are none.

    By itself, because of an act that is refused for its other settings there is a record, too.
    """
    return variables.get("AUDIT_LOG_GROUP") or None


def _required(variables: Mapping[str, str], name: str) -> str:
    value = variables.get(name, "").strip()
    if not value:
        raise ConfigurationError(name, "is not set; the Terraform module sets it, so apply the module again")
    return value


def _bucket(variables: Mapping[str, str], name: str) -> str:
    bucket = _required(variables, name)
    if re.fullmatch(r"[A-Za-z0-9._-]{3,255}", bucket) is None:
        raise ConfigurationError(name, f"must be a bucket's name alone, without s3:// or a path, but is '{bucket}'")
    return bucket


def _account_id(variables: Mapping[str, str], name: str) -> str | None:
    account = variables.get(name) or None
    if account is not None and re.fullmatch(r"[0-9]{12}", account) is None:
        raise ConfigurationError(name, f"must be an AWS account id of 12 digits, but is '{account}'")
    return account


def _table_names(variables: Mapping[str, str], name: str, default: str | None = None) -> tuple[str, ...]:
    if default is None:
        _required(variables, name)
    names = _texts(variables, name, 'table names, such as ["orders","customers"]')
    for table in names:
        if not is_table_name(table):
            raise ConfigurationError(name, f"holds '{table}', which cannot be a DynamoDB table name")
        if names.count(table) > 1:
            raise ConfigurationError(name, f"names table '{table}' more than once")
    return tuple(names)


def _texts(variables: Mapping[str, str], name: str, what: str) -> list[str]:
    texts = json_setting(name, _unpacked(variables.get(name) or "[]"), f"a JSON array of {what}")
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ConfigurationError(name, f"must be a JSON array of {what}")
    return texts


def _unpacked(text: str) -> str:
    """Return JSON that Terraform may have packed, by gzip and base64: an environment has room for 4,096 bytes.

    What is neither is returned as it is, to be refused by name.
    """
    if text.lstrip().startswith("["):
        return text
    try:
        return gzip.decompress(b64decode(text, validate=True)).decode()
    except (EOFError, OSError, ValueError, zlib.error):
        return text


def _count(variables: Mapping[str, str], name: str, default: int) -> int:
    text = variables.get(name) or str(default)
    if re.fullmatch(r"[1-9][0-9]{0,8}", text) is None:
        raise ConfigurationError(name, f"must be an integer from 1, but is '{text}'")
    return int(text)


def _prefix(variables: Mapping[str, str], name: str) -> str:
    prefix = (variables.get(name) or DEFAULT_EXPORTS_PREFIX).strip("/")
    if not {"", ".", ".."}.isdisjoint(prefix.split("/")) or not prefix.isprintable():
        raise ConfigurationError(
            name, "must be an S3 key prefix such as 'native-exports', without empty parts, '.' and '..'"
        )
    return prefix


def _pattern(variables: Mapping[str, str], name: str) -> re.Pattern[str] | None:
    text = variables.get(name)
    if not text:
        return None
    try:
        return re.compile(text)
    except re.error as error:
        raise ConfigurationError(name, f"is not a regular expression: {error}") from error


def _whole_number(variables: Mapping[str, str], name: str, *, default: int) -> int:
    text = variables.get(name) or str(default)
    if re.fullmatch(r"[1-9][0-9]{0,4}", text) is None:
        raise ConfigurationError(name, f"must be a whole number of at least 1, but is '{text}'")
    return int(text)


def _switch(variables: Mapping[str, str], name: str) -> bool:
    text = variables.get(name) or "false"
    if text not in {"true", "false"}:
        raise ConfigurationError(name, f"must be true or false, but is '{text}'")
    return text == "true"


def _retention_days(variables: Mapping[str, str], name: str) -> dict[str, int]:
    if not variables.get(name):
        return {}
    days = json_setting(name, variables[name], "a JSON object of days by class")
    if not isinstance(days, dict) or not all(type(number) is int and number > 0 for number in days.values()):
        raise ConfigurationError(name, 'must be a JSON object of whole days by class, such as {"daily": 35}')
    unknown = days.keys() - set(RETENTION_CLASSES)
    if unknown:
        raise ConfigurationError(
            name, f"holds the class '{min(unknown)}', which is none of {', '.join(RETENTION_CLASSES)}"
        )
    if "daily" not in days:
        raise ConfigurationError(name, "has no class 'daily', into which every backup falls that earned no other")
    return days
