# One key of your own for everything. docs/encryption.md explains its policy, statement by statement.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

# Gives the region on provider 5 and 6 alike.
data "aws_service" "logs" {
  service_id = "logs"
}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  region     = data.aws_service.logs.region
}

data "aws_iam_policy_document" "key" {
  # checkov:skip=CKV_AWS_109: The policy of a key is about that key alone, and without its account nobody could manage it.
  # checkov:skip=CKV_AWS_111: The policy of a key is about that key alone; "*" is the only resource that it can name.
  # checkov:skip=CKV_AWS_356: The policy of a key is about that key alone; "*" is the only resource that it can name.

  # The account's IAM policies decide who uses and manages the key: the module's roles hold their own permissions for it.
  statement {
    sid       = "DelegateToTheAccount"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account_id}:root"]
    }
  }

  # CloudWatch Logs has no role: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
  statement {
    sid = "EncryptLogGroups"
    actions = [
      "kms:Decrypt",
      "kms:DescribeKey",
      "kms:Encrypt",
      "kms:GenerateDataKey*",
      "kms:ReEncrypt*",
    ]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${local.region}.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:${local.partition}:logs:${local.region}:${local.account_id}:log-group:*"]
    }
  }

  # Alarms have none either, and publish to the encrypted topic:
  # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
  statement {
    sid       = "PublishAlarms"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }
}

resource "aws_kms_key" "backups" {
  description         = "Backups of mfa-api ${var.environment}"
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.key.json
}
