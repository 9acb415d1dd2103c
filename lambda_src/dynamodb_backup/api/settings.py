"""What Terraform told the function of the HTTP API, beyond what it tells every function."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dynamodb_backup.errors import ConfigurationError
from dynamodb_backup.settings import Settings

__all__ = ["ApiSettings"]

_STATE_MACHINE = re.compile(r"arn:[^:]+:states:[^:]+:\d{12}:stateMachine:[^:/]+")


@dataclass(frozen=True)
class ApiSettings:
    """``authorization`` is ``iam`` or ``jwt``: how API Gateway must have checked every request."""

    common: Settings
    authorization: str
    backup_machine_arn: str
    restore_machine_arn: str
    verify_machine_arn: str

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> ApiSettings:
        """Read and check the variables.

        Raises
        ------
        ConfigurationError
            Names the first variable that is missing or malformed.
        """
        authorization = variables.get("API_AUTHORIZATION")
        if authorization not in {"iam", "jwt"}:
            raise ConfigurationError("API_AUTHORIZATION", f"must be iam or jwt, but is '{authorization}'")
        return cls(
            common=Settings.from_environment(variables),
            authorization=authorization,
            backup_machine_arn=_state_machine(variables, "BACKUP_STATE_MACHINE_ARN"),
            restore_machine_arn=_state_machine(variables, "RESTORE_STATE_MACHINE_ARN"),
            verify_machine_arn=_state_machine(variables, "VERIFY_STATE_MACHINE_ARN"),
        )


def _state_machine(variables: Mapping[str, str], name: str) -> str:
    arn = variables.get(name, "")
    if _STATE_MACHINE.fullmatch(arn) is None:
        raise ConfigurationError(name, f"must be a state machine's ARN, but is '{arn}'")
    return arn
