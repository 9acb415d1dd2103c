# Audit records: who may write them, where, and how long they are kept.

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

run "without_the_input_there_is_nothing_of_it" {
  command = plan

  assert {
    condition     = length(aws_cloudwatch_log_group.audit) == 0 && !strcontains(module.restore.policy_json, "Audit") && !strcontains(module.backup.policy_json, "Audit")
    error_message = "Audit records are off by default."
  }

  assert {
    condition     = alltrue([for function in [module.backup, module.restore] : !contains(keys(function.environment), "AUDIT_LOG_GROUP")])
    error_message = "No function is told of an audit log."
  }

  assert {
    condition     = !contains([for rule in jsondecode(output.lifecycle_rules).Rules : rule.ID], "expire-audit-records")
    error_message = "There is nothing to expire."
  }
}

run "lines_and_objects_are_added_by_the_functions_of_the_acts" {
  command = plan

  variables {
    audit         = { retention_days = 731 }
    http_api      = {}
    restore_tests = {}
  }

  assert {
    condition     = aws_cloudwatch_log_group.audit[0].name == "shop-prod-dynamodb-audit" && aws_cloudwatch_log_group.audit[0].retention_in_days == 731 && output.log_groups.audit.name == "shop-prod-dynamodb-audit"
    error_message = "A log group of its own, with a retention of its own."
  }

  assert {
    condition = alltrue([for function in [module.backup, module.restore, module.restore_test[0], module.api[0]] :
      function.environment.AUDIT_LOG_GROUP == "shop-prod-dynamodb-audit" && [for s in jsondecode(function.policy_json).Statement : [s.Action, s.Resource] if s.Sid == "WriteAuditLog"] == [
        [["logs:PutLogEvents", "logs:CreateLogStream"], "arn:aws:logs:eu-west-1:123456789012:log-group:shop-prod-dynamodb-audit:*"]
      ]
    ])
    error_message = "Each may add lines to this group, and no more."
  }

  assert {
    condition = [for s in jsondecode(module.restore.policy_json).Statement : [s.Action, s.Resource] if s.Sid == "WriteAuditRecords"] == [
      ["s3:PutObject", "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/native-exports/audit/*"]
    ]
    error_message = "The restore adds its objects."
  }

  assert {
    condition = alltrue([for function in [module.verify, module.restore_test[0], module.api[0]] : length([
      for s in jsondecode(function.policy_json).Statement : s if try(s.Sid, "") == "WriteAuditRecords"
    ]) == 0])
    error_message = "Others write no object."
  }

  assert {
    condition     = [for rule in jsondecode(output.lifecycle_rules).Rules : [rule.Filter.Prefix, rule.Expiration.Days] if rule.ID == "expire-audit-records"] == [["native-exports/audit/", 731]]
    error_message = "Objects expire as the lines do."
  }
}

run "kept_for_ever" {
  command = plan

  variables {
    audit = { retention_days = 0 }
  }

  assert {
    condition     = aws_cloudwatch_log_group.audit[0].retention_in_days == 0 && !contains([for rule in jsondecode(output.lifecycle_rules).Rules : rule.ID], "expire-audit-records")
    error_message = "0 is for ever, in the bucket, too."
  }
}
