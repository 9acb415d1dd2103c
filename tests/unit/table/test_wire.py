"""The signature is botocore's, to the letter."""

from __future__ import annotations

from datetime import UTC, datetime
from unittest.mock import patch
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from dynamodb_backup.table.wire import Signer

WORDS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/=-", min_size=1, max_size=60)
CREDENTIALS = st.builds(ReadOnlyCredentials, WORDS, WORDS, st.none() | WORDS)
HEADERS = {"X-Amz-Target": "DynamoDB_20120810.BatchWriteItem", "Content-Type": "application/x-amz-json-1.0"}


@given(
    url=st.sampled_from(
        [
            "https://dynamodb.eu-central-1.amazonaws.com/",
            "https://123456789012.ddb.eu-central-1.amazonaws.com",
            "http://127.0.0.1:8000/",
            "https://localhost:8443",
        ]
    ),
    requests=st.lists(
        st.tuples(CREDENTIALS, st.binary(max_size=200), st.integers(0, 4_000_000_000)), min_size=1, max_size=4
    ),
    region=st.sampled_from(["us-east-1", "eu-central-1", "cn-north-1"]),
    traced=st.booleans(),
)
def test_every_request_is_signed_as_botocore_signs_it(
    url: str, requests: list[tuple[ReadOnlyCredentials, bytes, int]], region: str, traced: bool
) -> None:
    headers = HEADERS | {"User-Agent": "Boto3/1 x"} | ({"X-Amzn-Trace-Id": "Root=1;Parent=2"} if traced else {})
    signer = Signer(urlsplit(url).netloc, headers, region, "dynamodb")
    for credentials, body, now in requests:  # refreshed credentials and another day, with the same signer
        expected = AWSRequest("POST", url, dict(headers), body)
        with patch("botocore.auth.get_current_datetime", lambda now=now: datetime.fromtimestamp(now, UTC)):
            SigV4Auth(credentials, "dynamodb", region).add_auth(expected)

        signed = {name.lower(): value for name, value in signer.sign(body, credentials, now + 0.9).items()}

        assert signed.pop("host") == urlsplit(url).netloc
        assert signed == {name.lower(): value for name, value in expected.headers.items()}
