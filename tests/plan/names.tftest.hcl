# Names of tables, short and full, and of everything that is named after the application.

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

run "long_names_are_cut_to_what_aws_allows" {
  command = plan

  variables {
    app_name              = "An_application_whose_name_someone_did_not_keep_short"
    environment           = "production-eu-west-1"
    table_name_convention = "shop_{environment}_{type}"
    tables                = ["users", "orders"]
    kms_key_arn           = "arn:aws:kms:eu-west-1:123456789012:key/backups"
    restore_tests = {
      schedule           = "rate(7 days)"
      tables             = ["users"]
      max_table_bytes    = 0
      scratch_prefix     = "scratch-prod-"
      table_kms_key_arns = ["arn:aws:kms:eu-west-1:123456789012:key/tables"]
    }
    offsite_copy = {
      endpoint_url       = "https://minio.example.com:9000"
      region             = "us-east-1"
      bucket             = "copies"
      prefix             = "shop/copies"
      secret_arn         = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:store-AbCdEf"
      secret_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/secrets"
      schedule           = "cron(30 4 * * ? *)"
      days               = 30
      max_age_hours      = 50
      allow_fetch        = true
    }
  }

  assert {
    condition     = length(module.backup_state_machine.role.name) == 64 && length(module.backup_schedules.role.name) <= 64 && length(module.backup_schedules.schedules["daily"].group_name) <= 64
    error_message = "Roles, functions and schedule groups keep to 64 characters: ${module.backup_state_machine.role.name}"
  }

  assert {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", output.bucket.name)) && endswith(output.bucket.name, "-dynamodb-backup-123456789012")
    error_message = "The bucket keeps to 63 characters that S3 allows: ${output.bucket.name}"
  }

  # Restore tests: some tables of any size under a key
  assert {
    condition     = module.restore_test[0].environment.RESTORE_TEST_TABLES == jsonencode(["shop_production-eu-west-1_users"]) && !contains(keys(module.restore_test[0].environment), "RESTORE_TEST_MAX_TABLE_BYTES") && keys(aws_cloudwatch_metric_alarm.not_proven) == ["users"]
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

  # Off-site copy: the way back and keys
  assert {
    condition = { for s in jsondecode(module.offsite_copy[0].policy_json).Statement : s.Sid => s.Resource if contains(["FetchBackups", "DecryptStoreKey", "UseBackupKey"], s.Sid) } == {
      FetchBackups    = ["${local.bucket_arn}/native-exports/chains/*", "${local.bucket_arn}/native-exports/????-??-??/*"]
      DecryptStoreKey = "arn:aws:kms:eu-west-1:123456789012:key/secrets"
      UseBackupKey    = "arn:aws:kms:eu-west-1:123456789012:key/backups"
    }
    error_message = "What the way back and the keys need: ${module.offsite_copy[0].policy_json}"
  }

  assert {
    condition     = length([for action in flatten([for s in jsondecode(module.offsite_copy[0].policy_json).Statement : s.Action]) : action if strcontains(action, "Delete")]) == 0
    error_message = "The role deletes nothing, on the way back either."
  }

  assert {
    condition     = [jsondecode(module.offsite_copy[0].environment.OFFSITE_COPY).prefix, jsondecode(module.offsite_copy[0].environment.OFFSITE_COPY).allow_fetch] == ["shop/copies", true]
    error_message = "What the function is told: ${module.offsite_copy[0].environment.OFFSITE_COPY}"
  }

  assert {
    condition     = max(length(module.offsite_copy_state_machine[0].role.name), length(module.offsite_copy_schedules[0].role.name)) <= 64
    error_message = "Names of roles keep to 64 characters."
  }
}

run "short_names_are_expanded_and_full_names_kept" {
  command = plan

  variables {
    tables                   = ["api-key", "totp", "mfa-api_prod_u2f_global"]
    table_name_convention    = "mfa-api_{environment}_{type}_global"
    restore_target_tables    = ["shop-users-restored"]
    audit                    = { retention_days = 0 }
    item_count_collapse      = null
    layer                    = { arn = "arn:aws:lambda:eu-west-1:123456789012:layer:ours:7", zip_path = "./dist/function.zip" }
    verify_package_checksums = true
    schedules = {
      nightly = { expression = "rate(12 hours)", time_zone = "Europe/Berlin", flexible_window_minutes = 0, enabled = false }
      weekly  = { expression = "cron(0 5 ? * SUN *)" }
    }
  }

  assert {
    condition = output.tables == {
      api-key                 = "mfa-api_prod_api-key_global"
      totp                    = "mfa-api_prod_totp_global"
      mfa-api_prod_u2f_global = "mfa-api_prod_u2f_global"
    }
    error_message = "Tables: ${jsonencode(output.tables)}"
  }

  assert {
    condition     = module.backup.environment.DYNAMODB_TABLES == "[\"mfa-api_prod_api-key_global\",\"mfa-api_prod_totp_global\",\"mfa-api_prod_u2f_global\"]"
    error_message = "The functions get full names."
  }

  assert {
    condition     = module.backup.environment.TABLE_NAME_PATTERN == "^mfa-api_prod_[A-Za-z0-9.-]+_global$" && module.restore.environment.TABLE_NAME_PATTERN == output.table_name_pattern
    error_message = "Both functions get the pattern: ${output.table_name_pattern}"
  }

  assert {
    condition     = module.restore.environment.RESTORE_TARGET_TABLES == "[\"shop-users-restored\"]" && !contains(keys(module.backup.environment), "RESTORE_TARGET_TABLES")
    error_message = "The restore knows the further targets."
  }

  assert {
    condition     = !strcontains(module.restore.environment.DYNAMODB_TABLES, "shop-users-restored")
    error_message = "A target is not backed up."
  }

  # Schedules: as many as given
  assert {
    condition = [for key, schedule in module.backup_schedules.schedules : [key, schedule.name, schedule.schedule_expression, schedule.schedule_expression_timezone, schedule.state, schedule.flexible_time_window[0].mode]] == [
      ["nightly", "nightly", "rate(12 hours)", "Europe/Berlin", "DISABLED", "OFF"],
      ["weekly", "weekly", "cron(0 5 ? * SUN *)", "UTC", "ENABLED", "FLEXIBLE"],
    ]
    error_message = "Name, expression, time zone, state and window are as given."
  }

  assert {
    condition     = [for key, schedule in output.schedules : [key, schedule.name, schedule.group_name]] == [["nightly", "nightly", "shop-prod-dynamodb-backup"], ["weekly", "weekly", "shop-prod-dynamodb-backup"]]
    error_message = "The output has the names that were given, all in the module's group."
  }

  # Package: arn before zip before public layer
  assert {
    condition     = output.layer_arn == "arn:aws:lambda:eu-west-1:123456789012:layer:ours:7" && length(aws_lambda_layer_version.this) == 0 && length(data.aws_ssm_parameter.powertools) == 0
    error_message = "The given ARN is taken, nothing is made and nothing is looked up."
  }

  # Package: checksums are compared when asked
  assert {
    condition     = local.published_checksums["function.zip"] == filesha256("./dist/function.zip")
    error_message = "The committed package is the one that is named, and the zip path beside an ARN is not used."
  }

  # Monitoring: item counts are compared unless that is off
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.item_count) == 0 && !contains(keys(module.backup.environment), "ITEM_COUNT_COLLAPSE")
    error_message = "null is no alarm, and nothing for the function to compare."
  }

  # Audit: kept for ever
  assert {
    condition     = aws_cloudwatch_log_group.audit[0].retention_in_days == 0 && !contains([for rule in jsondecode(output.lifecycle_rules).Rules : rule.ID], "expire-audit-records")
    error_message = "0 is for ever, in the bucket, too."
  }
}

