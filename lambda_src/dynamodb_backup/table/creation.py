"""Creating a table from a captured definition, and giving it back what CreateTable and ImportTable do not take.

Parameters: docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html and API_ImportTable.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from dynamodb_backup.aws_errors import error_code, explain
from dynamodb_backup.errors import TargetUnusable, UnsupportedExport

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

__all__ = [
    "RESTORING_TAG",
    "create_table",
    "creation_parameters",
    "import_parameters",
    "key_left_behind",
    "may_not_create",
]

RESTORING_TAG = "dynamodb-backup:restoring"
"""On a table that a restore created and is not done with: its settings are still to be put on."""

_INDEX_FIELDS = ("IndexName", "KeySchema", "Projection")


def creation_parameters(definition: Mapping[str, Any], name: str, region: str) -> dict[str, Any]:
    """Return what CreateTable takes to make the table again under a name, all indexes included.

    Left out on purpose is what must wait until the items are there: streams, TTL, point-in-time recovery, tags and
    deletion protection (``table.settings_again``).

    Parameters
    ----------
    definition
        As captured with the backup: ``Table`` is DescribeTable's answer.
    region
        In which the table is made. A KMS key of another region is left out.
    """
    table: Mapping[str, Any] = definition["Table"]
    parameters = _common_parameters(table, name, region)
    local = [{field: index[field] for field in _INDEX_FIELDS} for index in table.get("LocalSecondaryIndexes") or ()]
    if local:
        parameters["LocalSecondaryIndexes"] = local
    table_class = (table.get("TableClassSummary") or {}).get("TableClass")
    if table_class:
        parameters["TableClass"] = table_class
    return parameters


def import_parameters(definition: Mapping[str, Any], name: str, region: str) -> dict[str, Any]:
    """Return ImportTable's ``TableCreationParameters``.

    Raises
    ------
    UnsupportedExport
        The table has local secondary indexes, which exist only from a table's creation on and which ImportTable cannot
        create.
    """
    table: Mapping[str, Any] = definition["Table"]
    local = [index["IndexName"] for index in table.get("LocalSecondaryIndexes") or ()]
    if local:
        raise UnsupportedExport(
            f"table {table.get('TableName')} has local secondary indexes ({', '.join(local)}), which ImportTable "
            'cannot create; restore it with "create_missing_tables" instead of "method": "import"'
        )
    return _common_parameters(table, name, region)


def create_table(client: DynamoDBClient, parameters: Mapping[str, Any], restore_id: str) -> None:
    """Create a table, marked as being restored. Does nothing if it exists already.

    Raises
    ------
    TargetUnusable
        DynamoDB does not accept the definition.
    ClientError
        It may be accepted later, or the function lacks the permission.
    """
    try:
        client.create_table(**parameters, Tags=[{"Key": RESTORING_TAG, "Value": restore_id}])
    except ClientError as error:
        if error_code(error) == "ResourceInUseException":
            return
        if error_code(error) == "AccessDeniedException":
            raise may_not_create(parameters["TableName"], explain(error)) from error
        if error_code(error) == "ValidationException":
            message = error.response["Error"].get("Message", "")
            raise TargetUnusable(
                f"table {parameters['TableName']} cannot be created from the captured definition: {message}"
            ) from error
        raise


def may_not_create(table: str, refusal: str) -> TargetUnusable:
    """Return the error that the function's role does not allow it to create tables."""
    return TargetUnusable(
        f"target table {table} does not exist and this function may not create tables; allow it with the module's "
        f"input restore_creates_tables, or create the table first: {refusal}"
    )


def _common_parameters(table: Mapping[str, Any], name: str, region: str) -> dict[str, Any]:
    on_demand = (table.get("BillingModeSummary") or {}).get("BillingMode") == "PAY_PER_REQUEST"
    parameters: dict[str, Any] = {
        "TableName": name,
        "AttributeDefinitions": table["AttributeDefinitions"],
        "KeySchema": table["KeySchema"],
        "BillingMode": "PAY_PER_REQUEST" if on_demand else "PROVISIONED",
        **_throughput(table, on_demand=on_demand),
    }
    indexes = [
        {field: index[field] for field in _INDEX_FIELDS} | _throughput(index, on_demand=on_demand)
        for index in table.get("GlobalSecondaryIndexes") or ()
        if index.get("IndexStatus") != "DELETING"
    ]
    if indexes:
        parameters["GlobalSecondaryIndexes"] = indexes
    # Attributes that only a left-out index used would be refused.
    used = _used_attributes([table, *(table.get("LocalSecondaryIndexes") or ()), *indexes])
    parameters["AttributeDefinitions"] = [one for one in table["AttributeDefinitions"] if one["AttributeName"] in used]
    encryption = table.get("SSEDescription") or {}
    if encryption.get("SSEType") == "KMS" and encryption.get("KMSMasterKeyArn"):
        parameters["SSESpecification"] = {"Enabled": True, "SSEType": "KMS"}
        # Without a key it is the one that AWS manages for DynamoDB in the account and region.
        if key_left_behind(table, region) is None:
            parameters["SSESpecification"]["KMSMasterKeyId"] = encryption["KMSMasterKeyArn"]
    return parameters


def key_left_behind(table: Mapping[str, Any], region: str) -> str | None:
    """Return the ARN of the KMS key under which a table was encrypted, if no table of this region can use it."""
    key = (table.get("SSEDescription") or {}).get("KMSMasterKeyArn")
    return key if key and key.split(":")[3] != region else None


def _throughput(thing: Mapping[str, Any], *, on_demand: bool) -> dict[str, Any]:
    """Return a table's or index's capacity as it is set: provisioned units, or on-demand limits if there are any."""
    if on_demand:
        limits = {name: value for name, value in (thing.get("OnDemandThroughput") or {}).items() if value != -1}
        return {"OnDemandThroughput": limits} if limits else {}
    provisioned = thing["ProvisionedThroughput"]
    return {"ProvisionedThroughput": {name: provisioned[name] for name in ("ReadCapacityUnits", "WriteCapacityUnits")}}


def _used_attributes(things: Sequence[Mapping[str, Any]]) -> set[str]:
    return {key["AttributeName"] for thing in things for key in thing["KeySchema"]}
