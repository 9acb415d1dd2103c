# What a person looks at first when something is wrong.

locals {
  # CloudWatch takes each set of dimensions for another metric, so these are all that the functions write.
  backup_dimensions  = { for table in local.table_names : table => ["environment", var.environment, "table", table, "service", module.backup.environment.POWERTOOLS_SERVICE_NAME] }
  run_dimensions     = { run = ["environment", var.environment, "service", module.backup.environment.POWERTOOLS_SERVICE_NAME] }
  restore_dimensions = { for table in keys(local.table_arns) : table => ["environment", var.environment, "table", table, "service", module.restore.environment.POWERTOOLS_SERVICE_NAME] }

  # By title: each named metric over each period in seconds, for each table or state machine.
  dashboard_graphs = [
    {
      title   = "Executions of the state machine, by the hour", period = 3600, namespace = "AWS/States", stat = "Sum"
      metrics = ["ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"]
      of      = { (module.backup_state_machine.state_machine.name) = ["StateMachineArn", "arn:${local.partition}:states:${local.region}:${local.account_id}:stateMachine:${module.backup_state_machine.state_machine.name}"] }
    },
    {
      title   = "Tables whose backup succeeded or failed, by the hour", period = 3600, namespace = local.environment.POWERTOOLS_METRICS_NAMESPACE, stat = "Sum"
      metrics = ["BackupSucceeded", "BackupFailed"], of = local.backup_dimensions
    },
    {
      title   = "Items backed up, by the day", period = 86400, namespace = local.environment.POWERTOOLS_METRICS_NAMESPACE, stat = "Sum"
      metrics = ["ItemsBackedUp"], of = local.backup_dimensions
    },
    {
      title   = "Bytes backed up (as billed), by the day", period = 86400, namespace = local.environment.POWERTOOLS_METRICS_NAMESPACE, stat = "Sum"
      metrics = ["BytesBackedUp"], of = local.backup_dimensions
    },
    {
      title   = "Tables whose restore succeeded or failed, by the hour", period = 3600, namespace = local.environment.POWERTOOLS_METRICS_NAMESPACE, stat = "Sum"
      metrics = ["RestoreSucceeded", "RestoreFailed"], of = local.restore_dimensions
    },
    {
      title   = "Items written and refused by restores, by the hour", period = 3600, namespace = local.environment.POWERTOOLS_METRICS_NAMESPACE, stat = "Sum"
      metrics = ["ItemsWritten", "ItemsFailed"], of = local.restore_dimensions
    },
    {
      title   = "Age in hours of the newest verified backup of each table", period = 3600, namespace = local.environment.POWERTOOLS_METRICS_NAMESPACE, stat = "Maximum"
      metrics = ["NewestBackupAgeHours"], of = local.backup_dimensions
    },
    {
      title   = "Seconds that a run and each table's export took, the longest of the hour", period = 3600, namespace = local.environment.POWERTOOLS_METRICS_NAMESPACE, stat = "Maximum"
      metrics = ["BackupDuration"], of = merge(local.run_dimensions, local.backup_dimensions)
    },
    {
      title   = "Tables in a run, and the percentage that succeeded, the least of the hour", period = 3600, namespace = local.environment.POWERTOOLS_METRICS_NAMESPACE, stat = "Minimum"
      metrics = ["TablesProcessed", "BackupSuccessRate"], of = local.run_dimensions
    },
    {
      title   = "Tables whose restore was proven, by the day", period = 86400, namespace = local.environment.POWERTOOLS_METRICS_NAMESPACE, stat = "Sum"
      metrics = ["RestoreProven"], of = local.restore_dimensions
    },
  ]

  # A widget takes 100 alarms: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
  dashboard_alarms = chunklist(concat([module.backup_state_machine.failure_alarm.arn, module.restore_state_machine.failure_alarm.arn], [aws_cloudwatch_metric_alarm.undelivered.arn], aws_cloudwatch_metric_alarm.item_count[*].arn, [for alarm in aws_cloudwatch_metric_alarm.not_fresh : alarm.arn], module.restore_test_state_machine[*].failure_alarm.arn, [for alarm in aws_cloudwatch_metric_alarm.not_proven : alarm.arn], module.offsite_copy_state_machine[*].failure_alarm.arn, [for alarm in aws_cloudwatch_metric_alarm.not_offsite : alarm.arn]), 100)

  # A graph takes 500 metrics and a dashboard 2,500, and nobody can tell so many lines apart: of more than 100 tables each graph
  # shows what they come to together. https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
  dashboard_lines = [for graph in [for one in concat(local.dashboard_graphs, local.restore_test_graphs) : merge(one, { shows_each = length(one.of) <= 100 })] : concat(
    flatten([for of, dimensions in graph.of : [for metric in graph.metrics : {
      line = concat([graph.namespace, metric], dimensions, [{ label = "${of} ${metric}" }])
    }] if graph.shows_each || !contains(dimensions, "table")])[*].line,
    flatten([for metric in graph.metrics : {
      line = [{
        expression = "${ { Sum = "SUM", Maximum = "MAX", Minimum = "MIN" }[graph.stat]}(SEARCH('{${graph.namespace},environment,service,table} MetricName=\"${metric}\" environment=\"${var.environment}\" service=\"${one(distinct([for dimensions in values(graph.of) : dimensions[5] if contains(dimensions, "table")]))}\"', '${graph.stat}', ${graph.period}))"
        label      = "all tables ${metric}"
      }]
    } if !graph.shows_each])[*].line,
  )]

  # The newest verified backup of each table stands first; the functions' logs know it without any metric.
  dashboard_head = [
    {
      type = "alarm", x = 0, y = 0, width = 12, height = 6
      properties = {
        title  = "Alarms of ${local.full_prefix}"
        alarms = try(local.dashboard_alarms[0], [])
      }
    },
    {
      type = "log", x = 12, y = 0, width = 12, height = 6
      properties = {
        title  = "Newest verified backup of each table"
        region = local.region
        view   = "table"
        query  = "SOURCE '${module.backup.log_group.name}' | fields @timestamp, table, items, files | filter message = \"export verified\" | sort @timestamp desc | dedup table"
      }
    },
    {
      type = "log", x = 0, y = 6, width = 24, height = 4
      properties = {
        title  = "Last proven restore of each table"
        region = local.region
        view   = "table"
        query  = "SOURCE '${module.restore.log_group.name}' | fields @timestamp, table, target | filter message = \"restore of a table proven\" | sort @timestamp desc | dedup table"
      }
    },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  count = var.dashboard ? 1 : 0

  dashboard_name = "${local.prefix}-dynamodb-backup"
  dashboard_body = jsonencode({
    start = "-P7D"
    widgets = concat(local.dashboard_head, [
      for index, graph in concat(local.dashboard_graphs, local.restore_test_graphs) : {
        type = "metric", x = index % 2 * 12, y = 10 + floor(index / 2) * 6, width = 12, height = 6
        properties = {
          title   = graph.title
          region  = local.region
          view    = "timeSeries"
          stat    = graph.stat
          period  = graph.period
          metrics = local.dashboard_lines[index]
        }
      }
      ], [
      for index, alarms in local.dashboard_alarms : {
        type = "alarm", x = 0, y = 100 + 6 * index, width = 24, height = 6
        properties = {
          title  = "Alarms of ${local.full_prefix}, continued"
          alarms = alarms
        }
      } if index > 0
    ])
  })
}
