"""Which AWS operation a request is, and on what: read from its headers, path and body, as the services do."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from sandbox.edge.http1 import Request

_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d{8}/[^/]*/([^/]+)/")
_INVOKE = re.compile(r"^/2015-03-31/functions/([^/]+)/invocations$")
_OBJECT = {"GET": "GetObject", "PUT": "PutObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}
_BUCKET = {"GET": "ListObjects", "PUT": "CreateBucket", "HEAD": "HeadBucket", "DELETE": "DeleteBucket"}
_UPLOAD = {"PUT": "UploadPart", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload", "GET": "ListParts"}
_VERBS = {"GET": "Get", "PUT": "Put", "DELETE": "Delete", "HEAD": "Head", "POST": "Post"}
_TABLE_ARN = re.compile(r"^arn:[^:]+:dynamodb:[^:]*:[^:]*:table/([^/]+)")


@dataclass(frozen=True)
class Operation:
    """Service (as the signature names it), operation (as the API reference names it), resources and caller."""

    service: str
    name: str
    resources: tuple[str, ...]
    caller: str


def operation_of(request: Request) -> Operation:
    """Classify a request. What is neither JSON 1.x, query protocol, S3 nor Invoke is named by method and path."""
    found = _CREDENTIAL.search(request.header("authorization"))
    caller, service = found.groups() if found else ("", "")
    url = urlsplit(request.target)
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    if "X-Amz-Credential" in query:
        caller, service = query["X-Amz-Credential"].split("/")[0], query["X-Amz-Credential"].split("/")[3]
    target = request.header("x-amz-target")
    if target:
        name = target.rpartition(".")[2]
        return Operation(service, name, _json_resources(service, request.body), caller)
    if service == "s3":
        name, resource = _s3(request, unquote(url.path), query)
        return Operation(service, name, (resource,), caller)
    invoked = _INVOKE.match(unquote(url.path))
    if invoked:
        return Operation(service, "Invoke", (invoked[1].rpartition(":function:")[2],), caller)
    if request.header("content-type").startswith("application/x-www-form-urlencoded"):
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        return Operation(service, form.get("Action", ""), (), caller)
    return Operation(service, f"{request.method} {url.path}", (), caller)


def _json_resources(service: str, body: bytes) -> tuple[str, ...]:
    """Return the tables that a DynamoDB request names."""
    if service != "dynamodb":
        return ()
    try:
        members: dict[str, Any] = json.loads(body or b"{}")
    except ValueError:
        return ()
    names = [
        members.get(member)
        for member in ("TableName", "TargetTableName", "TableArn", "ExportArn", "BackupArn", "ResourceArn")
    ]
    names += list(members.get("RequestItems") or {})
    for action in members.get("TransactItems") or ():
        names += [operation.get("TableName") for operation in action.values()]
    return tuple(dict.fromkeys(_table_name(name) for name in names if name))


def _table_name(name_or_arn: str) -> str:
    found = _TABLE_ARN.match(name_or_arn)
    return found[1] if found else name_or_arn


def _s3(request: Request, path: str, query: dict[str, str]) -> tuple[str, str]:
    resource = path.lstrip("/")
    bucket, _, key = resource.partition("/")
    return (_object_operation(request, query), resource) if key else (_bucket_operation(request, bucket, query), bucket)


def _object_operation(request: Request, query: dict[str, str]) -> str:
    if "uploadId" in query:
        return _UPLOAD[request.method]
    if "uploads" in query:
        return "CreateMultipartUpload"
    for part in ("acl", "tagging", "retention", "legal-hold", "attributes"):
        if part in query:
            return f"{_VERBS[request.method]}Object{part.title().replace('-', '')}"
    if request.method == "PUT" and request.header("x-amz-copy-source"):
        return "CopyObject"
    return _OBJECT.get(request.method, request.method)


def _bucket_operation(request: Request, bucket: str, query: dict[str, str]) -> str:
    if not bucket:
        return "ListBuckets"
    if "list-type" in query:
        return "ListObjectsV2"
    if "versions" in query:
        return "ListObjectVersions"
    if "delete" in query:
        return "DeleteObjects"
    configuration = next((name for name, value in query.items() if value == ""), None)
    if configuration and configuration not in ("prefix", "delimiter", "marker"):
        return f"{_VERBS[request.method]}Bucket{configuration[0].upper()}{configuration[1:]}"
    return _BUCKET.get(request.method, request.method)
