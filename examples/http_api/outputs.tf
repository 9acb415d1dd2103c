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

output "endpoint" {
  description = "URL of the HTTP API."
  value       = module.dynamodb_backup.http_api.endpoint
}

output "api_id" {
  description = "Id of the HTTP API."
  value       = module.dynamodb_backup.http_api.id
}

output "pipeline_policy_arn" {
  description = "Policy that allows to start backups and to follow them."
  value       = aws_iam_policy.pipeline.arn
}
