"""Use case: DynamoDB's own on-demand backups, made by schedule, watched until they are AVAILABLE, and expired."""
