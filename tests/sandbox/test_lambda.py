"""Functions run as on Lambda: their own zip and layers, their role, their deadline, their log."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.emulator.lambda_python import python_for
from tests.sandbox.functions import create_role, deploy, invoke, zipped
from tests.sandbox.tables import create_table, wait

_CALL = """
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

def handler(event, context):
    client = boto3.client(event["service"], config=Config(retries={"total_max_attempts": 1}))
    try:
        answer = getattr(client, event["call"])(**event["arguments"])
    except ClientError as error:
        return error.response["Error"]["Code"]
    return answer.get("ExportDescription", {}).get("ExportArn") or "ok"
"""
_LAMBDA_PACKAGES = {"boto3", "botocore", "s3transfer", "jmespath", "urllib3", "dateutil", "six"}


def call(aws: Sandbox, service: str, operation: str, **arguments: Any) -> Any:
    """Let the function `probe` make one AWS call; return `ok`, or the code of its error."""
    kind, answer = invoke(aws, {"service": service, "call": operation, "arguments": arguments})
    assert kind is None
    return answer


def test_only_the_zip_and_lambdas_own_packages_are_importable(aws: Sandbox) -> None:
    deploy(
        aws,
        """
import importlib.util
def handler(event, context):
    return [name for name in event if importlib.util.find_spec(name)]
""",
    )
    names = [*_LAMBDA_PACKAGES, "ministack", "sandbox", "pytest", "dynamodb_backup", "aws_lambda_powertools"]

    _, found = invoke(aws, names)

    assert set(found) == _LAMBDA_PACKAGES


def test_a_layer_is_on_the_path(aws: Sandbox) -> None:
    layer = aws.client("lambda").publish_layer_version(
        LayerName="greeting", Content={"ZipFile": zipped({"python/greeting.py": "TEXT = 'from the layer'"})}
    )
    source = "import greeting\ndef handler(event, context):\n    return greeting.TEXT"
    deploy(aws, source, Layers=[layer["LayerVersionArn"]])

    assert invoke(aws) == (None, "from the layer")


def test_what_a_layer_brings_goes_before_lambdas_own_package(aws: Sandbox) -> None:
    source = "import six, boto3\ndef handler(event, context):\n    return getattr(six, 'OF', 'the runtime')"
    found = importlib.util.find_spec("six")
    assert found is not None
    own = Path(str(found.origin)).read_text(encoding="utf-8")
    layer = aws.client("lambda").publish_layer_version(
        LayerName="six", Content={"ZipFile": zipped({"python/six.py": own + "\nOF = 'the layer'\n"})}
    )
    deploy(aws, source)
    before = invoke(aws)
    aws.client("lambda").update_function_configuration(FunctionName="probe", Layers=[layer["LayerVersionArn"]])

    assert (before, invoke(aws)) == ((None, "the runtime"), (None, "the layer"))


def test_a_function_that_dies_is_started_again(aws: Sandbox) -> None:
    source = "import os\ncalls = []\ndef handler(event, context):\n"
    deploy(aws, source + "    calls.append(1)\n    return len(calls) if len(calls) < 3 else os._exit(7)")

    answers = [invoke(aws) for _ in range(4)]

    assert [answer for _, answer in answers[:2]] == [1, 2]
    assert (answers[2][0], answers[3]) == ("Unhandled", (None, 1))


def test_one_zip_is_unpacked_and_compiled_once_and_another_is_not_mistaken_for_it(aws: Sandbox) -> None:
    probe = "import os, text\ndef handler(event, context):\n    return text.TEXT, os.path.realpath(text.__cached__)"
    one, two = (zipped({"probe.py": probe, "text.py": f"TEXT = '{text}'"}) for text in ("one", "two"))
    deploy(aws, "")

    def answer_of(code: bytes) -> tuple[str, str]:
        aws.client("lambda").update_function_code(FunctionName="probe", ZipFile=code)
        _, (text, bytecode) = invoke(aws)
        return text, bytecode

    (first, compiled), (other, elsewhere), again = answer_of(one), answer_of(two), answer_of(one)

    assert (first, other, again) == ("one", "two", ("one", compiled))
    assert compiled != elsewhere
    assert Path(compiled).exists()


def test_the_environment_is_lambdas_and_the_functions_own(aws: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "import os\ndef handler(event, context):\n    return dict(os.environ)"
    deploy(aws, source, Environment={"Variables": {"BACKUP_BUCKET": "backups", "LOG_LEVEL": "DEBUG"}})

    _, environment = invoke(aws)

    assert environment["BACKUP_BUCKET"] == "backups"
    assert environment["LOG_LEVEL"] == "DEBUG"
    assert environment["AWS_ENDPOINT_URL"] == aws.endpoint
    assert environment["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    assert environment["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert not [name for name in environment if name.startswith(("MINISTACK", "PYTHON", "PYTEST"))]


def test_the_runtimes_python_is_used_where_the_machine_has_it(aws: Sandbox) -> None:
    deploy(aws, "import sys\ndef handler(event, context):\n    return '%d.%d' % sys.version_info[:2]")

    asked = [python_for("python3.13"), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    if subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip() != "3.13":
        pytest.skip("no Python 3.13 on this machine")
    assert invoke(aws) == (None, "3.13")


def test_the_deadline_counts_down(aws: Sandbox) -> None:
    source = """
import time
def handler(event, context):
    before = context.get_remaining_time_in_millis()
    time.sleep(0.2)
    return [before, context.get_remaining_time_in_millis()]
