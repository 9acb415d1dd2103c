# Who hears of it: a topic for failures, created, existing or absent, and the alarms.

locals {
  # Built from names, so that policies are known at plan.
  topic_arn = var.notifications.create ? "arn:${local.partition}:sns:${local.region}:${local.account_id}:${local.prefix}-on-demand-backup-failure" : var.notifications.topic_arn

  # An existing topic has the key that it has.
  topic_key_arn = try(coalesce(var.notifications.kms_key_arn, var.notifications.create ? var.service_kms_key_arn : null), null)
  queue_key_arn = try(coalesce(var.queue_kms_key_arn, var.service_kms_key_arn), null)
  kms_key_arns  = distinct(compact([local.queue_key_arn, local.topic_arn == null ? null : local.topic_key_arn]))

  alarm_actions = local.topic_arn == null ? [] : [local.topic_arn]
  namespace     = local.environment.POWERTOOLS_METRICS_NAMESPACE

  # Alarm names have at most 255 characters, and a table's alone may have as many.
  not_fresh_prefix = "${local.prefix}-on-demand-backup-not-fresh-"
  not_fresh_names = {
    for table in local.table_names : table =>
    length("${local.not_fresh_prefix}${table}") <= 255 ? "${local.not_fresh_prefix}${table}" : "${substr("${local.not_fresh_prefix}${table}", 0, 246)}-${substr(sha256(table), 0, 8)}"
  }
}

data "aws_iam_policy_document" "topic" {
  count = var.notifications.create ? 1 : 0

  # The functions publish by their roles. Alarms have none and need this.
  # https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
  statement {
    sid       = "PublishAlarms"
    actions   = ["sns:Publish"]
    resources = [local.topic_arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:cloudwatch:${local.region}:${local.account_id}:alarm:${local.prefix}-on-demand-backup-*"]
    }
  }

  statement {
    sid       = "DenyWithoutTLS"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [local.topic_arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sns_topic" "this" {
  count = var.notifications.create ? 1 : 0

  name              = "${local.prefix}-on-demand-backup-failure"
  kms_master_key_id = local.topic_key_arn
  tags              = var.tags
}

resource "aws_sns_topic_policy" "this" {
  count = var.notifications.create ? 1 : 0

  arn    = aws_sns_topic.this[0].arn
  policy = data.aws_iam_policy_document.topic[0].json
}

resource "aws_cloudwatch_metric_alarm" "failed" {
  alarm_name          = "${local.prefix}-on-demand-backup-failed"
  alarm_description   = "An on-demand backup of ${local.full_prefix} failed or was lost, or the function that makes them died. The logs of ${local.create_name} and ${local.monitor_name} say why."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions

  metric_query {
    id          = "unsuccessful"
    expression  = "SUM(METRICS())"
    label       = "On-demand backups that did not succeed"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = {
      created = { namespace = local.namespace, name = "OnDemandBackupsFailed", dimensions = { environment = var.environment, service = local.create_name } }
      watched = { namespace = local.namespace, name = "OnDemandBackupsFailed", dimensions = { environment = var.environment, service = local.monitor_name } }
      died    = { namespace = "AWS/Lambda", name = "Errors", dimensions = { FunctionName = local.create_name } }
    }

    content {
      id = metric_query.key

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        period      = 300
        stat        = "Sum"
        dimensions  = metric_query.value.dimensions
      }
    }
  }

  tags = var.tags
}

resource "aws_cloudwatch_metric_alarm" "dead_letter" {
  alarm_name          = "${local.prefix}-on-demand-backup-dead-letter"
  alarm_description   = "The queue ${local.dead_letter_queue_name} holds on-demand backups of ${local.full_prefix} that could not be watched. The log of ${local.monitor_name} says why; send them back once the cause is mended."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  period              = 300
  statistic           = "Maximum"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  dimensions          = { QueueName = aws_sqs_queue.dead_letter.name }
  tags                = var.tags
}

# Missing data is the very thing to be heard of: a schedule that is off, a function that never runs, metrics that stay away.
resource "aws_cloudwatch_metric_alarm" "not_fresh" {
  for_each = var.max_backup_age_hours == null ? {} : local.not_fresh_names

  alarm_name          = each.value
  alarm_description   = "No on-demand backup of the DynamoDB table ${each.key} became AVAILABLE in the last ${var.max_backup_age_hours} hours. Look at the logs of ${local.create_name} and ${local.monitor_name}, and invoke the former."
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  evaluation_periods  = var.max_backup_age_hours
  period              = 3600
  statistic           = "Sum"
  namespace           = local.namespace
  metric_name         = "OnDemandBackupAvailable"
  treat_missing_data  = "breaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  dimensions          = { environment = var.environment, table = each.key, service = local.monitor_name }
  tags                = var.tags
}
