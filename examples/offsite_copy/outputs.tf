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

output "offsite_copy_function" {
  description = "Name of the function that copies off-site, and fetches from there."
  value       = module.dynamodb_backup.offsite_copy.function.name
}

output "offsite_copy_state_machine_arn" {
  description = "ARN of the state machine that carries a copy to its end."
  value       = module.dynamodb_backup.offsite_copy.state_machine.arn
}

output "store_secret_arn" {
  description = "ARN of the secret in which the store's key is to be put."
  value       = aws_secretsmanager_secret.store.arn
}
