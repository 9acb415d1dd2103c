"""What the demo raises when the product does not do what it promises."""

from __future__ import annotations

__all__ = ["DemoFailed"]


class DemoFailed(Exception):
    """Something did not come out as it should; the message says what, in one sentence."""
