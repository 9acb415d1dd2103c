module "dynamodb_backup" {
  source = "../.."

  app_name    = "shop"
  environment = "production"
  tables      = ["shop-users", "shop-orders"]
}
