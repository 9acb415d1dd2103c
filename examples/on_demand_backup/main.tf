# Two tables without point-in-time recovery, and DynamoDB's own backups of them every six hours.

resource "aws_dynamodb_table" "this" {
  # checkov:skip=CKV_AWS_119: An example of an application's table; AWS's own key costs nothing, and the backup does not depend on it.
  # checkov:skip=CKV_AWS_28: This way of backing up is for tables without point-in-time recovery, which is what the example shows.

  for_each = toset(["shop-carts", "shop-sessions"])

  name         = each.key
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }
}

module "on_demand_backup" {
  source = "../../modules/on_demand_backup"

  app_name    = "shop"
  environment = "production"
  tables      = [for table in aws_dynamodb_table.this : table.name]

  schedule = {
    expression              = "cron(0 0/6 * * ? *)"
    time_zone               = "America/New_York"
    flexible_window_minutes = 0
  }
  retention_days       = 7
  max_backup_age_hours = 8
  delay_seconds        = var.delay_seconds
  layer_arn            = var.layer_arn
}
