# What the lifecycle rules delete and move, and when: only what carries a retention tag.

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

run "backups_expire_by_their_class_alone" {
  command = plan

  variables {
    exports_prefix = "backups/dynamodb"
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
}

run "defaults_keep_months_for_a_year" {
  command = plan

  assert {
    condition     = jsondecode(module.backup.environment.RETENTION_CLASSES) == { daily = 35, weekly = 90, monthly = 365, incremental = 28, failed = 7 }
    error_message = "The default classes are those of the documentation."
  }
}

run "null_keeps_everything" {
  command = plan

  variables {
    retention = null
  }

  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.this[0].rule : rule.id] == ["abort-stale-multipart-uploads"] && try(module.backup.environment.RETENTION_CLASSES, null) == null
    error_message = "Without retention nothing expires, and nothing is tagged."
  }

  assert {
    condition     = !strcontains(module.backup.policy_json, "Tagging")
    error_message = "Nor may anything be tagged."
  }
}

run "short_stays_in_cold_storage_are_warned_of" {
  command = plan

  variables {
    retention = { daily = { days = 60, glacier_instant_retrieval_after_days = 1 } }
  }

  expect_failures = [check.retention_storage_classes]
}

run "rules_for_an_existing_bucket" {
  command = plan

  variables {
    bucket    = { create = false, name = "company-backups" }
    retention = { daily = { days = 30 }, monthly = { days = 400, glacier_instant_retrieval_after_days = 31 } }
  }

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
}
