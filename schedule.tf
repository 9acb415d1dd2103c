# When the backup state machine is started.

locals {
  # jsonencode writes "<" as \u003c, which EventBridge Scheduler does not take for the beginning of a context attribute.
  # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
  schedule_input = { for name, schedule in var.schedules : name => replace(replace(jsonencode(merge({
    source      = "aws.scheduler"
    detail-type = "Scheduled Event"
    id          = "<aws.scheduler.execution-id>"
    time        = "<aws.scheduler.scheduled-time>"
  }, schedule.export_type == "FULL_EXPORT" ? {} : { export_type = schedule.export_type })), "\\u003c", "<"), "\\u003e", ">") }
}

data "aws_iam_policy_document" "schedule_trust" {
  statement {
    sid     = "Scheduler"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }

    # Scheduler names the schedule's group as the source, not the schedule: one more reason for a group of our own.
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:scheduler:${local.region}:${local.account_id}:schedule-group/${local.prefix}-dynamodb-backup"]
    }
  }
}

data "aws_iam_policy_document" "schedule" {
  # What the schedules are for.
  statement {
    sid       = "StartBackup"
    actions   = ["states:StartExecution"]
    resources = ["arn:${local.partition}:states:${local.region}:${local.account_id}:stateMachine:${local.prefix}-dynamodb-backup"]
  }

  # A start that Scheduler could not deliver is kept, and heard of by the queue's alarm.
  statement {
    sid       = "KeepUndelivered"
    actions   = ["sqs:SendMessage"]
    resources = ["arn:${local.partition}:sqs:${local.region}:${local.account_id}:${local.prefix}-dynamodb-backup-undelivered"]
  }

  # Sending to an encrypted queue takes its key.
  dynamic "statement" {
    for_each = var.service_kms_key_arn == null ? [] : [var.service_kms_key_arn]

    content {
      sid       = "UseQueueKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}

# Starts that Scheduler could not deliver, with its reason in the message's attributes; the alarm of this queue tells of them.
resource "aws_sqs_queue" "undelivered" {
  name                      = "${local.prefix}-dynamodb-backup-undelivered"
  message_retention_seconds = 1209600 # 14 days, the most that SQS keeps a message
  sqs_managed_sse_enabled   = var.service_kms_key_arn == null ? true : null
  kms_master_key_id         = var.service_kms_key_arn
  tags                      = var.tags
}

resource "aws_iam_role" "schedule" {
  name                 = "${local.prefix}-dynamodb-backup-schedule"
  description          = "Lets the backup schedules of ${local.full_prefix} start the backup state machine"
  assume_role_policy   = data.aws_iam_policy_document.schedule_trust.json
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "schedule" {
  name   = "start-backup"
  role   = aws_iam_role.schedule.id
  policy = data.aws_iam_policy_document.schedule.json
}

resource "aws_scheduler_schedule_group" "this" {
  name = "${local.prefix}-dynamodb-backup"
  tags = var.tags
}

resource "aws_scheduler_schedule" "backup" {
  # checkov:skip=CKV_AWS_297: A schedule's payload says when it was started and nothing else; a key would take a permission for nothing.

  for_each = var.schedules

  name                         = each.key
  description                  = "Starts the backup of the DynamoDB tables of ${local.full_prefix}"
  group_name                   = aws_scheduler_schedule_group.this.name
  state                        = each.value.enabled ? "ENABLED" : "DISABLED"
  schedule_expression          = each.value.expression
  schedule_expression_timezone = each.value.time_zone

  flexible_time_window {
    mode                      = each.value.flexible_window_minutes == 0 ? "OFF" : "FLEXIBLE"
    maximum_window_in_minutes = each.value.flexible_window_minutes == 0 ? null : each.value.flexible_window_minutes
  }

  target {
    arn      = aws_sfn_state_machine.backup.arn
    role_arn = aws_iam_role.schedule.arn
    input    = local.schedule_input[each.key]

    # Scheduler's own default tries for a day; the next backup of a daily schedule would come first.
    retry_policy {
      maximum_event_age_in_seconds = 7200
      maximum_retry_attempts       = 185
    }

    dead_letter_config {
      arn = aws_sqs_queue.undelivered.arn
    }
  }

  # Without the permission the first scheduled backup would be lost.
  depends_on = [aws_iam_role_policy.schedule]
}
