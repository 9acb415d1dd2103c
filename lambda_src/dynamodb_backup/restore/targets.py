"""Which tables a restore may write to: those inside the naming convention of this environment."""

from __future__ import annotations

from dataclasses import replace

from dynamodb_backup.contract.restore import RestoreRequest
from dynamodb_backup.errors import RequestRefused
from dynamodb_backup.naming import NamingConvention
from dynamodb_backup.settings import Settings

__all__ = ["convention_for", "refuse_targets_outside_convention"]


def refuse_targets_outside_convention(request: RestoreRequest, settings: Settings) -> None:
    """Check every target that the request itself names.

    Raises
    ------
    RequestRefused
        A target is outside the naming convention of this environment.
    """
    convention = convention_for(request, settings)
    for target in request.target_tables.values():
        if not convention.allows(target):
            raise RequestRefused("target_tables", f"names a forbidden target: {convention.refusal(target)}")
    for source in request.tables or ():
        if not convention.allows(request.target_of(source)):
            raise RequestRefused("tables", f"names a forbidden target: {convention.refusal(source)}")


def convention_for(request: RestoreRequest, settings: Settings) -> NamingConvention:
    """Return what the names of the targets are held to.

    Without a pattern the permissions of the function's own role are the limit. They do not bind a role that it assumes.
    """
    if request.target_role_arn is None:
        return settings.convention
    listed = settings.convention.exceptions | frozenset(settings.tables)
    return replace(settings.convention, exceptions=listed, listed_only=True)
