"""What a restore cannot be asked for: fields that contradict each other, refused before anything is read."""

from __future__ import annotations

from dynamodb_backup.contract.restore_fields import FIELDS_OF_ON_DEMAND, RestoreFields
from dynamodb_backup.contract.transform import refuse_transform_without_effect
from dynamodb_backup.errors import RequestRefused

__all__ = ["refuse_contradictions"]


def refuse_contradictions(asked: RestoreFields) -> None:
    """Refuse fields that do not go together.

    Raises
    ------
    RequestRefused
        With the field to change.
    """
    _refuse_on_demand_backup(asked)
    _refuse_export(asked)
    _refuse_targets(asked)
    _refuse_new_targets(asked)
    _refuse_selection(asked)
    _refuse_modes(asked)
    _refuse_moment(asked)
    if asked.transform or asked.transform_salt:
        refuse_transform_without_effect(
            asked.transform,
            asked.transform_salt,
            imports=asked.method == "import",
            compares=asked.prove or asked.write_mode == "diff",
            applies_changes=asked.restore_to is not None,
            tables=asked.tables,
            targets=None if asked.target_role_arn else asked.target_tables,
        )


def _refuse_export(asked: RestoreFields) -> None:
    if asked.export is None:
        return
    if "backup_date" in asked.given:
        raise RequestRefused("export", "stands instead of 'backup_date'; give one of the two")
    if len(set(asked.tables or ()) | set(asked.target_tables)) != 1:
        raise RequestRefused("export", "holds one table, so 'tables' or 'target_tables' must name exactly that one")


def _refuse_on_demand_backup(asked: RestoreFields) -> None:
    if asked.on_demand_backup is None:
        return
    for name in sorted(asked.given - FIELDS_OF_ON_DEMAND):
        raise RequestRefused(name, "cannot go with 'on_demand_backup', which DynamoDB restores into a new table")
    named = set(asked.tables or ()) | set(asked.target_tables)
    if asked.on_demand_backup == "latest":
        if not named:
            raise RequestRefused("on_demand_backup", "is latest, so 'tables' or 'target_tables' must say of which")
        return
    source = asked.on_demand_backup.partition(":table/")[2].partition("/")[0]
    if named - {source}:
        raise RequestRefused("on_demand_backup", f"is of table '{source}', so no other table can be named beside it")


def _refuse_moment(asked: RestoreFields) -> None:
    """Refuse what a full backup with its increments cannot be combined with."""
    if asked.restore_to is None:
        if asked.allow_gap:
            raise RequestRefused("allow_gap", "is for a restore to a point in time; give 'restore_to' too")
        return
    for name in ("backup_date", "export", "keys", "partition_keys"):
        if name in asked.given:
            raise RequestRefused("restore_to", f"finds its backups by itself, so '{name}' cannot be given too")
    if asked.method == "import":
        raise RequestRefused(
            "restore_to", 'applies increments, which DynamoDB cannot import; leave out "method": "import"'
        )
    if asked.write_mode not in {"overwrite", "mirror"}:
        raise RequestRefused(
            "restore_to", f"applies changes in their order, so 'write_mode' cannot be {asked.write_mode}"
        )


def _refuse_new_targets(asked: RestoreFields) -> None:
    """Refuse what contradicts a target that the restore makes itself."""
    if asked.target_role_arn and asked.method == "import":
        raise RequestRefused(
            "target_role_arn",
            'cannot go with "method": "import", for which the role would have to read this bucket; '
            "leave out 'method' and give 'create_missing_tables'",
        )
    imports = asked.method == "import"
    for name, given in (("method", imports), ("create_missing_tables", asked.create_missing_tables)):
        if given and asked.export:
            raise RequestRefused(
                name, "needs the table definition captured with a backup, so it cannot go with 'export'"
            )
    if imports and asked.create_missing_tables:
        raise RequestRefused("create_missing_tables", "is what an import does anyway; leave it out")
    if imports and asked.clear_existing_data:
        raise RequestRefused("clear_existing_data", 'cannot go with "method": "import", which always makes a new table')
    if asked.warm_write_units_per_second and not asked.create_missing_tables:
        raise RequestRefused("warm_write_units_per_second", "is for tables made by 'create_missing_tables'")


def _refuse_modes(asked: RestoreFields) -> None:
    if asked.method == "import" and asked.write_mode != "overwrite":
        raise RequestRefused("write_mode", 'cannot go with "method": "import", which always makes a new table')
    if asked.prove and asked.dry_run:
        raise RequestRefused(
            "prove", 'is for what was written, and a dry run writes nothing; use "action": "verify" to compare'
        )


def _refuse_targets(asked: RestoreFields) -> None:
    if asked.tables is None:
        sources = set(asked.target_tables)
    else:
        sources = set(asked.tables)
        for source in asked.target_tables:
            if source not in sources:
                raise RequestRefused("target_tables", f"names source '{source}', which is not in 'tables'")
    asked.refuse_shared_targets(sources)


def _refuse_selection(asked: RestoreFields) -> None:
    """Keys belong to one table, and nothing but their items may change."""
    if asked.keys and asked.partition_keys:
        raise RequestRefused("partition_keys", "stands instead of 'keys'; give one of the two")
    if not asked.selected_keys:
        return
    field = "keys" if asked.keys else "partition_keys"
    if asked.clear_existing_data:
        raise RequestRefused(
            field, "brings back single items and changes nothing else, so 'clear_existing_data' cannot be true"
        )
    if asked.method == "import":
        raise RequestRefused(
            field,
            "brings back single items by writing them, so 'method' cannot be import: that takes a whole export",
        )
    if asked.restore_id is None and len(set(asked.tables or asked.target_tables)) != 1:
        raise RequestRefused(field, "belongs to one table, so 'tables' or 'target_tables' must name exactly one")
