# What the optional features add to a plan: with their defaults, and with other settings.

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

run "features_as_they_come" {
  command = plan

  variables {
    service_kms_key_arn    = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    http_api               = {}
    immutability           = { mode = "GOVERNANCE", administrator_arns = ["arn:aws:iam::123456789012:role/terra*"] }
    restore_tests          = {}
    on_demand_backups      = {}
    restore_creates_tables = true
    restore_target_roles   = ["arn:aws:iam::111122223333:role/restore"]
    offsite_copy = {
      endpoint_url = "https://s3.eu-central-003.backblazeb2.com"
      region       = "eu-central-003"
      bucket       = "copies"
      secret_arn   = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:store-AbCdEf"
    }
    schedules = {
      daily   = { expression = "cron(0 3 * * ? *)" }
      changes = { expression = "rate(15 minutes)", export_type = "INCREMENTAL_EXPORT" }
    }
  }

  # Encryption: one key for everything but the backups
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

  # HTTP API: routes are those of the document and each asks for iam
  assert {
    condition = toset(flatten([for path, operations in jsondecode(aws_apigatewayv2_api.this[0].body).paths : [for method, _ in operations : "${upper(method)} ${path}"]])) == toset([
      "POST /backups", "GET /backups", "GET /backups/{date}", "GET /backups/runs/{id}", "POST /restores", "GET /restores/{id}", "POST /verifications", "GET /verifications/{id}",
    ])
    error_message = "Routes: ${aws_apigatewayv2_api.this[0].body}"
  }

  assert {
    condition     = alltrue(flatten([for operations in values(jsondecode(aws_apigatewayv2_api.this[0].body).paths) : [for operation in values(operations) : jsonencode(operation.security) == jsonencode([{ caller = [] }])]]))
    error_message = "Every route is authorised: ${aws_apigatewayv2_api.this[0].body}"
  }

  assert {
    condition = jsondecode(aws_apigatewayv2_api.this[0].body).components.securitySchemes == { caller = {
      type = "apiKey", name = "Authorization", in = "header", x-amazon-apigateway-authtype = "awsSigv4"
    } }
    error_message = "IAM is how: ${aws_apigatewayv2_api.this[0].body}"
  }

  assert {
    condition = alltrue(flatten([for operations in values(jsondecode(aws_apigatewayv2_api.this[0].body).paths) : [for operation in values(operations) : operation.x-amazon-apigateway-integration == {
      type                 = "aws_proxy"
      httpMethod           = "POST"
      uri                  = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:shop-prod-dynamodb-api/invocations"
      payloadFormatVersion = "2.0"
      timeoutInMillis      = 30000
    }]]))
    error_message = "Every route goes to the function: ${aws_apigatewayv2_api.this[0].body}"
  }

  assert {
    condition     = module.api[0].environment.API_AUTHORIZATION == "iam" && module.api[0].environment.VERIFY_STATE_MACHINE_ARN == "arn:aws:states:eu-west-1:123456789012:stateMachine:shop-prod-dynamodb-verify"
    error_message = "Environment: ${jsonencode(module.api[0].environment)}"
  }

  assert {
    condition     = module.verify_state_machine[0].state_machine.name == "shop-prod-dynamodb-verify" && module.backup_state_machine.state_machine.name == "shop-prod-dynamodb-backup" && module.restore_state_machine.state_machine.name == "shop-prod-dynamodb-restore"
    error_message = "The ARNs that the function and its role are told are built from these names."
  }

  # HTTP API: requests are logged without what clients wrote
  assert {
    condition     = !anytrue([for variable in ["path", "customDomain", "queryString", "identity.user\"", "requestHeader"] : strcontains(aws_apigatewayv2_stage.api[0].access_log_settings[0].format, "$context.${variable}")])
    error_message = "Format: ${aws_apigatewayv2_stage.api[0].access_log_settings[0].format}"
  }

  assert {
    condition     = jsondecode(aws_apigatewayv2_stage.api[0].access_log_settings[0].format).caller == "$context.identity.userArn"
    error_message = "The access log says who asked."
  }

  # HTTP API: the role starts follows and reads records and nothing else
  assert {
    condition = jsonencode({ for s in jsondecode(module.api[0].policy_json).Statement : s.Sid => sort(flatten([s.Action])) }) == jsonencode({
      StartExecutions = ["states:StartExecution"], FollowExecutions = ["states:DescribeExecution"], ListBackups = ["s3:ListBucket"], ReadRecords = ["s3:GetObject"],
      WriteLogs       = ["logs:CreateLogStream", "logs:PutLogEvents"],
    })
    error_message = "Actions: ${module.api[0].policy_json}"
  }

  assert {
    condition = toset(flatten([for s in jsondecode(module.api[0].policy_json).Statement : s.Resource if contains(["StartExecutions", "FollowExecutions"], s.Sid)])) == toset(flatten([for verb in ["backup", "restore", "verify"] : [
      "arn:aws:states:eu-west-1:123456789012:stateMachine:shop-prod-dynamodb-${verb}", "arn:aws:states:eu-west-1:123456789012:execution:shop-prod-dynamodb-${verb}:*",
    ]]))
    error_message = "State machines: ${module.api[0].policy_json}"
  }

  assert {
    condition = toset(flatten([for s in jsondecode(module.api[0].policy_json).Statement : s.Resource if s.Sid == "ReadRecords"])) == toset([
      for key in ["*/manifest.json", "chains/*", "restores/by-execution/*", "restores/*/progress.json", "restores/*/report.json"] : "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/native-exports/${key}"
    ])
    error_message = "It reads records, and no data file: ${module.api[0].policy_json}"
  }

  assert {
    condition     = jsondecode(module.verify_state_machine[0].role.policy_json).Statement[0].Resource == "arn:aws:lambda:eu-west-1:123456789012:function:shop-prod-dynamodb-verify"
    error_message = "The state machine of the verification invokes the verify function alone."
  }

  # Restore tests: all tables weekly
  assert {
    condition = { for s in jsondecode(module.restore_test[0].policy_json).Statement : s.Sid => s.Resource if length(setintersection(flatten([s.Action]), ["dynamodb:CreateTable", "dynamodb:DeleteTable", "dynamodb:BatchWriteItem", "dynamodb:TagResource"])) > 0 } == {
      MakeAndDeleteScratchTables = "arn:aws:dynamodb:eu-west-1:123456789012:table/shop-prod-restore-test-*"
    }
    error_message = "Tables are made, written and deleted by the prefix alone: ${module.restore_test[0].policy_json}"
  }

  assert {
    condition = toset(flatten([for s in jsondecode(module.restore_test[0].policy_json).Statement : s.Action])) == toset([
      "s3:ListBucket", "s3:GetObject", "s3:PutObject", "dynamodb:BatchWriteItem", "dynamodb:CreateTable", "dynamodb:DeleteTable", "dynamodb:DescribeTable",
      "dynamodb:ListTables", "dynamodb:ListTagsOfResource", "dynamodb:Scan", "dynamodb:TagResource", "dynamodb:UntagResource", "logs:CreateLogStream", "logs:PutLogEvents",
    ])
    error_message = "The role's actions are exactly those that a test takes."
  }

  assert {
    condition = toset(flatten([for s in jsondecode(module.restore_test[0].policy_json).Statement : s.Resource if contains(flatten([s.Action]), "s3:PutObject")])) == toset([
      "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/native-exports/restore-tests/*", "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/native-exports/restores/*",
    ])
    error_message = "It writes records, and no backup."
  }

  assert {
    condition     = length([for s in concat(jsondecode(module.backup.policy_json).Statement, jsondecode(module.restore.policy_json).Statement, jsondecode(module.verify.policy_json).Statement) : s if contains(flatten([s.Action]), "dynamodb:DeleteTable")]) == 0
    error_message = "No other role deletes tables."
  }

  assert {
    condition = [module.restore_test[0].environment.RESTORE_TEST_PREFIX, module.restore_test[0].environment.RESTORE_TEST_TABLES, module.restore_test[0].environment.RESTORE_TEST_MAX_TABLE_BYTES] == [
      "shop-prod-restore-test-", jsonencode(["shop-orders", "shop-users"]), "1073741824",
    ]
    error_message = "What the function is told: ${jsonencode(module.restore_test[0].environment)}"
  }

  assert {
    condition = [for name, schedule in module.restore_test_schedules[0].schedules : [name, schedule.schedule_expression, schedule.target[0].arn, schedule.target[0].input]] == [
      ["report", "rate(6 hours)", "arn:aws:lambda:eu-west-1:123456789012:function:shop-prod-dynamodb-restore-test", "{\"action\":\"report\"}"],
      ["test", "cron(0 5 ? * SUN *)", "arn:aws:states:eu-west-1:123456789012:stateMachine:shop-prod-dynamodb-restore-test", "{}"],
    ]
    error_message = "Tests weekly, reports every six hours."
  }

  assert {
    condition = [for key, alarm in aws_cloudwatch_metric_alarm.not_proven : [key, alarm.alarm_name, alarm.metric_name, tostring(alarm.threshold), alarm.treat_missing_data, alarm.dimensions.service]] == [
      ["shop-orders", "shop-prod-dynamodb-backup-not-proven-shop-orders", "LastProvenRestorable", "192", "breaching", "shop-prod-dynamodb-restore-test"],
      ["shop-users", "shop-prod-dynamodb-backup-not-proven-shop-users", "LastProvenRestorable", "192", "breaching", "shop-prod-dynamodb-restore-test"],
    ]
    error_message = "An alarm on the age of each table's proof."
  }

  # Off-site copy: copies by the hour
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

  # Schedules: increments
  assert {
    condition     = jsondecode(module.backup_schedules.schedules["changes"].target[0].input) == merge(jsondecode(module.backup_schedules.schedules["daily"].target[0].input), { export_type = "INCREMENTAL_EXPORT" })
    error_message = "The schedule of increments asks for them; the others are as they were."
  }

  # Permissions: creating tables
  assert {
    condition = toset(flatten([for s in jsondecode(module.restore.policy_json).Statement : s.Resource if s.Sid == "CreateTargetTables"])) == toset([
      "arn:aws:dynamodb:eu-west-1:123456789012:table/shop-orders",
      "arn:aws:dynamodb:eu-west-1:123456789012:table/shop-users",
    ])
    error_message = "Tables are created under the known names alone."
  }

  assert {
    condition = length(setintersection(
      flatten([for s in jsondecode(module.restore.policy_json).Statement : s.Action]),
      ["dynamodb:DeleteTable", "s3:DeleteObject", "dynamodb:DeleteBackup", "dynamodb:*", "*"]
    )) == 0
    error_message = "Even a restore that may create tables deletes none: ${module.restore.policy_json}"
  }

  # Permissions: roles of other accounts are assumed only where listed
  assert {
    condition     = [for s in jsondecode(module.restore.policy_json).Statement : s.Resource if contains(flatten([s.Action]), "sts:AssumeRole")] == ["arn:aws:iam::111122223333:role/restore"] && module.restore.environment.RESTORE_TARGET_ROLES == "[\"arn:aws:iam::111122223333:role/restore\"]"
    error_message = "The restore may assume that role: ${module.restore.policy_json}"
  }

  assert {
    condition     = !strcontains(module.backup.policy_json, "sts:AssumeRole") && !strcontains(module.verify.policy_json, "sts:AssumeRole")
    error_message = "Nobody else may."
  }

  # Permissions: with no name given on demand backups have the modules own
  assert {
    condition     = [module.backup.environment.ON_DEMAND_BACKUP_NAME_PREFIX, module.backup.environment.ON_DEMAND_RETENTION_DAYS] == ["shop-prod", "3"]
    error_message = "The defaults are the submodule's."
  }

  # Immutability: a wildcard may hold who runs terraform
}

