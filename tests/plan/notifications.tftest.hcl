# Who is told: topics created, existing or absent, the messages of the state machine, and the alarms.

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

run "failures_go_to_a_topic_of_the_module_by_default" {
  command = plan

  override_resource {
    target          = module.backup.aws_lambda_function.this
    override_during = plan
    values          = { arn = "arn:aws:lambda:eu-west-1:123456789012:function:shop-prod-dynamodb-backup" }
  }

  override_resource {
    target = module.backup_state_machine.aws_sfn_state_machine.this
  }

  assert {
    condition     = output.topics.failure == "arn:aws:sns:eu-west-1:123456789012:shop-prod-dynamodb-backup-failure" && output.topics.success == null && toset(keys(aws_sns_topic.this)) == toset(["failure"])
    error_message = "Topics: ${jsonencode(output.topics)}"
  }

  assert {
    condition     = jsondecode(module.backup_state_machine.state_machine.definition).States.NotifyFailure.Arguments.TopicArn == output.topics.failure
    error_message = "The state machine publishes to it."
  }

  assert {
    condition     = !can(jsondecode(module.backup_state_machine.state_machine.definition).States.NotifySuccess) && jsondecode(module.backup_state_machine.state_machine.definition).States.IsDone.Choices[1].Next == "Done"
    error_message = "Without a topic for successes nothing is published."
  }

  assert {
    condition = [for s in jsondecode(module.backup_state_machine.role.policy_json).Statement : [s.Sid, s.Action, s.Resource]] == [
      ["InvokeFunction", "lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:123456789012:function:shop-prod-dynamodb-backup"],
      ["Notify", "sns:Publish", "arn:aws:sns:eu-west-1:123456789012:shop-prod-dynamodb-backup-failure"],
    ]
    error_message = "The state machine may publish to this topic alone: ${module.backup_state_machine.role.policy_json}"
  }

  assert {
    condition = [for s in jsondecode(data.aws_iam_policy_document.topic["failure"].json).Statement : [s.Sid, s.Effect, s.Action, s.Resource]] == [
      ["PublishAlarms", "Allow", "sns:Publish", "arn:aws:sns:eu-west-1:123456789012:shop-prod-dynamodb-backup-failure"],
      ["DenyWithoutTLS", "Deny", "sns:Publish", "arn:aws:sns:eu-west-1:123456789012:shop-prod-dynamodb-backup-failure"],
    ]
    error_message = "The topic takes alarms, and nothing without TLS: ${data.aws_iam_policy_document.topic["failure"].json}"
  }

  assert {
    condition = jsondecode(data.aws_iam_policy_document.topic["failure"].json).Statement[0].Condition == {
      StringEquals = { "aws:SourceAccount" = "123456789012" }
      ArnLike      = { "aws:SourceArn" = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:shop-prod-dynamodb-backup-*" }
    }
    error_message = "Only this module's alarms."
  }

  assert {
    condition     = toset(flatten(module.backup_state_machine.failure_alarm.metric_query[*].metric[*].metric_name)) == toset(["ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"])
    error_message = "Whatever ends an execution but success counts."
  }

  assert {
    condition     = module.backup_state_machine.failure_alarm.alarm_actions == toset([output.topics.failure]) && module.backup_state_machine.failure_alarm.treat_missing_data == "notBreaching"
    error_message = "The alarm notifies, and is silent while nothing runs."
  }

  assert {
    condition     = module.restore_state_machine.failure_alarm.alarm_name == "shop-prod-dynamodb-backup-restore-failed"
    error_message = "A restore that failed is heard of too, by an alarm that the topic lets publish."
  }
}

run "existing_topic_and_a_created_one_under_a_key" {
  command = plan

  variables {
    notifications = {
      failure     = { create = false, topic_arn = "arn:aws:sns:eu-west-1:123456789012:on-call" }
      success     = { create = true }
      kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    }
  }

  override_resource {
    target          = module.backup.aws_lambda_function.this
    override_during = plan
    values          = { arn = "arn:aws:lambda:eu-west-1:123456789012:function:shop-prod-dynamodb-backup" }
  }

  override_resource {
    target = module.backup_state_machine.aws_sfn_state_machine.this
  }

  assert {
    condition     = output.topics == { failure = "arn:aws:sns:eu-west-1:123456789012:on-call", success = "arn:aws:sns:eu-west-1:123456789012:shop-prod-dynamodb-backup-success" } && toset(keys(aws_sns_topic.this)) == toset(["success"])
    error_message = "The existing topic is used and not touched: ${jsonencode(output.topics)}"
  }

  assert {
    condition     = aws_sns_topic.this["success"].kms_master_key_id == var.notifications.kms_key_arn
    error_message = "The created topic is encrypted under the key."
  }

  assert {
    condition = [for s in jsondecode(module.backup_state_machine.role.policy_json).Statement : [s.Sid, s.Action, s.Resource] if s.Sid != "InvokeFunction"] == [
      ["Notify", "sns:Publish", ["arn:aws:sns:eu-west-1:123456789012:shop-prod-dynamodb-backup-success", "arn:aws:sns:eu-west-1:123456789012:on-call"]],
      ["UseTopicKey", ["kms:GenerateDataKey", "kms:Decrypt"], "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"],
    ]
    error_message = "The state machine may publish to both and use their key: ${module.backup_state_machine.role.policy_json}"
  }

  assert {
    condition     = jsondecode(module.backup_state_machine.state_machine.definition).States.IsDone.Choices[1].Next == "NotifySuccess" && jsondecode(module.backup_state_machine.state_machine.definition).States.NotifySuccess.Arguments.TopicArn == output.topics.success
    error_message = "A success is told."
  }
}

run "nobody_is_told" {
  command = plan

  variables {
    notifications = { failure = { create = false } }
  }

  override_resource {
    target          = module.backup.aws_lambda_function.this
    override_during = plan
    values          = { arn = "arn:aws:lambda:eu-west-1:123456789012:function:shop-prod-dynamodb-backup" }
  }

  override_resource {
    target = module.backup_state_machine.aws_sfn_state_machine.this
  }

  assert {
    condition     = jsondecode(module.backup_state_machine.state_machine.definition).States.ExplainFailure.Next == "Failed" && !can(jsondecode(module.backup_state_machine.state_machine.definition).States.NotifyCollapse) && length(aws_sns_topic.this) == 0 && module.backup_state_machine.failure_alarm.alarm_actions == null
    error_message = "The execution fails with its reason all the same."
  }

  assert {
    condition     = [for s in jsondecode(module.backup_state_machine.role.policy_json).Statement : s.Sid] == ["InvokeFunction"]
    error_message = "No permission that is not used."
  }
}
