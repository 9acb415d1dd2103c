# When the backup state machine is started.

# Starts that Scheduler could not deliver, with its reason in the message's attributes; the alarm of this queue tells of them.
resource "aws_sqs_queue" "undelivered" {
  name                      = "${local.prefix}-dynamodb-backup-undelivered"
  message_retention_seconds = 1209600 # 14 days, the most that SQS keeps a message
  sqs_managed_sse_enabled   = var.service_kms_key_arn == null ? true : null
  kms_master_key_id         = var.service_kms_key_arn
  tags                      = var.tags
}

locals {
  undelivered = { queue_name = aws_sqs_queue.undelivered.name, key_arn = var.service_kms_key_arn }
}

module "backup_schedules" {
  source = "./modules/schedules"

  name = "${local.prefix}-dynamodb-backup"
  role = {
    name        = "${local.prefix}-dynamodb-backup-schedule"
    description = "Lets the backup schedules of ${local.full_prefix} start the backup state machine"
  }
  schedules = { for name, schedule in var.schedules : name => {
    description             = "Starts the backup of the DynamoDB tables of ${local.full_prefix}"
    expression              = schedule.expression
    time_zone               = schedule.time_zone
    enabled                 = schedule.enabled
    flexible_window_minutes = schedule.flexible_window_minutes
    state_machine           = module.backup_state_machine.state_machine.name
    input = merge({
      source      = "aws.scheduler"
      detail-type = "Scheduled Event"
      id          = "<aws.scheduler.execution-id>"
      time        = "<aws.scheduler.scheduled-time>"
    }, schedule.export_type == "FULL_EXPORT" ? {} : { export_type = schedule.export_type })
  } }
  undelivered = local.undelivered
  settings    = local.function
}
