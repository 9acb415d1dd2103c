# Beside examples/http_api: the module of examples/on_demand_backup, as there, and what the tests ask of both.

variable "layer_arn" {
  type = string
}

resource "aws_dynamodb_table" "watched" {
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
  tables      = [for table in aws_dynamodb_table.watched : table.name]

  schedule = {
    expression              = "cron(0 0/6 * * ? *)"
    time_zone               = "America/New_York"
    flexible_window_minutes = 0
  }
  retention_days       = 7
  max_backup_age_hours = 8
  delay_seconds        = 1
  layer_arn            = var.layer_arn
}

output "roles" {
  value = module.dynamodb_backup.roles
}

output "restore_test_function" {
  value = module.dynamodb_backup.restore_tests.function.name
}

output "restore_test_state_machine_arn" {
  value = module.dynamodb_backup.restore_tests.state_machine.arn
}

# The outputs of that example, two of which have names that the other example's outputs have, too.
output "on_demand_backup" {
  value = {
    backup_function = module.on_demand_backup.functions.create.name
    queues          = module.on_demand_backup.queues
    schedule        = module.on_demand_backup.schedule
    topic_arn       = module.on_demand_backup.topic_arn
  }
}
