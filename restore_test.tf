# Restore tests: a Lambda function that restores the newest backups into scratch tables, proves and deletes them, the state machine
# that carries a test to its end, and the schedules of tests and of reports. Nothing of it is there unless restore_tests is given.

locals {
  # By itself, because the input's validations look at it.
  default_scratch_prefix = "${local.prefix}-restore-test-"

  restore_tests       = var.restore_tests == null ? [] : [var.restore_tests]
  restore_test_prefix = coalesce(try(var.restore_tests.scratch_prefix, null), local.default_scratch_prefix)
  restore_test_name   = "${local.prefix}-dynamodb-restore-test"

  # By the names given in tables, as everywhere.
  tested_tables = {
    for key, table in local.tables : key => table
    if var.restore_tests == null ? false : var.restore_tests.tables == null ? true : length(setintersection(var.restore_tests.tables, [key, table])) > 0
  }

  # Built from names, so that roles and schedules can name them at plan.
  restore_test_arns = {
    function      = "arn:${local.partition}:lambda:${local.region}:${local.account_id}:function:${local.restore_test_name}"
    state_machine = "arn:${local.partition}:states:${local.region}:${local.account_id}:stateMachine:${local.restore_test_name}"
  }

  # Alarm names have at most 255 characters. The topic's policy takes alarms whose names begin so.
  not_proven_prefix = "${local.prefix}-dynamodb-backup-not-proven-"
  not_proven_names = {
    for key, table in local.tested_tables : key =>
    length("${local.not_proven_prefix}${table}") <= 255 ? "${local.not_proven_prefix}${table}" : "${substr("${local.not_proven_prefix}${table}", 0, 246)}-${substr(sha256(table), 0, 8)}"
  }
}

