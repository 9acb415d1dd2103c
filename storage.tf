# The bucket of the backups, if the module creates it. An existing bucket is only named here, never touched.

locals {
  bucket_name = coalesce(var.bucket.name, lower(replace("${local.prefix}-dynamodb-backup-${local.account_id}", "_", "-")))
  bucket_arn  = "arn:${local.partition}:s3:::${local.bucket_name}"
}

resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV_AWS_18: CloudTrail's data events say who did what, with the role; server access logs need a bucket that is not the module's.
  # checkov:skip=CKV_AWS_144: Replication costs as much again as the backups themselves; it is a choice, and off by default.
  # checkov:skip=CKV2_AWS_62: Nothing here waits for events of the bucket; a user may add notifications, which are a resource of their own.

  count = var.bucket.create ? 1 : 0

  bucket        = local.bucket_name
  force_destroy = var.bucket.force_destroy
  tags          = var.tags
}

resource "aws_s3_bucket_public_access_block" "this" {
  count = var.bucket.create ? 1 : 0

  bucket                  = aws_s3_bucket.this[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# Exports are written with an ACL that gives the bucket's owner control; with ACLs switched off, the owner has it anyway.
resource "aws_s3_bucket_ownership_controls" "this" {
  count = var.bucket.create ? 1 : 0

  bucket = aws_s3_bucket.this[0].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  count = var.bucket.create ? 1 : 0

  bucket = aws_s3_bucket.this[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  count = var.bucket.create ? 1 : 0

  bucket = aws_s3_bucket.this[0].id

  rule {
    # Without a bucket key every object is a request to KMS of its own, and an export has thousands.
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

data "aws_iam_policy_document" "bucket" {
  count = var.bucket.create ? 1 : 0

  source_policy_documents = data.aws_iam_policy_document.protection[*].json

  statement {
    sid       = "DenyWithoutTLS"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [local.bucket_arn, "${local.bucket_arn}/*"]

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
}

resource "aws_s3_bucket_policy" "this" {
  count = var.bucket.create ? 1 : 0

  bucket = aws_s3_bucket.this[0].id
  policy = data.aws_iam_policy_document.bucket[0].json

  lifecycle {
    precondition {
      condition     = length(local.lock_administrators) == 0 || local.terraform_is_administrator
      error_message = "This apply would lock Terraform out of its own bucket: immutability.administrator_arns (${join(", ", local.lock_administrators)}) does not hold who runs it, ${local.terraform_arn}. Add it, a role by its ARN arn:aws:iam::ACCOUNT:role/NAME; being listed gives no permission."
    }
  }

  # S3 refuses two of these changes on one bucket at the same time (OperationAborted).
  depends_on = [aws_s3_bucket_public_access_block.this]
}
