"""Use case: backups, restores and verifications over HTTP."""
