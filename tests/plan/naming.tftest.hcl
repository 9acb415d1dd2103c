# Names: of tables by a convention, and of resources within AWS's limits.

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

run "short_names_are_expanded_and_full_names_kept" {
  command = plan

  variables {
    tables                = ["api-key", "totp", "mfa-api_prod_u2f_global"]
    table_name_convention = "mfa-api_{environment}_{type}_global"
    restore_target_tables = ["shop-users-restored"]
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
}

run "pattern_takes_characters_literally_and_keeps_environments_apart" {
  command = plan

  variables {
    tables                = ["users"]
    table_name_convention = "{environment}-{type}.v1_x"
  }

  assert {
    condition     = output.table_name_pattern == "^prod-[A-Za-z0-9_]+\\.v1_x$" && output.tables["users"] == "prod-users.v1_x"
    error_message = "Pattern: ${output.table_name_pattern}"
  }

  assert {
    condition     = can(regex(output.table_name_pattern, "prod-users.v1_x")) && !can(regex(output.table_name_pattern, "prod-eu-users.v1_x"))
    error_message = "A table of the environment prod-eu is outside the convention of prod."
  }
}

run "full_names_and_long_ones_are_cut_to_what_aws_allows" {
  command = plan

  variables {
    app_name    = "An_application_whose_name_someone_did_not_keep_short"
    environment = "production-eu-west-1"
  }

  assert {
    condition     = output.tables == { shop-users = "shop-users", shop-orders = "shop-orders" } && output.table_name_pattern == null
    error_message = "Full names are taken as they are."
  }

  assert {
    condition     = !contains(keys(module.backup.environment), "TABLE_NAME_PATTERN")
    error_message = "Without a convention the pattern is unset."
  }

  assert {
    condition     = length(module.backup_state_machine.role.name) == 64 && length(module.backup_schedules.role.name) <= 64 && length(module.backup_schedules.schedules["daily"].group_name) <= 64
    error_message = "Roles, functions and schedule groups keep to 64 characters: ${module.backup_state_machine.role.name}"
  }

  assert {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", output.bucket.name)) && endswith(output.bucket.name, "-dynamodb-backup-123456789012")
    error_message = "The bucket keeps to 63 characters that S3 allows: ${output.bucket.name}"
  }
}
