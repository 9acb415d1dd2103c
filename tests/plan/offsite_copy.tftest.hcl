# Off-site copy: nothing of it unless asked for, a role that deletes nothing, and no key but in the secret.

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
      length(module.offsite_copy) + length(module.offsite_copy_state_machine) + length(module.offsite_copy_schedules) + length(aws_cloudwatch_metric_alarm.not_offsite)
    ) == 0 && output.offsite_copy == null
    error_message = "Without offsite_copy there is nothing of it."
  }
}

run "copies_by_the_hour" {
  command = plan

  variables {
    offsite_copy = {
      endpoint_url = "https://s3.eu-central-003.backblazeb2.com"
      region       = "eu-central-003"
      bucket       = "copies"
      secret_arn   = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:store-AbCdEf"
    }
  }

  assert {
    condition = { for s in jsondecode(module.offsite_copy[0].policy_json).Statement : s.Sid => [s.Action, s.Resource] if s.Sid != "WriteLogs" } == {
      ListBackups  = ["s3:ListBucket", "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012"]
      ReadBackups  = ["s3:GetObject", "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/native-exports/*"]
      RecordCopies = ["s3:PutObject", "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/native-exports/offsite/*"]
      ReadStoreKey = ["secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:store-AbCdEf"]
    }
    error_message = "The role reads backups and one secret, and writes records: ${module.offsite_copy[0].policy_json}"
  }

  assert {
    condition = jsondecode(module.offsite_copy[0].environment.OFFSITE_COPY) == {
      endpoint_url = "https://s3.eu-central-003.backblazeb2.com", region = "eu-central-003", bucket = "copies", prefix = "native-exports", days = 7, allow_fetch = false
      secret_arn   = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:store-AbCdEf"
    }
    error_message = "What the function is told: ${module.offsite_copy[0].environment.OFFSITE_COPY}"
  }

  assert {
    condition     = !strcontains(join("", [module.backup.policy_json, module.restore.policy_json, module.verify.policy_json]), "secretsmanager") && !contains(concat(keys(module.backup.environment), keys(module.restore.environment), keys(module.verify.environment)), "OFFSITE_COPY")
    error_message = "No other function knows of the store or its key."
  }

  assert {
    condition = [for name, schedule in module.offsite_copy_schedules[0].schedules : [name, schedule.schedule_expression, schedule.target[0].arn, schedule.target[0].input]] == [
      ["copy", "rate(1 hour)", "arn:aws:states:eu-west-1:123456789012:stateMachine:shop-prod-dynamodb-offsite-copy", "{}"],
      ["report", "rate(6 hours)", "arn:aws:lambda:eu-west-1:123456789012:function:shop-prod-dynamodb-offsite-copy", "{\"action\":\"report\"}"],
    ]
    error_message = "Copies hourly, reports every six hours."
  }

  assert {
    condition = [for key, alarm in aws_cloudwatch_metric_alarm.not_offsite : [key, alarm.alarm_name, alarm.metric_name, tostring(alarm.threshold), alarm.treat_missing_data, alarm.dimensions.service]] == [
      ["shop-orders", "shop-prod-dynamodb-backup-not-offsite-shop-orders", "OffsiteCopyAgeHours", "30", "breaching", "shop-prod-dynamodb-offsite-copy"],
      ["shop-users", "shop-prod-dynamodb-backup-not-offsite-shop-users", "OffsiteCopyAgeHours", "30", "breaching", "shop-prod-dynamodb-offsite-copy"],
    ]
    error_message = "An alarm on the age of each table's newest copy."
  }

  # What a copy does is no part of a backup: the backup's state machine does not know of it.
  assert {
    condition     = !strcontains(module.backup_state_machine.role.policy_json, "offsite") && output.offsite_copy.alarms.failed.name == "shop-prod-dynamodb-backup-offsite-copy-failed"
    error_message = "A copy that fails has an alarm of its own, and never fails a backup."
  }
}

run "the_way_back_and_keys" {
  command = plan

  variables {
    app_name    = "a-very-long-name-of-an-application-indeed"
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/backups"
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
