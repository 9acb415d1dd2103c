# What every capability shares: who and where we are, names, table names, environment.
# Each capability has a file of its own, which docs/architecture.md lists.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

# Gives the region on provider 5 and 6 alike; every attribute of aws_region that both know is deprecated in 6.
data "aws_service" "dynamodb" {
  service_id = "dynamodb"
}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  region     = data.aws_service.dynamodb.region

  # Cut to 34 characters with a hash, so that the longest name built from it ("-dynamodb-backup-state-machine") keeps to the
  # 64 characters of IAM roles and Lambda functions, and the bucket's with the account id to S3's 63.
  full_prefix = "${var.app_name}-${var.environment}"
  prefix      = length(local.full_prefix) <= 34 ? local.full_prefix : "${substr(local.full_prefix, 0, 25)}-${substr(sha256(local.full_prefix), 0, 8)}"
}

# Table names: full ones, or short ones expanded by the convention. Enforced in variables.tf, where a fault points at the user's line.
locals {
  # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
  dynamodb_name_rule = "^[A-Za-z0-9_.-]{3,255}$"

  table_name_template = replace(coalesce(var.table_name_convention, "{type}"), "{environment}", var.environment)

  # {type} holds none of the separators beside it: "prod_{type}" must not match a table of the environment "prod_eu".
  type_separators = join("", try(regex("(.?)\\{type\\}(.?)", local.table_name_template), []))
  type_pattern    = "[A-Za-z0-9${join("", [for separator in ["_", ".", "-"] : separator if !strcontains(local.type_separators, separator)])}]+"

  # Both are null without a convention: then a table's name matches neither, and DynamoDB's own rule is the only one.
  # Of the characters that a name may have, only "." means something else in a regular expression.
  table_name_pattern = var.table_name_convention == null ? null : "^${replace(replace(local.table_name_template, ".", "\\."), "{type}", local.type_pattern)}$"
  short_name_pattern = var.table_name_convention == null ? "" : "^${local.type_pattern}$"

  tables = {
    for table in var.tables : table => try(regex(local.table_name_pattern, table), replace(local.table_name_template, "{type}", table))
  }
  table_names = sort(values(local.tables))

  # By full names, as the backup function knows its tables.
  backup_methods = { for table, chosen in var.backup_methods : lookup(local.tables, table, table) => chosen }
  scanned_tables = sort([for table, chosen in local.backup_methods : table if chosen.method == "scan"])
  table_arns     = { for name in setunion(local.table_names, var.restore_target_tables) : name => "arn:${local.partition}:dynamodb:${local.region}:${local.account_id}:table/${name}" }
}

locals {
  # What the tables take in a policy: an ARN with its quotes and comma is 52 characters and the name in most regions, and one of
  # a table's exports, imports or backups at most 9 more. modules/function makes several policies of what has no room in one.
  table_characters       = sum(concat([0], [for name in keys(local.table_arns) : length(name) + 52]))
  table_characters_below = sum(concat([0], [for name in keys(local.table_arns) : length(name) + 61]))

  # JSON, or from about 60 names on its gzip in base64: Lambda's environment holds 4,096 bytes.
  listed_tables  = length(jsonencode(local.table_names)) <= 2000 ? jsonencode(local.table_names) : base64gzip(jsonencode(local.table_names))
  listed_targets = length(jsonencode(var.restore_target_tables)) <= 2000 ? jsonencode(var.restore_target_tables) : base64gzip(jsonencode(var.restore_target_tables))
}

locals {
  # An existing topic has the key that it has.
  topic_key_arn = try(coalesce(var.notifications.kms_key_arn, length(local.created_topics) == 0 ? null : var.service_kms_key_arn), null)
  log_key_arn   = try(coalesce(var.logs.kms_key_arn, var.service_kms_key_arn), null)
}

locals {
  environment = {
    BACKUP_BUCKET                = local.bucket_name
    BACKUP_BUCKET_OWNER          = var.bucket.owner_account_id
    ENVIRONMENT                  = var.environment
    DYNAMODB_TABLES              = local.listed_tables
    S3_EXPORTS_PREFIX            = var.exports_prefix
    TABLE_NAME_PATTERN           = local.table_name_pattern
    POWERTOOLS_METRICS_NAMESPACE = "DynamoDBBackup"
    POWERTOOLS_LOG_LEVEL         = var.logs.level
  }

  # What both functions take alike.
  function = {
    aws                      = { account_id = local.account_id, partition = local.partition, region = local.region }
    architecture             = var.functions.architecture
    runtime                  = var.functions.runtime
    package                  = local.package
    layer_arn                = local.layer_arn
    logs                     = { retention_days = var.logs.retention_days, kms_key_arn = local.log_key_arn }
    environment_kms_key_arn  = var.service_kms_key_arn
    vpc                      = var.vpc
    permissions_boundary_arn = var.permissions_boundary_arn
    role_path                = var.role_path
    tags                     = var.tags
  }
}
