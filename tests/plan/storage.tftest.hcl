# The bucket and what protects it: keys, prefix, retention, locks, replication.

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
  values = { account_id = "123456789012", arn = "arn:aws:sts::123456789012:assumed-role/terraform/session" }
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

run "keys_a_boundary_and_a_path" {
  command = plan

  variables {
    kms_key_arn              = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    service_kms_key_arn      = "arn:aws:kms:eu-west-1:123456789012:key/22222222-2222-3333-4444-555555555555"
    notifications            = { kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/66666666-2222-3333-4444-555555555555" }
    logs                     = { kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/77777777-2222-3333-4444-555555555555" }
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
    role_path                = "/team/"
    functions                = { architecture = "x86_64", runtime = "python3.12" }
    replication = {
      bucket_arn    = "arn:aws:s3:::shop-replica"
      kms_key_arn   = "arn:aws:kms:eu-central-1:123456789012:key/66666666-2222-3333-4444-555555555555"
      storage_class = "STANDARD_IA"
    }
  }

  # Permissions: with a key and a boundary
  assert {
    condition = alltrue([
      for policy in [module.backup.policy_json, module.restore.policy_json] : [
        for s in jsondecode(policy).Statement : s if s.Sid == "UseBackupKey"
        ] == [{
          Sid      = "UseBackupKey"
          Effect   = "Allow"
          Action   = ["kms:GenerateDataKey", "kms:Decrypt"]
          Resource = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
      }]
    ])
    error_message = "Both roles may use exactly this key."
  }

  assert {
    condition     = toset([module.backup_state_machine.role.permissions_boundary, module.backup_schedules.role.permissions_boundary, local.function.permissions_boundary_arn]) == toset(["arn:aws:iam::123456789012:policy/boundary"])
    error_message = "The boundary is on the roles here and handed to those of the functions."
  }

  assert {
    condition     = toset([module.backup_state_machine.role.path, module.restore_state_machine.role.path, module.backup_schedules.role.path, local.function.role_path]) == toset(["/team/"])
    error_message = "So is the path."
  }

  # Encryption: another key for topics and logs
  assert {
    condition     = aws_sns_topic.this["failure"].kms_master_key_id == var.notifications.kms_key_arn && local.function.logs.kms_key_arn == var.logs.kms_key_arn && local.function.environment_kms_key_arn == var.service_kms_key_arn
    error_message = "The more special input wins."
  }

  # Replication: backups are copied with least privilege
  assert {
    condition = { for s in jsondecode(data.aws_iam_policy_document.replication[0].json).Statement : s.Sid => [toset(flatten([s.Action])), flatten([s.Resource])] } == {
      ReadReplicationRule = [toset(["s3:GetReplicationConfiguration", "s3:ListBucket"]), ["arn:aws:s3:::shop-prod-dynamodb-backup-123456789012"]]
      ReadBackups         = [toset(["s3:GetObjectVersionAcl", "s3:GetObjectVersionForReplication", "s3:GetObjectVersionTagging"]), ["arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/native-exports/*"]]
      WriteReplicas       = [toset(["s3:ReplicateObject", "s3:ReplicateTags"]), ["arn:aws:s3:::shop-replica/native-exports/*"]]
      DecryptBackups      = [toset(["kms:Decrypt"]), ["arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"]]
      EncryptReplicas     = [toset(["kms:Encrypt", "kms:GenerateDataKey"]), ["arn:aws:kms:eu-central-1:123456789012:key/66666666-2222-3333-4444-555555555555"]]
    }
    error_message = "The role reads one prefix, writes one prefix, and deletes nothing: ${data.aws_iam_policy_document.replication[0].json}"
  }

  assert {
    condition = { for s in jsondecode(data.aws_iam_policy_document.replication[0].json).Statement : s.Sid => s.Condition.StringLike["kms:ViaService"] if can(s.Condition) } == {
      DecryptBackups  = "s3.eu-west-1.amazonaws.com"
      EncryptReplicas = "s3.eu-central-1.amazonaws.com"
    }
    error_message = "Each key serves S3 of its own region alone."
  }

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_replication_configuration.this[0].rule :
      rule.filter[0].prefix == "native-exports/" && rule.delete_marker_replication[0].status == "Disabled" &&
      rule.source_selection_criteria[0].sse_kms_encrypted_objects[0].status == "Enabled" &&
      rule.destination[0].encryption_configuration[0].replica_kms_key_id == var.replication.kms_key_arn &&
      rule.destination[0].metrics[0].status == "Enabled" && length(rule.destination[0].replication_time) == 0 &&
      rule.destination[0].storage_class == "STANDARD_IA" && length(rule.destination[0].access_control_translation) == 0
    ])
    error_message = "The prefix is copied under the other region's key, with metrics, and without deletions."
  }

  assert {
    condition = aws_cloudwatch_metric_alarm.replication_failed[0].dimensions == tomap({
      SourceBucket = "shop-prod-dynamodb-backup-123456789012", DestinationBucket = "shop-replica", RuleId = "dynamodb-backups",
    })
    error_message = "The alarm is on this rule's failures."
  }

  # Package: layer of another architecture and runtime
  assert {
    condition     = data.aws_ssm_parameter.powertools[0].name == "/aws/service/powertools/python/x86_64/python3.12/${local.powertools_version}"
    error_message = "Parameter: ${data.aws_ssm_parameter.powertools[0].name}"
  }
}

