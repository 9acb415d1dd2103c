"""AWS, as the command line uses it: clients, and errors in words that say what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from botocore.exceptions import (
    ConnectionError as BotocoreConnectionError,
)

from dynamodb_backup_cli.failures import CallFailed, NotAllowed, NotFound, Refused
from dynamodb_backup_cli.items import from_json, to_json

if TYPE_CHECKING:
    from mypy_boto3_lambda.client import LambdaClient
    from mypy_boto3_stepfunctions.client import SFNClient

__all__ = ["Aws", "explained"]

LONGEST_INVOCATION_SECONDS = 900
WAITING = Config(
    read_timeout=LONGEST_INVOCATION_SECONDS + 30,
    connect_timeout=10,
    tcp_keepalive=True,  # a silent connection is forgotten by NAT gateways after 350 s
    retries={"total_max_attempts": 1},  # an invocation that got no answer may have been carried out
)
PATIENT = Config(connect_timeout=10, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 5})

SIGN_IN = "Sign in again (for example `aws sso login`), or set AWS_PROFILE or --profile."
NO_CREDENTIALS = (
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
UNKNOWN_CALLER = {
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
DENIED = {"AccessDenied", "AccessDeniedException"}
MISSING = {"ExecutionDoesNotExist", "ResourceNotFoundException", "StateMachineDoesNotExist"}


class Aws:
    """Clients for one account and region, made when they are needed."""

    def __init__(self, *, profile: str | None, region: str | None, endpoint_url: str | None) -> None:
        self._profile = profile
        self._region = region
        self._endpoint_url = endpoint_url

    @cached_property
    def functions(self) -> LambdaClient:
        """Lambda, waiting for as long as a function may work."""
        client: LambdaClient = self._client("lambda", WAITING)
        return client

    @cached_property
    def quick_functions(self) -> LambdaClient:
        """Lambda, for questions that are answered in seconds and may be repeated."""
        client: LambdaClient = self._client("lambda", PATIENT)
        return client

    @cached_property
    def executions(self) -> SFNClient:
        client: SFNClient = self._client("stepfunctions", PATIENT)
        return client

    def item(self, table: str, key: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return an item of a table as JSON has it, by the caller's own rights; ``None`` if there is none."""
        with explained(f"table {table}", "dynamodb:GetItem"):
            client = self._client("dynamodb", PATIENT)
            item = client.get_item(TableName=table, Key=from_json(key), ConsistentRead=True).get("Item")
        return to_json(item) if item else None

    @cached_property
    def state_machine_arn_prefix(self) -> str:
        """What the ARN of a state machine of this account and region begins with."""
        with explained("who you are", "sts:GetCallerIdentity"):
            sts = self._client("sts", PATIENT)
            identity = sts.get_caller_identity()
        partition = identity["Arn"].split(":")[1]
        return f"arn:{partition}:states:{sts.meta.region_name}:{identity['Account']}:stateMachine:"

    def _client(self, service: str, config: Config) -> Any:
        with explained(f"a client for {service}"):
            session = boto3.Session(profile_name=self._profile, region_name=self._region)
            return session.client(service, endpoint_url=self._endpoint_url, config=config)


@contextmanager
def explained(what: str, permission: str = "") -> Iterator[None]:
    """Turn errors of boto3 into ours. ``what`` is asked for, and takes ``permission``.

    Raises
    ------
    CliError
        Of the kind that fits.
    """
    try:
        yield
    except ClientError as error:
        raise _of_answer(error, what, permission) from error
    except ProfileNotFound as error:
        raise Refused(f"{error}.", "Look at `aws configure list-profiles`.") from error
    except NoRegionError as error:
        raise Refused("No AWS region is known.", "Set AWS_REGION or --region.") from error
    except NO_CREDENTIALS as error:
        raise NotAllowed(f"No usable AWS credentials: {error}.", SIGN_IN) from error
    except (BotocoreConnectionError, HTTPClientError) as error:
        hint = "Look at the network, --region and --endpoint-url; what was started goes on, see `status`."
        raise CallFailed(f"AWS gave no answer about {what}: {error}.", hint) from error
    except (BotoCoreError, ValueError) as error:
        raise CallFailed(f"AWS cannot be asked about {what}: {error}.") from error


def _of_answer(error: ClientError, what: str, permission: str) -> NotAllowed | NotFound | CallFailed:
    code, message = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
    said = f"{code}: {message}".rstrip(": ")
    if code in EXPIRED:
        return NotAllowed(f"Your AWS credentials have expired ({said}).", SIGN_IN)
    if code in UNKNOWN_CALLER:
        return NotAllowed(f"AWS does not accept your credentials ({said}).", SIGN_IN)
    if code in DENIED:
        hint = f"Ask for {permission} on it." if permission else ""
        return NotAllowed(f"AWS does not let you ask for {what} ({said}).", hint)
    if code in MISSING:
        hint = "Look at --name (APP-ENVIRONMENT of the module), the region and the account."
        return NotFound(f"There is no {what} here ({said}).", hint)
    return CallFailed(f"AWS refuses {what} ({said}).", "The same command may be given again.")
