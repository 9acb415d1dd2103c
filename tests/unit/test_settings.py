"""The functions' environment variables."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode

import pytest

from dynamodb_backup.backup.methods.choice import _METHODS
from dynamodb_backup.backup_methods import BACKUP_METHODS, MethodChoice
from dynamodb_backup.errors import ConfigurationError
from dynamodb_backup.settings import Settings

GOOD = {"BACKUP_BUCKET": "backups", "ENVIRONMENT": "test", "DYNAMODB_TABLES": '["orders", "users"]'}


def test_what_terraform_sets_is_read() -> None:
    settings = Settings.from_environment(
        GOOD
        | {
            "S3_EXPORTS_PREFIX": "/team/backups/",
            "TABLE_NAME_PATTERN": "[a-z]+_test",
            "RESTORE_TARGET_TABLES": '["scratch"]',
            "EXPORT_KMS_KEY_ID": "arn:aws:kms:us-east-1:1:key/k",
            "BACKUP_BUCKET_OWNER": "123456789012",
            "REQUIRE_CONFIRMATION": "true",
        }
    )
    assert settings.bucket == "backups"
    assert settings.environment == "test"
    assert settings.tables == ("orders", "users")
    assert settings.exports_prefix == "team/backups"
    assert settings.convention.allows("orders_test")
    assert settings.convention.allows("scratch")
    assert not settings.convention.allows("orders_test2")
    assert settings.export_kms_key_id == "arn:aws:kms:us-east-1:1:key/k"
    assert settings.bucket_owner == "123456789012"
    assert settings.require_confirmation


def test_many_tables_come_packed() -> None:
    names = [f"mfa-api_production_{number:03d}_global" for number in range(300)]
    packed = b64encode(gzip.compress(json.dumps(names).encode())).decode()
    settings = Settings.from_environment(GOOD | {"DYNAMODB_TABLES": packed, "RESTORE_TARGET_TABLES": packed})
    assert settings.tables == tuple(names)
    assert settings.convention.exceptions == set(names)


@pytest.mark.parametrize(
    "text", ["orders", "b3JkZXJz", "H4sIAAAAAAAC", b64encode(gzip.compress(b"orders", mtime=0)).decode()]
)
def test_what_is_neither_a_list_nor_a_packed_one_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigurationError, match="must be a JSON array of table names") as error:
        Settings.from_environment(GOOD | {"DYNAMODB_TABLES": text})
    assert error.value.variable == "DYNAMODB_TABLES"


def test_what_is_optional_has_a_default() -> None:
    for optional in ({}, dict.fromkeys(("S3_EXPORTS_PREFIX", "TABLE_NAME_PATTERN", "EXPORT_KMS_KEY_ID"), "")):
        settings = Settings.from_environment(GOOD | optional)
        assert settings.exports_prefix == "native-exports"
        assert settings.convention.allows("anything")
        assert settings.export_kms_key_id is None
        assert settings.bucket_owner is None
        assert not settings.require_confirmation


@pytest.mark.parametrize("name", sorted(GOOD))
@pytest.mark.parametrize("value", [None, "", "  "])
def test_what_is_required_is_missed_by_name(name: str, value: str | None) -> None:
    variables = {other: text for other, text in GOOD.items() if other != name}
    with pytest.raises(ConfigurationError, match=f"{name} is not set") as error:
        Settings.from_environment(variables | ({name: value} if value is not None else {}))
    assert error.value.variable == name


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("BACKUP_BUCKET", "s3://backups", "s3://backups"),
        ("BACKUP_BUCKET", "backups/prefix", "backups/prefix"),
        ("BACKUP_BUCKET_OWNER", "12345678901", "12 digits"),
        ("REQUIRE_CONFIRMATION", "yes", "must be true or false, but is 'yes'"),
        ("DYNAMODB_TABLES", "orders", "not JSON"),
        ("DYNAMODB_TABLES", '"orders"', "array"),
        ("DYNAMODB_TABLES", "null", "array"),
        ("DYNAMODB_TABLES", "[1]", "array"),
        ("DYNAMODB_TABLES", '["a"]', "'a'"),
        ("DYNAMODB_TABLES", '["orders","orders"]', "more than once"),
        ("RESTORE_TARGET_TABLES", "scratch", "not JSON"),
        ("S3_EXPORTS_PREFIX", "//", "prefix"),
        ("S3_EXPORTS_PREFIX", "a//b", "prefix"),
        ("TABLE_NAME_PATTERN", "[", "regular expression"),
    ],
)
def test_what_is_malformed_is_refused_by_name(name: str, value: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=name) as error:
        Settings.from_environment(GOOD | {name: value})
    assert said in str(error.value)


@pytest.mark.parametrize("prefix", ["shop-prod", "shop-prod-"])
def test_how_on_demand_backups_are_called_is_read_with_and_without_its_last_hyphen(prefix: str) -> None:
    given = {"BACKUP_BUCKET": "backups", "ENVIRONMENT": "prod", "DYNAMODB_TABLES": "[]"}
    settings = Settings.from_environment(
        given | {"ON_DEMAND_BACKUP_NAME_PREFIX": prefix, "ON_DEMAND_RETENTION_DAYS": "7"}
    )
    assert (settings.on_demand_name_prefix, settings.on_demand_retention_days) == ("shop-prod", 7)
    assert Settings.from_environment(given).on_demand_name_prefix is None


def test_methods_are_read_with_their_defaults() -> None:
    text = (
        '{"orders": {"method": "scan", "max_read_units_per_second": 500, "segments": 8}, "users": {"method": "scan"}}'
    )
    settings = Settings.from_environment(GOOD | {"BACKUP_METHODS": text})
    assert settings.method_of("orders") == MethodChoice("scan", 500, 8)
    assert settings.method_of("users") == MethodChoice("scan", None, 4)
    assert settings.method_of("others") == MethodChoice("native_export")


def test_a_member_that_terraform_leaves_null_has_its_default() -> None:
    text = '{"orders": {"method": "scan", "max_read_units_per_second": null, "segments": null}}'
    assert Settings.from_environment(GOOD | {"BACKUP_METHODS": text}).method_of("orders") == MethodChoice("scan")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "JSON object of tables"),
        ('{"orders": "scan"}', "JSON object of tables"),
        ('{"orders": {"method": "telepathy"}}', "'telepathy', which is none of native_export, scan"),
        ('{"orders": {"method": "scan", "speed": 1}}', "unknown member 'speed'"),
        ('{"orders": {"method": "scan", "max_read_units_per_second": "500"}}', "max_read_units_per_second"),
        ('{"orders": {"method": "scan", "max_read_units_per_second": 0}}', "max_read_units_per_second"),
        ('{"orders": {"method": "scan", "max_read_units_per_second": NaN}}', "holds NaN, which is no JSON"),
        ('{"orders": {"method": "scan", "max_read_units_per_second": Infinity}}', "holds Infinity, which is no JSON"),
        ('{"orders": {"method": "scan", "max_read_units_per_second": true}}', "max_read_units_per_second"),
        ('{"orders": {"method": "scan", "segments": 0}}', "segments"),
        ('{"orders": {"method": "scan", "segments": 65}}', "segments"),
        ('{"orders": {"method": "scan", "segments": 2.5}}', "segments"),
    ],
)
def test_a_malformed_method_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as error:
        Settings.from_environment(GOOD | {"BACKUP_METHODS": text})
    assert error.value.variable == "BACKUP_METHODS"


def test_every_method_that_may_be_chosen_can_be_carried_out() -> None:
    assert set(_METHODS) == set(BACKUP_METHODS)