"""
    deploy(aws, source, Timeout=10)

    _, (before, after) = invoke(aws)

    assert 9_000 < before <= 10_000
    assert 150 < before - after < 2_000


def test_the_invocation_is_cut_off_at_the_timeout(aws: Sandbox) -> None:
    deploy(aws, "import time\ndef handler(event, context):\n    time.sleep(30)", Timeout=1)
    began = time.monotonic()

    kind, answer = invoke(aws)

    assert (kind, answer["errorType"]) == ("Unhandled", "Sandbox.Timedout")
    assert "Task timed out after 1.00 seconds" in answer["errorMessage"]
    assert time.monotonic() - began < 10


def test_an_error_has_its_own_type_and_trace(aws: Sandbox) -> None:
    deploy(aws, "class TooMany(Exception): pass\ndef handler(event, context):\n    raise TooMany('6 of 5')")

    kind, answer = invoke(aws)

    assert (kind, answer["errorType"], answer["errorMessage"]) == ("Unhandled", "TooMany", "6 of 5")
    assert "probe.py" in "".join(answer["stackTrace"])


def test_what_it_prints_is_in_its_log_group(aws: Sandbox) -> None:
    deploy(aws, "def handler(event, context):\n    print('a line of the function')")
    invoke(aws)

    events = aws.client("logs").filter_log_events(logGroupName="/aws/lambda/probe")["events"]

    assert any("a line of the function" in event["message"] for event in events)


def test_faults_of_the_edge_reach_the_function(aws: Sandbox) -> None:
    deploy(aws, _CALL, statements=[{"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}], Timeout=30)
    aws.faults.error("dynamodb", "ListTables", code="InternalServerError", status=500)

    assert call(aws, "dynamodb", "list_tables") == "InternalServerError"


def test_the_role_decides_about_tables(aws: Sandbox) -> None:
    allowed = create_table(aws, "allowed")
    create_table(aws, "other")
    deploy(aws, _CALL, statements=[{"Effect": "Allow", "Action": "dynamodb:DescribeTable", "Resource": allowed}])

    assert call(aws, "dynamodb", "describe_table", TableName="allowed") == "ok"
    assert call(aws, "dynamodb", "describe_table", TableName="other") == "AccessDeniedException"
    assert call(aws, "dynamodb", "delete_table", TableName="allowed") == "AccessDeniedException"


def test_the_role_decides_about_objects_and_prefixes(aws: Sandbox) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="backups")
    for key in ("in/x", "out/x"):
        s3.put_object(Bucket="backups", Key=key, Body=b"x")
    listing: dict[str, Any] = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::backups"}
    listing["Condition"] = {"StringLike": {"s3:prefix": "in/*"}}
    reading = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::backups/in/*"}
    deploy(aws, _CALL, statements=[listing, reading], Timeout=30)

    assert call(aws, "s3", "head_object", Bucket="backups", Key="in/x") == "ok"
    assert call(aws, "s3", "put_object", Bucket="backups", Key="in/x", Body="y") == "AccessDenied"
    assert call(aws, "s3", "head_object", Bucket="backups", Key="out/x") == "403"
    assert call(aws, "s3", "list_objects_v2", Bucket="backups", Prefix="in/") == "ok"
    assert call(aws, "s3", "list_objects_v2", Bucket="backups") == "AccessDenied"


@pytest.mark.parametrize(
    ("actions", "outcome"),
    [
        (["s3:PutObject"], "FAILED"),
        (["s3:PutObject", "s3:PutObjectAcl"], "COMPLETED"),
    ],
)
def test_an_export_runs_with_the_rights_of_its_caller(aws: Sandbox, actions: list[str], outcome: str) -> None:
    aws.exports.configure(seconds=0)
    arn = create_table(aws, "users")
    aws.client("s3").create_bucket(Bucket="backups")
    exporting = {"Effect": "Allow", "Action": "dynamodb:ExportTableToPointInTime", "Resource": arn}
    writing = {"Effect": "Allow", "Action": actions, "Resource": "arn:aws:s3:::backups/*"}
    deploy(aws, _CALL, statements=[exporting, writing], Timeout=30)

    export_arn = call(aws, "dynamodb", "export_table_to_point_in_time", TableArn=arn, S3Bucket="backups")

    assert wait(aws, export_arn)["ExportStatus"] == outcome


def test_plain_http_passes_a_bucket_policy_that_demands_tls(aws: Sandbox) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="backups")
    deny: dict[str, Any] = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::backups/*"}
    deny["Condition"] = {"Bool": {"aws:SecureTransport": "false"}}
    s3.put_bucket_policy(Bucket="backups", Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    deploy(aws, _CALL, statements=[{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}], Timeout=30)

    assert call(aws, "s3", "put_object", Bucket="backups", Key="x", Body="x") == "ok"


def test_scheduler_fills_in_the_time_and_invokes(aws: Sandbox) -> None:
    role = create_role(aws)
    arn = deploy(aws, "def handler(event, context):\n    print('FIRED ' + event['at'])", role=role)
    aws.client("scheduler").create_schedule(
        Name="once",
        ScheduleExpression="at(2020-01-01T00:00:00)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": arn, "RoleArn": role, "Input": '{"at": "<aws.scheduler.scheduled-time>"}'},
    )

    line = _logged(aws, "FIRED", seconds=40)

    assert time.strptime(line.split()[1], "%Y-%m-%dT%H:%M:%SZ")


def _logged(aws: Sandbox, word: str, seconds: float) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if aws.client("logs").describe_log_groups()["logGroups"]:
            for event in aws.client("logs").filter_log_events(logGroupName="/aws/lambda/probe")["events"]:
                if word in event["message"]:
                    return str(event["message"])
        time.sleep(0.5)
    raise TimeoutError(f"nothing logged {word} within {seconds:g} s")
