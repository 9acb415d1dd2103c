"""Use case: revert exactly what changed in a window of time."""
