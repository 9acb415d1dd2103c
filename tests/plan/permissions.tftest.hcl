# What each role may do, read from the rendered policies.

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

run "only_tables_with_that_method_are_scanned" {
  command = plan

  variables {
    backup_methods = { shop-orders = { method = "scan", max_read_units_per_second = 500, segments = 8 }, shop-users = { method = "native_export" } }
  }

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
}

run "methods_by_short_names_reach_the_function_by_full_names" {
  command = plan

  variables {
    tables                = ["orders", "shop_prod_users"]
    table_name_convention = "shop_{environment}_{type}"
    backup_methods        = { orders = { method = "scan" } }
  }

  assert {
    condition     = toset(keys(jsondecode(module.backup.environment.BACKUP_METHODS))) == toset(["shop_prod_orders"])
    error_message = "BACKUP_METHODS: ${module.backup.environment.BACKUP_METHODS}"
  }
}

run "least_privilege" {
  command = plan

  variables {
    restore_target_tables = ["elsewhere"]
  }

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
}

run "creating_tables" {
  command = plan

  variables {
    restore_creates_tables = true
  }

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
}

run "roles_of_other_accounts_are_assumed_only_where_listed" {
  command = plan

  variables {
    restore_target_roles = ["arn:aws:iam::111122223333:role/restore"]
  }

  assert {
    condition     = [for s in jsondecode(module.restore.policy_json).Statement : s.Resource if contains(flatten([s.Action]), "sts:AssumeRole")] == ["arn:aws:iam::111122223333:role/restore"] && module.restore.environment.RESTORE_TARGET_ROLES == "[\"arn:aws:iam::111122223333:role/restore\"]"
    error_message = "The restore may assume that role: ${module.restore.policy_json}"
  }

  assert {
    condition     = !strcontains(module.backup.policy_json, "sts:AssumeRole") && !strcontains(module.verify.policy_json, "sts:AssumeRole")
    error_message = "Nobody else may."
  }
}

run "on_demand_backups_are_restored_only_where_wanted" {
  command = plan

  variables {
    restore_on_demand_backups = true
    restore_target_tables     = ["elsewhere"]
  }

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
}

run "on_demand_backups_are_listed_only_where_there_are_some" {
  command = plan

  variables {
    on_demand_backups = { name_prefix = "carts-prod-", retention_days = 7 }
  }

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

run "with_no_name_given_on_demand_backups_have_the_modules_own" {
  command = plan

  variables {
    on_demand_backups = {}
  }

  assert {
    condition     = [module.backup.environment.ON_DEMAND_BACKUP_NAME_PREFIX, module.backup.environment.ON_DEMAND_RETENTION_DAYS] == ["shop-prod", "3"]
    error_message = "The defaults are the submodule's."
  }
}

run "with_a_key_and_a_boundary" {
  command = plan

  variables {
    kms_key_arn              = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
    role_path                = "/team/"
  }

  assert {
    condition = alltrue([
      for policy in [module.backup.policy_json, module.restore.policy_json] : [
        for s in jsondecode(policy).Statement : s if s.Sid == "UseBackupKey"
        ] == [{
          Sid      = "UseBackupKey"
          Effect   = "Allow"
          Action   = ["kms:GenerateDataKey", "kms:Decrypt"]
          Resource = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
      }]
    ])
    error_message = "Both roles may use exactly this key."
  }

  assert {
    condition     = toset([module.backup_state_machine.role.permissions_boundary, module.backup_schedules.role.permissions_boundary, local.function.permissions_boundary_arn]) == toset(["arn:aws:iam::123456789012:policy/boundary"])
    error_message = "The boundary is on the roles here and handed to those of the functions."
  }

  assert {
    condition     = toset([module.backup_state_machine.role.path, module.restore_state_machine.role.path, module.backup_schedules.role.path, local.function.role_path]) == toset(["/team/"])
    error_message = "So is the path."
  }
}
