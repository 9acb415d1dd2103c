"""The copy of the backups in another, S3-compatible store, and their way back."""
