# Schedules in a group of their own, and the role by which EventBridge Scheduler starts what they are for.

locals {
  arn_of = {
    function      = "arn:${var.settings.aws.partition}:lambda:${var.settings.aws.region}:${var.settings.aws.account_id}:function"
    queue         = "arn:${var.settings.aws.partition}:sqs:${var.settings.aws.region}:${var.settings.aws.account_id}"
    group         = "arn:${var.settings.aws.partition}:scheduler:${var.settings.aws.region}:${var.settings.aws.account_id}:schedule-group"
    state_machine = "arn:${var.settings.aws.partition}:states:${var.settings.aws.region}:${var.settings.aws.account_id}:stateMachine"
  }

  # Built from names, so that a plan shows what the role may do.
  state_machine_arns = distinct([for schedule in var.schedules : "${local.arn_of.state_machine}:${schedule.state_machine}" if schedule.state_machine != null])
  function_arns      = distinct([for schedule in var.schedules : "${local.arn_of.function}:${schedule.function}" if schedule.function != null])

  # jsonencode writes "<" as \u003c, which EventBridge Scheduler does not take for the beginning of a context attribute.
  # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
  inputs = { for name, schedule in var.schedules : name => replace(replace(jsonencode(schedule.input), "\\u003c", "<"), "\\u003e", ">") }
}

data "aws_iam_policy_document" "trust" {
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
      values   = [var.settings.aws.account_id]
    }

    # Scheduler names the schedule's group as the source, not the schedule: one more reason for a group of our own.
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = ["${local.arn_of.group}/${var.name}"]
    }
  }
}

data "aws_iam_policy_document" "this" {
  # What schedules of a state machine are for.
  dynamic "statement" {
    for_each = length(local.state_machine_arns) == 0 ? [] : [local.state_machine_arns]

    content {
      sid       = "StartExecutions"
      actions   = ["states:StartExecution"]
      resources = statement.value
    }
  }

  # What schedules of a function are for: work that needs no state machine.
  dynamic "statement" {
    for_each = length(local.function_arns) == 0 ? [] : [local.function_arns]

    content {
      sid       = "InvokeFunctions"
      actions   = ["lambda:InvokeFunction"]
      resources = statement.value
    }
  }

  # A start that Scheduler could not deliver is kept, and heard of by the queue's alarm.
  dynamic "statement" {
    for_each = var.undelivered == null ? [] : ["${local.arn_of.queue}:${var.undelivered.queue_name}"]

    content {
      sid       = "KeepUndelivered"
      actions   = ["sqs:SendMessage"]
      resources = [statement.value]
    }
  }

  # Sending to an encrypted queue takes its key.
  dynamic "statement" {
    for_each = try(var.undelivered.key_arn, null) == null ? [] : [var.undelivered.key_arn]

    content {
      sid       = "UseQueueKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}

resource "aws_iam_role" "this" {
  name                 = var.role.name
  description          = var.role.description
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  path                 = var.settings.role_path
  permissions_boundary = var.settings.permissions_boundary_arn
  tags                 = var.settings.tags
}

resource "aws_iam_role_policy" "this" {
  name   = "start"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.this.json
}

resource "aws_scheduler_schedule_group" "this" {
  name = var.name
  tags = var.settings.tags
}

resource "aws_scheduler_schedule" "this" {
  # checkov:skip=CKV_AWS_297: A schedule's payload says when it was started and nothing else; a key would take a permission for nothing.

  for_each = var.schedules

  name                         = each.key
  description                  = each.value.description
  group_name                   = aws_scheduler_schedule_group.this.name
  state                        = each.value.enabled ? "ENABLED" : "DISABLED"
  schedule_expression          = each.value.expression
  schedule_expression_timezone = each.value.time_zone

  flexible_time_window {
    mode                      = each.value.flexible_window_minutes == 0 ? "OFF" : "FLEXIBLE"
    maximum_window_in_minutes = each.value.flexible_window_minutes == 0 ? null : each.value.flexible_window_minutes
  }

  target {
    arn      = each.value.state_machine == null ? "${local.arn_of.function}:${each.value.function}" : "${local.arn_of.state_machine}:${each.value.state_machine}"
    role_arn = aws_iam_role.this.arn
    input    = local.inputs[each.key]

    # Scheduler's own default tries for a day; the next start of a daily schedule would come first.
    retry_policy {
      maximum_event_age_in_seconds = 7200
      maximum_retry_attempts       = 185
    }

    dynamic "dead_letter_config" {
      for_each = var.undelivered == null ? [] : ["${local.arn_of.queue}:${var.undelivered.queue_name}"]

      content {
        arn = dead_letter_config.value
      }
    }
  }

  # Without the permission the first start would be lost.
  depends_on = [aws_iam_role_policy.this]
}
