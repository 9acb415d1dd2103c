# Which key encrypts what, and who may use it.

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
  tables      = ["shop-users"]
}

run "without_a_key_everything_has_aws_own" {
  command = plan

  assert {
    condition = (
      aws_sqs_queue.undelivered.sqs_managed_sse_enabled == true && aws_sqs_queue.undelivered.kms_master_key_id == null && aws_sns_topic.this["failure"].kms_master_key_id == null &&
      local.function.logs.kms_key_arn == null && local.function.environment_kms_key_arn == null && !strcontains(module.backup_schedules.role.policy_json, "kms:")
    )
    error_message = "Nothing asks for a key of the user's."
  }
}

run "one_key_for_everything_but_the_backups" {
  command = plan

  variables {
    service_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    restore_tests       = {}
    http_api            = {}
  }

  assert {
    condition = toset([
      aws_sqs_queue.undelivered.kms_master_key_id, aws_sns_topic.this["failure"].kms_master_key_id, local.function.logs.kms_key_arn, local.function.environment_kms_key_arn, aws_cloudwatch_log_group.api_access[0].kms_key_id,
    ]) == toset([var.service_kms_key_arn])
    error_message = "Queue, topic, logs and environment have the key."
  }

  assert {
    condition = alltrue([
      for role in [module.backup_state_machine.role, module.restore_state_machine.role, module.restore_test_state_machine[0].role, module.backup_schedules.role, module.restore_test_schedules[0].role] :
      flatten([for s in jsondecode(role.policy_json).Statement : s.Resource if strcontains(jsonencode(s.Action), "kms:")]) == [var.service_kms_key_arn]
    ])
    error_message = "Who publishes or sends may use the key."
  }

  assert {
    condition     = !anytrue([for policy in [module.backup.policy_json, module.restore.policy_json, module.verify.policy_json] : strcontains(policy, "kms:")])
    error_message = "The functions need no permission for it: Lambda decrypts their environment by a grant."
  }

  assert {
    condition     = !contains(keys(module.backup.environment), "EXPORT_KMS_KEY_ID")
    error_message = "Backups have kms_key_arn."
  }
}

run "another_key_for_topics_and_logs" {
  command = plan

  variables {
    service_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    notifications       = { kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/66666666-2222-3333-4444-555555555555" }
    logs                = { kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/77777777-2222-3333-4444-555555555555" }
  }

  assert {
    condition     = aws_sns_topic.this["failure"].kms_master_key_id == var.notifications.kms_key_arn && local.function.logs.kms_key_arn == var.logs.kms_key_arn && local.function.environment_kms_key_arn == var.service_kms_key_arn
    error_message = "The more special input wins."
  }
}

run "an_existing_topic_keeps_its_key" {
  command = plan

  variables {
    service_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    notifications       = { failure = { create = false, topic_arn = "arn:aws:sns:eu-west-1:123456789012:on-call" } }
  }

  assert {
    condition     = !strcontains(module.backup_state_machine.role.policy_json, "kms:")
    error_message = "Nobody needs the key for a topic that does not have it."
  }
}

run "the_submodule_has_it_too" {
  command = plan

  module {
    source = "./modules/on_demand_backup"
  }

  variables {
    service_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    queue_kms_key_arn   = "arn:aws:kms:eu-west-1:123456789012:key/88888888-2222-3333-4444-555555555555"
  }

  assert {
    condition = [aws_sqs_queue.this.kms_master_key_id, aws_sqs_queue.dead_letter.kms_master_key_id, aws_sns_topic.this[0].kms_master_key_id, local.function.logs.kms_key_arn, local.function.environment_kms_key_arn] == [
      var.queue_kms_key_arn, var.queue_kms_key_arn, var.service_kms_key_arn, var.service_kms_key_arn, var.service_kms_key_arn,
    ]
    error_message = "Queues have their own key, the rest has the other."
  }

  assert {
    condition     = toset(flatten([for s in jsondecode(module.monitor.policy_json).Statement : s.Resource if s.Sid == "UseKeysOfQueueAndTopic"])) == toset([var.queue_kms_key_arn, var.service_kms_key_arn])
    error_message = "Both keys may be used."
  }
}
