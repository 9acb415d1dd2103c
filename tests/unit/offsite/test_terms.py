"""The off-site copy's configuration and key: refused by name, and the key never shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dynamodb_backup.errors import ConfigurationError, StoreUnusable
from dynamodb_backup.offsite import terms as terms_module
from dynamodb_backup.offsite.terms import OffsiteTerms
from tests.unit.offsite.fake_store import client_error

GOOD: dict[str, Any] = {
    "endpoint_url": "https://s3.eu-central-003.backblazeb2.com",
    "region": "eu-central-003",
    "bucket": "copies",
    "prefix": "shop/native-exports",
    "secret_arn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:offsite",
    "days": 7,
    "allow_fetch": False,
}
KEY = {"access_key_id": "0031f", "secret_access_key": "K003-very-secret"}


def read(**other: Any) -> OffsiteTerms:
    return OffsiteTerms.from_environment({"OFFSITE_COPY": json.dumps(GOOD | other)})


def test_a_good_one() -> None:
    terms = read()
    assert (terms.name, terms.bucket, terms.prefix, terms.days) == (
        "https://s3.eu-central-003.backblazeb2.com",
        "copies",
        "shop/native-exports",
        7,
    )


@pytest.mark.parametrize("other", [{"endpoint_url": "https://other"}, {"bucket": "other"}, {"prefix": "other"}])
def test_another_place_has_records_of_its_own(other: dict[str, str]) -> None:
    assert read(**other).store_id != read().store_id
    assert read(endpoint_url=f"{GOOD['endpoint_url']}/", days=1).store_id == read().store_id


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"endpoint_url": "http://store.example.com"}, "must begin with https://"),
        ({"endpoint_url": "http://127.0.0.1.example.com"}, "must begin with https://"),
        ({"endpoint_url": "https://user:word@store.example.com"}, "must begin with https://"),
        ({"endpoint_url": "https://store.example.com/path"}, "must begin with https://"),
        ({"endpoint_url": ""}, "has no 'endpoint_url'"),
        ({"region": None}, "has no 'region'"),
        ({"bucket": " "}, "has no 'bucket'"),
        ({"secret_arn": 1}, "has no 'secret_arn'"),
        ({"prefix": "/"}, "a prefix that is empty"),
        ({"prefix": "a//b"}, "empty parts"),
        ({"days": 0}, "has no 'days'"),
        ({"days": True}, "has no 'days'"),
    ],
)
def test_a_wrong_one_is_refused_by_name(other: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        read(**other)


@pytest.mark.parametrize(("text", "says"), [("", "is not set"), ("{", "is not JSON"), ("[]", "must be a JSON object")])
def test_what_is_no_object_is_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        OffsiteTerms.from_environment({"OFFSITE_COPY": text})


@pytest.mark.parametrize("endpoint", ["http://localhost:9000", "http://127.0.0.1:9000/"])
def test_a_store_on_this_machine_needs_no_tls(endpoint: str) -> None:
    assert read(endpoint_url=endpoint).name == endpoint.rstrip("/")


@pytest.mark.parametrize(
    "secret",
    [
        "K003-very-secret",
        '["K003-very-secret"]',
        '{"access_key_id": "0031f", "secret": "K003-very-secret"}',
        '{"access_key_id": "", "secret_access_key": "K003-very-secret"}',
        '{"access_key_id": 31, "secret_access_key": "K003-very-secret"}',
        "",
    ],
)
def test_a_secret_of_another_form_is_refused_and_not_shown(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms_module, "secret_text", lambda arn: secret)
    with pytest.raises(StoreUnusable, match="must be a JSON object with the texts access_key_id and") as refused:
        read().side()
    assert GOOD["secret_arn"] in str(refused.value)
    assert "very-secret" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None


def test_a_secret_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(arn: str) -> str:
        raise client_error("AccessDeniedException", 400, "GetSecretValue")

    monkeypatch.setattr(terms_module, "secret_text", denied)
    with pytest.raises(StoreUnusable, match=r"the secret arn:.* cannot be read: .* with AccessDeniedException"):
        read().side()


def test_the_key_is_in_no_representation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms_module, "secret_text", lambda arn: json.dumps(KEY))
    key = read()._key()
    assert (key.access_key_id, key.secret_access_key) == tuple(KEY.values())
    assert not any(value in repr(key) for value in KEY.values())
