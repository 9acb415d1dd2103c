"""The only place where boto3 clients are made. Everything else is handed its clients."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_logs.client import CloudWatchLogsClient
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sns.client import SNSClient
    from mypy_boto3_stepfunctions.client import SFNClient

__all__ = [
    "ApiClients",
    "Clients",
    "OnDemandClients",
    "QueueClient",
    "api_clients",
    "audit_client",
    "clients",
    "foreign_s3",
    "in_role",
    "on_demand_clients",
    "secret_text",
    "send_exact_windows",
]

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
    "AWS_ENDPOINT_URL_LOGS",
    "AWS_ENDPOINT_URL_SNS",
    "AWS_ENDPOINT_URL_SQS",
    "AWS_ENDPOINT_URL_STS",
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
)
"""Constant in Lambda; a local caller that changes them must not be answered by clients for the old ones."""

ROLE_SESSION = "dynamodb-restore"
"""How CloudTrail of the role's account calls who wrote there."""

ROLE_SECONDS = 3600
"""The longest that a role which was assumed by another role may last; a turn takes 15 minutes at most.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining
"""

LONGEST_ANSWER_SECONDS = 8
"""A call that hangs near the deadline must not keep the function from answering for long."""

LONGEST_FOREIGN_ANSWER_SECONDS = 20
"""A store far away takes longer, for example to put the parts of a large object together."""


@dataclass(frozen=True)
class Clients:
    """The AWS clients of one function.

    None of them retries by itself. ``dynamodb_writes`` is for the batch writer alone, which sends bodies of its own.
    """

    s3: S3Client
    dynamodb: DynamoDBClient
    dynamodb_writes: DynamoDBClient


@dataclass(frozen=True)
class ApiClients(Clients):
    """The AWS clients of the HTTP API's function."""

    stepfunctions: SFNClient


class QueueClient(Protocol):
    """The part of the SQS client that we use."""

    def send_message(self, **parameters: Any) -> Any: ...


@dataclass(frozen=True)
class OnDemandClients:
    """The AWS clients of the on-demand backup's functions. None of them retries by itself."""

    dynamodb: DynamoDBClient
    sqs: QueueClient
    sns: SNSClient


def clients() -> Clients:
    """Return the clients, made at the first call and kept while the function stays warm."""
    return _clients_for(_deciding_values())


def audit_client() -> CloudWatchLogsClient:
    """Return the client for the audit log, made and kept likewise."""
    return _audit_client_for(_deciding_values())


def in_role(own: Clients, role_arn: str) -> Clients:
    """Return clients whose DynamoDB is that of a role's account, in the function's region; S3 stays the function's own.

    Raises
    ------
    ClientError, BotoCoreError
        The role cannot be assumed.
    """
    session = _session_for(_deciding_values())
    sts = session.client("sts", config=_config())
    assumed = sts.assume_role(RoleArn=role_arn, RoleSessionName=ROLE_SESSION, DurationSeconds=ROLE_SECONDS)
    credentials = assumed["Credentials"]
    dynamodb, writes = _dynamodb_of(
        session, credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]
    )
    return replace(own, dynamodb=dynamodb, dynamodb_writes=writes)


def on_demand_clients() -> OnDemandClients:
    """Return the clients of the on-demand backup, made and kept likewise."""
    return _on_demand_clients_for(_deciding_values())


def api_clients() -> ApiClients:
    """Return the clients of the HTTP API's function, made and kept likewise."""
    return _api_clients_for(_deciding_values())


@lru_cache(maxsize=1)
def _audit_client_for(_environment: tuple[str | None, ...]) -> CloudWatchLogsClient:
    # An answer must not be lost for a line: whoever writes it has few seconds left.
    hurried = _config().merge(Config(connect_timeout=1, read_timeout=2))
    client: CloudWatchLogsClient = boto3.session.Session().client("logs", config=hurried)
    return client


@lru_cache(maxsize=1)
def _api_clients_for(_environment: tuple[str | None, ...]) -> ApiClients:
    of_all = clients()
    return ApiClients(
        of_all.s3,
        of_all.dynamodb,
        of_all.dynamodb_writes,
        boto3.session.Session().client("stepfunctions", config=_config()),
    )


