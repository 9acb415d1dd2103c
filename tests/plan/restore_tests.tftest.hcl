# Restore tests: nothing of them unless asked for, and one role that deletes tables, by their prefix alone.

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

run "off_by_default" {
  command = plan

  assert {
    condition = (
      length(module.restore_test) + length(module.restore_test_state_machine) + length(module.restore_test_schedules) + length(aws_cloudwatch_metric_alarm.not_proven)
    ) == 0 && output.restore_tests == null
    error_message = "Without restore_tests there is nothing of them."
  }
}

run "all_tables_weekly" {
  command = plan

  variables {
    restore_tests = {}
  }

  assert {
    condition = { for s in jsondecode(module.restore_test[0].policy_json).Statement : s.Sid => s.Resource if length(setintersection(flatten([s.Action]), ["dynamodb:CreateTable", "dynamodb:DeleteTable", "dynamodb:BatchWriteItem", "dynamodb:TagResource"])) > 0 } == {
      MakeAndDeleteScratchTables = "arn:aws:dynamodb:eu-west-1:123456789012:table/shop-prod-restore-test-*"
    }
    error_message = "Tables are made, written and deleted by the prefix alone: ${module.restore_test[0].policy_json}"
  }

  assert {
    condition = toset(flatten([for s in jsondecode(module.restore_test[0].policy_json).Statement : s.Action])) == toset([
      "s3:ListBucket", "s3:GetObject", "s3:PutObject", "dynamodb:BatchWriteItem", "dynamodb:CreateTable", "dynamodb:DeleteTable", "dynamodb:DescribeTable",
      "dynamodb:ListTables", "dynamodb:ListTagsOfResource", "dynamodb:Scan", "dynamodb:TagResource", "dynamodb:UntagResource", "logs:CreateLogStream", "logs:PutLogEvents",
    ])
    error_message = "The role's actions are exactly those that a test takes."
  }

  assert {
    condition = toset(flatten([for s in jsondecode(module.restore_test[0].policy_json).Statement : s.Resource if contains(flatten([s.Action]), "s3:PutObject")])) == toset([
      "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/native-exports/restore-tests/*", "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/native-exports/restores/*",
    ])
    error_message = "It writes records, and no backup."
  }

  assert {
    condition     = length([for s in concat(jsondecode(module.backup.policy_json).Statement, jsondecode(module.restore.policy_json).Statement, jsondecode(module.verify.policy_json).Statement) : s if contains(flatten([s.Action]), "dynamodb:DeleteTable")]) == 0
    error_message = "No other role deletes tables."
  }

  assert {
    condition = [module.restore_test[0].environment.RESTORE_TEST_PREFIX, module.restore_test[0].environment.RESTORE_TEST_TABLES, module.restore_test[0].environment.RESTORE_TEST_MAX_TABLE_BYTES] == [
      "shop-prod-restore-test-", jsonencode(["shop-orders", "shop-users"]), "1073741824",
    ]
    error_message = "What the function is told: ${jsonencode(module.restore_test[0].environment)}"
  }

  assert {
    condition = [for name, schedule in module.restore_test_schedules[0].schedules : [name, schedule.schedule_expression, schedule.target[0].arn, schedule.target[0].input]] == [
      ["report", "rate(6 hours)", "arn:aws:lambda:eu-west-1:123456789012:function:shop-prod-dynamodb-restore-test", "{\"action\":\"report\"}"],
      ["test", "cron(0 5 ? * SUN *)", "arn:aws:states:eu-west-1:123456789012:stateMachine:shop-prod-dynamodb-restore-test", "{}"],
    ]
    error_message = "Tests weekly, reports every six hours."
  }

  assert {
    condition = [for key, alarm in aws_cloudwatch_metric_alarm.not_proven : [key, alarm.alarm_name, alarm.metric_name, tostring(alarm.threshold), alarm.treat_missing_data, alarm.dimensions.service]] == [
      ["shop-orders", "shop-prod-dynamodb-backup-not-proven-shop-orders", "LastProvenRestorable", "192", "breaching", "shop-prod-dynamodb-restore-test"],
      ["shop-users", "shop-prod-dynamodb-backup-not-proven-shop-users", "LastProvenRestorable", "192", "breaching", "shop-prod-dynamodb-restore-test"],
    ]
    error_message = "An alarm on the age of each table's proof."
  }
}

run "some_tables_of_any_size_under_a_key" {
  command = plan

  variables {
    app_name              = "a-very-long-name-of-an-application-indeed"
    table_name_convention = "shop_{environment}_{type}"
    tables                = ["users", "orders"]
    restore_tests = {
      schedule           = "rate(7 days)"
      tables             = ["users"]
      max_table_bytes    = 0
      scratch_prefix     = "scratch-prod-"
      table_kms_key_arns = ["arn:aws:kms:eu-west-1:123456789012:key/tables"]
    }
  }

  assert {
    condition     = module.restore_test[0].environment.RESTORE_TEST_TABLES == jsonencode(["shop_prod_users"]) && !contains(keys(module.restore_test[0].environment), "RESTORE_TEST_MAX_TABLE_BYTES") && keys(aws_cloudwatch_metric_alarm.not_proven) == ["users"]
    error_message = "Only the named tables, of any size: ${jsonencode(module.restore_test[0].environment)}"
  }

  assert {
    condition     = [for s in jsondecode(module.restore_test[0].policy_json).Statement : s.Resource if s.Sid == "EncryptScratchTables"] == ["arn:aws:kms:eu-west-1:123456789012:key/tables"] && [for s in jsondecode(module.restore_test[0].policy_json).Statement : s.Resource if s.Sid == "MakeAndDeleteScratchTables"] == ["arn:aws:dynamodb:eu-west-1:123456789012:table/scratch-prod-*"]
    error_message = "The keys and the prefix that were given."
  }

  assert {
    condition     = max(length(module.restore_test_state_machine[0].role.name), length(module.restore_test_schedules[0].role.name)) <= 64
    error_message = "Names of roles keep to 64 characters."
  }
}

run "a_prefix_of_a_restore_target_is_refused" {
  command = plan

  variables {
    restore_target_tables = ["shop-prod-restore-test-of-mine"]
    restore_tests         = {}
  }

  expect_failures = [var.restore_tests]
}
