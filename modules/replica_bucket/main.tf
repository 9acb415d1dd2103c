# The bucket in another region or account to which the root module's bucket is replicated. Give it that region's provider:
# providers = { aws = aws.second }.

data "aws_partition" "current" {}

locals {
  # Built from the name, so that policies are known at plan.
  arn = "arn:${data.aws_partition.current.partition}:s3:::${var.name}"
}

resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV_AWS_18: CloudTrail's data events say who did what, with the role; server access logs need a bucket that is not the module's.
  # checkov:skip=CKV_AWS_144: This is the replica itself.
  # checkov:skip=CKV2_AWS_62: Nothing here waits for events of the bucket; a user may add notifications, which are a resource of their own.

  bucket        = var.name
  force_destroy = var.force_destroy
  tags          = var.tags
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

# Without a default: each copy is locked as its original is. https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html
resource "aws_s3_bucket_object_lock_configuration" "this" {
  count = var.object_lock ? 1 : 0

  bucket = aws_s3_bucket.this.id

  # S3 refuses Object Lock without versioning.
  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

data "aws_iam_policy_document" "bucket" {
  statement {
    sid       = "DenyWithoutTLS"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [local.arn, "${local.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  # After a failover: a region that comes back must not write over what is backed up here meanwhile.
  dynamic "statement" {
    for_each = var.accept_replicas ? [] : [1]

    content {
      sid       = "DenyReplicas"
      effect    = "Deny"
      actions   = ["s3:ReplicateDelete", "s3:ReplicateObject", "s3:ReplicateTags"]
      resources = ["${local.arn}/*"]

      principals {
        type        = "*"
        identifiers = ["*"]
      }
    }
  }

  # A role of another account needs the permission of this one, too. Versions stay as they are, and nothing is deleted.
  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html
  dynamic "statement" {
    for_each = var.source_role_arn == null ? [] : [var.source_role_arn]

    content {
      sid       = "AcceptReplicasOfAnotherAccount"
      actions   = ["s3:ObjectOwnerOverrideToBucketOwner", "s3:ReplicateObject", "s3:ReplicateTags"]
      resources = ["${local.arn}/*"]

      principals {
        type        = "AWS"
        identifiers = [statement.value]
      }
    }
  }

  dynamic "statement" {
    for_each = var.source_role_arn == null ? [] : [var.source_role_arn]

    content {
      sid       = "ShowVersioningToAnotherAccount"
      actions   = ["s3:GetBucketVersioning", "s3:ListBucket"]
      resources = [local.arn]

      principals {
        type        = "AWS"
        identifiers = [statement.value]
      }
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = data.aws_iam_policy_document.bucket.json

  # S3 refuses two of these changes on one bucket at the same time (OperationAborted).
  depends_on = [aws_s3_bucket_public_access_block.this]
}

# S3 does not replicate what a lifecycle does, so the copies need rules of their own. They match the same tag, which is
# replicated: without it nothing expires here either. The margin is for a newer backup whose copy failed.
resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  dynamic "rule" {
    for_each = jsondecode(var.lifecycle_rules).Rules

    content {
      id     = rule.value.ID
      status = rule.value.Status

      filter {
        prefix = try(rule.value.Filter.Prefix, null)

        dynamic "and" {
          for_each = can(rule.value.Filter.And) ? [rule.value.Filter.And] : []

          content {
            prefix = and.value.Prefix
            tags   = { for tag in and.value.Tags : tag.Key => tag.Value }
          }
        }
      }

      dynamic "transition" {
        for_each = try(rule.value.Transitions, [])

        content {
          days          = transition.value.Days
          storage_class = transition.value.StorageClass
        }
      }

      expiration {
        days                         = try(rule.value.Expiration.Days + var.keep_longer_days, null)
        expired_object_delete_marker = try(rule.value.Expiration.ExpiredObjectDeleteMarker, null)
      }

      dynamic "noncurrent_version_expiration" {
        for_each = can(rule.value.NoncurrentVersionExpiration) ? [rule.value.NoncurrentVersionExpiration] : []

        content {
          noncurrent_days = noncurrent_version_expiration.value.NoncurrentDays
        }
      }
    }
  }

  rule {
    id     = "abort-stale-multipart-uploads"
    status = "Enabled"

    filter {
      prefix = ""
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}

# S3 publishes how late a copy is in the copy's region: https://docs.aws.amazon.com/AmazonS3/latest/userguide/repl-metrics.html
resource "aws_cloudwatch_metric_alarm" "late" {
  count = var.lag_alarm == null ? 0 : 1

  alarm_name          = "${var.name}-replication-late"
  alarm_description   = "The copies of backups in the bucket ${var.name} are more than ${var.lag_alarm.minutes} minutes behind the bucket ${var.lag_alarm.source_bucket}. See docs/disaster-recovery.md."
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.lag_alarm.minutes * 60
  evaluation_periods  = 3
  period              = 300
  statistic           = "Maximum"
  namespace           = "AWS/S3"
  metric_name         = "ReplicationLatency"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.lag_alarm.topic_arns
  ok_actions          = var.lag_alarm.topic_arns

  dimensions = {
    SourceBucket      = var.lag_alarm.source_bucket
    DestinationBucket = var.name
    RuleId            = var.lag_alarm.rule_id
  }

  tags = var.tags
}
