"""One BatchWriteItem call of ready-made bytes: over an own wire where that is possible, else through botocore.

The first call goes through botocore, with its empty body replaced by ours. If it went over the network as plainly as in
Lambda (no proxy, no mock), later ones take a wire to the same place. A wire's clean success, and an error of DynamoDB
that tells what to do with the batch, are final. After anything else (a broken connection, refused credentials, an
answer that is not DynamoDB's) the same bytes go through botocore, which has every rule for such cases. Puts and deletes
are idempotent, so it does no harm if the first try was carried out. Hooks on botocore's ``before-send`` see the wire's
requests too, and may answer them.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.hooks import first_non_none_response
from botocore.parsers import ResponseParserError
from botocore.utils import get_environ_proxies
from urllib3.response import HTTPResponse

from dynamodb_backup.aws import LONGEST_ANSWER_SECONDS
from dynamodb_backup.aws_errors import is_transient
from dynamodb_backup.table.wire import Answer, Signer, Wire
from dynamodb_backup.timing import Deadline

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

__all__ = ["ONE_OPERATION_IS_BAD", "BatchCall"]

ONE_OPERATION_IS_BAD = {"ItemCollectionSizeLimitExceededException", "SerializationException", "ValidationException"}
"""One bad operation rejects the whole call."""

MOST_FAILURES = 10
"""After so many in a row, for example where only botocore knows the certificates, the wire is given up."""

_CALL = "dynamodb.BatchWriteItem"
_CLEAN = b'{"UnprocessedItems":{}}'
_SECONDS_BEHIND_DEADLINE = 3.0
"""An answer may come so late: a deadline lies about five seconds before Lambda's own."""


class BatchCall:
    """Calls of one table. Safe to use from many threads."""

    def __init__(self, client: DynamoDBClient, table: str, deadline: Deadline) -> None:
        self._client = client
        self._table = table
        self._deadline = deadline
        self._opening = b'{"RequestItems":{' + json.dumps(table).encode() + b":["
        self._mine = threading.local()  # others may call with the same client
        self._wire: Wire | None = None
        self._may_learn = True
        self._failures = 0
        client.meta.events.register_last(f"before-call.{_CALL}", self._splice)
        client.meta.events.register_last(f"after-call.{_CALL}", self._learn)

    def close(self) -> None:
        self._client.meta.events.unregister(f"before-call.{_CALL}", self._splice)
        self._client.meta.events.unregister(f"after-call.{_CALL}", self._learn)
        if self._wire:
            self._wire.close()

    def send(self, operations: Sequence[bytes]) -> list[dict[str, Any]]:
        """Send a batch once, and return the operations that DynamoDB handed back as unprocessed.

        Raises ``ClientError``, or one of botocore's for a connection or an answer that is broken.
        """
        body = self._opening + b",".join(operations) + b"]}}"
        unprocessed = self._over_wire(self._wire, body) if self._wire else None
        return self._through_botocore(body) if unprocessed is None else unprocessed

    def _over_wire(self, wire: Wire, body: bytes) -> list[dict[str, Any]] | None:
        """Return what was not processed; ``None`` where botocore must be asked."""
        seconds = min(LONGEST_ANSWER_SECONDS, self._deadline.remaining() + _SECONDS_BEHIND_DEADLINE)
        answer = wire.post(body, seconds)
        if answer is not None and answer.status == 200 and _is_whole(answer):
            self._failures = 0
            return [] if answer.body == _CLEAN else self._unprocessed(json.loads(answer.body))
        error = _error_of(answer) if answer is not None else None
        if error and (is_transient(error) or error.response["Error"]["Code"] in ONE_OPERATION_IS_BAD):
            raise error
        self._failures += 1
        if self._failures == MOST_FAILURES:
            self._wire, self._may_learn = None, False
        return None

    def _unprocessed(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        return list((answer.get("UnprocessedItems") or {}).get(self._table, []))

    def _through_botocore(self, body: bytes) -> list[dict[str, Any]]:
        self._mine.body = body
        try:
            answer = self._client.batch_write_item(RequestItems={self._table: []})
        finally:
            del self._mine.body
        length = answer["ResponseMetadata"]["HTTPHeaders"].get("content-length")
        if answer.get("UnprocessedItems") is None and length not in {None, "2"}:
            # botocore takes a body that it cannot parse for an empty answer; believing it would lose items.
            raise ResponseParserError("the answer to BatchWriteItem has no UnprocessedItems")
        return self._unprocessed(answer)

    def _splice(self, **call: Any) -> None:
        """Replace the empty request that botocore built by the one that this thread wants to send."""
        body = getattr(self._mine, "body", None)
        if body is not None:
            call["params"]["body"] = body
            self._mine.call = call

    def _learn(self, http_response: Any = None, **_: Any) -> None:
        """Make a wire after botocore's first success, if it leads to the same place."""
        if getattr(self._mine, "body", None) is None or not self._may_learn or self._wire:
            return
        if http_response.status_code == 200:
            self._wire = _wire_like(self._client, self._mine.call, http_response)
            self._may_learn = self._wire is not None


def _is_whole(answer: Answer) -> bool:
    """Tell whether an answer is DynamoDB's, neither cut short nor altered."""
    if answer.crc32 is not None and answer.crc32 != str(zlib.crc32(answer.body)):
        return False
    if answer.body == _CLEAN:
        return True
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return False
    return document == {} or (isinstance(document, dict) and isinstance(document.get("UnprocessedItems"), dict))


def _error_of(answer: Answer) -> ClientError | None:
    """Return an error that DynamoDB put into words, as botocore would raise it."""
    try:
        document = json.loads(answer.body)
        code = document["__type"].rpartition("#")[2]
        message = document.get("message") or document.get("Message") or ""
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return None
    metadata: Any = {"HTTPStatusCode": answer.status}
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}, "BatchWriteItem")


