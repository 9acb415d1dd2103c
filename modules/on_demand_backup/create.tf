# The function that makes a backup of each table and hands it to the monitor, and the schedule that invokes it.

data "aws_iam_policy_document" "create" {
  source_policy_documents = [data.aws_iam_policy_document.shared.json]

  # What the function is for, of the listed tables alone.
  statement {
    sid       = "CreateBackups"
    actions   = ["dynamodb:CreateBackup"]
    resources = local.table_arns
  }
}

module "create" {
  source = "../function"

  name            = local.create_name
  description     = "Makes on-demand backups of the DynamoDB tables of ${local.full_prefix}"
  handler         = "dynamodb_backup.handlers.on_demand_backup.lambda_handler"
  memory_mb       = 256
  timeout_seconds = 300
  # A run that died goes on where it stands, and makes no backup a second time: Lambda may repeat it.
  asynchronous_retries = 2
  environment          = local.environment
  policy_json          = data.aws_iam_policy_document.create.json
  table_characters     = sum([for name in local.table_names : length(name) + 52])
  settings             = local.function
}

module "schedule" {
  source = "../schedules"
  count  = var.schedule == null ? 0 : 1

  name = local.create_name
  role = {
    name        = "${local.create_name}-schedule"
    description = "Lets the schedule of ${local.full_prefix} invoke the function that makes on-demand backups"
  }
  schedules = {
    on-demand-backup = {
      description             = "Starts on-demand backups of the DynamoDB tables of ${local.full_prefix}"
      expression              = var.schedule.expression
      time_zone               = var.schedule.time_zone
      enabled                 = var.schedule.enabled
      flexible_window_minutes = var.schedule.flexible_window_minutes
      function                = module.create.function.name
      input = {
        source      = "aws.scheduler"
        detail-type = "Scheduled Event"
        id          = "<aws.scheduler.execution-id>"
        time        = "<aws.scheduler.scheduled-time>"
      }
    }
  }
  settings = local.function
}
