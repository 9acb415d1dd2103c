# The function that makes a backup of each table and hands it to the monitor, and the schedule that invokes it.

locals {
  # jsonencode writes "<" as \u003c, which EventBridge Scheduler does not take for the beginning of a context attribute.
  # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
  schedule_input = replace(replace(jsonencode({
    source      = "aws.scheduler"
    detail-type = "Scheduled Event"
    id          = "<aws.scheduler.execution-id>"
    time        = "<aws.scheduler.scheduled-time>"
  }), "\\u003c", "<"), "\\u003e", ">")
}

data "aws_iam_policy_document" "create" {
  source_policy_documents = [data.aws_iam_policy_document.shared.json]

  # What the function is for, of the listed tables alone.
  statement {
    sid       = "CreateBackups"
    actions   = ["dynamodb:CreateBackup"]
    resources = local.table_arns
  }
}

module "create" {
  source = "../function"

  name            = local.create_name
  description     = "Makes on-demand backups of the DynamoDB tables of ${local.full_prefix}"
  handler         = "dynamodb_backup.handlers.on_demand_backup.lambda_handler"
  memory_mb       = 256
  timeout_seconds = 300
  # A run that died goes on where it stands, and makes no backup a second time: Lambda may repeat it.
  asynchronous_retries = 2
  environment          = local.environment
  policy_json          = data.aws_iam_policy_document.create.json
  settings             = local.function
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
      values   = ["arn:${local.partition}:scheduler:${local.region}:${local.account_id}:schedule-group/${local.create_name}"]
    }
  }
}

data "aws_iam_policy_document" "schedule" {
  # What the schedule is for.
  statement {
    sid       = "InvokeFunction"
    actions   = ["lambda:InvokeFunction"]
    resources = ["arn:${local.partition}:lambda:${local.region}:${local.account_id}:function:${local.create_name}"]
  }
}

resource "aws_iam_role" "schedule" {
  count = var.schedule == null ? 0 : 1

  name                 = "${local.create_name}-schedule"
  description          = "Lets the schedule of ${local.full_prefix} invoke the function that makes on-demand backups"
  assume_role_policy   = data.aws_iam_policy_document.schedule_trust.json
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "schedule" {
  count = var.schedule == null ? 0 : 1

  name   = "invoke-function"
  role   = aws_iam_role.schedule[0].id
  policy = data.aws_iam_policy_document.schedule.json
}

resource "aws_scheduler_schedule_group" "this" {
  count = var.schedule == null ? 0 : 1

  name = local.create_name
  tags = var.tags
}

resource "aws_scheduler_schedule" "this" {
  # checkov:skip=CKV_AWS_297: A schedule's payload says when it was started and nothing else; a key would take a permission for nothing.

  count = var.schedule == null ? 0 : 1

  name                         = "on-demand-backup"
  description                  = "Starts on-demand backups of the DynamoDB tables of ${local.full_prefix}"
  group_name                   = aws_scheduler_schedule_group.this[0].name
  state                        = var.schedule.enabled ? "ENABLED" : "DISABLED"
  schedule_expression          = var.schedule.expression
  schedule_expression_timezone = var.schedule.time_zone

  flexible_time_window {
    mode                      = var.schedule.flexible_window_minutes == 0 ? "OFF" : "FLEXIBLE"
    maximum_window_in_minutes = var.schedule.flexible_window_minutes == 0 ? null : var.schedule.flexible_window_minutes
  }

  target {
    arn      = module.create.function.arn
    role_arn = aws_iam_role.schedule[0].arn
    input    = local.schedule_input
  }

  # Without the permission the first scheduled backup would be lost.
  depends_on = [aws_iam_role_policy.schedule]
}
