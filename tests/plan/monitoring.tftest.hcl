# What is watched.

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

run "a_backup_that_is_not_fresh_alarms_per_table" {
  command = plan

  assert {
    condition = [for key, alarm in aws_cloudwatch_metric_alarm.not_fresh : [key, alarm.alarm_name, alarm.namespace, alarm.metric_name]] == [
      ["shop-orders", "shop-prod-dynamodb-backup-not-fresh-shop-orders", "DynamoDBBackup", "BackupSucceeded"],
      ["shop-users", "shop-prod-dynamodb-backup-not-fresh-shop-users", "DynamoDBBackup", "BackupSucceeded"],
    ]
    error_message = "One alarm for each table."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.not_fresh["shop-users"].dimensions == tomap({ environment = "prod", table = "shop-users", service = "shop-prod-dynamodb-backup" })
    error_message = "The dimensions are those of the function's metrics: ${jsonencode(aws_cloudwatch_metric_alarm.not_fresh["shop-users"].dimensions)}"
  }

  assert {
    condition = alltrue([
      for alarm in aws_cloudwatch_metric_alarm.not_fresh : alarm.period == 3600 && alarm.evaluation_periods == 26 && alarm.statistic == "Sum" &&
      alarm.comparison_operator == "LessThanThreshold" && alarm.threshold == 1 && alarm.treat_missing_data == "breaching"
    ])
    error_message = "It goes off after 26 hours without a success, also without any data."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.not_fresh : alarm.alarm_actions == toset([output.topics.failure]) && alarm.ok_actions == toset([output.topics.failure])])
    error_message = "The topic hears of it, and of its end."
  }
}

run "metric_has_the_full_name_and_the_alarm_a_name_that_aws_takes" {
  command = plan

  variables {
    tables                = ["users", "${join("", [for i in range(230) : "t"])}"]
    table_name_convention = "app_{environment}_{type}"
    max_backup_age_hours  = 168
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.not_fresh["users"].dimensions.table == "app_prod_users" && aws_cloudwatch_metric_alarm.not_fresh["users"].evaluation_periods == 168
    error_message = "The metric is that of the full name."
  }

  assert {
    condition     = max([for alarm in aws_cloudwatch_metric_alarm.not_fresh : length(alarm.alarm_name)]...) == 255
    error_message = "Alarm names keep to 255 characters."
  }
}

run "not_watched" {
  command = plan

  variables {
    max_backup_age_hours = null
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.not_fresh) == 0
    error_message = "null is no alarm."
  }
}

run "a_collapsed_item_count_alarms_until_it_is_settled" {
  command = plan

  variables {
    table_name_convention = "app_{environment}_{type}"
    tables                = ["users", "orders"]
    item_count_collapse   = { percent = 80, except_tables = ["users"] }
  }

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
}

run "item_counts_are_compared_unless_that_is_off" {
  command = plan

  variables {
    item_count_collapse = null
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.item_count) == 0 && !contains(keys(module.backup.environment), "ITEM_COUNT_COLLAPSE")
    error_message = "null is no alarm, and nothing for the function to compare."
  }
}

run "dashboard_shows_the_metrics_that_the_functions_write" {
  command = plan

  variables {
    restore_target_tables = ["elsewhere"]
  }

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
    condition = [for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : widget.properties.title] == [
      "Alarms of shop-prod", "Newest verified backup of each table", "Last proven restore of each table", "Executions of the state machine, by the hour",
      "Tables whose backup succeeded or failed, by the hour", "Items backed up, by the day", "Bytes backed up (as billed), by the day",
      "Tables whose restore succeeded or failed, by the hour", "Items written and refused by restores, by the hour",
      "Age in hours of the newest verified backup of each table", "Seconds that a run and each table's export took, the longest of the hour",
      "Tables in a run, and the percentage that succeeded, the least of the hour", "Tables whose restore was proven, by the day",
    ]
    error_message = "Widgets: ${jsonencode([for widget in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets : widget.properties.title])}"
  }

  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets[0].properties.alarms) == 6
    error_message = "All alarms are on it."
  }

  assert {
    condition = jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets[4].properties.metrics[0] == [
      "DynamoDBBackup", "BackupSucceeded", "environment", "prod", "table", "shop-orders", "service", "shop-prod-dynamodb-backup", { label = "shop-orders BackupSucceeded" },
    ]
    error_message = "Backups: ${jsonencode(jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets[4].properties.metrics)}"
  }

  assert {
    condition     = toset([for metric in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets[7].properties.metrics : join(" ", [metric[5], metric[7]])]) == toset(["elsewhere shop-prod-dynamodb-restore", "shop-orders shop-prod-dynamodb-restore", "shop-users shop-prod-dynamodb-restore"])
    error_message = "Restores, into further targets too: ${jsonencode(jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets[7].properties.metrics)}"
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets[3].properties.metrics[0][3] == "arn:aws:states:eu-west-1:123456789012:stateMachine:shop-prod-dynamodb-backup"
    error_message = "Executions: ${jsonencode(jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets[3].properties.metrics)}"
  }

  assert {
    condition = [for metric in jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets[10].properties.metrics : [metric[1], slice(metric, 2, length(metric) - 1)]] == [
      ["BackupDuration", ["environment", "prod", "service", "shop-prod-dynamodb-backup"]],
      ["BackupDuration", ["environment", "prod", "table", "shop-orders", "service", "shop-prod-dynamodb-backup"]],
      ["BackupDuration", ["environment", "prod", "table", "shop-users", "service", "shop-prod-dynamodb-backup"]],
    ]
    error_message = "A run has no table: ${jsonencode(jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets[10].properties.metrics)}"
  }

  assert {
    condition     = [for widget in slice(jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets, 9, 13) : widget.properties.stat] == ["Maximum", "Maximum", "Minimum", "Sum"]
    error_message = "An age or a duration is no sum, and a rate is shown at its worst."
  }
}

run "no_dashboard" {
  command = plan

  variables {
    dashboard = false
  }

  assert {
    condition     = length(aws_cloudwatch_dashboard.this) == 0 && output.dashboard == null
    error_message = "There is none if none is wanted."
  }
}
