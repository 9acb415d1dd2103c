# A restore of any size: a state machine that hands the work of the restore function out to many invocations of it.

data "aws_iam_policy_document" "restore_state_machine" {
  # The lists of jobs, which the restore function writes.
  statement {
    sid       = "ReadJobs"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arn}/${var.exports_prefix}/restores/*"]
  }

  # The lists of jobs are encrypted like backups.
  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "ReadWithBackupKey"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
    }
  }
}

module "restore_state_machine" {
  source = "./modules/state_machine"

  name            = "${local.prefix}-dynamodb-restore"
  function_name   = module.restore.function.name
  distributed_map = true
  definition = templatefile("${path.module}/templates/restore.asl.json", {
    partition            = local.partition
    function_arn         = module.restore.function.arn
    task_timeout_seconds = var.functions.restore.timeout_seconds + 60
    retry                = file("${path.module}/templates/lambda_retry.json")
    tables_at_once       = 10
    name                 = local.full_prefix
    region               = local.region
    failure_topic_arn    = local.topic_arns.failure
    success_topic_arn    = local.topic_arns.success
  })
  role = {
    # Shorter than its sibling's, because "restore" is longer than "backup" and a role's name has at most 64 characters.
    name        = "${local.prefix}-dynamodb-restore-machine"
    description = "Lets the restore state machine of ${local.full_prefix} invoke the restore function and notify"
  }
  policy_json = data.aws_iam_policy_document.restore_state_machine.json
  notify      = { topic_arns = compact(values(local.topic_arns)), key_arn = local.topic_key_arn }
  failure_alarm = {
    # "-dynamodb-backup-": the topic lets alarms with such names publish.
    name        = "${local.prefix}-dynamodb-backup-restore-failed"
    description = "A restore of DynamoDB tables of ${local.full_prefix} failed, timed out or was aborted. The executions of the state machine ${local.prefix}-dynamodb-restore say why."
    actions     = local.alarm_actions
  }
  after    = aws_sns_topic_policy.this
  settings = local.function
}
