"""IAM in MiniStack evaluates every request against its caller's policies; here it learns what it does not check."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from typing import Any

from sandbox.emulator import patch_points as at

REWRITTEN_HEADER = "x-sandbox-rewritten"
"""Set by the edge, and only by it, on a request whose body it has changed after the client had signed it."""


class Authorizations:
    """What callers with policies asked for: each principal, action, resource and context once, allowed or not."""

    def __init__(self) -> None:
        self._asked: dict[str, dict[str, Any]] = {}

    def note(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap the evaluator."""

        def evaluate(context: Any, policies: Any, *limits: Any) -> Any:
            asked = {
                "principal": context.principal_arn,
                "action": context.action,
                "resource": context.resource_arn,
                "context": {name: value for name, value in context.service_context.items() if value is not None},
            }
            self._asked.setdefault(json.dumps(asked, sort_keys=True, default=str), asked)
            return original(context, policies, *limits)

        return evaluate

    def taken(self) -> bytes:
        """Return them as a JSON list, oldest first, and forget them."""
        asked, self._asked = self._asked, {}
        return f"[{','.join(asked)}]".encode()


def apply() -> Authorizations:
    """Install the patches, and return what will be asked."""
    authorizations = Authorizations()
    at.EVALUATE.wrap(authorizations.note)
    at.SIGNATURE_FAILURE.wrap(_accept_rewritten)
    at.REQUEST_ORIGIN.wrap(_count_as_tls)
    at.S3_ADDITIONAL_CHECKS.wrap(_demand_put_object_acl)
    at.DYNAMODB_RESOURCES.wrap(_name_resources_by_arn)
    at.REQUEST_TAG_CONTEXT.wrap(_know_object_tags)
    at.REQUEST_RESOURCE.wrap(_name_log_streams)
    return authorizations


def _accept_rewritten(original: Callable[..., Any]) -> Callable[..., Any]:
    """Verify every signature but those of requests that the edge has rewritten."""

    def checked(*arguments: Any, **named: Any) -> Any:
        headers = arguments[5]
        return None if REWRITTEN_HEADER in headers else original(*arguments, **named)

    return checked


def _count_as_tls(original: Callable[..., None]) -> Callable[..., None]:
    """Let the sandbox's plain HTTP stand for AWS's HTTPS: a bucket policy that denies plain HTTP lets it pass."""

    def pinned(source_ip: str, _secure_transport: bool) -> None:
        original(source_ip, True)

    return pinned


def _demand_put_object_acl(original: Callable[..., Any]) -> Callable[..., Any]:
    """Demand s3:PutObjectAcl besides s3:PutObject where an object is written with an ACL, as exports are."""

    def checks(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        found = list(original(method, path, headers, body, query_params))
        writes_object = method in ("PUT", "POST") and "/" in path.strip("/")
        if writes_object and "x-amz-acl" in headers:
            found.append(("s3:PutObjectAcl", f"arn:aws:s3:::{path.lstrip('/')}"))
        return found

    return checks


def _know_object_tags(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Give policies the tags that a request sets on an object: s3:RequestObjectTag/<key>, s3:RequestObjectTagKeys."""

    def context(service: str, iam_action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
        found = original(service, iam_action, body, params)
        if iam_action != "s3:PutObjectTagging":
            return found
        # The emulator answers a malformed body itself, after the permission.
        tags = re.findall(rb"<Key>([^<]*)</Key>\s*<Value>([^<]*)</Value>", body or b"")
        named = {f"s3:requestobjecttag/{html.unescape(key.decode()).lower()}": value.decode() for key, value in tags}
        return {**found, **named, "s3:requestobjecttagkeys": [html.unescape(key.decode()) for key, _ in tags]}

    return context


def _name_log_streams(original: Callable[..., str]) -> Callable[..., str]:
    """Ask for the stream where a request names one; MiniStack asks for its group, which no "group:*" is about.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
    """

    def resource(service: str, method: str, path: str, headers: Any, body: bytes, *others: Any) -> str:
        found = original(service, method, path, headers, body, *others)
        if service != "logs":
            return found
        try:
            stream = json.loads(body or b"{}").get("logStreamName")
        except (ValueError, AttributeError):
            return found
        return f"{found}:log-stream:{stream}" if isinstance(stream, str) else found

    return resource


def _name_resources_by_arn(original: Callable[..., list[str]]) -> Callable[..., list[str]]:
    """Find the ARN by which exports, backups and tags name their resource; MiniStack knows names only, else `*`."""

    def resources(body: bytes, region: str, account_id: str) -> list[str]:
        found = original(body, region, account_id)
        if found:
            return found
        try:
            members = json.loads(body or b"{}")
        except ValueError:
            return []
        named = [members.get(name) for name in ("ExportArn", "BackupArn", "ImportArn", "TableArn", "ResourceArn")]
        # Making a table of a backup or of an import is asked for the new table, too.
        new = members.get("TargetTableName") or (members.get("TableCreationParameters") or {}).get("TableName")
        made = f"arn:aws:dynamodb:{region}:{account_id}:table/{new}" if isinstance(new, str) else None
        return [*[arn for arn in named if isinstance(arn, str)][:1], *([made] if made else [])]

    return resources
