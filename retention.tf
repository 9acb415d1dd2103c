# How long backups are kept. S3's lifecycle rules do the deleting, and only of objects that carry a tag: the backup function
# gives it to a backup that a newer verified one has superseded. Without the tag nothing expires, so that the newest good
# backup of a table cannot be deleted by age, however long no newer one succeeds.

locals {
  retention_tag = "backup-retention"

  calendar_classes = ["daily", "weekly", "monthly", "yearly"]

  # What a backup can earn, with the days from the creation of its objects. The names are the tag's values.
  retention_classes = var.retention == null ? {} : merge(
    { for name in local.calendar_classes : name => var.retention[name] if var.retention[name] != null },
    {
      incremental = {
        days                                 = coalesce(var.retention.incremental_days, max(1, var.retention.daily.days - local.longest_chain_days))
        glacier_instant_retrieval_after_days = null
        deep_archive_after_days              = null
      }
      failed = { days = var.retention.failed_days, glacier_instant_retrieval_after_days = null, deep_archive_after_days = null }
    },
  )
  retention_days = { for name, class in local.retention_classes : name => class.days }

  # Increments are younger than the full backup that they need, by up to the time between two full backups.
  longest_chain_days = 7

  # In S3's own form, which is also that of `aws s3api put-bucket-lifecycle-configuration`, for a bucket that is not ours.
  lifecycle_rules = concat(
    [
      for name, class in local.retention_classes : {
        ID     = "expire-${name}-backups"
        Status = "Enabled"
        # S3 compares prefixes as strings: without the slash this would also match "native-exports-of-someone-else/".
        Filter = { And = { Prefix = "${var.exports_prefix}/", Tags = [{ Key = local.retention_tag, Value = name }] } }
        Transitions = [
          for transition in [
            { Days = class.glacier_instant_retrieval_after_days, StorageClass = "GLACIER_IR" },
            { Days = class.deep_archive_after_days, StorageClass = "DEEP_ARCHIVE" },
          ] : transition if transition.Days != null
        ]
        Expiration = { Days = class.days }
      }
    ],
    [
      for rule in [
        {
          ID         = "expire-restore-records"
          Status     = "Enabled"
          Filter     = { Prefix = "${var.exports_prefix}/restores/" }
          Expiration = { Days = try(var.retention.restore_days, null) }
        },
        {
          ID         = "expire-verification-records"
          Status     = "Enabled"
          Filter     = { Prefix = "${var.exports_prefix}/verifications/" }
          Expiration = { Days = try(var.retention.restore_days, null) }
        },
        {
          ID         = "expire-audit-records"
          Status     = "Enabled"
          Filter     = { Prefix = "${var.exports_prefix}/audit/" }
          Expiration = { Days = try(var.audit.retention_days, 0) }
        },
        # In a versioned bucket an expired object is only hidden behind a delete marker, and an overwritten one is still there.
        # This deletes both, and the markers that have nothing behind them any more. A rule with tags cannot do the latter:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
        {
          ID                          = "expire-old-versions"
          Status                      = "Enabled"
          Filter                      = { Prefix = "${var.exports_prefix}/" }
          Expiration                  = { ExpiredObjectDeleteMarker = true }
          NoncurrentVersionExpiration = { NoncurrentDays = try(var.retention.noncurrent_days, null) }
        },
      ] : rule if var.retention != null && try(rule.Expiration.Days, 1) != 0
    ],
  )
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  count = var.bucket.create ? 1 : 0

  bucket = aws_s3_bucket.this[0].id

  dynamic "rule" {
    for_each = local.lifecycle_rules

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
        days                         = try(rule.value.Expiration.Days, null)
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

  # Parts of an upload that was cut off are billed, but no listing shows them.
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

  # A rule about noncurrent versions has nothing to act on before there are versions.
  depends_on = [aws_s3_bucket_versioning.this]
}

# S3 takes such rules, but bills the missing days: https://aws.amazon.com/s3/storage-classes/glacier/
check "retention_storage_classes" {
  assert {
    condition = alltrue([
      for class in values(local.retention_classes) : alltrue([
        class.glacier_instant_retrieval_after_days == null ? true : coalesce(class.deep_archive_after_days, class.days + var.retention.noncurrent_days) - class.glacier_instant_retrieval_after_days >= 90,
        class.deep_archive_after_days == null ? true : class.days + var.retention.noncurrent_days - class.deep_archive_after_days >= 180,
      ])
    ])
    error_message = "S3 bills at least 90 days in Glacier Instant Retrieval and 180 days in Deep Archive, also for objects that leave earlier. Some class of retention leaves earlier: move its backups sooner, keep them longer, or leave them in S3 Standard."
  }
}
