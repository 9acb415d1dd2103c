# Two tables; every Sunday the newest backup of one is restored into a scratch table, proven and deleted again.

resource "aws_dynamodb_table" "this" {
  # checkov:skip=CKV_AWS_119: An example of an application's table; AWS's own key costs nothing, and the backup does not depend on it.

  for_each = toset(["shop-orders", "shop-clicks"])

  name         = each.key
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
  tables      = [for table in aws_dynamodb_table.this : table.name]

  restore_tests = {
    schedule        = "cron(0 5 ? * SUN *)"
    time_zone       = "Europe/Berlin"
    tables          = ["shop-orders"]
    max_table_bytes = 10737418240 # 10 GiB: about 7 USD a test at the most
  }

  bucket = { force_destroy = var.force_destroy }
  layer  = var.layer_zip_path == null ? null : { zip_path = var.layer_zip_path }
}
