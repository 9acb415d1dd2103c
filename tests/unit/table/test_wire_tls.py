"""Over TLS, as in Lambda: certificate and name are verified, and botocore takes over where only it knows them."""

from __future__ import annotations

import ipaddress
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dynamodb_backup.table.batch_write import BatchWriter
from dynamodb_backup.timing import Deadline
from tests.unit.table.http_server import CLEAN, ScriptedServer, http
from tests.unit.table.test_batch_call import CONFIG, KEYS, line, ways

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a certificate for 127.0.0.1, which is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(True, False, False, False, False, True, False, False, False),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path


@pytest.fixture
def server(certificate: Path) -> Iterator[ScriptedServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = ScriptedServer(lambda _: http(200, CLEAN), context)
    yield server
    server.close()


def refused(server: ScriptedServer, expected: int) -> int:
    """Return how many handshakes the server has refused; its side of the last one may end after ours."""
    patience = time.monotonic() + 10
    while server.refused_handshakes < expected and time.monotonic() < patience:
        time.sleep(0.01)
    return server.refused_handshakes


def write_three(client: DynamoDBClient) -> None:
    with BatchWriter(client, "orders", KEYS, Deadline(100)) as writer:
        for number in range(3):
            assert writer.put([line(number)]).written == 1


def test_a_known_authority_is_enough(
    server: ScriptedServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    write_three(boto3.client("dynamodb", endpoint_url=server.url, config=CONFIG))
    assert (ways(server), server.refused_handshakes) == ("bww", 0)


def test_a_certificate_that_only_botocore_was_told_to_trust_is_left_to_botocore(
    server: ScriptedServer, certificate: Path
) -> None:
    write_three(boto3.client("dynamodb", endpoint_url=server.url, config=CONFIG, verify=str(certificate)))
    assert (ways(server), refused(server, 2)) == ("bbb", 2)
