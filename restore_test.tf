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
    AUDIT_LOG_GROUP     = local.audit_group_name
    RESTORE_TEST_PREFIX = local.restore_test_prefix
    # Without it all tables are tested; a list of many would take the room that theirs takes.
    RESTORE_TEST_TABLES          = local.tested_tables == local.tables && local.listed_tables != jsonencode(local.table_names) ? null : jsonencode(sort(values(local.tested_tables)))
    RESTORE_TEST_MAX_TABLE_BYTES = var.restore_tests.max_table_bytes == 0 ? null : format("%d", var.restore_tests.max_table_bytes)
  })
  policy_json = data.aws_iam_policy_document.restore_test.json
  settings    = local.function
}

module "restore_test_state_machine" {
  source = "./modules/state_machine"
  count  = length(local.restore_tests)

  name          = local.restore_test_name
  function_name = module.restore_test[0].function.name
  definition = templatefile("${path.module}/templates/restore_test.asl.json", {
    partition            = local.partition
    function_arn         = module.restore_test[0].function.arn
    task_timeout_seconds = var.restore_tests.timeout_seconds + 60
    retry                = file("${path.module}/templates/lambda_retry.json")
    name                 = local.full_prefix
    region               = local.region
    failure_topic_arn    = local.topic_arns.failure
  })
  role = {
    name        = "${local.restore_test_name}-machine"
    description = "Lets the restore tests' state machine of ${local.full_prefix} invoke their function and notify"
  }
  notify = { topic_arns = compact([local.topic_arns.failure]), key_arn = local.topic_key_arn }
  failure_alarm = {
    name        = "${local.prefix}-dynamodb-backup-restore-test-failed"
    description = "A restore test of the DynamoDB backups of ${local.full_prefix} failed, timed out or was aborted. The executions of the state machine ${local.restore_test_name} say why."
    actions     = local.alarm_actions
  }
  after    = aws_sns_topic_policy.this
  settings = local.function
}

# In a group of their own: the names in the backup's are the user's.
module "restore_test_schedules" {
  source = "./modules/schedules"
  count  = length(local.restore_tests)

  name = local.restore_test_name
  role = {
    # Shorter than "schedule", because a role's name has at most 64 characters.
    name        = "${local.restore_test_name}-starts"
    description = "Lets the schedules of ${local.full_prefix} start restore tests and their reports"
  }
  schedules = {
    test = {
      description   = "Restore tests of the DynamoDB backups of ${local.full_prefix}: test"
      expression    = var.restore_tests.schedule
      time_zone     = var.restore_tests.time_zone
      state_machine = module.restore_test_state_machine[0].state_machine.name
    }
    # The age of the last proof is published by a schedule of its own, so that it grows also when no test runs any more.
    report = {
      description = "Restore tests of the DynamoDB backups of ${local.full_prefix}: report"
      expression  = "rate(6 hours)"
      function    = module.restore_test[0].function.name
      input       = { action = "report" }
    }
  }
  undelivered = local.undelivered
  settings    = local.function
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
