"""Use case: a legal hold on the backups of a date. It has no time: it stays until somebody takes it away."""
