"""The account that a restore writes to: the function's own, or that of a role which the module lets it assume."""

from __future__ import annotations

from dataclasses import replace

from dynamodb_backup.aws import in_role
from dynamodb_backup.aws_errors import AWS_ERRORS, explain, is_transient, patiently
from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.errors import RequestRefused
from dynamodb_backup.turns.means import Means

__all__ = ["means_in_target_account"]


def means_in_target_account(request: RestoreRequest, means: Means) -> Means:
    """Return the means with which a restore reads and writes its target tables; the backup is read with its own.

    Raises
    ------
    RequestRefused
        The role is not one that the module lets the function assume, or it cannot be assumed.
    ClientError, BotoCoreError
        STS does not answer.
    """
    role = request.target_role_arn
    if role is None:
        return means
    if role not in means.settings.target_roles:
        raise RequestRefused(
            "target_role_arn", f"is {role}, which the module's input restore_target_roles does not list"
        )
    try:
        return replace(means, clients=patiently(lambda: in_role(means.clients, role)))
    except AWS_ERRORS as error:
        if is_transient(error):
            raise
        raise RequestRefused(
            "target_role_arn",
            f"is {role}, which cannot be assumed: {explain(error)}; its trust policy must name this function's role",
        ) from error
