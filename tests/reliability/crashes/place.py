"""Being one of the functions: the environment that Terraform gives them, in the account inside this process."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable

from dynamodb_backup.aws import clients
from sandbox.environment import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY
from tests.reliability.crashes.account import ENDPOINT, Account
from tests.scenario.restore.kit import BUCKET, PREFIX, Stage

__all__ = ["be_function", "stage_of"]


_OF_THE_FUNCTION_BEFORE: list[str] = []


def be_function(tables: Iterable[str] = ("orders",), **others: str) -> None:
    """Make this process a function of the module that is warm: making clients anew costs more than a whole run."""
    for name in _OF_THE_FUNCTION_BEFORE:
        os.environ.pop(name, None)
    _OF_THE_FUNCTION_BEFORE[:] = others
    os.environ.update(
        {
            "AWS_ENDPOINT_URL": ENDPOINT,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "BACKUP_BUCKET": BUCKET,
            "ENVIRONMENT": "test",
            "DYNAMODB_TABLES": json.dumps(list(tables)),
            "S3_EXPORTS_PREFIX": PREFIX,
            **others,
        }
    )
    own = clients()
    own.s3.list_buckets()
    own.dynamodb.list_tables()
    own.dynamodb_writes.list_tables()


def stage_of(account: Account) -> Stage:
    """Return the stage of restore tests in this account, whose bucket is there."""
    return Stage(account.client("s3"), account.client("dynamodb"))
