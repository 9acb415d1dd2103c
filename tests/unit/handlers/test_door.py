"""What every entry point answers can be written by Lambda, whatever the event or an object in S3 held."""

from __future__ import annotations

import json

from dynamodb_backup.contract.restore_result import RestoreResult
from dynamodb_backup.errors import BackupDamaged
from dynamodb_backup.handlers.door import answer_or_500


def refused() -> RestoreResult:
    raise BackupDamaged("half a pair: \ud800")


def test_half_a_surrogate_pair_does_not_cost_the_answer() -> None:
    response = answer_or_500(refused, RestoreResult)
    assert json.dumps(response, ensure_ascii=False).encode()
    assert (response["statusCode"], response["body"]["error"]) == (500, "half a pair: ?")


def test_what_can_be_written_stays_as_it_is() -> None:
    response = answer_or_500(lambda: RestoreResult(None, None, warnings=("Zürich 🙂\x1b",)), RestoreResult)
    assert response["body"]["warnings"] == ["Zürich 🙂\x1b"]
