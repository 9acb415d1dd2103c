"""Injecting faults at the edge of a running sandbox."""

from __future__ import annotations

from types import TracebackType
from typing import Any, TypedDict, Unpack

from sandbox.fault_model import Fault, Kind
from sandbox.remote import Control


class When(TypedDict, total=False):
    """Which requests a fault meets; see sandbox.fault_model.Fault."""

    caller: str
    times: int | None
    skip: int
    probability: float


class InjectedFault:
    """A fault that is armed. Leaving its `with` block, or `clear()`, disarms it."""

    def __init__(self, control: Control, number: int) -> None:
        self._control = control
        self._number = number

    @property
    def hits(self) -> int:
        """How many requests it has hit."""
        armed = self._control.call("GET", "faults")
        return int(next((entry["hits"] for entry in armed if entry["id"] == self._number), 0))

    def clear(self) -> None:
        self._control.call("DELETE", f"faults?{self._number}")

    def __enter__(self) -> InjectedFault:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()


class Faults:
    """What can go wrong between a client and AWS. Service, operation and resource are shell patterns.

    Every fault lasts until it is cleared, unless `times` says how many requests it hits; `skip` lets the first ones
    pass, `probability` hits some (the same ones in every run). Example:

        aws.faults.throttle("dynamodb", "BatchWriteItem", resource="users", times=3)
    """

    def __init__(self, control: Control) -> None:
        self._control = control

    def error(
        self,
        service: str,
        operation: str = "*",
        *,
        resource: str = "*",
        code: str,
        message: str = "Injected by the sandbox",
        status: int = 400,
        **when: Unpack[When],
    ) -> InjectedFault:
        """Answer with this error, in the service's own format, instead of carrying the request out."""
        return self._inject("error", (service, operation, resource), when, code=code, message=message, status=status)

    def throttle(
        self, service: str = "dynamodb", operation: str = "*", *, resource: str = "*", **when: Unpack[When]
    ) -> InjectedFault:
        """Throttle as the service does: DynamoDB's item operations and its control plane, S3, the others."""
        control_plane = ("Describe", "List", "Export", "Update")
        code, status, message = "ThrottlingException", 400, "Rate exceeded"
        if service == "s3":
            code, status, message = "SlowDown", 503, "Please reduce your request rate."
        elif service == "dynamodb" and (operation == "UpdateItem" or not operation.startswith(control_plane)):
            code = "ProvisionedThroughputExceededException"
            message = "The level of configured provisioned throughput for the table was exceeded"
        return self._inject("error", (service, operation, resource), when, code=code, message=message, status=status)

    def server_error(
        self, service: str, operation: str = "*", *, resource: str = "*", **when: Unpack[When]
    ) -> InjectedFault:
        """Answer 500 InternalServerError (S3: InternalError)."""
        code = "InternalError" if service == "s3" else "InternalServerError"
        target = (service, operation, resource)
        return self._inject("error", target, when, code=code, message="Internal server error", status=500)

    def deny(self, service: str, operation: str = "*", *, resource: str = "*", **when: Unpack[When]) -> InjectedFault:
        """Answer as if a policy denied the request."""
        code, status = ("AccessDenied", 403) if service == "s3" else ("AccessDeniedException", 400)
        target = (service, operation, resource)
        return self._inject("error", target, when, code=code, message="Access Denied", status=status)

    def unprocessed(
        self, table: str = "*", *, keep: int = 0, held_back: float | None = None, **when: Unpack[When]
    ) -> InjectedFault:
        """BatchWriteItem carries out the first `keep` operations only and answers the rest as UnprocessedItems.

        With `held_back`, a chance from 0 to 1, any of the operations may be among the rest.
        """
        target = ("dynamodb", "BatchWriteItem", table)
        return self._inject("unprocessed", target, when, keep=keep, held_back=held_back)

    def reset_connection(
        self, service: str, operation: str = "*", *, resource: str = "*", after: bool = False, **when: Unpack[When]
    ) -> InjectedFault:
        """Reset the connection: before the request is carried out, or `after` it, so that only the answer is lost."""
        return self._inject("reset", (service, operation, resource), when, after=after)

    def delay(
        self, service: str, operation: str = "*", *, resource: str = "*", seconds: float, **when: Unpack[When]
    ) -> InjectedFault:
        """Carry the request out only after `seconds`."""
        return self._inject("delay", (service, operation, resource), when, seconds=seconds)

    def truncate(self, resource: str, *, keep: int, **when: Unpack[When]) -> InjectedFault:
        """Send `keep` bytes of an S3 object (`bucket/key`) under its full Content-Length, then close the connection."""
        return self._inject("truncate", ("s3", "GetObject", resource), when, keep=keep)

    def corrupt(self, resource: str, *, offset: int = -1, **when: Unpack[When]) -> InjectedFault:
        """Alter one byte of an S3 object (`bucket/key`) on its way; its ETag stays."""
        return self._inject("corrupt", ("s3", "GetObject", resource), when, offset=offset)

    def inject(self, fault: Fault) -> InjectedFault:
        """Arm any fault."""
        return InjectedFault(self._control, self._control.call("POST", "faults", fault.to_dict())["id"])

    def clear(self) -> None:
        """Disarm every fault."""
        self._control.call("DELETE", "faults")

    def _inject(self, kind: Kind, target: tuple[str, str, str], when: When, **details: Any) -> InjectedFault:
        service, operation, resource = target
        return self.inject(Fault(kind, service, operation, resource, **when, **details))
