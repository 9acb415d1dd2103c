# So that a failed backup is heard of.

resource "aws_cloudwatch_metric_alarm" "backup_failed" {
  alarm_name          = "${local.prefix}-dynamodb-backup-failed"
  alarm_description   = "A backup of the DynamoDB tables of ${local.full_prefix} failed, timed out or was aborted. The executions of the state machine ${aws_sfn_state_machine.backup.name} say why."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topic_arns.failure == null ? [] : [local.topic_arns.failure]

  metric_query {
    id          = "unsuccessful"
    expression  = "SUM(METRICS())"
    label       = "Backups that did not succeed"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = {
      failed    = "ExecutionsFailed"
      timed_out = "ExecutionsTimedOut"
      aborted   = "ExecutionsAborted"
    }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/States"
        metric_name = metric_query.value
        period      = 300
        stat        = "Sum"
        dimensions  = { StateMachineArn = aws_sfn_state_machine.backup.arn }
      }
    }
  }

  tags = var.tags
}
