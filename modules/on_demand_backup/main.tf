# DynamoDB's own on-demand backups by schedule. Can be used alone: it needs neither a bucket nor the rest of the repository's module.
# What the capabilities share stands here: names, environment, package and layer.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

# Gives the region on provider 5 and 6 alike; every attribute of aws_region that both know is deprecated in 6.
data "aws_service" "dynamodb" {
  service_id = "dynamodb"
}

# https://docs.aws.amazon.com/powertools/python/latest/getting-started/install/
data "aws_ssm_parameter" "powertools" {
  count = var.layer_arn == null ? 1 : 0

  name = "/aws/service/powertools/python/${var.functions.architecture}/${var.functions.runtime}/${local.powertools_version}"
}

locals {
  # As in package.tf of the root module.
  powertools_version = "3.37.0"

  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  region     = data.aws_service.dynamodb.region

  # Cut to 34 characters with a hash, so that the longest name built from it keeps to the 64 characters of IAM roles.
  full_prefix = "${var.app_name}-${var.environment}"
  prefix      = length(local.full_prefix) <= 34 ? local.full_prefix : "${substr(local.full_prefix, 0, 25)}-${substr(sha256(local.full_prefix), 0, 8)}"

  create_name  = "${local.prefix}-on-demand-backup"
  monitor_name = "${local.prefix}-on-demand-monitor"

  table_names = sort(var.tables)
  table_arns  = [for name in local.table_names : "arn:${local.partition}:dynamodb:${local.region}:${local.account_id}:table/${name}"]

  package_path = "${path.module}/../../dist/function.zip"
  # SHA-256 in hexadecimal by file name, as sha256sum writes them; var.verify_package_checksums compares with them.
  published_checksums = try({
    for line in split("\n", trimspace(file("${path.module}/../../dist/SHA256SUMS"))) : split("  ", line)[1] => split("  ", line)[0]
  }, {})

  environment = {
    ENVIRONMENT = var.environment
    # As in main.tf of the root module: JSON, or from about 60 names on its gzip in base64.
    DYNAMODB_TABLES              = length(jsonencode(local.table_names)) <= 2000 ? jsonencode(local.table_names) : base64gzip(jsonencode(local.table_names))
    TABLE_NAME_PATTERN           = var.table_name_pattern
    BACKUP_NAME_PREFIX           = local.full_prefix
    QUEUE_URL                    = aws_sqs_queue.this.url
    NOTIFICATION_TOPIC_ARN       = local.topic_arn
    RETENTION_DAYS               = tostring(var.retention_days)
    ALERT_AFTER_HOURS            = tostring(var.alert_after_hours)
    POWERTOOLS_METRICS_NAMESPACE = "DynamoDBBackup"
    POWERTOOLS_LOG_LEVEL         = var.logs.level
  }

  # What both functions take alike.
  function = {
    aws          = { account_id = local.account_id, partition = local.partition, region = local.region }
    architecture = var.functions.architecture
    runtime      = var.functions.runtime
    package = {
      filename          = var.package == null ? local.package_path : null
      source_code_hash  = var.package == null ? filebase64sha256(local.package_path) : null
      s3_bucket         = try(var.package.s3_bucket, null)
      s3_key            = try(var.package.s3_key, null)
      s3_object_version = try(var.package.s3_object_version, null)
    }
    layer_arn                = var.layer_arn == null ? one(data.aws_ssm_parameter.powertools[*].insecure_value) : var.layer_arn
    logs                     = { retention_days = var.logs.retention_days, kms_key_arn = try(coalesce(var.logs.kms_key_arn, var.service_kms_key_arn), null) }
    environment_kms_key_arn  = var.service_kms_key_arn
    permissions_boundary_arn = var.permissions_boundary_arn
    role_path                = var.role_path
    tags                     = var.tags
  }
}

# What both roles may: list, hand a backup to the queue, and tell of a failure.
data "aws_iam_policy_document" "shared" {
  statement {
    sid     = "ListBackups"
    actions = ["dynamodb:ListBackups"]
    # The action knows no resource: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
    resources = ["*"]
  }

  # A backup is handed over to be watched, and handed over again while it is CREATING.
  statement {
    sid       = "SendToQueue"
    actions   = ["sqs:SendMessage"]
    resources = [local.queue_arn]
  }

  # What failed, in words.
  dynamic "statement" {
    for_each = local.topic_arn == null ? [] : [local.topic_arn]

    content {
      sid       = "Notify"
      actions   = ["sns:Publish"]
      resources = [statement.value]
    }
  }

  # Sending to an encrypted queue or topic takes its key, and so does taking from the queue.
  dynamic "statement" {
    for_each = length(local.kms_key_arns) == 0 ? [] : [local.kms_key_arns]

    content {
      sid       = "UseKeysOfQueueAndTopic"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = statement.value
    }
  }
}
