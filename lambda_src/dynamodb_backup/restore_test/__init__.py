"""Use case: show that backups can be restored, by restoring each into a scratch table that is deleted afterwards."""
