"""Use case: start exports, follow them, verify them, record the run."""
