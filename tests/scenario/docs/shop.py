"""The account in which the documentation plays: examples/minimal, applied, with items in its two tables."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import sandbox
from tests.scenario.state_machine import rendered_definition

BUCKET = "shop-production-dynamodb-backup-123456789012"
USERS, ORDERS, COPY = "shop-users", "shop-orders", "shop-orders-copy"
ITEMS_OF = {USERS: 40, ORDERS: 600}
FUNCTIONS = ("backup", "restore", "verify")
STATE_MACHINES = ("backup", "restore")

_ENVIRONMENT = {
    "BACKUP_BUCKET": BUCKET,
    "ENVIRONMENT": "production",
    "DYNAMODB_TABLES": json.dumps([ORDERS, USERS]),
    "S3_EXPORTS_PREFIX": "native-exports",
    "RETENTION_CLASSES": json.dumps({"daily": 35, "weekly": 90, "monthly": 365, "incremental": 28, "failed": 7}),
    "ITEM_COUNT_COLLAPSE": json.dumps({"percent": 50, "minimum_items": 10, "except_tables": []}),
    "POWERTOOLS_METRICS_NAMESPACE": "DynamoDBBackup",
    "POWERTOOLS_LOG_LEVEL": "INFO",
}


class Shop:
    """The documentation's account in a sandbox, and the changes that its preparations make."""

    def __init__(self, aws: sandbox.Sandbox, repo_root: Path) -> None:
        self._aws = aws
        self._root = repo_root
        self._dynamodb = aws.client("dynamodb")
        self._lambda = aws.client("lambda")
        self._stepfunctions = aws.client("stepfunctions")
        self._sns = aws.client("sns")
        aws.exports.configure(seconds=0, partitions=2)
        aws.client("s3").create_bucket(Bucket=BUCKET)
        self._make_table(USERS, {"user_id": "HASH"})
        self._make_table(ORDERS, {"order_id": "HASH"})
        self._fill(USERS, "user_id")
        self._fill(ORDERS, "order_id")
        self._deploy()

    def prepare(self, name: str) -> None:
        """Carry out one of the preparations that a page names."""
        preparation = getattr(self, "_prepare_" + name.replace(" ", "_"), None)
        if preparation is None:
            raise ValueError(f"no preparation is named '{name}'")
        preparation()

    def _prepare_backup(self) -> None:
        answer = self._lambda.invoke(FunctionName="shop-production-dynamodb-backup", Payload=b"{}")
        assert json.load(answer["Payload"])["statusCode"] == 200

    def _prepare_execution(self) -> None:
        self._stepfunctions.start_execution(stateMachineArn=self._machine("backup"))
        self._prepare_end_of_execution()

    def _prepare_end_of_execution(self) -> None:
        """Wait until no backup is being executed."""
        self._wait_for("backup")

    def _prepare_end_of_restore(self) -> None:
        """Wait until no restore is being executed."""
        self._wait_for("restore")

    def _wait_for(self, verb: str) -> None:
        machine = self._machine(verb)
        deadline = time.monotonic() + 120
        while self._stepfunctions.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]:
            assert time.monotonic() < deadline, "the execution does not end"
            time.sleep(0.2)

    def _prepare_damage(self) -> None:
        """Lose some orders, overwrite one, add one."""
        for number in range(30):
            self._dynamodb.delete_item(TableName=ORDERS, Key={"order_id": {"S": f"{ORDERS}-{number:04d}"}})
        for order in (f"{ORDERS}-0100", "made-up-after-the-backup"):
            self._dynamodb.put_item(TableName=ORDERS, Item={"order_id": {"S": order}, "total": {"N": "0"}})

    def _prepare_more_damage(self) -> None:
        """Lose some orders more."""
        for number in range(200, 210):
            self._dynamodb.delete_item(TableName=ORDERS, Key={"order_id": {"S": f"{ORDERS}-{number:04d}"}})

    def _prepare_lost_table(self) -> None:
        self._dynamodb.delete_table(TableName=USERS)

    def _prepare_one_changed_item(self) -> None:
        self._dynamodb.put_item(
            TableName=ORDERS, Item={"order_id": {"S": f"{ORDERS}-0100"}, "total": {"N": "0"}, "photo": {"B": b"d"}}
        )

    def _prepare_windows_of_any_length(self) -> None:
        """Let a page undo what it did a second ago; DynamoDB itself wants 15 minutes, up to 5 minutes ago."""
        self._aws.exports.configure(minimum_window_seconds=0, restorable_lag_seconds=0, pitr_age_seconds=3600)

    def _prepare_point_in_time_recovery_off(self) -> None:
        self._dynamodb.update_continuous_backups(
            TableName=USERS, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
        )

    def _prepare_copy_table(self) -> None:
        self._make_table(COPY, {"order_id": "HASH"})

    def _prepare_short_timeout(self) -> None:
        """Let the restore run out of time once or twice: slow writes, and ten seconds an invocation."""
        self._lambda.update_function_configuration(FunctionName="shop-production-dynamodb-restore", Timeout=10)
        self._aws.faults.delay("dynamodb", "BatchWriteItem", seconds=1.5)

    def _prepare_full_timeout(self) -> None:
        self._aws.faults.clear()
        self._lambda.update_function_configuration(FunctionName="shop-production-dynamodb-restore", Timeout=900)

    def _prepare_index_that_refuses_items(self) -> None:
        """Three orders carry text where an index that is made later wants a number: DynamoDB will refuse them."""
        for number in range(3):
            self._dynamodb.put_item(
                TableName=ORDERS,
                Item={"order_id": {"S": f"{ORDERS}-{number:04d}"}, "total": {"S": "not a number"}},
            )
        self._prepare_backup()
        self._dynamodb.update_table(
            TableName=ORDERS,
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": kind} for name, kind in (("order_id", "S"), ("total", "N"))
            ],
            GlobalSecondaryIndexUpdates=[
                {
                    "Create": {
                        "IndexName": "by-total",
                        "KeySchema": [{"AttributeName": "total", "KeyType": "HASH"}],
                        "Projection": {"ProjectionType": "ALL"},
                    }
                }
            ],
        )

    def _prepare_on_demand_functions(self) -> None:
        """Deploy what modules/on_demand_backup does, without its delays."""
        self._aws.backups.configure(seconds=0, restore_seconds=0)
        queue = self._aws.client("sqs").create_queue(
            QueueName="shop-production-on-demand-backup.fifo",
            Attributes={"FifoQueue": "true", "VisibilityTimeout": "60"},
        )["QueueUrl"]
        variables = {"BACKUP_NAME_PREFIX": "shop-production", "QUEUE_URL": queue}
        for verb in ("backup", "monitor"):
            self._create_function(f"shop-production-on-demand-{verb}", f"on_demand_{verb}", variables)
        self._lambda.create_event_source_mapping(
            EventSourceArn="arn:aws:sqs:us-east-1:123456789012:shop-production-on-demand-backup.fifo",
            FunctionName="shop-production-on-demand-monitor",
            FunctionResponseTypes=["ReportBatchItemFailures"],
        )

    def _prepare_on_demand_backups_available(self) -> None:
        deadline = time.monotonic() + 60
        while self._aws.requests.count("dynamodb", "DescribeBackup") < 2:
            assert time.monotonic() < deadline, "the monitor does not look at the backups"
            time.sleep(0.2)

    def _prepare_index_removed(self) -> None:
        self._dynamodb.update_table(
            TableName=ORDERS, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-total"}}]
        )

    def _make_table(self, name: str, keys: dict[str, str]) -> None:
        self._dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()],
        )
        self._dynamodb.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )

    def _fill(self, table: str, key: str) -> None:
        self._aws.contents.put_items(
            table,
            [
                {
                    key: {"S": f"{table}-{number:04d}"},
                    "total": {"N": str(number)},
                    "photo": {"B": b64encode(bytes([number % 256])).decode()},
                }
                for number in range(ITEMS_OF[table])
            ],
        )

    def _deploy(self) -> None:
        role = self._aws.client("iam").create_role(RoleName="shop", AssumeRolePolicyDocument=_policy(_TRUST))
        self._role_arn = role["Role"]["Arn"]
        self._aws.client("iam").put_role_policy(RoleName="shop", PolicyName="all", PolicyDocument=_policy(_ALL))
        self._layer = self._lambda.publish_layer_version(
            LayerName="powertools", Content={"ZipFile": (self._root / "dist/layer.zip").read_bytes()}
        )
        for verb in FUNCTIONS:
            self._create_function(f"shop-production-dynamodb-{verb}", verb, {})
        self._make_state_machines(role["Role"]["Arn"])

    def _create_function(self, name: str, handler: str, variables: dict[str, str]) -> None:
        self._lambda.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler=f"dynamodb_backup.handlers.{handler}.lambda_handler",
            Role=self._role_arn,
            Code={"ZipFile": (self._root / "dist/function.zip").read_bytes()},
            Layers=[self._layer["LayerVersionArn"]],
            Environment={"Variables": _ENVIRONMENT | {"POWERTOOLS_SERVICE_NAME": name} | variables},
            Timeout=900,
        )

    def _make_state_machines(self, role_arn: str) -> None:
        topic_arn = self._sns.create_topic(Name="shop-production-dynamodb-backup-failure")["TopicArn"]
        for verb in STATE_MACHINES:
            name = f"shop-production-dynamodb-{verb}"
            function_arn = self._lambda.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
            definition = rendered_definition(
                function_arn, name="shop-production", failure_topic_arn=topic_arn, machine=verb
            )
            self._stepfunctions.create_state_machine(name=name, definition=definition, roleArn=role_arn)

    def _machine(self, verb: str) -> str:
        machines = self._stepfunctions.list_state_machines()["stateMachines"]
        return next(str(one["stateMachineArn"]) for one in machines if one["name"].endswith(verb))


_TRUST: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]},
    "Action": "sts:AssumeRole",
}
_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
