# The submodule of on-demand backups.

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

run "a_schedule_a_queue_and_two_functions" {
  command = plan

  module {
    source = "./modules/on_demand_backup"
  }

  # On-demand backup: least privilege
  assert {
    condition = { for s in jsondecode(module.create.policy_json).Statement : s.Sid => toset(flatten([s.Action])) } == {
      ListBackups   = toset(["dynamodb:ListBackups"])
      SendToQueue   = toset(["sqs:SendMessage"])
      Notify        = toset(["sns:Publish"])
      CreateBackups = toset(["dynamodb:CreateBackup"])
      WriteLogs     = toset(["logs:CreateLogStream", "logs:PutLogEvents"])
    }
    error_message = "The function that makes backups can delete none: ${module.create.policy_json}"
  }

  assert {
    condition = { for s in jsondecode(module.monitor.policy_json).Statement : s.Sid => toset(flatten([s.Action])) } == {
      ListBackups            = toset(["dynamodb:ListBackups"])
      SendToQueue            = toset(["sqs:SendMessage"])
      Notify                 = toset(["sns:Publish"])
      LookAtAndExpireBackups = toset(["dynamodb:DeleteBackup", "dynamodb:DescribeBackup"])
      TakeFromQueue          = toset(["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"])
      WriteLogs              = toset(["logs:CreateLogStream", "logs:PutLogEvents"])
    }
    error_message = "The monitor can make no backup, and touch no table: ${module.monitor.policy_json}"
  }

  assert {
    condition = alltrue([
      for policy in [module.create.policy_json, module.monitor.policy_json] : alltrue([
        for s in jsondecode(policy).Statement : s.Effect == "Allow" && (s.Sid == "ListBackups") == (s.Resource == "*")
      ])
    ])
    error_message = "Only ListBackups, which knows no resource, is allowed on everything."
  }

  assert {
    condition = toset(flatten([for s in jsondecode(module.create.policy_json).Statement : s.Resource if s.Sid == "CreateBackups"])) == toset([
      "arn:aws:dynamodb:eu-west-1:123456789012:table/shop-orders", "arn:aws:dynamodb:eu-west-1:123456789012:table/shop-users",
    ])
    error_message = "Backups are made of the listed tables alone."
  }

  assert {
    condition = toset(flatten([for s in jsondecode(module.monitor.policy_json).Statement : s.Resource if s.Sid == "LookAtAndExpireBackups"])) == toset([
      "arn:aws:dynamodb:eu-west-1:123456789012:table/shop-orders/backup/*", "arn:aws:dynamodb:eu-west-1:123456789012:table/shop-users/backup/*",
    ])
    error_message = "Backups are deleted of the listed tables alone."
  }

  assert {
    condition     = jsondecode(module.schedule[0].role.policy_json).Statement[0].Resource == "arn:aws:lambda:eu-west-1:123456789012:function:shop-prod-on-demand-backup"
    error_message = "The schedule invokes the function that makes backups, and nothing else."
  }

  assert {
    condition     = jsondecode(module.schedule[0].role.trust_json).Statement[0].Condition.ArnEquals == { "aws:SourceArn" = "arn:aws:scheduler:eu-west-1:123456789012:schedule-group/shop-prod-on-demand-backup" }
    error_message = "Only our schedule group takes the schedule's role."
  }

  # On-demand backup: queue schedule and alarms
  assert {
    condition = (
      aws_sqs_queue.this.fifo_queue && aws_sqs_queue.this.delay_seconds == 300 && aws_sqs_queue.this.sqs_managed_sse_enabled &&
      aws_sqs_queue.dead_letter.fifo_queue && aws_sqs_queue.dead_letter.message_retention_seconds == 1209600
    )
    error_message = "Both queues are FIFO and encrypted; a backup is looked at after 300 seconds."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.monitor.function_response_types == toset(["ReportBatchItemFailures"]) && aws_sqs_queue.this.visibility_timeout_seconds >= 6 * 120
    error_message = "One failed message does not bring back its batch, and none comes back while it is worked on."
  }

  assert {
    condition     = module.schedule[0].schedules["on-demand-backup"].schedule_expression == "cron(0 5 * * ? *)" && jsondecode(module.schedule[0].schedules["on-demand-backup"].target[0].input).time == "<aws.scheduler.scheduled-time>"
    error_message = "The schedule hands its time over, unescaped: ${module.schedule[0].schedules["on-demand-backup"].target[0].input}"
  }

  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.not_fresh)) == toset(["shop-orders", "shop-users"]) && alltrue([for alarm in aws_cloudwatch_metric_alarm.not_fresh : alarm.treat_missing_data == "breaching"])
    error_message = "Each table has an alarm to which missing data are alarming."
  }

  assert {
    condition = toset(flatten([[aws_cloudwatch_metric_alarm.failed.alarm_actions, aws_cloudwatch_metric_alarm.dead_letter.alarm_actions], [for alarm in aws_cloudwatch_metric_alarm.not_fresh : alarm.alarm_actions]])) == toset([
      "arn:aws:sns:eu-west-1:123456789012:shop-prod-on-demand-backup-failure",
    ])
    error_message = "Every alarm tells the topic."
  }
}

