# The audit log: who began which backup, restore, undo or hold, with what event, and how it ended. Off unless audit is given.

locals {
  # Null without the input: then no function is told of it.
  audit_group_name = var.audit == null ? null : "${local.prefix}-dynamodb-audit"
}

# A group of its own, so that its retention is not that of the functions' logs.
resource "aws_cloudwatch_log_group" "audit" {
  count = var.audit == null ? 0 : 1

  name              = local.audit_group_name
  retention_in_days = var.audit.retention_days
  kms_key_id        = local.log_key_arn
  tags              = var.tags
}

# For the function of each act.
data "aws_iam_policy_document" "audit_log" {
  count = var.audit == null ? 0 : 1

  # Lines are added, and neither changed nor deleted.
  statement {
    sid       = "WriteAuditLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["arn:${local.partition}:logs:${local.region}:${local.account_id}:log-group:${local.audit_group_name}:*"]
  }
}

data "aws_iam_policy_document" "audit_records" {
  count = var.audit == null ? 0 : 1

  # The object of each restore and undo.
  statement {
    sid       = "WriteAuditRecords"
    actions   = ["s3:PutObject"]
    resources = ["${local.bucket_arn}/${var.exports_prefix}/audit/*"]
  }
}
