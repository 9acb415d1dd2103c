# The bucket: created safe, or existing and left alone.

provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = data.aws_ssm_parameter.powertools
  values = { insecure_value = "arn:aws:lambda:eu-west-1:017000801446:layer:Powertools:1" }
}

variables {
  app_name    = "shop"
  environment = "prod"
  tables      = ["shop-users", "shop-orders"]
}

run "created_bucket_is_private_versioned_and_encrypted" {
  command = plan

  assert {
    condition     = aws_s3_bucket.this[0].bucket == "shop-prod-dynamodb-backup-123456789012" && aws_s3_bucket.this[0].force_destroy == false
    error_message = "The bucket carries the account in its name and is not destroyed with backups in it."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this[0].block_public_acls, aws_s3_bucket_public_access_block.this[0].block_public_policy,
      aws_s3_bucket_public_access_block.this[0].ignore_public_acls, aws_s3_bucket_public_access_block.this[0].restrict_public_buckets,
    ])
    error_message = "All four public access blocks are on."
  }

  assert {
    condition     = aws_s3_bucket_versioning.this[0].versioning_configuration[0].status == "Enabled"
    error_message = "Versioning is on."
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.this[0].rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "ACLs are off."
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this[0].rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    error_message = "Without a key, S3's own keys encrypt."
  }

  assert {
    condition = jsondecode(data.aws_iam_policy_document.bucket[0].json).Statement == [{
      Sid       = "DenyWithoutTLS"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/*", "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
    error_message = "Requests without TLS are denied: ${data.aws_iam_policy_document.bucket[0].json}"
  }
}

run "prefix_and_key_as_given" {
  command = plan

  variables {
    exports_prefix = "backups/dynamodb"
    kms_key_arn    = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  }

  assert {
    condition     = module.backup.environment.S3_EXPORTS_PREFIX == "backups/dynamodb" && module.restore.environment.S3_EXPORTS_PREFIX == "backups/dynamodb"
    error_message = "The functions write and read under the prefix that the lifecycle expires."
  }

  assert {
    condition = [
      for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : [rule.status, rule.filter[0].prefix, rule.abort_incomplete_multipart_upload[0].days_after_initiation]
      if rule.id == "abort-stale-multipart-uploads"
    ] == [["Enabled", "", 7]]
    error_message = "Stale multipart uploads are aborted in the whole bucket."
  }

  assert {
    condition = (
      one(aws_s3_bucket_server_side_encryption_configuration.this[0].rule).bucket_key_enabled &&
      one(aws_s3_bucket_server_side_encryption_configuration.this[0].rule).apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms" &&
      one(aws_s3_bucket_server_side_encryption_configuration.this[0].rule).apply_server_side_encryption_by_default[0].kms_master_key_id == var.kms_key_arn
    )
    error_message = "The key encrypts the bucket, with a bucket key."
  }

  assert {
    condition     = module.backup.environment.EXPORT_KMS_KEY_ID == var.kms_key_arn
    error_message = "Exports are written under the key."
  }
}

run "existing_bucket_is_named_but_not_touched" {
  command = plan

  variables {
    bucket = { create = false, name = "company-backups", owner_account_id = "210987654321" }
  }

  assert {
    condition = 0 == sum([
      length(aws_s3_bucket.this), length(aws_s3_bucket_public_access_block.this), length(aws_s3_bucket_ownership_controls.this), length(aws_s3_bucket_versioning.this),
      length(aws_s3_bucket_server_side_encryption_configuration.this), length(aws_s3_bucket_policy.this), length(aws_s3_bucket_lifecycle_configuration.this),
    ])
    error_message = "Nothing of an existing bucket is managed."
  }

  assert {
    condition     = [module.backup.environment.BACKUP_BUCKET, module.backup.environment.BACKUP_BUCKET_OWNER, module.restore.environment.BACKUP_BUCKET] == ["company-backups", "210987654321", "company-backups"]
    error_message = "Both functions use the existing bucket, in the account of its owner."
  }

  assert {
    condition     = output.bucket == { arn = "arn:aws:s3:::company-backups", name = "company-backups", exports_prefix = "native-exports" }
    error_message = "The output names the existing bucket."
  }

  assert {
    condition     = strcontains(module.backup.policy_json, "\"arn:aws:s3:::company-backups/native-exports/*\"")
    error_message = "The backup role writes to the existing bucket under the prefix."
  }
}