run "features_with_settings_of_their_own" {
  command = plan

  variables {
    audit                     = { retention_days = 731 }
    layer                     = { zip_path = "./dist/function.zip" }
    on_demand_backups         = { name_prefix = "carts-prod-", retention_days = 7 }
    replication               = { bucket_arn = "arn:aws:s3:::shop-replica", account_id = "210987654321", time_control = true }
    require_confirmation      = true
    restore_on_demand_backups = true
    restore_target_tables     = ["elsewhere"]
    restore_tests             = {}
    role_path                 = "/team/"
    backup_methods            = { shop-orders = { method = "scan", max_read_units_per_second = 500, segments = 8 }, shop-users = { method = "native_export" } }
    immutability = {
      mode               = "GOVERNANCE"
      monthly_days       = 180
      administrator_arns = ["arn:aws:iam::123456789012:role/path/terraform", "arn:aws:iam::123456789012:role/emergency-*"]
    }
    http_api = {
      throttling                = { requests_per_second = 2 }
      access_log_retention_days = 365
      jwt                       = { issuer = "https://login.example.com/", audiences = ["backups"], read_scopes = ["backups.read", "backups.write"], write_scopes = ["backups.write"] }
    }
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

  # With a definition that is known, the provider would ask AWS at plan whether it is valid.
  override_resource {
    target = module.backup_state_machine.aws_sfn_state_machine.this
  }

  # Audit: lines and objects are added by the functions of the acts
  assert {
    condition     = aws_cloudwatch_log_group.audit[0].name == "shop-prod-dynamodb-audit" && aws_cloudwatch_log_group.audit[0].retention_in_days == 731 && output.log_groups.audit.name == "shop-prod-dynamodb-audit"
    error_message = "A log group of its own, with a retention of its own."
  }

  assert {
    condition = alltrue([for function in [module.backup, module.restore, module.restore_test[0], module.api[0]] :
      function.environment.AUDIT_LOG_GROUP == "shop-prod-dynamodb-audit" && [for s in jsondecode(function.policy_json).Statement : [s.Action, s.Resource] if s.Sid == "WriteAuditLog"] == [
        [["logs:PutLogEvents", "logs:CreateLogStream"], "arn:aws:logs:eu-west-1:123456789012:log-group:shop-prod-dynamodb-audit:*"]
      ]
    ])
    error_message = "Each may add lines to this group, and no more."
  }

  assert {
    condition = [for s in jsondecode(module.restore.policy_json).Statement : [s.Action, s.Resource] if s.Sid == "WriteAuditRecords"] == [
      ["s3:PutObject", "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/native-exports/audit/*"]
    ]
    error_message = "The restore adds its objects."
  }

  assert {
    condition = alltrue([for function in [module.verify, module.restore_test[0], module.api[0]] : length([
      for s in jsondecode(function.policy_json).Statement : s if try(s.Sid, "") == "WriteAuditRecords"
    ]) == 0])
    error_message = "Others write no object."
  }

  assert {
    condition     = [for rule in jsondecode(output.lifecycle_rules).Rules : [rule.Filter.Prefix, rule.Expiration.Days] if rule.ID == "expire-audit-records"] == [["native-exports/audit/", 731]]
    error_message = "Objects expire as the lines do."
  }

  # HTTP API: requests are throttled and logged without what clients wrote
  assert {
    condition     = [for function in [module.restore, module.api[0]] : function.environment.REQUIRE_CONFIRMATION] == ["true", "true"] && !contains(keys(module.backup.environment), "REQUIRE_CONFIRMATION")
    error_message = "Both doors of a restore ask for the confirmation."
  }

  assert {
    condition     = aws_apigatewayv2_stage.api[0].default_route_settings[0].throttling_rate_limit == 2 && aws_apigatewayv2_stage.api[0].default_route_settings[0].throttling_burst_limit == 20
    error_message = "Throttling: ${jsonencode(aws_apigatewayv2_stage.api[0].default_route_settings)}"
  }

  assert {
    condition     = aws_cloudwatch_log_group.api_access[0].name == "/aws/vendedlogs/shop-prod-dynamodb-api" && aws_cloudwatch_log_group.api_access[0].retention_in_days == 365
    error_message = "The access log has a group and a retention of its own."
  }

  assert {
    condition     = !anytrue([for variable in ["path", "customDomain", "queryString", "identity.user\"", "requestHeader"] : strcontains(aws_apigatewayv2_stage.api[0].access_log_settings[0].format, "$context.${variable}")])
    error_message = "Format: ${aws_apigatewayv2_stage.api[0].access_log_settings[0].format}"
  }

  # HTTP API: tokens need an audience and a scope
  assert {
    condition = jsondecode(aws_apigatewayv2_api.this[0].body).components.securitySchemes.caller == {
      type = "oauth2"
      x-amazon-apigateway-authorizer = {
        type             = "jwt"
        identitySource   = "$request.header.Authorization"
        jwtConfiguration = { issuer = "https://login.example.com/", audience = ["backups"] }
      }
    }
    error_message = "Authorizer: ${aws_apigatewayv2_api.this[0].body}"
  }

  assert {
    condition = alltrue(flatten([for operations in values(jsondecode(aws_apigatewayv2_api.this[0].body).paths) : [for method, operation in operations :
      jsonencode(operation.security) == jsonencode([{ caller = split(" ", method == "post" ? "backups.write" : "backups.read backups.write") }])
    ]]))
    error_message = "Scopes: ${aws_apigatewayv2_api.this[0].body}"
  }

  assert {
    condition     = module.api[0].environment.API_AUTHORIZATION == "jwt" && jsondecode(aws_apigatewayv2_stage.api[0].access_log_settings[0].format).caller == "$context.authorizer.claims.sub"
    error_message = "Function and access log know that callers have tokens."
  }

  # Immutability: classes are locked as long as they are kept
  assert {
    condition = jsondecode(module.backup.environment.OBJECT_LOCK) == {
      mode         = "GOVERNANCE"
      default_days = 7
      days         = { daily = 35, weekly = 90, monthly = 180, incremental = 28 }
    }
    error_message = "OBJECT_LOCK: ${module.backup.environment.OBJECT_LOCK}"
  }

  assert {
    condition     = [for rule in aws_s3_bucket_object_lock_configuration.this[0].rule : [for one in rule.default_retention : "${one.mode} ${one.days}"]] == [["GOVERNANCE 7"]]
    error_message = "The bucket locks each new object."
  }

  assert {
    condition = { for s in jsondecode(module.backup.policy_json).Statement : s.Sid => [s.Action, s.Resource] if contains(["SeeThatTheBucketLocks", "LockBackups"], s.Sid) } == {
      SeeThatTheBucketLocks = ["s3:GetBucketObjectLockConfiguration", "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012"]
      LockBackups           = [["s3:PutObjectRetention", "s3:PutObjectLegalHold", "s3:GetObjectTagging", "s3:GetObjectRetention"], "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/native-exports/*"]
    }
    error_message = "The backup function may prolong locks under the prefix: ${module.backup.policy_json}"
  }

  assert {
    condition = alltrue([for policy in [module.backup.policy_json, module.restore.policy_json, module.verify.policy_json] :
      length(setintersection(flatten([for s in jsondecode(policy).Statement : s.Action]), ["s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:DeleteObjectTagging", "s3:PutBucketObjectLockConfiguration"])) == 0
    ])
    error_message = "No function may delete, or shorten a lock."
  }

  assert {
    condition     = [for policy in [module.restore.policy_json, module.verify.policy_json] : strcontains(policy, "ObjectLock") || strcontains(policy, "PutObjectRetention") || strcontains(policy, "LegalHold")] == [false, false]
    error_message = "Only the backup function locks."
  }

  # Immutability: only administrators delete
  assert {
    condition = {
      for s in jsondecode(data.aws_iam_policy_document.bucket[0].json).Statement : s.Sid => [s.Effect, s.Principal, join(" ", sort(s.Condition.ArnNotLike["aws:PrincipalArn"]))] if s.Sid != "DenyWithoutTLS"
      } == {
      DenyDeletion           = ["Deny", "*", "arn:aws:iam::123456789012:role/emergency-* arn:aws:iam::123456789012:role/path/terraform"]
      DenyChangeOfProtection = ["Deny", "*", "arn:aws:iam::123456789012:role/emergency-* arn:aws:iam::123456789012:role/path/terraform"]
      DenyTagsAndLocks       = ["Deny", "*", "arn:aws:iam::123456789012:role/emergency-* arn:aws:iam::123456789012:role/path/terraform arn:aws:iam::123456789012:role/team/shop-prod-dynamodb-backup"]
    }
    error_message = "All but the administrators are denied: ${data.aws_iam_policy_document.bucket[0].json}"
  }

  assert {
    condition = length(setsubtract(
      ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention", "s3:DeleteBucket", "s3:PutBucketVersioning", "s3:PutBucketObjectLockConfiguration", "s3:PutLifecycleConfiguration", "s3:PutBucketPolicy", "s3:PutObjectTagging"],
      flatten([for s in jsondecode(data.aws_iam_policy_document.bucket[0].json).Statement : s.Action])
    )) == 0
    error_message = "Deleting, and every detour to it."
  }

  # Replication: in another account the copies belong to it
  assert {
    condition = [for s in jsondecode(data.aws_iam_policy_document.replication[0].json).Statement : s.Resource if s.Sid == "GiveReplicasToTheirAccount"] == [
      "arn:aws:s3:::shop-replica/native-exports/*"
    ]
    error_message = "The role may give the copies away."
  }

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_replication_configuration.this[0].rule :
      rule.destination[0].account == "210987654321" && rule.destination[0].access_control_translation[0].owner == "Destination" &&
      rule.destination[0].replication_time[0].time[0].minutes == 15 && rule.destination[0].metrics[0].event_threshold[0].minutes == 15
    ])
    error_message = "The owner changes, and copies come in time."
  }

  # Replication: locks are copied
  assert {
    condition = [for s in jsondecode(data.aws_iam_policy_document.replication[0].json).Statement : [s.Action, s.Resource] if s.Sid == "ReadLocks"] == [
      [["s3:GetObjectRetention", "s3:GetObjectLegalHold"], "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/native-exports/*"]
    ]
    error_message = "S3 copies no object whose lock its role may not read: ${data.aws_iam_policy_document.replication[0].json}"
  }

  # Notifications: existing topic and a created one under a key
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

  # Package: layer of a zip
  assert {
    condition     = aws_lambda_layer_version.this[0].filename == "./dist/function.zip" && aws_lambda_layer_version.this[0].source_code_hash == filebase64sha256("./dist/function.zip") && length(data.aws_ssm_parameter.powertools) == 0
    error_message = "A layer is made of the zip."
  }

  # Permissions: only tables with that method are scanned
  assert {
    condition = [for s in jsondecode(module.backup.policy_json).Statement : s if contains(flatten([s.Action]), "dynamodb:Scan")] == [{
      Sid      = "ScanTables"
      Effect   = "Allow"
      Action   = "dynamodb:Scan"
      Resource = "arn:aws:dynamodb:eu-west-1:123456789012:table/shop-orders"
    }]
    error_message = "The backup role reads the items of those tables alone that are backed up by scan."
  }

  assert {
    condition = jsondecode(module.backup.environment.BACKUP_METHODS) == {
      shop-orders = { method = "scan", max_read_units_per_second = 500, segments = 8 }
      shop-users  = { method = "native_export", max_read_units_per_second = null, segments = null }
    }
    error_message = "BACKUP_METHODS: ${module.backup.environment.BACKUP_METHODS}"
  }

  assert {
    condition     = !contains(keys(module.restore.environment), "BACKUP_METHODS")
    error_message = "Only the backup function needs to know how backups are made."
  }

  # Permissions: on demand backups are restored only where wanted
  assert {
    condition = { for s in jsondecode(module.restore.policy_json).Statement : s.Sid => toset(flatten([s.Action])) if strcontains(s.Sid, "OnDemand") } == {
      RestoreOnDemandBackupsIntoTables = toset([
        "dynamodb:GetItem", "dynamodb:Query", "dynamodb:RestoreTableFromBackup", "dynamodb:UpdateItem",
      ])
      ReadOnDemandBackups = toset(["dynamodb:DescribeBackup", "dynamodb:RestoreTableFromBackup"])
      ListOnDemandBackups = toset(["dynamodb:ListBackups"])
    }
    error_message = "What DynamoDB takes to make a table of a backup, and nothing that deletes one: ${module.restore.policy_json}"
  }

  assert {
    condition = toset(flatten([for s in jsondecode(module.restore.policy_json).Statement : s.Resource if strcontains(s.Sid, "OnDemand") && s.Sid != "ListOnDemandBackups"])) == toset(flatten([
      for table in ["elsewhere", "shop-orders", "shop-users"] : ["arn:aws:dynamodb:eu-west-1:123456789012:table/${table}", "arn:aws:dynamodb:eu-west-1:123456789012:table/${table}/backup/*"]
    ]))
    error_message = "Tables are made under the allowed names alone, of backups of these tables alone."
  }

  # Permissions: on demand backups are listed only where there are some
  assert {
    condition = [for s in jsondecode(module.backup.policy_json).Statement : s if strcontains(jsonencode(s.Action), "dynamodb:ListBackups")] == [{
      Sid      = "ListOnDemandBackups"
      Effect   = "Allow"
      Action   = "dynamodb:ListBackups"
      Resource = "*"
    }]
    error_message = "The backup function may list on-demand backups, and do nothing else with them: ${module.backup.policy_json}"
  }

  assert {
    condition     = [module.backup.environment.ON_DEMAND_BACKUP_NAME_PREFIX, module.backup.environment.ON_DEMAND_RETENTION_DAYS] == ["carts-prod-", "7"]
    error_message = "What the list shows is known by its name."
  }
}
