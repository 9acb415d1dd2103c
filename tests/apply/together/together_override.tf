# Over examples/http_api: what examples/immutable and examples/restore_tests switch on, as there.

module "dynamodb_backup" {
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
    administrator_arns = ["arn:aws:iam::123456789012:root"]
  }

  restore_tests = {
    schedule        = "cron(0 5 ? * SUN *)"
    time_zone       = "Europe/Berlin"
    tables          = ["shop-orders"]
    max_table_bytes = 10737418240
  }
}
