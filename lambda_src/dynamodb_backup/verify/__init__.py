"""Use case: find out whether a stored backup is whole."""
