"""The only place where boto3 clients are made. Everything else is handed its clients."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_s3.client import S3Client

__all__ = ["Clients", "clients"]

MOST_CONNECTIONS = 72
"""64 worker threads (contract: ``max_workers`` 1..64) and some for the rest."""

_DECIDING_VARIABLES = (
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
)
"""Constant in Lambda; a local caller that changes them must not be answered by clients for the old ones."""


@dataclass(frozen=True)
class Clients:
    """The AWS clients of one function.

    ``s3`` and ``dynamodb`` (control plane, scans) retry a little by themselves; whoever knows the deadline retries on.
    ``dynamodb_writes`` does not retry: only the batch writer knows which items are still to be written.
    """

    s3: S3Client
    dynamodb: DynamoDBClient
    dynamodb_writes: DynamoDBClient


def clients() -> Clients:
    """Return the clients, made at the first call and kept while the function stays warm."""
    return _clients_for(tuple(os.environ.get(name) for name in _DECIDING_VARIABLES))


@lru_cache(maxsize=1)
def _clients_for(_environment: tuple[str | None, ...]) -> Clients:
    session = boto3.session.Session()
    brief = Config(
        retries={"mode": "standard", "total_max_attempts": 2},
        max_pool_connections=MOST_CONNECTIONS,
        connect_timeout=3,
        read_timeout=8,
        s3={"addressing_style": "path"} if _has_own_endpoint() else None,
    )
    single_attempt = Config(
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=MOST_CONNECTIONS,
        connect_timeout=3,
        read_timeout=8,
        parameter_validation=False,
    )
    return Clients(
        s3=session.client("s3", config=brief),
        dynamodb=session.client("dynamodb", config=brief),
        dynamodb_writes=session.client("dynamodb", config=single_attempt),
    )


def _has_own_endpoint() -> bool:
    # An emulator or a VPC endpoint that is named by a host does not answer for bucket.host.
    return bool(os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT_URL_S3"))
