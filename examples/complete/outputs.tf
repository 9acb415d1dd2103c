output "tables" {
  description = "Full names of the tables that are backed up, by their short names."
  value       = module.dynamodb_backup.tables
}

output "bucket" {
  description = "Name of the bucket in which the backups lie."
  value       = module.dynamodb_backup.bucket.name
}

output "exports_prefix" {
  description = "Key prefix of the backups in the bucket."
  value       = module.dynamodb_backup.bucket.exports_prefix
}

output "backup_function" {
  description = "Name of the function that backs up."
  value       = module.dynamodb_backup.functions.backup.name
}

output "restore_function" {
  description = "Name of the function that restores."
  value       = module.dynamodb_backup.functions.restore.name
}

output "backup_state_machine_arn" {
  description = "ARN of the state machine that the schedule starts: it invokes the backup function until every export is done."
  value       = module.dynamodb_backup.state_machines.backup.arn
}

output "restore_state_machine_arn" {
  description = "ARN of the state machine that restores: its input is a restore event."
  value       = module.dynamodb_backup.state_machines.restore.arn
}

output "topics" {
  description = "ARNs of the topics that hear of failures and successes."
  value       = module.dynamodb_backup.topics
}

output "roles" {
  description = "ARNs and names of all roles."
  value       = module.dynamodb_backup.roles
}
