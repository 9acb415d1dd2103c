"""Every fault of the edge, as a client meets it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    HTTPClientError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from sandbox import Sandbox
from tests.sandbox.tables import create_table, put


@pytest.fixture
def users(aws: Sandbox) -> str:
    create_table(aws, "users", pitr=False)
    return "users"


@pytest.fixture
def stored(aws: Sandbox) -> dict[str, str]:
    """Store an object of 10,000 bytes, without a checksum that botocore would verify by itself."""
    s3 = aws.client("s3", config=Config(request_checksum_calculation="when_required", s3={"addressing_style": "path"}))
    s3.create_bucket(Bucket="backups")
    s3.put_object(Bucket="backups", Key="data/file", Body=b"0123456789" * 1000)
    return {"Bucket": "backups", "Key": "data/file"}


def stored_ids(aws: Sandbox, table: str) -> set[str]:
    return {item["id"]["S"] for item in aws.client("dynamodb").scan(TableName=table)["Items"]}


def batch(*ids: str) -> dict[str, Any]:
    return {"users": [{"PutRequest": {"Item": {"id": {"S": item_id}}}} for item_id in ids]}


def code_of(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_throttled_table_takes_no_write(aws: Sandbox, users: str) -> None:
    fault = aws.faults.throttle("dynamodb", "PutItem", resource="users", times=1)

    with pytest.raises(ClientError) as error:
        put(aws, users, "refused")
    put(aws, users, "accepted")

    assert code_of(error) == ("ProvisionedThroughputExceededException", 400)
    assert stored_ids(aws, users) == {"accepted"}
    assert fault.hits == 1


def test_the_control_plane_is_throttled_with_its_own_error(aws: Sandbox, users: str) -> None:
    aws.faults.throttle("dynamodb", "DescribeTable")

    with pytest.raises(ClientError) as error:
        aws.client("dynamodb").describe_table(TableName=users)
    assert code_of(error) == ("ThrottlingException", 400)


def test_another_table_is_not_hit(aws: Sandbox, users: str) -> None:
    fault = aws.faults.throttle("dynamodb", "PutItem", resource="orders")

    put(aws, users, "a")

    assert fault.hits == 0


def test_part_of_a_batch_stays_unprocessed(aws: Sandbox, users: str) -> None:
    aws.faults.unprocessed(users, keep=1, times=1)

    answer = aws.client("dynamodb").batch_write_item(RequestItems=batch("a", "b", "c"))

    assert answer["UnprocessedItems"] == batch("b", "c")
    assert stored_ids(aws, users) == {"a"}


def test_any_operations_of_a_batch_stay_unprocessed(aws: Sandbox, users: str) -> None:
    ids = [f"{number:02d}" for number in range(25)]
    with aws.faults.unprocessed(users, held_back=0.5):
        answer = aws.client("dynamodb").batch_write_item(RequestItems=batch(*ids))

    left = [one["PutRequest"]["Item"]["id"]["S"] for one in answer["UnprocessedItems"][users]]
    assert stored_ids(aws, users) == set(ids) - set(left)
    assert 0 < len(left) < 25
    assert left != ids[-len(left) :]


def test_a_whole_batch_stays_unprocessed(aws: Sandbox, users: str) -> None:
    with aws.faults.unprocessed(users):
        answer = aws.client("dynamodb").batch_write_item(RequestItems=batch("a", "b"))

    assert answer["UnprocessedItems"] == batch("a", "b")
    assert stored_ids(aws, users) == set()


def test_the_fault_ends_with_its_block(aws: Sandbox, users: str) -> None:
    with aws.faults.server_error("dynamodb"), pytest.raises(ClientError) as error:
        put(aws, users, "a")
    put(aws, users, "b")

    assert code_of(error) == ("InternalServerError", 500)
    assert stored_ids(aws, users) == {"b"}


@pytest.mark.parametrize(("after", "kept"), [(False, set()), (True, {"a"})])
def test_a_reset_connection_loses_the_request_or_only_its_answer(
    aws: Sandbox, users: str, after: bool, kept: set[str]
) -> None:
    aws.faults.reset_connection("dynamodb", "PutItem", after=after, times=1)

    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        put(aws, users, "a")
    assert stored_ids(aws, users) == kept


def test_a_delayed_request_is_carried_out_late(aws: Sandbox, users: str) -> None:
    aws.faults.delay("dynamodb", "PutItem", seconds=0.3)
    began = time.monotonic()

    put(aws, users, "a")

    assert time.monotonic() - began >= 0.3
    assert stored_ids(aws, users) == {"a"}


def test_a_delayed_request_whose_account_was_emptied_meanwhile_is_not_carried_out(aws: Sandbox) -> None:
    impatient = aws.client("s3", config=Config(read_timeout=0.3, retries={"max_attempts": 1}))
    aws.client("s3").create_bucket(Bucket="backups")
    aws.faults.delay("s3", "PutObject", seconds=1.5)
    with pytest.raises(ReadTimeoutError):
        impatient.put_object(Bucket="backups", Key="late", Body=b"")

    aws.reset()
    aws.client("s3").create_bucket(Bucket="backups")
    time.sleep(2)

    assert aws.client("s3").list_objects_v2(Bucket="backups").get("Contents") is None


def test_skip_lets_the_first_requests_pass(aws: Sandbox, users: str) -> None:
    aws.faults.server_error("dynamodb", "PutItem", skip=1)
    put(aws, users, "first")

    with pytest.raises(ClientError):
        put(aws, users, "second")


def test_a_probability_hits_the_same_requests_in_every_run(aws: Sandbox, users: str) -> None:
    def outcomes() -> list[bool]:
        aws.faults.clear()
        aws.faults.server_error("dynamodb", "PutItem", probability=0.5)
        return [write_passes() for _ in range(20)]

    def write_passes() -> bool:
        try:
            put(aws, users, "a")
        except ClientError:
            return False
        return True

    first = outcomes()
    assert first == outcomes()
    assert 0 < sum(first) < 20


def test_a_truncated_object_breaks_off_under_its_full_length(aws: Sandbox, stored: dict[str, str]) -> None:
    aws.faults.truncate("backups/data/*", keep=100)

    answer = aws.client("s3").get_object(**stored)

    assert answer["ContentLength"] == 10_000
    with pytest.raises(ResponseStreamingError, match="100 bytes read, 9900 more expected"):
        answer["Body"].read()


def test_a_corrupted_object_differs_in_one_byte_under_its_true_etag(aws: Sandbox, stored: dict[str, str]) -> None:
    sound = aws.client("s3").get_object(**stored)
    aws.faults.corrupt("backups/data/*", offset=3)

    damaged = aws.client("s3").get_object(**stored)

    assert damaged["ETag"] == sound["ETag"]
    pairs = zip(sound["Body"].read(), damaged["Body"].read(), strict=True)
    assert [position for position, (one, other) in enumerate(pairs) if one != other] == [3]


def test_s3_denies_in_its_own_form(aws: Sandbox, stored: dict[str, str]) -> None:
    aws.faults.deny("s3", "GetObject", resource="backups/data/*")

    with pytest.raises(ClientError) as error:
        aws.client("s3").get_object(**stored)
    assert code_of(error) == ("AccessDenied", 403)


def test_dynamodb_denies_in_its_own_form(aws: Sandbox, users: str) -> None:
    aws.faults.deny("dynamodb", "PutItem")

    with pytest.raises(ClientError) as error:
        put(aws, users, "a")
    assert code_of(error) == ("AccessDeniedException", 400)


def test_the_log_counts_operations_by_resource(aws: Sandbox, users: str, stored: dict[str, str]) -> None:
    aws.requests.clear()
    aws.client("dynamodb").batch_write_item(RequestItems=batch("a", "b"))
    put(aws, users, "c")
    aws.client("s3").list_objects_v2(Bucket="backups")

    assert aws.requests.count("dynamodb", "BatchWriteItem", "users") == 1
    assert [entry.operation for entry in aws.requests.list("dynamodb")] == ["BatchWriteItem", "PutItem"]
    (listed,) = aws.requests.list("s3")
    assert (listed.operation, listed.resources, listed.status) == ("ListObjectsV2", ("backups",), 200)


def test_a_reset_clears_state_faults_and_log(aws: Sandbox, users: str) -> None:
    aws.faults.server_error("dynamodb")

    aws.reset()

    assert aws.requests.count() == 0
    assert aws.client("dynamodb").list_tables()["TableNames"] == []
