"""What a fault is: which requests it meets, how often, and what it does to them. Shared by the API and the edge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["error", "unprocessed", "reset", "delay", "truncate", "corrupt"]


@dataclass(frozen=True)
class Fault:
    """One rule. `service`, `operation`, `resource` and `caller` are shell patterns; the defaults match everything.

    A resource is a table name, or `bucket/key`, or a function name. A caller is an access key id.
    """

    kind: Kind
    service: str = "*"
    operation: str = "*"
    resource: str = "*"
    caller: str = "*"
    times: int | None = None
    """How many requests it hits before it is spent; None: until it is cleared."""
    skip: int = 0
    """How many matching requests pass untouched first."""
    probability: float = 1.0
    code: str = ""
    message: str = ""
    status: int = 400
    keep: int = 0
    """unprocessed: how many operations of a batch are carried out. truncate: how many bytes of the body are sent."""
    held_back: float | None = None
    """unprocessed: the chance of each operation of a batch to be held back, wherever it stands, in place of `keep`."""
    seconds: float = 0.0
    offset: int = 0
    """corrupt: which byte of the body is altered; negative counts from the end."""
    after: bool = False
    """reset: break the connection after the request was carried out, so that only its answer is lost."""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Fault:
        return cls(**values)