@lru_cache(maxsize=1)
def _on_demand_clients_for(_environment: tuple[str | None, ...]) -> OnDemandClients:
    session, config = boto3.session.Session(), _config()
    return OnDemandClients(
        dynamodb=session.client("dynamodb", config=config),
        sqs=session.client("sqs", config=config),
        sns=session.client("sns", config=config),
    )


def _deciding_values() -> tuple[str | None, ...]:
    """Return what clients depend on: where it changes, others are made."""
    return tuple(os.environ.get(name) for name in _DECIDING_VARIABLES)


@lru_cache(maxsize=1)
def _session_for(_environment: tuple[str | None, ...]) -> boto3.session.Session:
    # It keeps the services' descriptions: reading DynamoDB's again takes a tenth of a second.
    return boto3.session.Session()


@lru_cache(maxsize=1)
def _clients_for(environment: tuple[str | None, ...]) -> Clients:
    session = _session_for(environment)
    dynamodb, writes = _dynamodb_of(session)
    return Clients(s3=session.client("s3", config=_config()), dynamodb=dynamodb, dynamodb_writes=writes)


def _dynamodb_of(
    session: boto3.session.Session, key_id: str | None = None, secret: str | None = None, token: str | None = None
) -> tuple[DynamoDBClient, DynamoDBClient]:
    """Return a client for everything, and one for the batch writer; with these credentials or the session's."""

    def client(config: Config) -> DynamoDBClient:
        made: DynamoDBClient = session.client(
            "dynamodb",
            config=config,
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            aws_session_token=token,
        )
        return made

    config = _config()
    dynamodb = client(config)
    send_exact_windows(dynamodb.meta.events)
    return dynamodb, client(config.merge(Config(parameter_validation=False)))


def secret_text(secret_arn: str) -> str:
    """Return the text of a secret, read anew each time, so that a changed one is used at once.

    Raises
    ------
    ClientError, BotoCoreError
        It cannot be read.
    """
    # The type information of this service is not among the requirements; this is its only call.
    secrets: Any = boto3.session.Session().client("secretsmanager", config=_config())
    return str(secrets.get_secret_value(SecretId=secret_arn).get("SecretString", ""))


def foreign_s3(endpoint_url: str, region: str, access_key_id: str, secret_access_key: str) -> S3Client:
    """Return a client of an S3-compatible store that is not AWS's own, with a key of its own.

    It sends no checksum but those that are asked for: botocore's own trailers are unknown to many stores. The bucket
    stands in the path, because few stores have a host name for each.
    """
    session = boto3.session.Session(
        aws_access_key_id=access_key_id, aws_secret_access_key=secret_access_key, region_name=region
    )
    own = Config(
        signature_version="s3v4",
        read_timeout=LONGEST_FOREIGN_ANSWER_SECONDS,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path"},
    )
    client: S3Client = session.client("s3", endpoint_url=endpoint_url, config=_config().merge(own))
    return client


def send_exact_windows(events: Any) -> None:
    """Have a DynamoDB client send the two times of an incremental export's window with their milliseconds.

    botocore cuts timestamps to whole seconds, although the protocol (epoch-seconds, smithy.io/2.0/aws/protocols) has
    fractions. A chain's first window begins at the instant of its full export. If it began earlier by a part of a
    second, an item that was inserted in that part and deleted later would stand in the base, but, as one that came and
    went, in no window, and so would be restored.
    """
    name = "IncrementalExportSpecification"

    def note(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        context[name] = {one: time.timestamp() for one, time in params.get(name, {}).items() if one.endswith("Time")}

    def send(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        if context.get(name):
            body = json.loads(params["body"])
            body[name] |= context[name]
            params["body"] = json.dumps(body).encode()

    events.register("before-parameter-build.dynamodb.ExportTableToPointInTime", note)
    events.register("before-call.dynamodb.ExportTableToPointInTime", send)


def _config() -> Config:
    # No retries in here: they would not look at the deadline. Whoever calls retries.
    return Config(
        retries={"mode": "standard", "total_max_attempts": 1},
        max_pool_connections=MOST_CONNECTIONS,
        connect_timeout=3,
        read_timeout=LONGEST_ANSWER_SECONDS,
        s3={"addressing_style": "path"} if _has_own_endpoint() else None,
    )


def _has_own_endpoint() -> bool:
    # An emulator or a VPC endpoint that is named by a host does not answer for bucket.host.
    return bool(os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT_URL_S3"))