run "a_prefix_and_classes" {
  command = plan

  variables {
    exports_prefix = "backups/dynamodb"
    kms_key_arn    = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    layer          = { s3 = { bucket = "artifacts", key = "layer.zip", version = "v1" } }
    package        = { s3_bucket = "artifacts", s3_key = "function.zip", s3_object_version = "v2" }
    retention = {
      daily            = { days = 30 }
      monthly          = { days = 400, glacier_instant_retrieval_after_days = 31 }
      yearly           = { days = 2557, glacier_instant_retrieval_after_days = 31, deep_archive_after_days = 365 }
      incremental_days = 20
      failed_days      = 3
      restore_days     = 60
      noncurrent_days  = 5
    }
  }

  # Storage: prefix and key as given
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

  # Retention: backups expire by their class alone
  assert {
    condition = {
      for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : rule.filter[0].and[0].tags["backup-retention"] => rule.expiration[0].days
      if length(rule.filter[0].and) == 1
    } == { daily = 30, monthly = 400, yearly = 2557, incremental = 20, failed = 3 }
    error_message = "Each class expires after its days; a class that is not given has no rule."
  }

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : (
        length(rule.filter[0].and) == 1 ? join(",", keys(rule.filter[0].and[0].tags)) == "backup-retention" && rule.filter[0].and[0].prefix == "backups/dynamodb/" : contains(["backups/dynamodb/restores/", "backups/dynamodb/verifications/"], rule.filter[0].prefix)
      ) if try(rule.expiration[0].days > 0, false) || length(rule.transition) > 0
    ])
    error_message = "No rule deletes or moves a current object under the prefix unless it carries the tag, or is the record of a restore or a verification."
  }

  assert {
    condition = {
      for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : rule.filter[0].and[0].tags["backup-retention"] => { for move in rule.transition : move.storage_class => move.days }
      if length(rule.transition) > 0
    } == { monthly = { GLACIER_IR = 31 }, yearly = { GLACIER_IR = 31, DEEP_ARCHIVE = 365 } }
    error_message = "Classes move as given."
  }

  assert {
    condition = [
      for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : [rule.filter[0].prefix, rule.noncurrent_version_expiration[0].noncurrent_days, rule.expiration[0].expired_object_delete_marker]
      if length(rule.noncurrent_version_expiration) > 0
    ] == [["backups/dynamodb/", 5, true]]
    error_message = "What expired or was overwritten is deleted for good later, and its delete marker too."
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : rule.expiration[0].days if rule.id == "expire-restore-records"] == [60]
    error_message = "Records of restores expire."
  }

  assert {
    condition     = jsondecode(module.backup.environment.RETENTION_CLASSES) == { daily = 30, monthly = 400, yearly = 2557, incremental = 20, failed = 3 }
    error_message = "The function gives only classes that have a rule."
  }

  assert {
    condition = [for s in jsondecode(module.backup.policy_json).Statement : s if contains(flatten([s.Action]), "s3:PutObjectTagging")] == [{
      Sid       = "ClassifySupersededBackups"
      Effect    = "Allow"
      Action    = "s3:PutObjectTagging"
      Resource  = "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/backups/dynamodb/*"
      Condition = { StringEquals = { "s3:RequestObjectTag/backup-retention" = ["daily", "failed", "incremental", "monthly", "yearly"] } }
    }]
    error_message = "The backup role may give these classes under the prefix, and no other tag: ${module.backup.policy_json}"
  }

  assert {
    condition     = !strcontains(module.restore.policy_json, "Tagging")
    error_message = "The restore role tags nothing."
  }

  assert {
    condition = alltrue([
      for policy in [module.backup.policy_json, module.restore.policy_json, module.backup_state_machine.role.policy_json, module.backup_schedules.role.policy_json] :
      length(regexall("s3:(Delete|PutLifecycle|PutBucket|BypassGovernance|\\*)|\"\\*\"", policy)) == 0
    ])
    error_message = "No role can delete a backup or change how long backups are kept."
  }

  # Package: layer and package of s3
  assert {
    condition     = [aws_lambda_layer_version.this[0].s3_bucket, aws_lambda_layer_version.this[0].s3_key, aws_lambda_layer_version.this[0].s3_object_version] == ["artifacts", "layer.zip", "v1"]
    error_message = "A layer is made of the S3 object."
  }

  assert {
    condition     = [for part in ["s3_bucket", "s3_key", "s3_object_version"] : local.function.package[part]] == ["artifacts", "function.zip", "v2"]
    error_message = "The code is the S3 object's."
  }

  assert {
    condition     = local.function.package.filename == null && local.function.package.source_code_hash == null
    error_message = "The zip of the module is not used beside it."
  }
}

run "an_apply_that_would_lock_itself_out_is_refused" {
  command = plan

  variables {
    immutability = { mode = "GOVERNANCE", administrator_arns = ["arn:aws:iam::123456789012:role/emergency", "arn:aws:iam::123456789012:user/terraform"] }
  }

  expect_failures = [aws_s3_bucket_policy.this]
}
