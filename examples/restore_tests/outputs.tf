output "bucket" {
  description = "Name of the bucket in which the backups lie."
  value       = module.dynamodb_backup.bucket.name
}

output "backup_function" {
  description = "Name of the function that backs up."
  value       = module.dynamodb_backup.functions.backup.name
}

output "restore_function" {
  description = "Name of the function that restores."
  value       = module.dynamodb_backup.functions.restore.name
}

output "restore_test_function" {
  description = "Name of the function that tests restores."
  value       = module.dynamodb_backup.restore_tests.function.name
}

output "restore_test_state_machine_arn" {
  description = "ARN of the state machine that carries a restore test to its end."
  value       = module.dynamodb_backup.restore_tests.state_machine.arn
}
