"""What MiniStack must know about the edge in front of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import patch_points as at

REWRITTEN_HEADER = "x-sandbox-rewritten"


def apply() -> None:
    """Accept the signature of a request whose body the edge has rewritten; every other one is verified."""

    def signature_failure(original: Callable[..., Any]) -> Callable[..., Any]:
        def checked(*arguments: Any, **named: Any) -> Any:
            headers = arguments[5]
            return None if REWRITTEN_HEADER in headers else original(*arguments, **named)

        return checked

    at.SIGNATURE_FAILURE.wrap(signature_failure)
