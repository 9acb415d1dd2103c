# The backup: a Lambda function that starts and follows the exports, and a state machine that invokes it until they are done.

data "aws_iam_policy_document" "backup" {
  source_policy_documents = concat(data.aws_iam_policy_document.backup_locks[*].json, data.aws_iam_policy_document.audit_log[*].json)

  # Exports of the listed tables alone, and what a table is: its definition is kept with its backup, for a restore that makes it
  # anew.
  statement {
    sid = "ExportTables"
    actions = [
      "dynamodb:DescribeContinuousBackups",
      "dynamodb:DescribeTable",
      "dynamodb:DescribeTimeToLive",
      "dynamodb:ExportTableToPointInTime",
      "dynamodb:ListTagsOfResource",
    ]
    resources = [for name in local.table_names : local.table_arns[name]]
  }

  # Whether an export is done, how many items it has, and why it failed.
  statement {
    sid       = "FollowExports"
    actions   = ["dynamodb:DescribeExport"]
    resources = [for name in local.table_names : "${local.table_arns[name]}/export/*"]
  }

  # Reading the items is for those tables alone that are backed up by scan.
  dynamic "statement" {
    for_each = length(local.scanned_tables) == 0 ? [] : [local.scanned_tables]

    content {
      sid       = "ScanTables"
      actions   = ["dynamodb:Scan"]
      resources = [for name in statement.value : local.table_arns[name]]
    }
  }

  # For the list of recovery points, where there are on-demand backups to be shown.
  dynamic "statement" {
    for_each = var.on_demand_backups == null ? [] : [1]

    content {
      sid     = "ListOnDemandBackups"
      actions = ["dynamodb:ListBackups"]
      # The action knows no resource: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
      resources = ["*"]
    }
  }

  # Which backups there are, and the data files of one that is verified.
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

  # DynamoDB writes the exported objects in the name of whoever starts the export, which takes all but s3:GetObject:
  # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport_Requesting.html
  # Reading is for the verification. There is no s3:DeleteObject on purpose: who can write backups cannot delete them.
  statement {
    sid = "WriteAndVerifyBackups"
    actions = [
      "s3:AbortMultipartUpload",
      "s3:GetObject",
      "s3:PutObject",
      "s3:PutObjectAcl",
    ]
    resources = ["${local.bucket_arn}/${var.exports_prefix}/*"]
  }

  # The tag by which S3's lifecycle rules know a superseded backup, and no other tag or value.
  dynamic "statement" {
    for_each = var.retention == null ? [] : [sort(keys(local.retention_days))]

    content {
      sid       = "ClassifySupersededBackups"
      actions   = ["s3:PutObjectTagging"]
      resources = ["${local.bucket_arn}/${var.exports_prefix}/*"]

      condition {
        test     = "StringEquals"
        variable = "s3:RequestObjectTag/${local.retention_tag}"
        values   = statement.value
      }
    }
  }

  # DynamoDB encrypts exports in the name of whoever starts them; verifying them takes decryption.
  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "UseBackupKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}

module "backup" {
  source = "./modules/function"

  name            = "${local.prefix}-dynamodb-backup"
  description     = "Backs up the DynamoDB tables of ${local.full_prefix} by native exports to S3"
  handler         = "dynamodb_backup.handlers.backup.lambda_handler"
  memory_mb       = var.functions.backup.memory_mb
  timeout_seconds = var.functions.backup.timeout_seconds
  environment = merge(local.environment, {
    EXPORT_KMS_KEY_ID            = var.kms_key_arn
    RETENTION_CLASSES            = var.retention == null ? null : jsonencode(local.retention_days)
    ON_DEMAND_BACKUP_NAME_PREFIX = var.on_demand_backups == null ? null : coalesce(var.on_demand_backups.name_prefix, local.full_prefix)
    ON_DEMAND_RETENTION_DAYS     = var.on_demand_backups == null ? null : tostring(var.on_demand_backups.retention_days)
    AUDIT_LOG_GROUP              = local.audit_group_name
    BACKUP_METHODS               = length(local.backup_methods) == 0 ? null : jsonencode(local.backup_methods)
    ITEM_COUNT_COLLAPSE = var.item_count_collapse == null ? null : jsonencode(merge(var.item_count_collapse, {
      except_tables = sort([for table in var.item_count_collapse.except_tables : lookup(local.tables, table, table)])
    }))
    OBJECT_LOCK = var.immutability == null ? null : jsonencode({ mode = var.immutability.mode, default_days = var.immutability.default_days, days = local.lock_days })
  })
  policy_json      = data.aws_iam_policy_document.backup.json
  table_characters = sum([for name in local.table_names : 2 * length(name) + 113]) + sum(concat([0], [for name in local.scanned_tables : length(name) + 52]))
  settings         = local.function
}

module "backup_state_machine" {
  source = "./modules/state_machine"

  name          = "${local.prefix}-dynamodb-backup"
  function_name = module.backup.function.name
  definition = templatefile("${path.module}/templates/backup.asl.json", {
    partition            = local.partition
    function_arn         = module.backup.function.arn
    task_timeout_seconds = var.functions.backup.timeout_seconds + 60
    name                 = local.full_prefix
    region               = local.region
    failure_topic_arn    = local.topic_arns.failure
    success_topic_arn    = local.topic_arns.success
  })
  role = {
    name        = "${local.prefix}-dynamodb-backup-state-machine"
    description = "Lets the backup state machine of ${local.full_prefix} invoke the backup function and notify"
  }
  notify = { topic_arns = compact(values(local.topic_arns)), key_arn = local.topic_key_arn }
  failure_alarm = {
    name        = "${local.prefix}-dynamodb-backup-failed"
    description = "A backup of DynamoDB tables of ${local.full_prefix} failed, timed out or was aborted. The executions of the state machine ${local.prefix}-dynamodb-backup say why."
    actions     = local.alarm_actions
  }
  after    = aws_sns_topic_policy.this
  settings = local.function
}
