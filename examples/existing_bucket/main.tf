# Stands for a bucket that is there already. Its encryption, lifecycle and policy are its owner's: the module changes none.
resource "aws_s3_bucket" "shared" {
  # checkov:skip=CKV_AWS_18: Stands for a bucket that is there already; its logs are its owner's choice.
  # checkov:skip=CKV_AWS_21: Stands for a bucket that is there already; its owner switches versioning on, see docs/retention.md.
  # checkov:skip=CKV_AWS_144: Stands for a bucket that is there already; its replication is its owner's choice.
  # checkov:skip=CKV_AWS_145: Stands for a bucket that is there already; S3 encrypts it under its own key without being asked.
  # checkov:skip=CKV2_AWS_6: Stands for a bucket that is there already; S3 blocks public access of new buckets without being asked.
  # checkov:skip=CKV2_AWS_61: Stands for a bucket that is there already; the module's output lifecycle_rules is for it.
  # checkov:skip=CKV2_AWS_62: Stands for a bucket that is there already; nothing here waits for its events.

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
