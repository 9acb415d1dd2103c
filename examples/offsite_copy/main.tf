# One table; every verified backup is copied to another S3-compatible store, and can be fetched from there.

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

# Terraform makes the secret; its value is put by hand, so that the key is in no state, plan or variable.
resource "aws_secretsmanager_secret" "store" {
  # checkov:skip=CKV_AWS_149: An example; with a key of your own, name it in offsite_copy.secret_kms_key_arn too.
  # checkov:skip=CKV2_AWS_57: The store outside of AWS issues this key, so rotating it is the store's matter, not a Lambda function's.

  name        = "shop-production-offsite-store"
  description = "Key of the off-site store of DynamoDB backups: a JSON object with access_key_id and secret_access_key"
}

module "dynamodb_backup" {
  source = "../.."

  app_name    = "shop"
  environment = "production"
  tables      = [aws_dynamodb_table.orders.name]

  offsite_copy = {
    endpoint_url = var.store.endpoint_url
    region       = var.store.region
    bucket       = var.store.bucket
    prefix       = "shop-production/native-exports"
    secret_arn   = aws_secretsmanager_secret.store.arn
    allow_fetch  = var.allow_fetch
  }

  bucket = { force_destroy = var.force_destroy }
  layer  = var.layer_zip_path == null ? null : { zip_path = var.layer_zip_path }
}