data "aws_iam_policy_document" "restore_test" {
  source_policy_documents = data.aws_iam_policy_document.audit_log[*].json

  # Finding each table's newest backup, and its data files.
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

  # The backups, their manifests, and where a test stands.
  statement {
    sid       = "ReadBackups"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arn}/${var.exports_prefix}/*"]
  }

  # How far tests and their restores are, and what they found. Backups themselves lie elsewhere and cannot be overwritten.
  statement {
    sid     = "RecordTests"
    actions = ["s3:PutObject"]
    resources = [
      "${local.bucket_arn}/${var.exports_prefix}/restore-tests/*",
      "${local.bucket_arn}/${var.exports_prefix}/restores/*",
    ]
  }

  # The only statement of the module that deletes tables, and it knows scratch tables alone: no table that is backed up or
  # restored into begins with this prefix (variables.tf). The tag tells them from a person's table under the same prefix.
  statement {
    sid = "MakeAndDeleteScratchTables"
    actions = [
      "dynamodb:BatchWriteItem",
      "dynamodb:CreateTable",
      "dynamodb:DeleteTable",
      "dynamodb:DescribeTable",
      "dynamodb:ListTagsOfResource",
      "dynamodb:Scan",
      "dynamodb:TagResource",
      "dynamodb:UntagResource",
    ]
    resources = ["arn:${local.partition}:dynamodb:${local.region}:${local.account_id}:table/${local.restore_test_prefix}*"]
  }

  # What a test that died left behind is found by its name.
  statement {
    sid     = "FindScratchTables"
    actions = ["dynamodb:ListTables"]
    # The action knows no resource: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
    resources = ["*"]
  }

  # A scratch table is encrypted like its source, and DynamoDB uses the key in the name of whoever makes the table:
  # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
  dynamic "statement" {
    for_each = length(try(var.restore_tests.table_kms_key_arns, [])) == 0 ? [] : [var.restore_tests.table_kms_key_arns]

    content {
      sid = "EncryptScratchTables"
      actions = [
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey*",
        "kms:ReEncrypt*",
      ]
      resources = statement.value

      condition {
        test     = "StringLike"
        variable = "kms:ViaService"
        values   = ["dynamodb.${local.region}.*"]
      }
    }
  }

  # Backups are read with it, records of tests are written with it.
  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "UseBackupKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}

module "restore_test" {
  source = "./modules/function"
  count  = length(local.restore_tests)

  name            = local.restore_test_name
  description     = "Restores the backups of the DynamoDB tables of ${local.full_prefix} into scratch tables, proves and deletes them"
  handler         = "dynamodb_backup.handlers.restore_test.lambda_handler"
  memory_mb       = var.restore_tests.memory_mb
  timeout_seconds = var.restore_tests.timeout_seconds
  environment = merge(local.environment, {
    AUDIT_LOG_GROUP              = local.audit_group_name
    RESTORE_TEST_PREFIX          = local.restore_test_prefix
    RESTORE_TEST_TABLES          = jsonencode(sort(values(local.tested_tables)))
    RESTORE_TEST_MAX_TABLE_BYTES = var.restore_tests.max_table_bytes == 0 ? null : format("%d", var.restore_tests.max_table_bytes)
  })
  policy_json = data.aws_iam_policy_document.restore_test.json
  settings    = local.function
}

# The state machine

data "aws_iam_policy_document" "restore_test_state_machine_trust" {
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
      values   = [local.restore_test_arns.state_machine]
    }
  }
}

data "aws_iam_policy_document" "restore_test_state_machine" {
  # Again and again, until the test is done.
  statement {
    sid       = "InvokeRestoreTest"
    actions   = ["lambda:InvokeFunction"]
    resources = [local.restore_test_arns.function]
  }

  # That a test failed.
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

resource "aws_iam_role" "restore_test_state_machine" {
  count = length(local.restore_tests)

  name                 = "${local.restore_test_name}-machine"
  description          = "Lets the restore tests' state machine of ${local.full_prefix} invoke their function and notify"
  assume_role_policy   = data.aws_iam_policy_document.restore_test_state_machine_trust.json
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "restore_test_state_machine" {
  count = length(local.restore_tests)

  name   = "test-and-notify"
  role   = aws_iam_role.restore_test_state_machine[0].id
  policy = data.aws_iam_policy_document.restore_test_state_machine.json
}

resource "aws_sfn_state_machine" "restore_test" {
  # checkov:skip=CKV_AWS_284: No X-Ray: an execution is one loop over one function, and its history shows each step with its time.
  # checkov:skip=CKV_AWS_285: Step Functions keeps the history of standard executions for 90 days; log delivery would need permissions on all resources.

  count = length(local.restore_tests)

  name     = local.restore_test_name
  role_arn = aws_iam_role.restore_test_state_machine[0].arn
  definition = templatefile("${path.module}/templates/restore_test.asl.json", {
    partition            = local.partition
    function_arn         = module.restore_test[0].function.arn
    task_timeout_seconds = var.restore_tests.timeout_seconds + 60
    retry                = file("${path.module}/templates/lambda_retry.json")
    name                 = local.full_prefix
    region               = local.region
    failure_topic_arn    = local.topic_arns.failure
  })
  tags = var.tags

  # A first execution must find the permission and the topics in place.
  depends_on = [aws_iam_role_policy.restore_test_state_machine, aws_sns_topic_policy.this]
}

# The schedules, in a group of their own: the names in the other one are the user's.

data "aws_iam_policy_document" "restore_test_schedule_trust" {
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
      values   = ["arn:${local.partition}:scheduler:${local.region}:${local.account_id}:schedule-group/${local.restore_test_name}"]
    }
  }
}

data "aws_iam_policy_document" "restore_test_schedule" {
  # What the schedule of tests is for.
  statement {
    sid       = "StartTests"
    actions   = ["states:StartExecution"]
    resources = [local.restore_test_arns.state_machine]
  }

  # What the schedule of reports is for: it needs no state machine.
  statement {
    sid       = "ReportAges"
    actions   = ["lambda:InvokeFunction"]
    resources = [local.restore_test_arns.function]
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

resource "aws_iam_role" "restore_test_schedule" {
  count = length(local.restore_tests)

  # Shorter than "schedule", because a role's name has at most 64 characters.
  name                 = "${local.restore_test_name}-starts"
  description          = "Lets the schedules of ${local.full_prefix} start restore tests and their reports"
  assume_role_policy   = data.aws_iam_policy_document.restore_test_schedule_trust.json
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "restore_test_schedule" {
  count = length(local.restore_tests)

  name   = "start-restore-tests"
  role   = aws_iam_role.restore_test_schedule[0].id
  policy = data.aws_iam_policy_document.restore_test_schedule.json
}

resource "aws_scheduler_schedule_group" "restore_test" {
  count = length(local.restore_tests)

  name = local.restore_test_name
  tags = var.tags
}

locals {
  # The age of the last proof is published by a schedule of its own, so that it grows also when no test runs any more.
  restore_test_schedules = { for name, schedule in {
    report = { expression = "rate(6 hours)", time_zone = "UTC", target = local.restore_test_arns.function, input = { action = "report" } }
    test   = { expression = try(var.restore_tests.schedule, ""), time_zone = try(var.restore_tests.time_zone, ""), target = local.restore_test_arns.state_machine, input = {} }
  } : name => schedule if length(local.restore_tests) > 0 }
}

resource "aws_scheduler_schedule" "restore_test" {
  # checkov:skip=CKV_AWS_297: A schedule's payload says when it was started and nothing else; a key would take a permission for nothing.

  for_each = local.restore_test_schedules

  name                         = each.key
  description                  = "Restore tests of the DynamoDB backups of ${local.full_prefix}: ${each.key}"
  group_name                   = aws_scheduler_schedule_group.restore_test[0].name
  schedule_expression          = each.value.expression
  schedule_expression_timezone = each.value.time_zone

  flexible_time_window {
    mode                      = "FLEXIBLE"
    maximum_window_in_minutes = 15
  }

  target {
    arn      = each.value.target
    role_arn = aws_iam_role.restore_test_schedule[0].arn
    input    = jsonencode(each.value.input)

    retry_policy {
      maximum_event_age_in_seconds = 7200
      maximum_retry_attempts       = 185
    }

    dead_letter_config {
      arn = aws_sqs_queue.undelivered.arn
    }
  }

  depends_on = [aws_iam_role_policy.restore_test_schedule, aws_sfn_state_machine.restore_test]
}

# Who hears of it

resource "aws_cloudwatch_metric_alarm" "restore_test_failed" {
  count = length(local.restore_tests)

  alarm_name          = "${local.prefix}-dynamodb-backup-restore-test-failed"
  alarm_description   = "A restore test of the DynamoDB backups of ${local.full_prefix} failed, timed out or was aborted. The executions of the state machine ${local.restore_test_name} say why."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions

  metric_query {
    id          = "unsuccessful"
    expression  = "SUM(METRICS())"
    label       = "Restore tests that did not succeed"
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
        dimensions  = { StateMachineArn = aws_sfn_state_machine.restore_test[0].arn }
      }
    }
  }

  tags = var.tags
}

# Missing data is to be heard of, too: a report that does not come.
resource "aws_cloudwatch_metric_alarm" "not_proven" {
  for_each = local.tested_tables

  alarm_name          = local.not_proven_names[each.key]
  alarm_description   = "The DynamoDB table ${each.value} was not proven restorable in the last ${var.restore_tests.max_age_hours} hours, or the restore tests' reports stay away. Look at the executions of the state machine ${local.restore_test_name}."
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.restore_tests.max_age_hours
  evaluation_periods  = 1
  period              = 43200 # Two reports, so that one that is late is no alarm.
  statistic           = "Maximum"
  namespace           = local.environment.POWERTOOLS_METRICS_NAMESPACE
  metric_name         = "LastProvenRestorable"
  treat_missing_data  = "breaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  dimensions          = { environment = var.environment, table = each.value, service = local.restore_test_name }
  tags                = var.tags
}

locals {
  restore_test_graphs = [for graph in [
    { title = "Last proven restore, hours ago", metrics = ["LastProvenRestorable"], stat = "Maximum" },
    { title = "Restore tests: seconds to the proof", metrics = ["RestoreTestSeconds"], stat = "Maximum" },
    ] : merge(graph, {
      period    = 21600
      namespace = local.environment.POWERTOOLS_METRICS_NAMESPACE
      of        = { for table in values(local.tested_tables) : table => ["environment", var.environment, "table", table, "service", local.restore_test_name] }
    }) if length(local.restore_tests) > 0
  ]
}
