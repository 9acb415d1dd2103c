output "bucket" {
  description = "The bucket: arn and name."
  value = {
    arn  = local.arn
    name = var.name
  }

  # S3 refuses to replicate into a bucket without versioning, and out of one with Object Lock into one without.
  depends_on = [
    aws_s3_bucket_object_lock_configuration.this,
    aws_s3_bucket_ownership_controls.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
  ]
}

output "alarm" {
  description = "CloudWatch alarm on late copies: arn and name; null without one."
  value       = one([for alarm in aws_cloudwatch_metric_alarm.late : { arn = alarm.arn, name = alarm.alarm_name }])
}
