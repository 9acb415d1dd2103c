# Object Lock: what is locked how long, who may delete, and whom an apply would lock out.

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

run "off_by_default" {
  command = plan

  assert {
    condition     = length(aws_s3_bucket_object_lock_configuration.this) == 0 && !contains(keys(module.backup.environment), "OBJECT_LOCK")
    error_message = "Without immutability nothing is locked."
  }

  assert {
    condition     = !strcontains(module.backup.policy_json, "Retention\"") && length(jsondecode(data.aws_iam_policy_document.bucket[0].json).Statement) == 1
    error_message = "Without immutability nobody is allowed or denied anything more."
  }
}

run "classes_are_locked_as_long_as_they_are_kept" {
  command = plan

  variables {
    immutability = { mode = "GOVERNANCE", monthly_days = 180 }
  }

  assert {
    condition = jsondecode(module.backup.environment.OBJECT_LOCK) == {
      mode         = "GOVERNANCE"
      default_days = 7
      days         = { daily = 35, weekly = 90, monthly = 180, incremental = 28 }
    }
    error_message = "OBJECT_LOCK: ${module.backup.environment.OBJECT_LOCK}"
  }

  assert {
    condition     = [for rule in aws_s3_bucket_object_lock_configuration.this[0].rule : [for one in rule.default_retention : "${one.mode} ${one.days}"]] == [["GOVERNANCE 7"]]
    error_message = "The bucket locks each new object."
  }

  assert {
    condition = { for s in jsondecode(module.backup.policy_json).Statement : s.Sid => [s.Action, s.Resource] if contains(["SeeThatTheBucketLocks", "LockBackups"], s.Sid) } == {
      SeeThatTheBucketLocks = ["s3:GetBucketObjectLockConfiguration", "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012"]
      LockBackups           = [["s3:PutObjectRetention", "s3:PutObjectLegalHold", "s3:GetObjectTagging", "s3:GetObjectRetention"], "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/native-exports/*"]
    }
    error_message = "The backup function may prolong locks under the prefix: ${module.backup.policy_json}"
  }

  assert {
    condition = alltrue([for policy in [module.backup.policy_json, module.restore.policy_json, module.verify.policy_json] :
      length(setintersection(flatten([for s in jsondecode(policy).Statement : s.Action]), ["s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:DeleteObjectTagging", "s3:PutBucketObjectLockConfiguration"])) == 0
    ])
    error_message = "No function may delete, or shorten a lock."
  }

  assert {
    condition     = [for policy in [module.restore.policy_json, module.verify.policy_json] : strcontains(policy, "ObjectLock") || strcontains(policy, "PutObjectRetention") || strcontains(policy, "LegalHold")] == [false, false]
    error_message = "Only the backup function locks."
  }
}

run "only_administrators_delete" {
  command = plan

  variables {
    immutability = { mode = "GOVERNANCE", administrator_arns = ["arn:aws:iam::123456789012:role/path/terraform", "arn:aws:iam::123456789012:role/emergency-*"] }
    role_path    = "/team/"
  }

  assert {
    condition = {
      for s in jsondecode(data.aws_iam_policy_document.bucket[0].json).Statement : s.Sid => [s.Effect, s.Principal, join(" ", sort(s.Condition.ArnNotLike["aws:PrincipalArn"]))] if s.Sid != "DenyWithoutTLS"
      } == {
      DenyDeletion           = ["Deny", "*", "arn:aws:iam::123456789012:role/emergency-* arn:aws:iam::123456789012:role/path/terraform"]
      DenyChangeOfProtection = ["Deny", "*", "arn:aws:iam::123456789012:role/emergency-* arn:aws:iam::123456789012:role/path/terraform"]
      DenyTagsAndLocks       = ["Deny", "*", "arn:aws:iam::123456789012:role/emergency-* arn:aws:iam::123456789012:role/path/terraform arn:aws:iam::123456789012:role/team/shop-prod-dynamodb-backup"]
    }
    error_message = "All but the administrators are denied: ${data.aws_iam_policy_document.bucket[0].json}"
  }

  assert {
    condition = length(setsubtract(
      ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention", "s3:DeleteBucket", "s3:PutBucketVersioning", "s3:PutBucketObjectLockConfiguration", "s3:PutLifecycleConfiguration", "s3:PutBucketPolicy", "s3:PutObjectTagging"],
      flatten([for s in jsondecode(data.aws_iam_policy_document.bucket[0].json).Statement : s.Action])
    )) == 0
    error_message = "Deleting, and every detour to it."
  }
}

run "an_apply_that_would_lock_itself_out_is_refused" {
  command = plan

  variables {
    immutability = { mode = "GOVERNANCE", administrator_arns = ["arn:aws:iam::123456789012:role/emergency", "arn:aws:iam::123456789012:user/terraform"] }
  }

  expect_failures = [aws_s3_bucket_policy.this]
}

run "a_wildcard_may_hold_who_runs_terraform" {
  command = plan

  variables {
    immutability = { mode = "GOVERNANCE", administrator_arns = ["arn:aws:iam::123456789012:role/terra*"] }
  }
}

run "compliance_mode_is_warned_about" {
  command = plan

  variables {
    immutability = { mode = "COMPLIANCE" }
  }

  expect_failures = [check.immutability_in_compliance_mode]
}

run "existing_bucket_keeps_its_lock" {
  command = plan

  variables {
    bucket       = { create = false, name = "company-backups" }
    immutability = { mode = "GOVERNANCE" }
  }

  assert {
    condition     = length(aws_s3_bucket_object_lock_configuration.this) == 0 && contains(keys(module.backup.environment), "OBJECT_LOCK")
    error_message = "The lock of an existing bucket is its owner's; the backup function looks at it."
  }
}
