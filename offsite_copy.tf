# The off-site copy: a Lambda function that copies verified backups to another S3-compatible store, the state machine that carries a copy
# to its end, and the schedules of copies and of reports. A backup does not wait for it and does not fail with it. Nothing of it is there unless
# offsite_copy is given.

locals {
  offsite_copies    = var.offsite_copy == null ? [] : [var.offsite_copy]
  offsite_copy_name = "${local.prefix}-dynamodb-offsite-copy"

  # Built from names, so that roles and schedules can name them at plan.
  offsite_copy_arns = {
    function      = "arn:${local.partition}:lambda:${local.region}:${local.account_id}:function:${local.offsite_copy_name}"
    state_machine = "arn:${local.partition}:states:${local.region}:${local.account_id}:stateMachine:${local.offsite_copy_name}"
  }

  # Alarm names have at most 255 characters. The topic's policy takes alarms whose names begin so.
  not_offsite_prefix = "${local.prefix}-dynamodb-backup-not-offsite-"
  not_offsite_names = {
    for key, table in local.tables : key =>
    length("${local.not_offsite_prefix}${table}") <= 255 ? "${local.not_offsite_prefix}${table}" : "${substr("${local.not_offsite_prefix}${table}", 0, 246)}-${substr(sha256(table), 0, 8)}"
    if var.offsite_copy != null
  }
}

