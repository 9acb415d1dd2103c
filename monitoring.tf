# So that a failed backup is heard of, and one that never began.

locals {
  alarm_actions = local.topic_arns.failure == null ? [] : [local.topic_arns.failure]

  # Alarm names have at most 255 characters, and a table's alone may have as many.
  not_fresh_prefix = "${local.prefix}-dynamodb-backup-not-fresh-"
  not_fresh_names = {
    for key, table in local.tables : key =>
    length("${local.not_fresh_prefix}${table}") <= 255 ? "${local.not_fresh_prefix}${table}" : "${substr("${local.not_fresh_prefix}${table}", 0, 246)}-${substr(sha256(table), 0, 8)}"
  }
}

resource "aws_cloudwatch_metric_alarm" "undelivered" {
  alarm_name          = "${local.prefix}-dynamodb-backup-undelivered"
  alarm_description   = "EventBridge Scheduler could not start the backup of the DynamoDB tables of ${local.full_prefix}. The messages of the queue ${aws_sqs_queue.undelivered.name} say why. Mend the cause, start the state machine ${module.backup_state_machine.state_machine.name}, and purge the queue."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  period              = 300
  statistic           = "Maximum"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  dimensions          = { QueueName = aws_sqs_queue.undelivered.name }
  tags                = var.tags
}

# The state machine tells of it in words; this also hears of backups that somebody made without it, and of words that got lost.
resource "aws_cloudwatch_metric_alarm" "item_count" {
  count = var.item_count_collapse == null ? 0 : 1

  alarm_name          = "${local.prefix}-dynamodb-backup-item-count"
  alarm_description   = "A DynamoDB table of ${local.full_prefix} has lost most of its items between two backups, or that could not be seen; its older backups do not expire. The warnings of the last manifest.json say which. Restore it, or accept it by accept_collapse: docs/retention.md."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  period              = 300
  statistic           = "Maximum"
  namespace           = local.environment.POWERTOOLS_METRICS_NAMESPACE
  metric_name         = "ItemCountAlerts"
  # Between two backups nothing is known, and nothing has changed.
  treat_missing_data = "ignore"
  alarm_actions      = local.alarm_actions
  ok_actions         = local.alarm_actions

  dimensions = {
    environment = var.environment
    service     = module.backup.environment.POWERTOOLS_SERVICE_NAME
  }

  tags = var.tags
}

# Missing data is the very thing to be heard of: a schedule that is off, a function that never runs, metrics that stay away.
resource "aws_cloudwatch_metric_alarm" "not_fresh" {
  for_each = var.max_backup_age_hours == null ? {} : local.tables

  alarm_name          = local.not_fresh_names[each.key]
  alarm_description   = "No backup of the DynamoDB table ${each.value} was verified in the last ${var.max_backup_age_hours} hours. Look at the executions of the state machine ${module.backup_state_machine.state_machine.name} and at its schedules, and start it."
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  evaluation_periods  = var.max_backup_age_hours
  period              = 3600
  statistic           = "Sum"
  namespace           = local.environment.POWERTOOLS_METRICS_NAMESPACE
  metric_name         = "BackupSucceeded"
  treat_missing_data  = "breaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions

  # All three that the function writes: CloudWatch takes each set of dimensions for another metric.
  dimensions = {
    environment = var.environment
    table       = each.value
    service     = module.backup.environment.POWERTOOLS_SERVICE_NAME
  }

  tags = var.tags
}
