# S3 Object Lock, and who may delete. The bucket locks every new object; the backup function prolongs that by class when a backup
# is superseded, since a lock can only become longer. S3's lifecycle deletes what is no longer locked; no policy applies to it.

locals {
  locked_classes = ["daily", "weekly", "monthly", "yearly", "incremental"]

  # Days by class: what was asked for, or else as long as retention keeps the class.
  lock_days = var.immutability == null ? {} : {
    for name in local.locked_classes : name => coalesce(var.immutability["${name}_days"], local.retention_days[name])
    if can(local.retention_days[name])
  }

  # For the input's validations: what S3 would hide if it expired while it is locked.
  days_kept = var.retention == null ? {} : merge(local.retention_days, { restore = var.retention.restore_days })

  lock_administrators = sort(try(var.immutability.administrator_arns, []))

  # Who runs Terraform, as aws:PrincipalArn would have it. A role's session tells the role's name, but not the path before it.
  terraform_arn      = data.aws_caller_identity.current.arn
  terraform_role     = try(regex("^arn:[^:]+:sts::[0-9]{12}:assumed-role/([^/]+)/", local.terraform_arn)[0], null)
  terraform_names    = local.terraform_role == null ? [local.terraform_arn] : [local.terraform_role, "arn:${local.partition}:iam::${local.account_id}:role/${local.terraform_role}"]
  administrator_ends = [for arn in local.lock_administrators : reverse(split("/", arn))[0] if strcontains(arn, ":role/")]
  terraform_is_administrator = anytrue([
    for pair in setproduct(concat(local.lock_administrators, local.administrator_ends), local.terraform_names) :
    can(regex("^${replace(replace(pair[0], ".", "\\."), "*", ".*")}$", pair[1]))
  ])
}

# Enables Object Lock on a new bucket and on one that is there already. The bucket's own argument object_lock_enabled would replace it.
resource "aws_s3_bucket_object_lock_configuration" "this" {
  count = var.immutability != null && var.bucket.create ? 1 : 0

  bucket = aws_s3_bucket.this[0].id

  rule {
    default_retention {
      mode = var.immutability.mode
      days = var.immutability.default_days
    }
  }

  # S3 refuses Object Lock without versioning.
  depends_on = [aws_s3_bucket_versioning.this]
}

check "immutability_in_compliance_mode" {
  assert {
    condition     = try(var.immutability.mode, "") != "COMPLIANCE"
    error_message = "immutability.mode is COMPLIANCE: until its lock ends, nobody can delete a backup or shorten its lock, not the root user and not AWS; the bucket cannot be destroyed before, and its cost runs on. Try the days out in GOVERNANCE mode first."
  }
}

# Part of the policy of a bucket that the module creates.
data "aws_iam_policy_document" "protection" {
  count = length(local.lock_administrators) == 0 ? 0 : 1

  statement {
    sid    = "DenyDeletion"
    effect = "Deny"
    actions = [
      "s3:BypassGovernanceRetention",
      "s3:DeleteObject",
      "s3:DeleteObjectVersion",
    ]
    resources = ["${local.bucket_arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "ArnNotLike"
      variable = "aws:PrincipalArn"
      values   = local.lock_administrators
    }
  }

  # What deletes or hides backups by a detour: lifecycle rules, versioning off, another key, another policy.
  statement {
    sid    = "DenyChangeOfProtection"
    effect = "Deny"
    actions = [
      "s3:DeleteBucket",
      "s3:DeleteBucketPolicy",
      "s3:PutBucketAcl",
      "s3:PutBucketObjectLockConfiguration",
      "s3:PutBucketOwnershipControls",
      "s3:PutBucketPolicy",
      "s3:PutBucketPublicAccessBlock",
      "s3:PutBucketVersioning",
      "s3:PutEncryptionConfiguration",
      "s3:PutLifecycleConfiguration",
      "s3:PutReplicationConfiguration",
    ]
    resources = [local.bucket_arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "ArnNotLike"
      variable = "aws:PrincipalArn"
      values   = local.lock_administrators
    }
  }

  # A class's tag decides when S3 deletes, so only the backup function gives it; the same with locks and legal holds.
  statement {
    sid    = "DenyTagsAndLocks"
    effect = "Deny"
    actions = [
      "s3:DeleteObjectTagging",
      "s3:DeleteObjectVersionTagging",
      "s3:PutObjectLegalHold",
      "s3:PutObjectRetention",
      "s3:PutObjectTagging",
      "s3:PutObjectVersionTagging",
    ]
    resources = ["${local.bucket_arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "ArnNotLike"
      variable = "aws:PrincipalArn"
      values   = concat(local.lock_administrators, ["arn:${local.partition}:iam::${local.account_id}:role${var.role_path}${local.prefix}-dynamodb-backup"])
    }
  }
}

# What the backup function needs to prolong locks and to place legal holds. It can shorten no lock: s3:BypassGovernanceRetention is missing.
data "aws_iam_policy_document" "backup_locks" {
  count = var.immutability == null ? 0 : 1

  # A legal hold and a longer lock ask first whether the bucket can lock at all.
  statement {
    sid       = "SeeThatTheBucketLocks"
    actions   = ["s3:GetBucketObjectLockConfiguration"]
    resources = [local.bucket_arn]
  }

  statement {
    sid = "LockBackups"
    actions = [
      "s3:GetObjectRetention", # whether a lock is longer already
      "s3:GetObjectTagging",   # the class of an object that gets or loses a legal hold
      "s3:PutObjectLegalHold",
      "s3:PutObjectRetention",
    ]
    resources = ["${local.bucket_arn}/${var.exports_prefix}/*"]
  }

  # The class of a backup while it has a legal hold; no lifecycle rule looks at this tag.
  dynamic "statement" {
    for_each = var.retention == null ? [] : [sort(keys(local.retention_days))]

    content {
      sid       = "ClassifyHeldBackups"
      actions   = ["s3:PutObjectTagging"]
      resources = ["${local.bucket_arn}/${var.exports_prefix}/*"]

      condition {
        test     = "StringEquals"
        variable = "s3:RequestObjectTag/${local.retention_tag}-held"
        values   = statement.value
      }
    }
  }
}
