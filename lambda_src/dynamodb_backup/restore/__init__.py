"""Use case: plan, verify, write, resume: bring tables back exactly."""
