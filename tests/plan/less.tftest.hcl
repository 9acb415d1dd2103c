# What is left out where it is not wanted, or there already; and two inputs that are refused.

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

run "nothing_that_is_not_wanted" {
  command = plan

  variables {
    tables                = ["users"]
    table_name_convention = "{environment}-{type}.v1_x"
    dashboard             = false
    max_backup_age_hours  = null
    notifications         = { failure = { create = false } }
    retention             = null
    schedules             = {}
  }

  override_resource {
    target          = module.backup.aws_lambda_function.this
    override_during = plan
    values          = { arn = "arn:aws:lambda:eu-west-1:123456789012:function:shop-prod-dynamodb-backup" }
  }

  # With a definition that is known, the provider would ask AWS at plan whether it is valid.
  override_resource {
    target = module.backup_state_machine.aws_sfn_state_machine.this
  }

  # Monitoring: not watched
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.not_fresh) == 0
    error_message = "null is no alarm."
  }

  # Monitoring: no dashboard
  assert {
    condition     = length(aws_cloudwatch_dashboard.this) == 0 && output.dashboard == null
    error_message = "There is none if none is wanted."
  }

  # Notifications: nobody is told
  assert {
    condition     = jsondecode(module.backup_state_machine.state_machine.definition).States.ExplainFailure.Next == "Failed" && !can(jsondecode(module.backup_state_machine.state_machine.definition).States.NotifyCollapse) && length(aws_sns_topic.this) == 0 && module.backup_state_machine.failure_alarm.alarm_actions == null
    error_message = "The execution fails with its reason all the same."
  }

  assert {
    condition     = [for s in jsondecode(module.backup_state_machine.role.policy_json).Statement : s.Sid] == ["InvokeFunction"]
    error_message = "No permission that is not used."
  }

  # Retention: null keeps everything
  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : rule.id] == ["abort-stale-multipart-uploads"] && try(module.backup.environment.RETENTION_CLASSES, null) == null
    error_message = "Without retention nothing expires, and nothing is tagged."
  }

  assert {
    condition     = !strcontains(module.backup.policy_json, "Tagging")
    error_message = "Nor may anything be tagged."
  }

  # Schedules: no schedule
  assert {
    condition     = length(module.backup_schedules.schedules) == 0 && length(output.schedules) == 0
    error_message = "Without schedules nothing starts by itself."
  }

  # Names: pattern takes characters literally and keeps environments apart
  assert {
    condition     = output.table_name_pattern == "^prod-[A-Za-z0-9_]+\\.v1_x$" && output.tables["users"] == "prod-users.v1_x"
    error_message = "Pattern: ${output.table_name_pattern}"
  }

  assert {
    condition     = can(regex(output.table_name_pattern, "prod-users.v1_x")) && !can(regex(output.table_name_pattern, "prod-eu-users.v1_x"))
    error_message = "A table of the environment prod-eu is outside the convention of prod."
  }
}

run "an_existing_bucket_and_an_existing_topic" {
  command = plan

  variables {
    bucket              = { create = false, name = "company-backups", owner_account_id = "210987654321" }
    immutability        = { mode = "COMPLIANCE" }
    notifications       = { failure = { create = false, topic_arn = "arn:aws:sns:eu-west-1:123456789012:on-call" } }
    retention           = { daily = { days = 60, glacier_instant_retrieval_after_days = 1 }, monthly = { days = 400, glacier_instant_retrieval_after_days = 31 } }
    service_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
  }

  expect_failures = [check.immutability_in_compliance_mode, check.retention_storage_classes]

  # Storage: existing bucket is named but not touched
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

  # Immutability: existing bucket keeps its lock
  assert {
    condition     = length(aws_s3_bucket_object_lock_configuration.this) == 0 && contains(keys(module.backup.environment), "OBJECT_LOCK")
    error_message = "The lock of an existing bucket is its owner's; the backup function looks at it."
  }

  # Retention: rules for an existing bucket
  assert {
    condition     = length(aws_s3_bucket_lifecycle_configuration.this) == 0
    error_message = "The lifecycle of an existing bucket is its owner's."
  }

  assert {
    condition = [for rule in jsondecode(output.lifecycle_rules).Rules : rule if rule.ID == "expire-monthly-backups"] == [{
      ID          = "expire-monthly-backups"
      Status      = "Enabled"
      Filter      = { And = { Prefix = "native-exports/", Tags = [{ Key = "backup-retention", Value = "monthly" }] } }
      Transitions = [{ Days = 31, StorageClass = "GLACIER_IR" }]
      Expiration  = { Days = 400 }
    }]
    error_message = "The rules are given in S3's own form: ${output.lifecycle_rules}"
  }

  # Encryption: an existing topic keeps its key
  assert {
    condition     = !strcontains(module.backup_state_machine.role.policy_json, "kms:")
    error_message = "Nobody needs the key for a topic that does not have it."
  }

  # Immutability: compliance mode is warned about

  # Retention: short stays in cold storage are warned of
}

run "a_scratch_prefix_of_a_target_and_a_layer_of_other_bytes_are_refused" {
  command = plan

  variables {
    restore_target_tables    = ["shop-prod-restore-test-of-mine"]
    restore_tests            = {}
    verify_package_checksums = true
    layer                    = { zip_path = "./dist/function.zip" }
  }

  expect_failures = [var.restore_tests, var.verify_package_checksums]
}
