# The restore: a Lambda function that writes a verified backup into its table, or into another that was allowed for it.

data "aws_iam_policy_document" "restore" {
  source_policy_documents = concat(data.aws_iam_policy_document.audit_log[*].json, data.aws_iam_policy_document.audit_records[*].json)

  # Finding a backup by its date or by being the newest, and its data files.
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

  # The backups, their manifests, and where a restore stands.
  statement {
    sid       = "ReadBackups"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arn}/${var.exports_prefix}/*"]
  }

  # Where a restore stands, and items that DynamoDB refused. Backups themselves lie elsewhere and cannot be overwritten.
  statement {
    sid       = "RecordRestores"
    actions   = ["s3:PutObject"]
    resources = ["${local.bucket_arn}/${var.exports_prefix}/restores/*"]
  }

  # The action verify: where it stands, and the fingerprint beside each export.
  statement {
    sid       = "RecordVerifications"
    actions   = ["s3:PutObject"]
    resources = local.verification_record_arns
  }

  # Items only: this cannot create, alter or delete a table.
  statement {
    sid = "WriteTargetTables"
    actions = [
      "dynamodb:BatchWriteItem",
      "dynamodb:DescribeTable",
      "dynamodb:DescribeTimeToLive",
      "dynamodb:PutItem", # write_mode only_missing, and an undo: BatchWriteItem has no conditions
      "dynamodb:Scan",
    ]
    resources = values(local.table_arns)
  }

  # In another account the role's own policies say what a restore may do there.
  dynamic "statement" {
    for_each = length(var.restore_target_roles) == 0 ? [] : [var.restore_target_roles]

    content {
      sid       = "WriteInOtherAccounts"
      actions   = ["sts:AssumeRole"]
      resources = statement.value
    }
  }

  # Creating a target from the captured definition, and the settings that come after its items.
  dynamic "statement" {
    for_each = var.restore_creates_tables ? [values(local.table_arns)] : []

    content {
      sid = "CreateTargetTables"
      actions = [
        "dynamodb:CreateTable",
        "dynamodb:ImportTable",
        "dynamodb:ListTagsOfResource",
        "dynamodb:TagResource",
        "dynamodb:UntagResource",
        "dynamodb:UpdateContinuousBackups",
        "dynamodb:UpdateTable",
        "dynamodb:UpdateTimeToLive",
      ]
      resources = statement.value
    }
  }

  # Whether an import is done, and what it could not take.
  dynamic "statement" {
    for_each = var.restore_creates_tables ? [values(local.table_arns)] : []

    content {
      sid       = "FollowImports"
      actions   = ["dynamodb:DescribeImport"]
      resources = [for arn in statement.value : "${arn}/import/*"]
    }
  }

  # An import runs in the name of whoever starts it, and logs what it could not take:
  # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataImport.Requesting.html
  dynamic "statement" {
    for_each = var.restore_creates_tables ? [1] : []

    content {
      sid = "LogImports"
      actions = [
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:DescribeLogGroups",
        "logs:DescribeLogStreams",
        "logs:PutLogEvents",
        "logs:PutRetentionPolicy",
      ]
      resources = ["arn:${local.partition}:logs:${local.region}:${local.account_id}:log-group:/aws-dynamodb/*"]
    }
  }

  # DynamoDB makes the new table in the name of whoever asks, which takes reading and writing it. What is not here of that
  # (BatchWriteItem, DeleteItem, PutItem, Scan) every restore may do anyway:
  # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/backuprestore_IAM.html
  dynamic "statement" {
    for_each = var.restore_on_demand_backups ? [values(local.table_arns)] : []

    content {
      sid = "RestoreOnDemandBackupsIntoTables"
      actions = [
        "dynamodb:GetItem",
        "dynamodb:Query",
        "dynamodb:RestoreTableFromBackup",
        "dynamodb:UpdateItem",
      ]
      resources = statement.value
    }
  }

  # The backup that the table is made of: that it is there, and of which table.
  dynamic "statement" {
    for_each = var.restore_on_demand_backups ? [values(local.table_arns)] : []

    content {
      sid       = "ReadOnDemandBackups"
      actions   = ["dynamodb:DescribeBackup", "dynamodb:RestoreTableFromBackup"]
      resources = [for arn in statement.value : "${arn}/backup/*"]
    }
  }

  dynamic "statement" {
    for_each = var.restore_on_demand_backups ? [1] : []

    content {
      sid     = "ListOnDemandBackups"
      actions = ["dynamodb:ListBackups"]
      # The action knows no resource: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
      resources = ["*"]
    }
  }

  # An undo takes an incremental export of the window that it reverts. DynamoDB writes it in the name of whoever starts it:
  # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport_Requesting.html
  statement {
    sid       = "ExportWindowsToUndo"
    actions   = ["dynamodb:ExportTableToPointInTime"]
    resources = values(local.table_arns)
  }

  # Whether that export is done.
  statement {
    sid       = "FollowWindowsToUndo"
    actions   = ["dynamodb:DescribeExport"]
    resources = [for arn in values(local.table_arns) : "${arn}/export/*"]
  }

  # Where that export is written, and where the undo stands.
  statement {
    sid = "WriteWindowsToUndo"
    actions = [
      "s3:AbortMultipartUpload",
      "s3:PutObject",
      "s3:PutObjectAcl",
    ]
    resources = ["${local.bucket_arn}/${var.exports_prefix}/undos/*"]
  }

  # Each item is compared before it is reverted, and written under the condition that it is still the same.
  statement {
    sid = "RevertItems"
    actions = [
      "dynamodb:BatchGetItem",
      "dynamodb:DeleteItem",
    ]
    resources = values(local.table_arns)
  }

  # Backups are read with it; checkpoints, refused items and windows to undo are written with it.
  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "UseBackupKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}

module "restore" {
  source = "./modules/function"

  name            = "${local.prefix}-dynamodb-restore"
  description     = "Restores the DynamoDB tables of ${local.full_prefix} from their backups in S3"
  handler         = "dynamodb_backup.handlers.restore.lambda_handler"
  memory_mb       = var.functions.restore.memory_mb
  timeout_seconds = var.functions.restore.timeout_seconds
  environment = merge(local.environment, {
    AUDIT_LOG_GROUP   = local.audit_group_name
    EXPORT_KMS_KEY_ID = var.kms_key_arn
    # Of the state machine's workers. Lambda itself sets AWS_LAMBDA_FUNCTION_MEMORY_SIZE, which tells what can be compared.
    RESTORE_SLICE_LINES   = 2000000
    RESTORE_STALL_SECONDS = 900
    RESTORE_TARGET_TABLES = length(var.restore_target_tables) == 0 ? null : local.listed_targets
    REQUIRE_CONFIRMATION  = var.require_confirmation ? "true" : null
    RESTORE_TARGET_ROLES  = length(var.restore_target_roles) == 0 ? null : jsonencode(var.restore_target_roles)
  })
  policy_json      = data.aws_iam_policy_document.restore.json
  table_characters = local.table_characters + (1 + (var.restore_creates_tables ? 1 : 0) + (var.restore_on_demand_backups ? 1 : 0)) * local.table_characters_below
  settings         = local.function
}
