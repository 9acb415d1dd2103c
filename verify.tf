# Verify: a Lambda function that reads stored backups whole, and compares tables with them. It changes no table and no backup.

locals {
  # Where a verification stands, and the fingerprint beside each export. Exports themselves lie elsewhere and cannot be overwritten.
  verification_record_arns = [
    "${local.bucket_arn}/${var.exports_prefix}/verifications/*",
    "${local.bucket_arn}/${var.exports_prefix}/*/fingerprint/*",
  ]
}

data "aws_iam_policy_document" "verify" {
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

  # The backups, their manifests, and where a verification stands.
  statement {
    sid       = "ReadBackups"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arn}/${var.exports_prefix}/*"]
  }

  # Where a verification stands, and the fingerprint beside each export.
  statement {
    sid       = "RecordVerifications"
    actions   = ["s3:PutObject"]
    resources = local.verification_record_arns
  }

  # Comparing a table with its backup. Nothing is written.
  statement {
    sid = "ReadTables"
    actions = [
      "dynamodb:DescribeTable",
      "dynamodb:Scan",
    ]
    resources = values(local.table_arns)
  }

  # Backups are read with it; checkpoints and fingerprints are written with it.
  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "UseBackupKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}

module "verify" {
  source = "./modules/function"

  name            = "${local.prefix}-dynamodb-verify"
  description     = "Verifies the backups of the DynamoDB tables of ${local.full_prefix}, and compares tables with them"
  handler         = "dynamodb_backup.handlers.verify.lambda_handler"
  memory_mb       = var.functions.verify.memory_mb
  timeout_seconds = var.functions.verify.timeout_seconds
  environment     = local.environment
  policy_json     = data.aws_iam_policy_document.verify.json

  table_characters = local.table_characters
  settings         = local.function
}
