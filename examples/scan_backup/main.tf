# A table whose owner does not want point-in-time recovery, so DynamoDB cannot export it.
resource "aws_dynamodb_table" "sessions" {
  # checkov:skip=CKV_AWS_119: An example of an application's table; AWS's own key costs nothing, and the backup does not depend on it.
  # checkov:skip=CKV_AWS_28: This way of backing up is for tables without point-in-time recovery, which is what the example shows.

  name         = "shop-sessions"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }
}

resource "aws_dynamodb_table" "orders" {
  # checkov:skip=CKV_AWS_119: An example of an application's table; AWS's own key costs nothing, and the backup does not depend on it.

  name         = "shop-orders"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
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
  tables      = [aws_dynamodb_table.sessions.name, aws_dynamodb_table.orders.name]

  # Read item by item, at most 500 read units (2 MB) a second. The other table is exported by DynamoDB.
  backup_methods = {
    shop-sessions = { method = "scan", max_read_units_per_second = 500, segments = 4 }
  }

  bucket = { force_destroy = var.force_destroy }
  layer  = var.layer_zip_path == null ? null : { zip_path = var.layer_zip_path }
}
