output "functions" {
  description = "Lambda functions: arn and name of create, which makes the backups, and monitor, which watches them."
  value = {
    create  = module.create.function
    monitor = module.monitor.function
  }
}

output "roles" {
  description = "IAM roles: arn and name of create, monitor and schedule; schedule is null without one."
  value = {
    create   = module.create.role
    monitor  = module.monitor.role
    schedule = one([for schedule in module.schedule : { arn = schedule.role.arn, name = schedule.role.name }])
  }
}

output "log_groups" {
  description = "CloudWatch log groups: arn and name of those of create and monitor."
  value = {
    create  = module.create.log_group
    monitor = module.monitor.log_group
  }
}

output "queues" {
  description = "SQS queues: arn, name and url of watched, which holds the backups that are being watched, and dead_letter."
  value = {
    watched     = { arn = aws_sqs_queue.this.arn, name = aws_sqs_queue.this.name, url = aws_sqs_queue.this.url }
    dead_letter = { arn = aws_sqs_queue.dead_letter.arn, name = aws_sqs_queue.dead_letter.name, url = aws_sqs_queue.dead_letter.url }
  }
}

output "topic_arn" {
  description = "ARN of the SNS topic that hears of failures, created or existing; null where there is none."
  value       = local.topic_arn

  # Whoever subscribes to the topic finds it there.
  depends_on = [aws_sns_topic_policy.this]
}

output "alarms" {
  description = "CloudWatch alarms: arn and name of failed and dead_letter, and of not_fresh by table."
  value = {
    failed      = { arn = aws_cloudwatch_metric_alarm.failed.arn, name = aws_cloudwatch_metric_alarm.failed.alarm_name }
    dead_letter = { arn = aws_cloudwatch_metric_alarm.dead_letter.arn, name = aws_cloudwatch_metric_alarm.dead_letter.alarm_name }
    not_fresh   = { for table, alarm in aws_cloudwatch_metric_alarm.not_fresh : table => { arn = alarm.arn, name = alarm.alarm_name } }
  }
}

output "schedule" {
  description = "EventBridge schedule: arn, name and group_name; null without one."
  value       = one([for schedule in try(module.schedule[0].schedules, {}) : { arn = schedule.arn, name = schedule.name, group_name = schedule.group_name }])
}

output "backup_name_prefix" {
  description = "How the names of the backups begin that this module made and will delete."
  value       = "${local.full_prefix}-"
}