def _wire_like(client: DynamoDBClient, call: Mapping[str, Any], response: Any) -> Wire | None:
    """Return a wire for what botocore has just done, or ``None`` where only botocore can do it.

    Parameters
    ----------
    call
        What botocore handed to ``before-call``: ``params``, ``request_signer`` and ``context``, among others.
    """
    url, signer = call["params"]["url"], call["request_signer"]
    place = urlsplit(url)
    settings: Any = client.meta.config
    if settings.proxies or get_environ_proxies(url) or not isinstance(response.raw, HTTPResponse):
        return None  # a proxy, or a mock that answers in the network's stead
    if place.path not in {"", "/"} or place.query or not place.hostname or "@" in place.netloc or "[" in place.netloc:
        return None
    signing = call["context"].get("signing", {})
    service, region = signing.get("signing_name", signer.signing_name), signing.get("region", signer.region_name)
    if signer.signature_version != "v4":
        return None

    def credentials() -> ReadOnlyCredentials:
        auth = signer.get_auth_instance(service, region, "v4")
        if type(auth) is not SigV4Auth or not isinstance(auth.credentials, ReadOnlyCredentials):
            raise BotoCoreError
        return auth.credentials

    def before_send(headers: dict[str, str], body: bytes) -> Answer | None:
        as_botocore: Any = HeadersDict(headers)
        request = AWSPreparedRequest("POST", url, as_botocore, body, stream_output=False)
        elsewhere: Any = first_non_none_response(client.meta.events.emit(f"before-send.{_CALL}", request=request))
        if len(as_botocore) != len(headers):  # a hook added one; those that are signed cannot change any more
            headers.update(as_botocore)
        if elsewhere is None:
            return None
        return Answer(elsewhere.status_code, elsewhere.content, elsewhere.headers.get("x-amz-crc32"))

    host = place.hostname if place.port in {None, 80 if place.scheme == "http" else 443} else place.netloc.lower()
    return Wire(url, Signer(host, call["params"]["headers"], region, service), credentials, before_send)
