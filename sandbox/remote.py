"""The running sandbox's controls, spoken over HTTP: request log, contents, settings of exports, backups and tables."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

_TIMEOUT_SECONDS = 60.0


class Control:
    """Control requests to one sandbox."""

    def __init__(self, endpoint: str) -> None:
        self._base = f"{endpoint}/_sandbox/"
        # Not build_opener: it reads all certificates of the machine, for a server that speaks plain HTTP.
        self._opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.HTTPHandler,
            urllib.request.HTTPErrorProcessor,
            urllib.request.HTTPDefaultErrorHandler,
        ):
            self._opener.add_handler(handler())

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Send one control request and return the parsed answer. Raises ValueError when it is refused."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data=data, method=method)
        try:
            with self._opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                raise ValueError(json.load(error)["message"]) from None


@dataclass(frozen=True)
class LoggedRequest:
    """A request that a client sent to the sandbox."""

    time: float
    """Epoch seconds of its arrival."""
    service: str
    operation: str
    resources: tuple[str, ...]
    """Tables, or `bucket/key`, or a function."""
    caller: str
    """Access key id."""
    faults: tuple[str, ...]
    """Kinds of the faults that hit it."""
    status: int | None
    """HTTP status of the answer; None while it is being served, or when the connection was reset."""
    seconds: float | None = None


class Requests:
    """The log of all requests since the start, the last reset or the last clear."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def list(self, service: str = "*", operation: str = "*", resource: str = "*") -> list[LoggedRequest]:
        """Return the requests that match all three shell patterns, oldest first."""
        entries = (
            LoggedRequest(**entry | {"resources": tuple(entry["resources"]), "faults": tuple(entry["faults"])})
            for entry in self._control.call("GET", "requests")
        )
        return [entry for entry in entries if _matches(entry, service, operation, resource)]

    def count(self, service: str = "*", operation: str = "*", resource: str = "*") -> int:
        """How many requests match, e.g. `count("dynamodb", "ExportTableToPointInTime")`."""
        return len(self.list(service, operation, resource))

    def clear(self) -> None:
        """Forget what was logged so far."""
        self._control.call("DELETE", "requests")


@dataclass(frozen=True)
class Authorization:
    """What IAM was asked about a caller that is not the account's root, allowed or not."""

    principal: str
    """ARN of a user, or of a role's session."""
    action: str
    resource: str
    context: Mapping[str, Any]
    """Condition keys of the service, in lower case, such as s3:prefix."""


class Authorizations:
    """What IAM was asked, each question once."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def take(self) -> list[Authorization]:
        """Return what was asked since the start or the last take, oldest first, and forget it."""
        return [Authorization(**asked) for asked in self._control.call("GET", "authorizations")]


class Exports:
    """How the sandbox's DynamoDB exports behave."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def configure(self, **settings: Any) -> None:
        """Change fields of sandbox.emulator.settings.ExportSettings, for exports started from now on.

        Example: `configure(seconds=0, partitions=2, restorable_lag_seconds=0)`. Raises ValueError for a name that is
        not a setting.
        """
        self._control.call("PUT", "exports", settings)


class Backups:
    """How the sandbox's on-demand backups behave."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def configure(self, **settings: Any) -> None:
        """Change fields of sandbox.emulator.settings.BackupSettings, for backups made from now on.

        Example: `configure(seconds=0, age_seconds=86400)`. Raises ValueError for a name that is not a setting.
        """
        self._control.call("PUT", "backups", settings)


class Tables:
    """How the sandbox's tables behave."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def configure(self, **settings: Any) -> None:
        """Change fields of sandbox.emulator.settings.TableSettings.

        Example: `configure(page_bytes=10_000)`. Raises ValueError for a name that is not a setting.
        """
        self._control.call("PUT", "tables", settings)


@dataclass(frozen=True)
class StoredObject:
    """An object's current version, without its content."""

    headers: Mapping[str, str]
    """As HeadObject answers them, names in lower case."""
    tags: Mapping[str, str]


class Contents:
    """What stands in buckets and tables: put there, or looked at, past faults and request log, many at a time."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def put_objects(self, bucket: str, objects: Mapping[str, bytes]) -> None:
        """Put objects, as PutObject with no header would. Raises ValueError when S3 refuses one."""
        encoded = {key: b64encode(body).decode() for key, body in objects.items()}
        self._control.call("PUT", "contents", {"bucket": bucket, "objects": encoded})

    def objects(self, bucket: str) -> dict[str, StoredObject]:
        """Return every object of a bucket by its key: what as many HeadObject and GetObjectTagging would tell."""
        described = self._control.call("PUT", "contents", {"bucket": bucket, "describe": True})
        return {key: StoredObject(**one) for key, one in described.items()}

    def put_items(self, table: str, items: Iterable[Mapping[str, Any]]) -> None:
        """Put items, in wire JSON, one after the other. Raises ValueError when DynamoDB refuses one."""
        self._control.call("PUT", "contents", {"table": table, "items": list(items)})


def _matches(entry: LoggedRequest, service: str, operation: str, resource: str) -> bool:
    return (
        fnmatchcase(entry.service, service)
        and fnmatchcase(entry.operation, operation)
        and (resource == "*" or any(fnmatchcase(name, resource) for name in entry.resources))
    )
