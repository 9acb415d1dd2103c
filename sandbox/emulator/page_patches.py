"""How much a page of a Scan or a Query holds: a table of many pages needs no large items then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.emulator import patch_points as at
from sandbox.emulator.settings import TableSettings


class Pages:
    """The pages of all tables."""

    def __init__(self) -> None:
        self.settings = TableSettings()

    def reset(self, original: Callable[[], None]) -> Callable[[], None]:
        """Wrap DynamoDB's reset."""

        def both() -> None:
            original()
            self.settings = TableSettings()

        return both

    def read(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap what reads a page."""

        def page(*arguments: Any, **named: Any) -> Any:
            at.PAGE_BYTES.replace(self.settings.page_bytes)
            return original(*arguments, **named)

        return page


def apply() -> Pages:
    """Install the patches."""
    pages = Pages()
    at.READ_PAGE.wrap(pages.read)
    at.RESET_DYNAMODB.wrap(pages.reset)
    return pages
