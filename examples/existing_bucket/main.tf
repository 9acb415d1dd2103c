# Stands for a bucket that is there already. Its encryption, lifecycle and policy are its owner's: the module changes none.
resource "aws_s3_bucket" "shared" {
  bucket_prefix = "shop-backups-"
  force_destroy = var.force_destroy
}

module "dynamodb_backup" {
  source = "../.."

  app_name       = "shop"
  environment    = "staging"
  tables         = ["shop-users", "shop-orders"]
  bucket         = { create = false, name = aws_s3_bucket.shared.bucket }
  exports_prefix = "dynamodb/shop"
}