run "nothing_that_is_not_wanted" {
  command = plan

  module {
    source = "./modules/on_demand_backup"
  }

  variables {
    app_name             = "a-name-that-is-longer-than-others"
    schedule             = null
    max_backup_age_hours = null
    notifications        = { create = false }
    layer_arn            = "arn:aws:lambda:eu-west-1:123456789012:layer:ours:7"
  }

  assert {
    condition     = length(module.schedule) + length(aws_cloudwatch_metric_alarm.not_fresh) + length(aws_sns_topic.this) == 0
    error_message = "No schedule, no freshness alarms and no topic unless wanted."
  }

  assert {
    condition     = !strcontains(module.create.policy_json, "sns:") && aws_cloudwatch_metric_alarm.failed.alarm_actions == null
    error_message = "Without a topic nobody publishes."
  }

  assert {
    condition     = length("${local.create_name}-schedule") <= 64 && length(local.dead_letter_queue_name) <= 80 && endswith(local.queue_name, ".fifo")
    error_message = "Long names are cut to what IAM and SQS take."
  }
}

run "with_keys_and_an_existing_topic" {
  command = plan

  module {
    source = "./modules/on_demand_backup"
  }

  variables {
    queue_kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    notifications = {
      create      = false
      topic_arn   = "arn:aws:sns:eu-west-1:123456789012:on-call"
      kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/66666666-2222-3333-4444-555555555555"
    }
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
    role_path                = "/team/"
  }

  assert {
    condition = alltrue([
      for policy in [module.create.policy_json, module.monitor.policy_json] : toset(flatten([
        for s in jsondecode(policy).Statement : s.Resource if contains(flatten([s.Action]), "kms:Decrypt")
        ])) == toset([
        "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555", "arn:aws:kms:eu-west-1:123456789012:key/66666666-2222-3333-4444-555555555555",
      ])
    ])
    error_message = "Both roles may use exactly these keys."
  }

  assert {
    condition     = output.topic_arn == "arn:aws:sns:eu-west-1:123456789012:on-call" && length(aws_sns_topic.this) == 0
    error_message = "The existing topic is used."
  }

  assert {
    condition     = module.schedule[0].role.permissions_boundary == "arn:aws:iam::123456789012:policy/boundary" && local.function.permissions_boundary_arn == "arn:aws:iam::123456789012:policy/boundary" && module.schedule[0].role.path == "/team/" && local.function.role_path == "/team/"
    error_message = "The boundary is on the role here and handed to those of the functions."
  }
}

run "one_key_for_the_queues_and_one_for_the_rest" {
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
