# A full export every night, and the changes in between every quarter of an hour.

resource "aws_dynamodb_table" "orders" {
  # checkov:skip=CKV_AWS_119: An example of an application's table; AWS's own key costs nothing, and the backup does not depend on it.

  name         = "shop-orders"
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

module "dynamodb_backup" {
  source = "../.."

  app_name    = "shop"
  environment = "production"
  tables      = [aws_dynamodb_table.orders.name]
  bucket      = { force_destroy = var.force_destroy }

  schedules = {
    daily   = { expression = "cron(0 3 * * ? *)" }
    changes = { expression = "rate(15 minutes)", export_type = "INCREMENTAL_EXPORT", flexible_window_minutes = 0 }
  }
}
