# Everything that the modules can do, switched on: what roles may do at most. Nobody applies this; `make docs` plans it, and
# tests/permissions runs the functions under the roles of that plan. Names in capitals stand for what a user chooses.

locals {
  region  = "us-east-1"
  account = "123456789012"
  key     = "arn:aws:kms:${local.region}:${local.account}:key"
}

module "dynamodb_backup" {
  source = "../.."

  app_name    = "app"
  environment = "env"

  tables                = ["SCANNED", "TABLE"]
  backup_methods        = { SCANNED = { method = "scan" } }
  restore_target_tables = ["TARGET"]
  restore_target_roles  = ["arn:aws:iam::111122223333:role/OTHER-ACCOUNT"]

  restore_creates_tables    = true
  restore_on_demand_backups = true
  on_demand_backups         = {}

  bucket         = { name = "bucket" }
  exports_prefix = "PREFIX"
  kms_key_arn    = "${local.key}/BACKUPS"
  immutability   = { mode = "GOVERNANCE", administrator_arns = ["arn:aws:iam::${local.account}:root"] }

  replication = {
    bucket_arn  = "arn:aws:s3:::replica"
    account_id  = "111122223333"
    kms_key_arn = "arn:aws:kms:us-west-2:111122223333:key/REPLICAS"
  }

  service_kms_key_arn = "${local.key}/SERVICE"

  notifications = { success = { create = true }, kms_key_arn = "${local.key}/TOPICS" }
  restore_tests = { table_kms_key_arns = ["${local.key}/TABLES"] }
  http_api      = {}

  offsite_copy = {
    endpoint_url       = "https://STORE"
    region             = "auto"
    bucket             = "copies"
    secret_arn         = "arn:aws:secretsmanager:${local.region}:${local.account}:secret:STORE-KEY"
    secret_kms_key_arn = "${local.key}/SECRETS"
    allow_fetch        = true
  }

  audit                    = {}
  logs                     = { kms_key_arn = "${local.key}/LOGS" }
  vpc                      = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
  permissions_boundary_arn = "arn:aws:iam::${local.account}:policy/BOUNDARY"
  role_path                = "/ROLES/"
}

module "on_demand_backup" {
  source = "../../modules/on_demand_backup"

  app_name    = "app"
  environment = "env"
  tables      = ["SCANNED", "TABLE"]

  service_kms_key_arn      = "${local.key}/SERVICE"
  queue_kms_key_arn        = "${local.key}/QUEUES"
  notifications            = { kms_key_arn = "${local.key}/TOPICS" }
  logs                     = { kms_key_arn = "${local.key}/LOGS" }
  permissions_boundary_arn = "arn:aws:iam::${local.account}:policy/BOUNDARY"
  role_path                = "/ROLES/"
}
