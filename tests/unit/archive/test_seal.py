"""Our own manifests and chain records state a checksum of themselves, and of what was verified."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dynamodb_backup.archive.chain import Base, Chain, Window
from dynamodb_backup.archive.export_manifests import DataFile, files_digest, refuse_other_files
from dynamodb_backup.archive.manifest import BackupManifest, ManifestEntry
from dynamodb_backup.errors import BackupDamaged

DATE = "2026-01-31"
KEY = f"native-exports/{DATE}/manifest.json"
CHAIN_KEY = f"native-exports/chains/orders/{DATE}-0001.json"


def manifest() -> dict[str, Any]:
    entries = {
        table: ManifestEntry(table, "COMPLETED", {"table_name": table, "status": "COMPLETED"})
        for table in ("orders", "offers")
    }
    body = BackupManifest(KEY, DATE, entries).to_json(
        environment="test", bucket="backups", backup_type="DYNAMODB_NATIVE_EXPORT", created_at=f"{DATE}T02:00:00Z"
    )
    document: dict[str, Any] = json.loads(body)
    return document


def chain() -> dict[str, Any]:
    window = Window("2026-01-31T02:00:00Z", "2026-01-31T03:00:00Z", "r2", "p", "2026-01-31T03:10:00Z", "COMPLETED")
    base = Base(DATE, f"{DATE}-0001", "a/b/AWSDynamoDB/1/manifest-summary.json", "2026-01-31T02:00:00Z")
    document: dict[str, Any] = json.loads(Chain(CHAIN_KEY, "orders", f"{DATE}-0001", base, windows=(window,)).to_json())
    return document


def parse_manifest(document: dict[str, Any]) -> BackupManifest:
    return BackupManifest.parse(KEY, DATE, json.dumps(document).encode())


def parse_chain(document: dict[str, Any]) -> Chain:
    return Chain.parse(CHAIN_KEY, json.dumps(document, sort_keys=True).encode(), '"1"')


def test_a_table_whose_name_became_anothers_is_not_left_out_silently() -> None:
    document = manifest()
    document["exports"][0]["table_name"] = document["exports"][1]["table_name"]
    with pytest.raises(BackupDamaged, match=r"native-exports/2026-01-31/manifest\.json is altered.*'sha256'"):
        parse_manifest(document)


def test_a_backup_that_is_no_longer_completed_does_not_give_way_to_an_older_one() -> None:
    document = manifest()
    document["exports"][0]["status"] = "COMPLETEE"
    with pytest.raises(BackupDamaged, match="is altered"):
        parse_manifest(document)


def test_a_manifest_of_another_date_is_refused() -> None:
    with pytest.raises(BackupDamaged, match="manifest of another date: its backup_date is not 2026-02-01"):
        BackupManifest.parse("native-exports/2026-02-01/manifest.json", "2026-02-01", json.dumps(manifest()).encode())


def test_another_tools_manifest_is_read_where_it_lies_whatever_date_it_states() -> None:
    document = manifest()
    del document["sha256"]
    moved = BackupManifest.parse("native-exports/2026-02-01/manifest.json", "2026-02-01", json.dumps(document).encode())
    assert moved.backup_date == "2026-02-01"


def test_what_another_tool_or_an_earlier_version_wrote_has_no_checksum_and_is_read() -> None:
    document, record = manifest(), chain()
    del document["sha256"], record["sha256"]
    assert set(parse_manifest(document).entries) == {"offers", "orders"}
    assert len(parse_chain(record).completed) == 1


def test_spaces_and_the_order_of_members_are_no_damage() -> None:
    document = dict(reversed(manifest().items()))
    body = json.dumps(document, indent=7).encode()
    assert set(BackupManifest.parse(KEY, DATE, body).entries) == {"offers", "orders"}
    assert parse_chain(chain()).table_name == "orders"


def test_a_window_that_is_no_longer_completed_is_not_left_out_silently() -> None:
    record = chain()
    record["windows"][0]["status"] = "COMPLETE"
    with pytest.raises(BackupDamaged, match=r"chain record native-exports.* is altered"):
        parse_chain(record)


def test_a_chain_record_in_anothers_place_is_refused() -> None:
    body = json.dumps(chain()).encode()
    with pytest.raises(BackupDamaged, match="is that of table orders and full backup 2026-01-31-0001"):
        Chain.parse(CHAIN_KEY.replace("orders", "offers"), body, '"1"')


def test_files_are_the_same_wherever_they_lie_and_in_any_order() -> None:
    files = [DataFile(f"a/AWSDynamoDB/1/data/{name}.json.gz", 1, name * 3, None) for name in "xyz"]
    copied = [DataFile(file.key.replace("a/", "elsewhere/"), 1, file.md5, "etag") for file in reversed(files)]
    refuse_other_files("s3://b/a/", copied, files_digest(files), "the manifest")
    refuse_other_files("s3://b/a/", copied, None, "the manifest of an earlier version")


@pytest.mark.parametrize("change", [{"md5": "other"}, {"item_count": 2}, {"key": "a/data/other"}])
def test_other_files_than_were_verified_are_refused(change: dict[str, Any]) -> None:
    file = DataFile("a/data/x", 1, "md5", None)
    other = DataFile(**{**vars(file), **change})
    with pytest.raises(BackupDamaged, match=r"s3://b/a/ lists are not the ones that m\.json recorded"):
        refuse_other_files("s3://b/a/", [other], files_digest([file]), "m.json")
