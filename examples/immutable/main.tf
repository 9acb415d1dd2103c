# Backups that nobody deletes early: locked by class, and a bucket policy that lets none but named principals delete.

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
  layer       = var.layer_zip_path == null ? null : { zip_path = var.layer_zip_path }

  # Failed exports are kept as long as every new object is locked.
  retention = {
    daily       = { days = 35 }
    weekly      = { days = 90 }
    monthly     = { days = 365, glacier_instant_retrieval_after_days = 35 }
    failed_days = 14
  }

  immutability = {
    mode               = "GOVERNANCE"
    default_days       = 14
    monthly_days       = 180
    administrator_arns = var.administrator_arns
  }
}
