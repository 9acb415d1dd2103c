"""The functions' environment variables."""

from __future__ import annotations

import pytest

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


def test_what_is_optional_has_a_default() -> None:
    for optional in ({}, dict.fromkeys(("S3_EXPORTS_PREFIX", "TABLE_NAME_PATTERN", "EXPORT_KMS_KEY_ID"), "")):
        settings = Settings.from_environment(GOOD | optional)
        assert settings.exports_prefix == "native-exports"
        assert settings.convention.allows("anything")
        assert settings.export_kms_key_id is None
        assert settings.bucket_owner is None


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