run "functions_metrics_and_methods_have_the_full_names" {
  command = plan

  variables {
    tables                = ["users", "orders", "app_prod_carts", "${join("", [for i in range(230) : "t"])}"]
    table_name_convention = "app_{environment}_{type}"
    max_backup_age_hours  = 168
    item_count_collapse   = { percent = 80, except_tables = ["users"] }
    backup_methods        = { orders = { method = "scan" } }
  }

  # Monitoring: metric has the full name and the alarm a name that aws takes
  assert {
    condition     = aws_cloudwatch_metric_alarm.not_fresh["users"].dimensions.table == "app_prod_users" && aws_cloudwatch_metric_alarm.not_fresh["users"].evaluation_periods == 168
    error_message = "The metric is that of the full name."
  }

  assert {
    condition     = max([for alarm in aws_cloudwatch_metric_alarm.not_fresh : length(alarm.alarm_name)]...) == 255
    error_message = "Alarm names keep to 255 characters."
  }

  # Monitoring: a collapsed item count alarms until it is settled
  assert {
    condition     = jsondecode(module.backup.environment.ITEM_COUNT_COLLAPSE) == { percent = 80, minimum_items = 10, except_tables = ["app_prod_users"] }
    error_message = "The function knows tables by their full names: ${module.backup.environment.ITEM_COUNT_COLLAPSE}"
  }

  assert {
    condition = [for alarm in aws_cloudwatch_metric_alarm.item_count : [alarm.alarm_name, alarm.metric_name, alarm.statistic, alarm.treat_missing_data]] == [
      ["shop-prod-dynamodb-backup-item-count", "ItemCountAlerts", "Maximum", "ignore"]
    ]
    error_message = "Alarms: ${jsonencode(aws_cloudwatch_metric_alarm.item_count[*].alarm_name)}"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.item_count[0].dimensions == tomap({ environment = "prod", service = "shop-prod-dynamodb-backup" }) && aws_cloudwatch_metric_alarm.item_count[0].alarm_actions == toset([output.topics.failure])
    error_message = "The dimensions are those of the function's metric: ${jsonencode(aws_cloudwatch_metric_alarm.item_count[0].dimensions)}"
  }

  # Permissions: methods by short names reach the function by full names
  assert {
    condition     = toset(keys(jsondecode(module.backup.environment.BACKUP_METHODS))) == toset(["app_prod_orders"])
    error_message = "BACKUP_METHODS: ${module.backup.environment.BACKUP_METHODS}"
  }
}
