# The schedules, and the state machine that they start.

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

run "daily_by_default_until_the_backup_is_done" {
  command = plan

  override_resource {
    target          = module.backup.aws_lambda_function.this
    override_during = plan
    values          = { arn = "arn:aws:lambda:eu-west-1:123456789012:function:shop-prod-dynamodb-backup" }
  }

  # With a definition that is known, the provider would ask AWS at plan whether it is valid.
  override_resource {
    target = module.backup_state_machine.aws_sfn_state_machine.this
  }

  assert {
    condition = (
      module.backup_schedules.schedules["daily"].schedule_expression == "cron(0 3 * * ? *)" && module.backup_schedules.schedules["daily"].schedule_expression_timezone == "UTC" &&
      module.backup_schedules.schedules["daily"].state == "ENABLED" && module.backup_schedules.schedules["daily"].flexible_time_window[0].maximum_window_in_minutes == 15
    )
    error_message = "Daily at 03:00 UTC, within a quarter of an hour."
  }

  assert {
    condition = jsondecode(module.backup_schedules.schedules["daily"].target[0].input) == {
      source      = "aws.scheduler"
      detail-type = "Scheduled Event"
      id          = "<aws.scheduler.execution-id>"
      time        = "<aws.scheduler.scheduled-time>"
    }
    error_message = "The input looks like an event."
  }

  assert {
    condition     = strcontains(module.backup_schedules.schedules["daily"].target[0].input, "<aws.scheduler.scheduled-time>")
    error_message = "Scheduler replaces its context attributes only where \"<\" is not escaped."
  }

  assert {
    condition = alltrue([
      for schedule in module.backup_schedules.schedules :
      length(schedule.target[0].dead_letter_config) == 1 && schedule.target[0].retry_policy[0].maximum_event_age_in_seconds == 7200
    ])
    error_message = "A start that cannot be delivered within two hours is kept in a queue."
  }

  assert {
    condition = [for s in jsondecode(module.backup_schedules.role.policy_json).Statement : s if s.Sid == "KeepUndelivered"] == [{
      Sid      = "KeepUndelivered"
      Effect   = "Allow"
      Action   = "sqs:SendMessage"
      Resource = "arn:aws:sqs:eu-west-1:123456789012:shop-prod-dynamodb-backup-undelivered"
    }]
    error_message = "Scheduler may put them there and nowhere else."
  }

  assert {
    condition     = aws_sqs_queue.undelivered.message_retention_seconds == 1209600 && aws_sqs_queue.undelivered.sqs_managed_sse_enabled && aws_cloudwatch_metric_alarm.undelivered.dimensions.QueueName == "shop-prod-dynamodb-backup-undelivered"
    error_message = "The queue keeps them 14 days, encrypted, and an alarm watches it."
  }

  assert {
    condition     = output.schedules["daily"].group_name == "shop-prod-dynamodb-backup"
    error_message = "Schedules stand in a group of their own."
  }

  assert {
    condition     = jsondecode(module.backup_state_machine.state_machine.definition).States.Begin.Assign.event == "{% $type($states.context.Execution.Input) = 'object' ? $merge([$states.context.Execution.Input, {'execution': $states.context.Execution.Name}]) : $states.context.Execution.Input %}"
    error_message = "The first turn gets the execution's own input."
  }

  assert {
    condition     = jsondecode(module.backup_state_machine.state_machine.definition).States.BackUp.Arguments == { FunctionName = "arn:aws:lambda:eu-west-1:123456789012:function:shop-prod-dynamodb-backup", Payload = "{% $event %}" }
    error_message = "Every turn invokes the backup function."
  }

  assert {
    condition     = [for choice in jsondecode(module.backup_state_machine.state_machine.definition).States.IsDone.Choices : [choice.Condition, choice.Next]] == [["{% $states.input.statusCode = 200 and $count($states.input.body.export_results[$exists(item_count_alert)]) > 0 %}", "NotifyCollapse"], ["{% $states.input.statusCode = 200 %}", "Done"], ["{% $states.input.statusCode = 202 %}", "WaitForExports"]]
    error_message = "200 ends, 202 waits."
  }

  assert {
    condition     = jsondecode(module.backup_state_machine.state_machine.definition).States.IsDone.Default == "ExplainFailure" && jsondecode(module.backup_state_machine.state_machine.definition).States.Failed.Type == "Fail"
    error_message = "Any other status fails the execution."
  }

  assert {
    condition     = jsondecode(module.backup_state_machine.state_machine.definition).States.WaitForExports == { Type = "Wait", Seconds = 60, Assign = { event = { run_id = "{% $states.input.body.run_id %}" } }, Next = "BackUp" }
    error_message = "It waits a minute between turns and goes on with exactly this run."
  }

  assert {
    condition     = jsondecode(module.backup_state_machine.state_machine.definition).States.BackUp.TimeoutSeconds == 960
    error_message = "A turn is given up only after Lambda has."
  }
}

run "as_many_as_given" {
  command = plan

  variables {
    schedules = {
      nightly = { expression = "rate(12 hours)", time_zone = "Europe/Berlin", flexible_window_minutes = 0, enabled = false }
      weekly  = { expression = "cron(0 5 ? * SUN *)" }
    }
  }

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
}

run "increments" {
  command = plan

  variables {
    schedules = {
      daily   = { expression = "cron(0 3 * * ? *)" }
      changes = { expression = "rate(15 minutes)", export_type = "INCREMENTAL_EXPORT" }
    }
  }

  assert {
    condition     = jsondecode(module.backup_schedules.schedules["changes"].target[0].input) == merge(jsondecode(module.backup_schedules.schedules["daily"].target[0].input), { export_type = "INCREMENTAL_EXPORT" })
    error_message = "The schedule of increments asks for them; the others are as they were."
  }
}

run "no_schedule" {
  command = plan

  variables {
    schedules = {}
  }

  assert {
    condition     = length(module.backup_schedules.schedules) == 0 && length(output.schedules) == 0
    error_message = "Without schedules nothing starts by itself."
  }
}
