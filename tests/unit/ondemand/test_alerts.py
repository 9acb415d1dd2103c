"""The words for the topic of failures."""

from __future__ import annotations

from typing import Any

import pytest

from dynamodb_backup.ondemand.alerts import alert


class FakeSns:
    def __init__(self) -> None:
        self.published: list[dict[str, Any]] = []

    def publish(self, **parameters: Any) -> None:
        self.published.append(parameters)


@pytest.mark.parametrize("name", ["orders\nBcc: all", "\x1b[2J", "tür\u2028", "\ud800", "x" * 300, "a\r\n b"])
def test_no_name_out_of_the_queue_keeps_the_alert_from_being_sent(name: str) -> None:
    sns: Any = FakeSns()
    alert(sns, "arn:aws:sns:us-east-1:123456789012:on-call", "prod", f"On-demand backup failed: {name}", ["it failed"])
    subject = sns.published[0]["Subject"]
    assert subject.startswith("On-demand backup failed: ")
    assert subject.isascii()
    assert subject.isprintable()
    assert len(subject) < 100
