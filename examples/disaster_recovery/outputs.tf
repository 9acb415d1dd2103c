output "bucket" {
  description = "Name of the bucket in which the backups lie."
  value       = module.dynamodb_backup.bucket.name
}

output "replica_bucket" {
  description = "Name of the bucket in the second region to which they are copied."
  value       = module.replica.bucket.name
}

output "backup_function" {
  description = "Name of the function that backs up."
  value       = module.dynamodb_backup.functions.backup.name
}

output "restore_function" {
  description = "Name of the function that restores, in the first region."
  value       = module.dynamodb_backup.functions.restore.name
}

output "standby_functions" {
  description = "Functions in the second region: backup, restore and verify, each with arn and name."
  value       = module.standby.functions
}

output "standby_restore_state_machine_arn" {
  description = "ARN of the state machine in the second region that restores tables of any size."
  value       = module.standby.state_machines.restore.arn
}
