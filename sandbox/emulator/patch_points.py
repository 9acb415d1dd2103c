"""Where the plug-in takes hold of MiniStack, and the check that those places are still what they were."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MINISTACK_VERSION = "1.5.33"


class UnsupportedMiniStack(RuntimeError):
    """The installed MiniStack is not the one that the plug-in was written for."""


@dataclass(frozen=True)
class PatchPoint:
    """A function or constant of MiniStack that the plug-in replaces, wraps or reads."""

    module: str
    name: str
    parameters: tuple[str, ...] | None = None
    """Names of the parameters in order; None for something that is not called by the plug-in."""

    @property
    def current(self) -> Any:
        """What MiniStack has there now. Raises UnsupportedMiniStack when it is gone."""
        value: Any = importlib.import_module(self.module)
        for part in self.name.split("."):
            value = getattr(value, part, None)
        if value is None:
            raise UnsupportedMiniStack(f"{self.module}.{self.name} does not exist any more")
        return value

    def replace(self, replacement: Any) -> None:
        """Put `replacement` there for the life of the process."""
        owner: Any = importlib.import_module(self.module)
        *path, last = self.name.split(".")
        for part in path:
            owner = getattr(owner, part)
        setattr(owner, last, replacement)

    def wrap(self, wrapper: Callable[[Any], Any]) -> None:
        """Replace it by `wrapper(original)`."""
        self.replace(wrapper(self.current))

    def problem(self) -> str | None:
        """Why the plug-in cannot take hold here, or None."""
        try:
            value = self.current
        except UnsupportedMiniStack as error:
            return str(error)
        if self.parameters is None:
            return None
        found = tuple(inspect.signature(value).parameters)
        if found != self.parameters:
            return f"{self.module}.{self.name} takes {found}, the plug-in expects {self.parameters}"
        return None


_DYNAMODB = "ministack.services.dynamodb"
_LAMBDA = "ministack.core.lambda_runtime"
_STEP_FUNCTIONS = "ministack.services.stepfunctions"
_IAM = "ministack.core.iam_evaluator"
_API_GATEWAY = "ministack.services.apigateway"

PUT_ITEM = PatchPoint(_DYNAMODB, "_put_item", ("data",))
SET_ITEM = PatchPoint(_DYNAMODB, "_set_item", ("table", "pk_val", "sk_val", "item"))
REMOVE_ITEM = PatchPoint(_DYNAMODB, "_remove_item", ("table", "pk_val", "sk_val"))
ITEMS_REPLACED = PatchPoint(_DYNAMODB, "_items_replaced", ("table",))
TABLES = PatchPoint(_DYNAMODB, "_tables")
TABLE_NAME_FROM_ARN = PatchPoint(_DYNAMODB, "_table_name_from_arn", ("arn",))
NORMALIZE_TABLE_NAME = PatchPoint(_DYNAMODB, "_normalize_table_name", ("value",))
EXPORT_TABLE = PatchPoint(_DYNAMODB, "_export_table_to_point_in_time", ("data",))
DESCRIBE_EXPORT = PatchPoint(_DYNAMODB, "_describe_export", ("data",))
LIST_EXPORTS = PatchPoint(_DYNAMODB, "_list_exports", ("data",))
IMPORT_TABLE = PatchPoint(_DYNAMODB, "_import_table", ("data",))
IMPORTS = PatchPoint(_DYNAMODB, "_imports")
IMPORT_DESCRIPTION = PatchPoint(_DYNAMODB, "_import_description", ("desc",))
UPDATE_CONTINUOUS_BACKUPS = PatchPoint(_DYNAMODB, "_update_continuous_backups", ("data",))
DESCRIBE_CONTINUOUS_BACKUPS = PatchPoint(_DYNAMODB, "_describe_continuous_backups", ("data",))
BACKUPS = PatchPoint(_DYNAMODB, "_backups")
CREATE_BACKUP = PatchPoint(_DYNAMODB, "_create_backup", ("data",))
DESCRIBE_BACKUP = PatchPoint(_DYNAMODB, "_describe_backup", ("data",))
DELETE_BACKUP = PatchPoint(_DYNAMODB, "_delete_backup", ("data",))
LIST_BACKUPS = PatchPoint(_DYNAMODB, "_list_backups", ("data",))
RESTORE_TABLE = PatchPoint(_DYNAMODB, "_restore_table_from_backup", ("data",))
TABLE_DESCRIPTION = PatchPoint(_DYNAMODB, "_table_description", ("name",))
EXTRACT_KEY_VALUE = PatchPoint(_DYNAMODB, "_extract_key_val", ("attr",))
ITEM_SIZE = PatchPoint(_DYNAMODB, "_item_size_bytes", ("item",))
ADD_CONSUMED_CAPACITY = PatchPoint(
    _DYNAMODB,
    "_add_consumed_capacity",
    ("result", "data", "table_name", "write", "old_item", "new_item", "index_name"),
)
PAGE_BYTES = PatchPoint(_DYNAMODB, "_DDB_PAGE_SIZE_BYTES")
READ_PAGE = PatchPoint(_DYNAMODB, "_paginate_evaluated_items", ("items", "limit", "table", "index_name"))
CANONICAL_NUMBER = PatchPoint(_DYNAMODB, "_ddb_canonicalize_number", ("s",))
RESET_DYNAMODB = PatchPoint(_DYNAMODB, "reset", ())
DETECT_RUNTIME = PatchPoint(_LAMBDA, "_detect_runtime_binary", ("runtime",))
PYTHON_WORKER = PatchPoint(_LAMBDA, "_PYTHON_WORKER_SCRIPT")
WORKER_INVOKE = PatchPoint(
    _LAMBDA,
    "Worker.invoke",
    ("self", "event", "request_id", "trace_id", "depth", "durable", "invoked_function_arn"),
)
LAMBDA_SUBPROCESS = PatchPoint(_LAMBDA, "subprocess")
LAMBDA_ZIPFILE = PatchPoint(_LAMBDA, "zipfile")
RESET_LAMBDA = PatchPoint(_LAMBDA, "reset", ())
EXECUTE_WARM = PatchPoint("ministack.services.lambda_svc", "_execute_function_warm", ("func", "event", "request_id"))
SIGNATURE_FAILURE = PatchPoint(
    "ministack.core.sigv4",
    "header_signature_failure",
    ("signature", "secret", "method", "raw_path", "query_params", "headers", "body", "presigned", "explain"),
)
DYNAMODB_RESOURCES = PatchPoint(
    "ministack.core.iam_actions", "dynamodb_resource_arns", ("body", "region", "account_id")
)
REQUEST_RESOURCE = PatchPoint(
    "ministack.core.iam_actions",
    "extract_resource_arn",
    ("service", "method", "path", "headers", "body", "query_params", "region", "account_id"),
)
S3_ADDITIONAL_CHECKS = PatchPoint(
    "ministack.core.iam_actions", "s3_additional_checks", ("method", "path", "headers", "body", "query_params")
)
HANDLE_S3 = PatchPoint(
    "ministack.services.s3",
    "handle_request",
    (
        "method",
        "path",
        "headers",
        "body",
        "query_params",
        "signed_path",
        "enforce_bucket_region",
        "internal",
        "access_point_region",
        "access_point",
    ),
)
BUCKETS = PatchPoint("ministack.services.s3", "_buckets")
COMPLETE_MULTIPART_UPLOAD = PatchPoint(
    "ministack.services.s3", "_complete_multipart_upload", ("bucket_name", "key", "body", "query_params", "headers")
)
APPLY_OBJECT_LOCK = PatchPoint(
    "ministack.services.s3", "_apply_object_lock_from_headers", ("bucket_name", "key", "headers", "version_id")
)
REQUEST_TAG_CONTEXT = PatchPoint(
    "ministack.core.iam_actions", "request_tag_context", ("service", "iam_action", "body", "params")
)
APPLICATION = PatchPoint("ministack.app", "app", ("scope", "receive", "send"))
REQUEST_ORIGIN = PatchPoint("ministack.app", "pin_request_origin", ("source_ip", "secure_transport"))
VERIFIED_KEY = PatchPoint(_IAM, "_verified_key")
EVALUATE = PatchPoint(_IAM, "evaluate", ("ctx", "policies", "limits"))
RESOLVE_CREDENTIAL = PatchPoint(_IAM, "resolve_credential", ("access_key_id", "account_id", "session_token"))
RUN_DISTRIBUTED_MAP = PatchPoint(
    _STEP_FUNCTIONS, "_run_distributed_map", ("state_def", "raw_input", "effective", "iterator", "execution", "ctx")
)
STATE_QUERY_LANGUAGE = PatchPoint(_STEP_FUNCTIONS, "_state_query_language", ("state_def", "ctx"))
APPLY_JSONATA_TEMPLATE = PatchPoint(
    _STEP_FUNCTIONS, "_apply_jsonata_template", ("value", "raw_input", "ctx", "result", "error_output")
)
APPLY_JSONATA_OUTPUT = PatchPoint(
    _STEP_FUNCTIONS,
    "_apply_jsonata_output",
    ("state_def", "raw_input", "ctx", "result", "error_output", "default"),
)
HANDLE_API_GATEWAY = PatchPoint(_API_GATEWAY, "handle_request", ("method", "path", "headers", "body", "query_params"))
API_ROUTES = PatchPoint(_API_GATEWAY, "_routes")
API_INTEGRATIONS = PatchPoint(_API_GATEWAY, "_integrations")
API_AUTHORIZERS = PatchPoint(_API_GATEWAY, "_authorizers")
CREATE_API_ROUTE = PatchPoint(_API_GATEWAY, "_create_route", ("api_id", "data"))
CREATE_API_INTEGRATION = PatchPoint(_API_GATEWAY, "_create_integration", ("api_id", "data"))
CREATE_API_AUTHORIZER = PatchPoint(_API_GATEWAY, "_create_authorizer", ("api_id", "data"))
UPDATE_API = PatchPoint(_API_GATEWAY, "_update_api", ("api_id", "data"))
INVOKE_TARGET = PatchPoint("ministack.services.eventbridge", "_invoke_target", ("target", "event", "rule", "view"))
PUBLIC_PARAMETER = PatchPoint("ministack.services.ssm", "_public_parameter", ("name",))
JSON_RESPONSE = PatchPoint("ministack.core.responses", "json_response")
ERROR_RESPONSE = PatchPoint("ministack.core.responses", "error_response_json")
REGION = PatchPoint("ministack.core.responses", "get_region", ())

ALL = tuple(value for value in list(globals().values()) if isinstance(value, PatchPoint))


def check() -> None:
    """Refuse any other MiniStack than the pinned one. Raises UnsupportedMiniStack with everything that differs."""
    try:
        installed = importlib.metadata.version("ministack")
    except importlib.metadata.PackageNotFoundError:
        installed = "none"
    if installed != MINISTACK_VERSION:
        raise UnsupportedMiniStack(
            f"the sandbox needs ministack {MINISTACK_VERSION}, installed is {installed}; "
            f"install the pinned requirements (pip install ministack=={MINISTACK_VERSION})"
        )
    problems = [problem for point in ALL if (problem := point.problem())]
    if problems:
        raise UnsupportedMiniStack("the plug-in does not fit this MiniStack:\n  " + "\n  ".join(problems))
