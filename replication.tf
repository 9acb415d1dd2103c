# The copy of the backups in a second region or account: S3 replicates every object under the prefix to a bucket there. How a
# region is left for the other one: docs/disaster-recovery.md.

locals {
  replication = var.replication == null ? [] : [var.replication]

  # Also a dimension of the metrics, so that whoever watches them from the other region has to know it.
  replication_rule_id = "dynamodb-backups"
}

# No aws:SourceArn here: S3 does not say that it gives one when it replicates, and a condition that never holds would stop it.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html
data "aws_iam_policy_document" "replication_trust" {
  count = length(local.replication)

  statement {
    sid     = "S3"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }
  }
}

# There is no s3:ReplicateDelete on purpose: what is deleted here, by whomever, stays there.
data "aws_iam_policy_document" "replication" {
  count = length(local.replication)

  # What is to be copied, and in which order.
  statement {
    sid       = "ReadReplicationRule"
    actions   = ["s3:GetReplicationConfiguration", "s3:ListBucket"]
    resources = [local.bucket_arn]
  }

  # Objects with their tags: by a tag a superseded backup expires in the copy, too.
  statement {
    sid = "ReadBackups"
    actions = [
      "s3:GetObjectVersionAcl",
      "s3:GetObjectVersionForReplication",
      "s3:GetObjectVersionTagging",
    ]
    resources = ["${local.bucket_arn}/${var.exports_prefix}/*"]
  }

  # Of a bucket with Object Lock, S3 copies no object whose lock it may not read; the copy is locked like the original.
  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html#object-lock-managing-replication
  dynamic "statement" {
    for_each = var.immutability == null ? [] : [1]

    content {
      sid       = "ReadLocks"
      actions   = ["s3:GetObjectLegalHold", "s3:GetObjectRetention"]
      resources = ["${local.bucket_arn}/${var.exports_prefix}/*"]
    }
  }

  # Copies and their tags, under the same keys.
  statement {
    sid       = "WriteReplicas"
    actions   = ["s3:ReplicateObject", "s3:ReplicateTags"]
    resources = ["${var.replication.bucket_arn}/${var.exports_prefix}/*"]
  }

  # In another account the copies belong to that account, so that nobody of this one can touch them.
  dynamic "statement" {
    for_each = var.replication.account_id == null ? [] : [1]

    content {
      sid       = "GiveReplicasToTheirAccount"
      actions   = ["s3:ObjectOwnerOverrideToBucketOwner"]
      resources = ["${var.replication.bucket_arn}/${var.exports_prefix}/*"]
    }
  }

  # S3 reads the originals in this role's name: https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html
  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "DecryptBackups"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]

      condition {
        test     = "StringLike"
        variable = "kms:ViaService"
        values   = ["s3.${local.region}.${data.aws_partition.current.dns_suffix}"]
      }

      # With a bucket key, S3 names the bucket and not the object.
      condition {
        test     = "StringLike"
        variable = "kms:EncryptionContext:aws:s3:arn"
        values   = [local.bucket_arn, "${local.bucket_arn}/${var.exports_prefix}/*"]
      }
    }
  }

  # And writes the copies under the key of the other region.
  dynamic "statement" {
    for_each = var.replication.kms_key_arn == null ? [] : [var.replication.kms_key_arn]

    content {
      sid       = "EncryptReplicas"
      actions   = ["kms:Encrypt", "kms:GenerateDataKey"]
      resources = [statement.value]

      condition {
        test     = "StringLike"
        variable = "kms:ViaService"
        values   = ["s3.${split(":", statement.value)[3]}.${data.aws_partition.current.dns_suffix}"]
      }

      condition {
        test     = "StringLike"
        variable = "kms:EncryptionContext:aws:s3:arn"
        values   = [var.replication.bucket_arn, "${var.replication.bucket_arn}/${var.exports_prefix}/*"]
      }
    }
  }
}

resource "aws_iam_role" "replication" {
  count = length(local.replication)

  name                 = "${local.prefix}-dynamodb-backup-replication"
  path                 = var.role_path
  description          = "Lets S3 copy the backups of ${local.full_prefix} to another bucket"
  assume_role_policy   = data.aws_iam_policy_document.replication_trust[0].json
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "replication" {
  count = length(local.replication)

  name   = "replicate"
  role   = aws_iam_role.replication[0].id
  policy = data.aws_iam_policy_document.replication[0].json
}

resource "aws_s3_bucket_replication_configuration" "this" {
  count = length(local.replication)

  bucket = aws_s3_bucket.this[0].id
  role   = aws_iam_role.replication[0].arn

  rule {
    id       = local.replication_rule_id
    priority = 0
    status   = "Enabled"

    filter {
      prefix = "${var.exports_prefix}/"
    }

    delete_marker_replication {
      status = "Disabled"
    }

    dynamic "source_selection_criteria" {
      for_each = var.replication.kms_key_arn == null ? [] : [1]

      content {
        sse_kms_encrypted_objects {
          status = "Enabled"
        }
      }
    }

    destination {
      bucket        = var.replication.bucket_arn
      account       = var.replication.account_id
      storage_class = var.replication.storage_class

      dynamic "access_control_translation" {
        for_each = var.replication.account_id == null ? [] : [1]

        content {
          owner = "Destination"
        }
      }

      dynamic "encryption_configuration" {
        for_each = var.replication.kms_key_arn == null ? [] : [var.replication.kms_key_arn]

        content {
          replica_kms_key_id = encryption_configuration.value
        }
      }

      # The alarms live on these. S3 takes a threshold of 15 minutes and no other, and only together with time control.
      metrics {
        status = "Enabled"

        dynamic "event_threshold" {
          for_each = var.replication.time_control ? [1] : []

          content {
            minutes = 15
          }
        }
      }

      dynamic "replication_time" {
        for_each = var.replication.time_control ? [1] : []

        content {
          status = "Enabled"

          time {
            minutes = 15
          }
        }
      }
    }
  }

  # S3 refuses a rule for a bucket without versions; and the first object must find the permission in place.
  depends_on = [aws_s3_bucket_versioning.this, aws_iam_role_policy.replication]
}

# S3 does not try such an object again, so a person has to. How late the copy is, is measured in its own region and
# watched there, by modules/replica_bucket: https://docs.aws.amazon.com/AmazonS3/latest/userguide/repl-metrics.html
resource "aws_cloudwatch_metric_alarm" "replication_failed" {
  count = length(local.replication)

  alarm_name          = "${local.prefix}-dynamodb-backup-replication-failed"
  alarm_description   = "S3 could not copy objects of the bucket ${local.bucket_name} to its replica, and does not try again by itself. See docs/disaster-recovery.md: mend the cause, then copy what is missing by S3 Batch Replication."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  period              = 300
  statistic           = "Sum"
  namespace           = "AWS/S3"
  metric_name         = "OperationsFailedReplication"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions

  dimensions = {
    SourceBucket      = local.bucket_name
    DestinationBucket = split(":::", var.replication.bucket_arn)[1]
    RuleId            = local.replication_rule_id
  }

  tags = var.tags
}
