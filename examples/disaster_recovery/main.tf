# Backups in one region, their copy in a second one, and there the same module, ready to restore. How to switch over:
# docs/disaster-recovery.md.

provider "aws" {
  region = "us-east-1"
}

provider "aws" {
  alias  = "second"
  region = "us-west-2"
}

data "aws_caller_identity" "current" {}

locals {
  tables = ["shop-orders"]
}

resource "aws_dynamodb_table" "this" {
  # checkov:skip=CKV_AWS_119: An example of an application's table; AWS's own key costs nothing, and the backup does not depend on it.

  for_each = toset(local.tables)

  name         = each.key
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "order_id"

  attribute {
    name = "order_id"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }
}

resource "aws_kms_key" "first" {
  # checkov:skip=CKV2_AWS_64: Without a policy of its own the key has AWS's, which lets its account's IAM policies decide: all that is needed here.

  description         = "Backups of shop production"
  enable_key_rotation = true
}

resource "aws_kms_key" "second" {
  # checkov:skip=CKV2_AWS_64: Without a policy of its own the key has AWS's, which lets its account's IAM policies decide: all that is needed here.

  provider = aws.second

  description         = "Copies of the backups of shop production"
  enable_key_rotation = true
}

module "dynamodb_backup" {
  source = "../.."

  app_name    = "shop"
  environment = "production"
  tables      = values(aws_dynamodb_table.this)[*].name
  bucket      = { force_destroy = var.force_destroy }
  kms_key_arn = aws_kms_key.first.arn
  layer       = var.layer_zip_path == null ? null : { zip_path = var.layer_zip_path }

  replication = {
    bucket_arn  = module.replica.bucket.arn
    kms_key_arn = aws_kms_key.second.arn
  }
}

module "replica" {
  source    = "../../modules/replica_bucket"
  providers = { aws = aws.second }

  name            = "shop-production-dynamodb-replica-${data.aws_caller_identity.current.account_id}"
  kms_key_arn     = aws_kms_key.second.arn
  lifecycle_rules = module.dynamodb_backup.lifecycle_rules
  lag_alarm       = { source_bucket = module.dynamodb_backup.bucket.name }
  accept_replicas = !var.failed_over
  force_destroy   = var.force_destroy
}

# Deployed beforehand, so that in the emergency nothing has to be applied before the tables are back. Its name differs,
# because IAM roles are the account's and not a region's.
module "standby" {
  source    = "../.."
  providers = { aws = aws.second }

  app_name               = "shop-standby"
  environment            = "production"
  tables                 = local.tables
  bucket                 = { create = false, name = module.replica.bucket.name }
  kms_key_arn            = aws_kms_key.second.arn
  restore_creates_tables = true
  layer                  = var.layer_zip_path == null ? null : { zip_path = var.layer_zip_path }

  # There is nothing to back up here before a failover.
  schedules            = var.failed_over ? { daily = { expression = "cron(0 3 * * ? *)" } } : {}
  max_backup_age_hours = var.failed_over ? 26 : null
}
