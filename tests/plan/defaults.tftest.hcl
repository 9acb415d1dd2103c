# What a plan holds with the required inputs alone, and who may do what.

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

run "what_is_required_and_nothing_else" {
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

  # Storage: created bucket is private versioned and encrypted
  assert {
    condition     = aws_s3_bucket.this[0].bucket == "shop-prod-dynamodb-backup-123456789012" && aws_s3_bucket.this[0].force_destroy == false
    error_message = "The bucket carries the account in its name and is not destroyed with backups in it."
  }

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.this[0].block_public_acls, aws_s3_bucket_public_access_block.this[0].block_public_policy,
      aws_s3_bucket_public_access_block.this[0].ignore_public_acls, aws_s3_bucket_public_access_block.this[0].restrict_public_buckets,
    ])
    error_message = "All four public access blocks are on."
  }

  assert {
    condition     = aws_s3_bucket_versioning.this[0].versioning_configuration[0].status == "Enabled"
    error_message = "Versioning is on."
  }

  assert {
    condition     = aws_s3_bucket_ownership_controls.this[0].rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "ACLs are off."
  }

  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this[0].rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    error_message = "Without a key, S3's own keys encrypt."
  }

  assert {
    condition = jsondecode(data.aws_iam_policy_document.bucket[0].json).Statement == [{
      Sid       = "DenyWithoutTLS"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = ["arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/*", "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
    error_message = "Requests without TLS are denied: ${data.aws_iam_policy_document.bucket[0].json}"
  }

  # Retention: defaults keep months for a year
  assert {
    condition     = jsondecode(module.backup.environment.RETENTION_CLASSES) == { daily = 35, weekly = 90, monthly = 365, incremental = 28, failed = 7 }
    error_message = "The default classes are those of the documentation."
  }

  # Schedules: daily by default until the backup is done
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

  # Notifications: failures go to a topic of the module by default
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

  # Monitoring: a backup that is not fresh alarms per table
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

  # Package: code of the module and public layer by default
  assert {
    condition     = endswith(local.function.package.filename, "/dist/function.zip") && local.function.package.source_code_hash == filebase64sha256("./dist/function.zip")
    error_message = "The zip of the module is used, and a changed one is noticed."
  }

  assert {
    condition     = data.aws_ssm_parameter.powertools[0].name == "/aws/service/powertools/python/arm64/python3.13/${local.powertools_version}"
    error_message = "Parameter: ${data.aws_ssm_parameter.powertools[0].name}"
  }

  assert {
    condition     = output.layer_arn == "arn:aws:lambda:eu-west-1:017000801446:layer:Powertools:1"
    error_message = "The layer is what the parameter says."
  }

  # Tables: a few tables are listed as json in one policy
  assert {
    condition     = jsondecode(module.backup.environment.DYNAMODB_TABLES) == ["shop-orders", "shop-users"]
    error_message = module.backup.environment.DYNAMODB_TABLES
  }

  assert {
    condition     = alltrue([for function in [module.backup, module.restore, module.verify] : function.policies == [function.policy_json]])
    error_message = "One inline policy is enough."
  }

  # Names: full names are taken as they are
  assert {
    condition     = output.tables == { shop-users = "shop-users", shop-orders = "shop-orders" } && output.table_name_pattern == null
    error_message = "Full names are taken as they are."
  }

  assert {
    condition     = !contains(keys(module.backup.environment), "TABLE_NAME_PATTERN")
    error_message = "Without a convention the pattern is unset."
  }

  # Encryption: without a key everything has aws own
  assert {
    condition = (
      aws_sqs_queue.undelivered.sqs_managed_sse_enabled == true && aws_sqs_queue.undelivered.kms_master_key_id == null && aws_sns_topic.this["failure"].kms_master_key_id == null &&
      local.function.logs.kms_key_arn == null && local.function.environment_kms_key_arn == null && !strcontains(module.backup_schedules.role.policy_json, "kms:")
    )
    error_message = "Nothing asks for a key of the user's."
  }

  # Audit: without the input there is nothing of it
  assert {
    condition     = length(aws_cloudwatch_log_group.audit) == 0 && !strcontains(module.restore.policy_json, "Audit") && !strcontains(module.backup.policy_json, "Audit")
    error_message = "Audit records are off by default."
  }

  assert {
    condition     = alltrue([for function in [module.backup, module.restore] : !contains(keys(function.environment), "AUDIT_LOG_GROUP")])
    error_message = "No function is told of an audit log."
  }

  assert {
    condition     = !contains([for rule in jsondecode(output.lifecycle_rules).Rules : rule.ID], "expire-audit-records")
    error_message = "There is nothing to expire."
  }

  # HTTP API: without the input there is nothing of it
  assert {
    condition = length(concat(
      aws_apigatewayv2_api.this[*].name, aws_apigatewayv2_stage.api[*].name, aws_cloudwatch_log_group.api_access[*].name, aws_lambda_permission.api[*].action,
      module.api[*].environment, module.verify_state_machine[*].state_machine,
      data.aws_iam_policy_document.api[*].id,
    )) == 0 && output.http_api == null
    error_message = "The HTTP API is off by default."
  }

  assert {
    condition     = !contains(keys(module.restore.environment), "REQUIRE_CONFIRMATION")
    error_message = "Events need no confirmation unless it is asked for."
  }

  # Immutability: off by default
  assert {
    condition     = length(aws_s3_bucket_object_lock_configuration.this) == 0 && !contains(keys(module.backup.environment), "OBJECT_LOCK")
    error_message = "Without immutability nothing is locked."
  }

  assert {
    condition     = !strcontains(module.backup.policy_json, "Retention\"") && length(jsondecode(data.aws_iam_policy_document.bucket[0].json).Statement) == 1
    error_message = "Without immutability nobody is allowed or denied anything more."
  }

  # Off-site copy: off by default
  assert {
    condition = (
      length(module.offsite_copy) + length(module.offsite_copy_state_machine) + length(module.offsite_copy_schedules) + length(aws_cloudwatch_metric_alarm.not_offsite)
    ) == 0 && output.offsite_copy == null
    error_message = "Without offsite_copy there is nothing of it."
  }

  # Replication: without it nothing is planned
  assert {
    condition     = length(aws_s3_bucket_replication_configuration.this) + length(aws_iam_role.replication) + length(aws_cloudwatch_metric_alarm.replication_failed) == 0
    error_message = "Replication is off by default."
  }

  # Restore tests: off by default
  assert {
    condition = (
      length(module.restore_test) + length(module.restore_test_state_machine) + length(module.restore_test_schedules) + length(aws_cloudwatch_metric_alarm.not_proven)
    ) == 0 && output.restore_tests == null
    error_message = "Without restore_tests there is nothing of them."
  }
}

run "a_further_target" {
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

  # Permissions: least privilege
  assert {
    condition = jsondecode(module.backup.policy_json).Statement[0] == {
      Sid    = "ExportTables"
      Effect = "Allow"
      Action = [
        "dynamodb:ListTagsOfResource", "dynamodb:ExportTableToPointInTime", "dynamodb:DescribeTimeToLive",
        "dynamodb:DescribeTable", "dynamodb:DescribeContinuousBackups",
      ]
      Resource = ["arn:aws:dynamodb:eu-west-1:123456789012:table/shop-users", "arn:aws:dynamodb:eu-west-1:123456789012:table/shop-orders"]
    }
    error_message = "ExportTables: ${jsonencode(jsondecode(module.backup.policy_json).Statement[0])}"
  }

  assert {
    condition     = !strcontains(module.backup.policy_json, "dynamodb:ListBackups") && try(module.backup.environment.ON_DEMAND_BACKUP_NAME_PREFIX, null) == null
    error_message = "Without on-demand backups nothing asks for them."
  }

  assert {
    condition = toset(flatten([for s in jsondecode(module.backup.policy_json).Statement : s.Resource if s.Sid == "FollowExports"])) == toset([
      "arn:aws:dynamodb:eu-west-1:123456789012:table/shop-orders/export/*",
      "arn:aws:dynamodb:eu-west-1:123456789012:table/shop-users/export/*",
    ])
    error_message = "DescribeExport is allowed on the exports of the listed tables."
  }

  assert {
    condition = toset(flatten([for s in jsondecode(module.backup.policy_json).Statement : s.Resource if s.Sid == "WriteAndVerifyBackups"])) == toset([
      "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/native-exports/*",
    ])
    error_message = "Backups are written under the prefix alone."
  }

  assert {
    condition = length(setintersection(
      flatten([for s in jsondecode(module.backup.policy_json).Statement : s.Action]),
      [
        "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem", "dynamodb:CreateTable", "dynamodb:UpdateTable",
        "dynamodb:DeleteTable", "dynamodb:UpdateContinuousBackups", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutLifecycleConfiguration", "s3:*", "dynamodb:*", "*",
      ]
    )) == 0
    error_message = "The backup role holds an action that it must not have: ${module.backup.policy_json}"
  }

  assert {
    condition     = alltrue([for s in jsondecode(module.backup.policy_json).Statement : s.Effect == "Allow"])
    error_message = "The exact actions above mean what they say only if all statements allow."
  }

  assert {
    condition = toset(flatten([for s in jsondecode(module.restore.policy_json).Statement : s.Action])) == toset([
      "s3:ListBucket", "s3:GetObject", "s3:PutObject", "dynamodb:BatchWriteItem", "dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive", "dynamodb:Scan",
      "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:ExportTableToPointInTime", "dynamodb:DescribeExport",
      "s3:AbortMultipartUpload", "s3:PutObjectAcl", "logs:CreateLogStream", "logs:PutLogEvents",
    ])
    error_message = "The restore role's actions are exactly those that restoring and undoing take: no table is created, altered or deleted, no backup deleted."
  }

  assert {
    condition = toset(flatten([for s in jsondecode(module.restore.policy_json).Statement : s.Resource if contains(flatten([s.Action]), "dynamodb:BatchWriteItem")])) == toset([
      "arn:aws:dynamodb:eu-west-1:123456789012:table/elsewhere",
      "arn:aws:dynamodb:eu-west-1:123456789012:table/shop-orders",
      "arn:aws:dynamodb:eu-west-1:123456789012:table/shop-users",
    ])
    error_message = "Items are written to the backed-up tables and the allowed targets alone."
  }

  assert {
    condition = toset(flatten([for s in jsondecode(module.restore.policy_json).Statement : s.Resource if contains(flatten([s.Action]), "s3:PutObject")])) == toset([
      "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/native-exports/restores/*",
      "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/native-exports/undos/*",
      "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/native-exports/verifications/*",
      "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/native-exports/*/fingerprint/*",
    ])
    error_message = "The restore writes its checkpoints, fingerprints and the windows to undo, and nothing else."
  }

  assert {
    condition = toset(flatten([for s in jsondecode(module.restore.policy_json).Statement : s.Resource if length(setintersection(flatten([s.Action]), ["dynamodb:PutItem", "dynamodb:ExportTableToPointInTime"])) > 0])) == toset([
      "arn:aws:dynamodb:eu-west-1:123456789012:table/elsewhere",
      "arn:aws:dynamodb:eu-west-1:123456789012:table/shop-orders",
      "arn:aws:dynamodb:eu-west-1:123456789012:table/shop-users",
    ])
    error_message = "An undo exports and reverts the tables that a restore may write to, and no others."
  }

  assert {
    condition = toset(flatten([for s in jsondecode(module.verify.policy_json).Statement : s.Action])) == toset([
      "s3:ListBucket", "s3:GetObject", "s3:PutObject", "dynamodb:DescribeTable", "dynamodb:Scan", "logs:CreateLogStream", "logs:PutLogEvents",
    ])
    error_message = "Verify reads, and writes no item: ${module.verify.policy_json}"
  }

  assert {
    condition = flatten([for s in jsondecode(module.verify.policy_json).Statement : s.Resource if contains(flatten([s.Action]), "s3:PutObject")]) == [
      "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/native-exports/verifications/*",
      "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/native-exports/*/fingerprint/*",
    ]
    error_message = "Verify writes its checkpoints and fingerprints and no backup."
  }

  assert {
    condition = alltrue([
      for policy in [module.backup.policy_json, module.restore.policy_json] : [
        for s in jsondecode(policy).Statement : s.Condition if s.Sid == "ListBackups"
      ] == [{ StringLike = { "s3:prefix" = "native-exports/*" } }]
    ])
    error_message = "ListBucket is bound to the prefix in both roles."
  }

  assert {
    condition     = !strcontains(module.backup.policy_json, "kms:") && !strcontains(module.restore.policy_json, "kms:")
    error_message = "Without a key no role has KMS permissions."
  }

  assert {
    condition = jsondecode(module.backup_schedules.role.trust_json).Statement[0].Condition == {
      StringEquals = { "aws:SourceAccount" = "123456789012" }
      ArnEquals    = { "aws:SourceArn" = "arn:aws:scheduler:eu-west-1:123456789012:schedule-group/shop-prod-dynamodb-backup" }
    }
    error_message = "Only our schedule group takes the schedule's role."
  }

  assert {
    condition = jsondecode(module.backup_state_machine.role.trust_json).Statement[0].Condition == {
      StringEquals = { "aws:SourceAccount" = "123456789012" }
      ArnLike      = { "aws:SourceArn" = "arn:aws:states:eu-west-1:123456789012:stateMachine:shop-prod-dynamodb-backup" }
    }
    error_message = "Only our state machine takes the state machine's role."
  }

  assert {
    condition = [jsondecode(module.backup_schedules.role.policy_json).Statement[0].Resource, jsondecode(module.backup_state_machine.role.policy_json).Statement[0].Resource] == [
      "arn:aws:states:eu-west-1:123456789012:stateMachine:shop-prod-dynamodb-backup", "arn:aws:lambda:eu-west-1:123456789012:function:shop-prod-dynamodb-backup",
    ]
    error_message = "The schedule starts our state machine, which invokes our function."
  }

  assert {
    condition = { for s in jsondecode(module.restore_state_machine.role.policy_json).Statement : s.Sid => [s.Action, s.Resource] if s.Sid != "Notify" } == {
      InvokeFunction = ["lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:123456789012:function:shop-prod-dynamodb-restore"]
      ReadJobs       = ["s3:GetObject", "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/native-exports/restores/*"]
      StartWorkers   = ["states:StartExecution", "arn:aws:states:eu-west-1:123456789012:stateMachine:shop-prod-dynamodb-restore"]
      FollowWorkers  = [["states:StopExecution", "states:RedriveExecution", "states:DescribeExecution"], "arn:aws:states:eu-west-1:123456789012:execution:shop-prod-dynamodb-restore/*"]
    }
    error_message = "The restore state machine invokes our function and runs itself, nothing else: ${module.restore_state_machine.role.policy_json}"
  }

  assert {
    condition = jsondecode(module.restore_state_machine.role.trust_json).Statement[0].Condition.StringEquals == {
      "aws:SourceAccount" = "123456789012"
    }
    error_message = "Only Step Functions of our account takes the restore state machine's role."
  }

  # Monitoring: dashboard shows the metrics that the functions write
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
