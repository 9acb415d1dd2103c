# So many tables that they have no room in one policy, one environment or one graph.

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
  app_name    = "mfa-api"
  environment = "production"
  tables      = [for i in range(110) : format("mfa-api_production_%s_global", substr(sha256(tostring(i)), 0, 13))]
}

run "many_tables_with_names_of_40_characters" {
  command = plan

  override_resource {
    target          = module.backup_state_machine.aws_cloudwatch_metric_alarm.failed
    override_during = plan
    values          = { arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:failed" }
  }

  override_resource {
    target          = module.restore_state_machine.aws_cloudwatch_metric_alarm.failed
    override_during = plan
    values          = { arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:failed" }
  }

  override_resource {
    target          = aws_cloudwatch_metric_alarm.undelivered
    override_during = plan
    values          = { arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:failed" }
  }

  override_resource {
    target          = aws_cloudwatch_metric_alarm.item_count
    override_during = plan
    values          = { arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:item-count" }
  }

  override_resource {
    target          = aws_cloudwatch_metric_alarm.not_fresh
    override_during = plan
    values          = { arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:not-fresh" }
  }

  override_resource {
    target          = module.backup.aws_cloudwatch_log_group.this
    override_during = plan
  }

  override_resource {
    target          = module.restore.aws_cloudwatch_log_group.this
    override_during = plan
  }

  assert {
    condition     = alltrue([for function in [module.backup, module.restore, module.verify] : length(function.policies) > 1])
    error_message = "One document has no room for them all."
  }

  assert {
    condition     = alltrue([for function in [module.backup, module.restore, module.verify] : length(function.policies[0]) <= 10240 && length(function.policies) <= 11 && max([for policy in slice(function.policies, 1, length(function.policies)) : length(policy)]...) <= 6144])
    error_message = "Policies: ${jsonencode([for function in [module.backup, module.restore, module.verify] : [for policy in function.policies : length(policy)]])}"
  }

  # The shares together allow just what the one document allows.
  assert {
    condition = alltrue([for function in [module.backup, module.restore, module.verify] :
      toset(flatten([for policy in function.policies : [for s in jsondecode(policy).Statement : [for pair in setproduct(flatten([s.Action]), flatten([s.Resource])) : "${s.Effect} ${pair[0]} ${pair[1]} ${jsonencode(try(s.Condition, null))}"]]])) ==
      toset(flatten([for s in jsondecode(function.policy_json).Statement : [for pair in setproduct(flatten([s.Action]), flatten([s.Resource])) : "${s.Effect} ${pair[0]} ${pair[1]} ${jsonencode(try(s.Condition, null))}"]]))
    ])
    error_message = "Sharing the tables out has changed what is allowed."
  }

  assert {
    condition     = alltrue([for function in [module.backup, module.restore, module.verify] : length(jsonencode(function.environment)) <= 4096])
    error_message = "Environments: ${jsonencode([for function in [module.backup, module.restore, module.verify] : length(jsonencode(function.environment))])}"
  }

  # No graph and no widget outgrows CloudWatch.
  assert {
    condition     = alltrue([for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : length(try(widget.properties.alarms, [])) <= 100 && length(try(widget.properties.metrics, [])) <= 100])
    error_message = "Widgets: ${jsonencode([for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : [widget.properties.title, length(try(widget.properties.alarms, [])), length(try(widget.properties.metrics, []))]])}"
  }

  assert {
    condition     = sum([for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : length(try(widget.properties.alarms, []))]) == 114
    error_message = "Every alarm is on the dashboard: ${sum([for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : length(try(widget.properties.alarms, []))])}"
  }

  assert {
    condition = [for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : widget.properties.metrics if strcontains(widget.properties.title, "Age in hours")] == [[[{
      expression = "MAX(SEARCH('{DynamoDBBackup,environment,service,table} MetricName=\"NewestBackupAgeHours\" environment=\"production\" service=\"mfa-api-production-dynamodb-backup\"', 'Maximum', 3600))"
      label      = "all tables NewestBackupAgeHours"
    }]]]
    error_message = "Ages: ${jsonencode([for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : try(widget.properties.metrics, null)])}"
  }
}
