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

output "roles" {
  description = "IAM roles of the module, none of which can delete a backup."
  value       = module.dynamodb_backup.roles
}
