output "functions" {
  description = "Lambda functions: arn and name of backup, restore and verify."
  value = {
    backup  = module.backup.function
    restore = module.restore.function
    verify  = module.verify.function
  }
}

output "roles" {
  description = "IAM roles: arn and name of backup, restore, verify, state_machine (of the backup), restore_state_machine, schedule and replication; replication is null without one."
  value = {
    backup                = module.backup.role
    restore               = module.restore.role
    verify                = module.verify.role
    state_machine         = { arn = module.backup_state_machine.role.arn, name = module.backup_state_machine.role.name }
    restore_state_machine = { arn = module.restore_state_machine.role.arn, name = module.restore_state_machine.role.name }
    schedule              = { arn = module.backup_schedules.role.arn, name = module.backup_schedules.role.name }
    replication           = one([for role in aws_iam_role.replication : { arn = role.arn, name = role.name }])
  }
}

output "log_groups" {
  description = "CloudWatch log groups: arn and name of those of backup, restore and verify, and of audit; null without one."
  value = {
    backup  = module.backup.log_group
    restore = module.restore.log_group
    verify  = module.verify.log_group
    audit   = one([for group in aws_cloudwatch_log_group.audit : { arn = group.arn, name = group.name }])
  }
}

output "state_machines" {
  description = "Step Functions state machines: arn and name of backup and restore."
  value = {
    backup  = { arn = module.backup_state_machine.state_machine.arn, name = module.backup_state_machine.state_machine.name }
    restore = { arn = module.restore_state_machine.state_machine.arn, name = module.restore_state_machine.state_machine.name }
  }
}

output "http_api" {
  description = "The HTTP API: id, endpoint (its URL), execution_arn (for policies that allow execute-api:Invoke), function, role and access_log_group (arn and name each), and verify_state_machine; null without one."
  value = one([for api in aws_apigatewayv2_api.this : {
    id                   = api.id
    endpoint             = api.api_endpoint
    execution_arn        = api.execution_arn
    function             = module.api[0].function
    role                 = module.api[0].role
    access_log_group     = { arn = aws_cloudwatch_log_group.api_access[0].arn, name = aws_cloudwatch_log_group.api_access[0].name }
    verify_state_machine = { arn = module.verify_state_machine[0].state_machine.arn, name = module.verify_state_machine[0].state_machine.name }
  }])

  # Whoever uses the endpoint finds it ready.
  depends_on = [aws_apigatewayv2_stage.api, aws_lambda_permission.api]
}

output "schedules" {
  description = "EventBridge schedules of the backup by the names in schedules: arn, name and group_name of each."
  value = {
    for key, schedule in module.backup_schedules.schedules : key => {
      arn        = schedule.arn
      name       = schedule.name
      group_name = schedule.group_name
    }
  }
}

output "topics" {
  description = "ARNs of the SNS topics, created or existing: failure and success; null where there is none."
  value       = local.topic_arns

  # Whoever subscribes to a topic finds it there.
  depends_on = [aws_sns_topic_policy.this]
}

output "alarms" {
  description = "CloudWatch alarms: arn and name of backup_failed, restore_failed, undelivered, item_count (null with item_count_collapse = null) and replication_failed (null without replication), and of not_fresh by the names given in tables."
  value = {
    backup_failed  = { arn = module.backup_state_machine.failure_alarm.arn, name = module.backup_state_machine.failure_alarm.alarm_name }
    restore_failed = { arn = module.restore_state_machine.failure_alarm.arn, name = module.restore_state_machine.failure_alarm.alarm_name }
    undelivered    = { arn = aws_cloudwatch_metric_alarm.undelivered.arn, name = aws_cloudwatch_metric_alarm.undelivered.alarm_name }
    item_count     = one([for alarm in aws_cloudwatch_metric_alarm.item_count : { arn = alarm.arn, name = alarm.alarm_name }])
    not_fresh      = { for table, alarm in aws_cloudwatch_metric_alarm.not_fresh : table => { arn = alarm.arn, name = alarm.alarm_name } }

    replication_failed = one([for alarm in aws_cloudwatch_metric_alarm.replication_failed : { arn = alarm.arn, name = alarm.alarm_name }])
  }
}

output "offsite_copy" {
  description = "Off-site copy: arn and name of function, role, log_group, state_machine and alarms (failed, and not_offsite by the names given in tables); null without it."
  value = length(local.offsite_copies) == 0 ? null : {
    function      = module.offsite_copy[0].function
    role          = module.offsite_copy[0].role
    log_group     = module.offsite_copy[0].log_group
    state_machine = { arn = module.offsite_copy_state_machine[0].state_machine.arn, name = module.offsite_copy_state_machine[0].state_machine.name }
    alarms = {
      failed      = { arn = module.offsite_copy_state_machine[0].failure_alarm.arn, name = module.offsite_copy_state_machine[0].failure_alarm.alarm_name }
      not_offsite = { for table, alarm in aws_cloudwatch_metric_alarm.not_offsite : table => { arn = alarm.arn, name = alarm.alarm_name } }
    }
  }
}

output "restore_tests" {
  description = "Restore tests: arn and name of function, role, log_group, state_machine and alarms (failed, and not_proven by the names given in tables), and scratch_prefix; null without them."
  value = length(local.restore_tests) == 0 ? null : {
    function       = module.restore_test[0].function
    role           = module.restore_test[0].role
    log_group      = module.restore_test[0].log_group
    state_machine  = { arn = module.restore_test_state_machine[0].state_machine.arn, name = module.restore_test_state_machine[0].state_machine.name }
    scratch_prefix = local.restore_test_prefix
    alarms = {
      failed     = { arn = module.restore_test_state_machine[0].failure_alarm.arn, name = module.restore_test_state_machine[0].failure_alarm.alarm_name }
      not_proven = { for table, alarm in aws_cloudwatch_metric_alarm.not_proven : table => { arn = alarm.arn, name = alarm.alarm_name } }
    }
  }
}

output "dashboard" {
  description = "CloudWatch dashboard: arn and name; null without one."
  value       = one([for dashboard in aws_cloudwatch_dashboard.this : { arn = dashboard.dashboard_arn, name = dashboard.dashboard_name }])
}

output "bucket" {
  description = "Bucket of the backups, created or existing: arn, name and exports_prefix, under which they lie."
  value = {
    arn            = local.bucket_arn
    name           = local.bucket_name
    exports_prefix = var.exports_prefix
  }

  # Whoever uses the bucket through this output finds it ready, not merely named.
  depends_on = [
    aws_s3_bucket_ownership_controls.this,
    aws_s3_bucket_policy.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_versioning.this,
  ]
}

output "lifecycle_rules" {
  description = "Lifecycle rules that carry retention out, as JSON for `aws s3api put-bucket-lifecycle-configuration`: for an existing bucket, whose lifecycle the module does not touch."
  value       = jsonencode({ Rules = local.lifecycle_rules })
}

output "tables" {
  description = "Full names of the tables that are backed up, by the names given in tables."
  value       = local.tables
}

output "table_name_pattern" {
  description = "Regular expression that table names must match, rendered from table_name_convention; null without one."
  value       = local.table_name_pattern
}

output "layer_arn" {
  description = "ARN of the layer version that the functions run with."
  value       = local.layer_arn
}
