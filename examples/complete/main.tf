# The tables. They are the application's own: the module reads and restores them, but never creates or changes one.
# Each has point-in-time recovery, from which DynamoDB takes its exports.

resource "aws_dynamodb_table" "api_key" {
  # checkov:skip=CKV_AWS_119: An example of an application's table; AWS's own key costs nothing, and the backup does not depend on it.

  name         = "mfa-api_${var.environment}_api-key_global"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "value"

  attribute {
    name = "value"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }
}

resource "aws_dynamodb_table" "totp" {
  # checkov:skip=CKV_AWS_119: An example of an application's table; AWS's own key costs nothing, and the backup does not depend on it.

  name         = "mfa-api_${var.environment}_totp_global"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "apiKey"
  range_key    = "uuid"

  attribute {
    name = "apiKey"
    type = "S"
  }

  attribute {
    name = "uuid"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }
}

resource "aws_dynamodb_table" "u2f" {
  # checkov:skip=CKV_AWS_119: An example of an application's table; AWS's own key costs nothing, and the backup does not depend on it.

  name         = "mfa-api_${var.environment}_u2f_global"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "credential"
  range_key    = "counter"

  attribute {
    name = "credential"
    type = "B"
  }

  attribute {
    name = "counter"
    type = "N"
  }

  point_in_time_recovery {
    enabled = true
  }
}

# Stands for the on-call team's topic that is there already. Its policy must let CloudWatch publish; SNS's default one does.
resource "aws_sns_topic" "on_call" {
  # checkov:skip=CKV_AWS_26: Stands for a topic that is there already, with whatever key its owner gave it.

  name = "mfa-api-${var.environment}-on-call"
}

module "dynamodb_backup" {
  source = "../.."

  app_name    = "mfa-api"
  environment = var.environment

  # Short names, each expanded by the convention. A table of another environment is refused at plan, backup and restore.
  tables                = ["api-key", "totp", "u2f"]
  table_name_convention = "mfa-api_{environment}_{type}_global"

  # One table more that a restore may write to, to try one without touching the original.
  restore_target_tables = ["mfa-api_${var.environment}_totp_restored"]

  # DynamoDB's own on-demand backups may be restored too, into new tables of these names.
  restore_on_demand_backups = true

  # It need not exist: the restore may create it.
  restore_creates_tables = true

  bucket         = { force_destroy = var.force_destroy }
  exports_prefix = "native-exports"
  kms_key_arn    = aws_kms_key.backups.arn

  # The same key for all the rest: topic, logs, queue, environment variables. It may be another.
  service_kms_key_arn = aws_kms_key.backups.arn

  # Seven years of month-ends, cheap: see docs/retention.md.
  retention = {
    daily           = { days = 35 }
    weekly          = { days = 91 }
    monthly         = { days = 2557, glacier_instant_retrieval_after_days = 35, deep_archive_after_days = 400 }
    noncurrent_days = 30
  }

  schedules = {
    daily = {
      expression              = "cron(30 2 * * ? *)"
      time_zone               = "America/New_York"
      flexible_window_minutes = 30
      enabled                 = true
    }
    weekdays_at_noon = {
      expression = "cron(0 12 ? * MON-FRI *)"
      time_zone  = "America/New_York"
    }
  }

  notifications = {
    failure = { create = false, topic_arn = aws_sns_topic.on_call.arn }
    success = { create = true }
  }
  max_backup_age_hours = 26
  dashboard            = true

  functions = {
    architecture = "arm64"
    runtime      = "python3.13"
    backup       = { memory_mb = 1024, timeout_seconds = 900 }
    restore      = { memory_mb = 3008, timeout_seconds = 900 }
  }
  layer = var.layer_zip_path == null ? null : { zip_path = var.layer_zip_path }
  logs  = { retention_days = 90, level = "INFO" }
  audit = { retention_days = 365 }
  vpc   = var.vpc

  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = { application = "mfa-api", environment = var.environment }
}