data "aws_iam_policy_document" "offsite_copy" {
  # Finding the dates and chains that are not copied yet.
  statement {
    sid       = "ListBackups"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["${var.exports_prefix}/*"]
    }
  }

  # The backups, their manifests, and how far copies are.
  statement {
    sid       = "ReadBackups"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arn}/${var.exports_prefix}/*"]
  }

  # How far copies are. Unless the way back is allowed, the role writes nothing else.
  statement {
    sid       = "RecordCopies"
    actions   = ["s3:PutObject"]
    resources = ["${local.bucket_arn}/${var.exports_prefix}/offsite/*"]
  }

  # The way back, where it is allowed: dates and chains. An upload in parts is given up where it turns out to be another object.
  dynamic "statement" {
    for_each = [for copy in local.offsite_copies : copy if copy.allow_fetch]

    content {
      sid       = "FetchBackups"
      actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
      resources = [for place in ["????-??-??", "chains"] : "${local.bucket_arn}/${var.exports_prefix}/${place}/*"]
    }
  }

  # The other store's key, and no other secret.
  dynamic "statement" {
    for_each = local.offsite_copies

    content {
      sid       = "ReadStoreKey"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [statement.value.secret_arn]
    }
  }

  # Secrets Manager decrypts in the name of whoever reads, unless the secret is under AWS's own key:
  # https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
  dynamic "statement" {
    for_each = [for copy in local.offsite_copies : copy if copy.secret_kms_key_arn != null]

    content {
      sid       = "DecryptStoreKey"
      actions   = ["kms:Decrypt"]
      resources = [statement.value.secret_kms_key_arn]

      condition {
        test     = "StringLike"
        variable = "kms:ViaService"
        values   = ["secretsmanager.${local.region}.*"]
      }
    }
  }

  # Backups are read with it, records and what is fetched are written with it.
  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "UseBackupKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}

module "offsite_copy" {
  source = "./modules/function"
  count  = length(local.offsite_copies)

  name            = local.offsite_copy_name
  description     = "Copies the backups of the DynamoDB tables of ${local.full_prefix} to another S3-compatible store"
  handler         = "dynamodb_backup.handlers.offsite_copy.lambda_handler"
  memory_mb       = var.offsite_copy.memory_mb
  timeout_seconds = var.offsite_copy.timeout_seconds
  environment = merge(local.environment, {
    # Where the key is, never the key.
    OFFSITE_COPY = jsonencode({
      endpoint_url = var.offsite_copy.endpoint_url
      region       = var.offsite_copy.region
      bucket       = var.offsite_copy.bucket
      prefix       = coalesce(var.offsite_copy.prefix, var.exports_prefix)
      secret_arn   = var.offsite_copy.secret_arn
      days         = var.offsite_copy.days
      allow_fetch  = var.offsite_copy.allow_fetch
    })
  })
  policy_json = data.aws_iam_policy_document.offsite_copy.json
  settings    = local.function
}

# The state machine

data "aws_iam_policy_document" "offsite_copy_state_machine_trust" {
  statement {
    sid     = "StepFunctions"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["states.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = [local.offsite_copy_arns.state_machine]
    }
  }
}

data "aws_iam_policy_document" "offsite_copy_state_machine" {
  # Again and again, until all is copied.
  statement {
    sid       = "InvokeOffsiteCopy"
    actions   = ["lambda:InvokeFunction"]
    resources = [local.offsite_copy_arns.function]
  }

  # That a copy failed.
  dynamic "statement" {
    for_each = local.topic_arns.failure == null ? [] : [local.topic_arns.failure]

    content {
      sid       = "Notify"
      actions   = ["sns:Publish"]
      resources = [statement.value]
    }
  }

  # Publishing to an encrypted topic takes its key.
  dynamic "statement" {
    for_each = local.topic_key_arn == null ? [] : [local.topic_key_arn]

    content {
      sid       = "UseTopicKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}

resource "aws_iam_role" "offsite_copy_state_machine" {
  count = length(local.offsite_copies)

  name                 = "${local.offsite_copy_name}-machine"
  description          = "Lets the off-site copy's state machine of ${local.full_prefix} invoke its function and notify"
  assume_role_policy   = data.aws_iam_policy_document.offsite_copy_state_machine_trust.json
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "offsite_copy_state_machine" {
  count = length(local.offsite_copies)

  name   = "copy-and-notify"
  role   = aws_iam_role.offsite_copy_state_machine[0].id
  policy = data.aws_iam_policy_document.offsite_copy_state_machine.json
}

resource "aws_sfn_state_machine" "offsite_copy" {
  # checkov:skip=CKV_AWS_284: No X-Ray: an execution is one loop over one function, and its history shows each step with its time.
  # checkov:skip=CKV_AWS_285: Step Functions keeps the history of standard executions for 90 days; log delivery would need permissions on all resources.

  count = length(local.offsite_copies)

  name     = local.offsite_copy_name
  role_arn = aws_iam_role.offsite_copy_state_machine[0].arn
  definition = templatefile("${path.module}/templates/offsite_copy.asl.json", {
    partition            = local.partition
    function_arn         = module.offsite_copy[0].function.arn
    task_timeout_seconds = var.offsite_copy.timeout_seconds + 60
    retry                = file("${path.module}/templates/lambda_retry.json")
    name                 = local.full_prefix
    region               = local.region
    failure_topic_arn    = local.topic_arns.failure
  })
  tags = var.tags

  # A first execution must find the permission and the topics in place.
  depends_on = [aws_iam_role_policy.offsite_copy_state_machine, aws_sns_topic_policy.this]
}

# The schedules, in a group of their own: the names in the other one are the user's.

data "aws_iam_policy_document" "offsite_copy_schedule_trust" {
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

    # Scheduler names the schedule's group as the source, as in schedule.tf.
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:scheduler:${local.region}:${local.account_id}:schedule-group/${local.offsite_copy_name}"]
    }
  }
}

data "aws_iam_policy_document" "offsite_copy_schedule" {
  # What the schedule of copies is for.
  statement {
    sid       = "StartCopies"
    actions   = ["states:StartExecution"]
    resources = [local.offsite_copy_arns.state_machine]
  }

  # What the schedule of reports is for: it needs no state machine.
  statement {
    sid       = "ReportAges"
    actions   = ["lambda:InvokeFunction"]
    resources = [local.offsite_copy_arns.function]
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

resource "aws_iam_role" "offsite_copy_schedule" {
  count = length(local.offsite_copies)

  # Shorter than "schedule", because a role's name has at most 64 characters.
  name                 = "${local.offsite_copy_name}-starts"
  description          = "Lets the schedules of ${local.full_prefix} start off-site copies and their reports"
  assume_role_policy   = data.aws_iam_policy_document.offsite_copy_schedule_trust.json
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "offsite_copy_schedule" {
  count = length(local.offsite_copies)

  name   = "start-offsite-copies"
  role   = aws_iam_role.offsite_copy_schedule[0].id
  policy = data.aws_iam_policy_document.offsite_copy_schedule.json
}

resource "aws_scheduler_schedule_group" "offsite_copy" {
  count = length(local.offsite_copies)

  name = local.offsite_copy_name
  tags = var.tags
}

locals {
  # The age of the newest copy is published by a schedule of its own, so that it grows also when nothing is copied any more.
  offsite_copy_schedules = { for name, schedule in {
    copy   = { expression = try(var.offsite_copy.schedule, ""), time_zone = try(var.offsite_copy.time_zone, ""), target = local.offsite_copy_arns.state_machine, input = {} }
    report = { expression = "rate(6 hours)", time_zone = "UTC", target = local.offsite_copy_arns.function, input = { action = "report" } }
  } : name => schedule if length(local.offsite_copies) > 0 }
}

resource "aws_scheduler_schedule" "offsite_copy" {
  # checkov:skip=CKV_AWS_297: A schedule's payload says when it was started and nothing else; a key would take a permission for nothing.

  for_each = local.offsite_copy_schedules

  name                         = each.key
  description                  = "Off-site copies of the DynamoDB backups of ${local.full_prefix}: ${each.key}"
  group_name                   = aws_scheduler_schedule_group.offsite_copy[0].name
  schedule_expression          = each.value.expression
  schedule_expression_timezone = each.value.time_zone

  flexible_time_window {
    mode                      = "FLEXIBLE"
    maximum_window_in_minutes = 15
  }

  target {
    arn      = each.value.target
    role_arn = aws_iam_role.offsite_copy_schedule[0].arn
    input    = jsonencode(each.value.input)

    retry_policy {
      maximum_event_age_in_seconds = 7200
      maximum_retry_attempts       = 185
    }

    dead_letter_config {
      arn = aws_sqs_queue.undelivered.arn
    }
  }

  depends_on = [aws_iam_role_policy.offsite_copy_schedule, aws_sfn_state_machine.offsite_copy]
}

# Who hears of it

resource "aws_cloudwatch_metric_alarm" "offsite_copy_failed" {
  count = length(local.offsite_copies)

  alarm_name          = "${local.prefix}-dynamodb-backup-offsite-copy-failed"
  alarm_description   = "An off-site copy of the DynamoDB backups of ${local.full_prefix} failed, timed out or was aborted; the backups themselves are not affected. The executions of the state machine ${local.offsite_copy_name} say why."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions

  metric_query {
    id          = "unsuccessful"
    expression  = "SUM(METRICS())"
    label       = "Off-site copies that did not succeed"
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
        dimensions  = { StateMachineArn = aws_sfn_state_machine.offsite_copy[0].arn }
      }
    }
  }

  tags = var.tags
}

# Missing data is to be heard of, too: a report that does not come.
resource "aws_cloudwatch_metric_alarm" "not_offsite" {
  for_each = local.not_offsite_names

  alarm_name          = each.value
  alarm_description   = "What the off-site store holds of the DynamoDB table ${local.tables[each.key]} is older than ${var.offsite_copy.max_age_hours} hours, or the reports stay away. Look at the executions of the state machine ${local.offsite_copy_name}."
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.offsite_copy.max_age_hours
  evaluation_periods  = 1
  period              = 43200     # Two reports, so that one that is late is no alarm.
  statistic           = "Minimum" # The age when it was least: an age that a copy has just made small again is no alarm.
  namespace           = local.environment.POWERTOOLS_METRICS_NAMESPACE
  metric_name         = "OffsiteCopyAgeHours"
  treat_missing_data  = "breaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  dimensions          = { environment = var.environment, table = local.tables[each.key], service = local.offsite_copy_name }
  tags                = var.tags
}
