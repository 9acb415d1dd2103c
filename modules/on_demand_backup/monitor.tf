# The queue of backups that are being watched, and the function that looks at them and deletes what is superseded.

locals {
  # Built from names, so that policies are known at plan.
  queue_name             = "${local.prefix}-on-demand-backup.fifo"
  queue_arn              = "arn:${local.partition}:sqs:${local.region}:${local.account_id}:${local.queue_name}"
  dead_letter_queue_name = "${local.prefix}-on-demand-backup-failed.fifo"
  dead_letter_queue_arn  = "arn:${local.partition}:sqs:${local.region}:${local.account_id}:${local.dead_letter_queue_name}"

  monitor_timeout_seconds = 120
}

data "aws_iam_policy_document" "queue" {
  for_each = { this = local.queue_arn, dead_letter = local.dead_letter_queue_arn }

  statement {
    sid       = "DenyWithoutTLS"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue" "dead_letter" {
  name                      = local.dead_letter_queue_name
  fifo_queue                = true
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = local.queue_key_arn == null ? true : null
  kms_master_key_id         = local.queue_key_arn
  policy                    = data.aws_iam_policy_document.queue["dead_letter"].minified_json
  tags                      = var.tags

  redrive_allow_policy = jsonencode({ redrivePermission = "byQueue", sourceQueueArns = [local.queue_arn] })
}

resource "aws_sqs_queue" "this" {
  name          = local.queue_name
  fifo_queue    = true
  delay_seconds = var.delay_seconds
  # Six times the function's timeout, as AWS advises: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
  visibility_timeout_seconds = 6 * local.monitor_timeout_seconds
  message_retention_seconds  = 1209600
  sqs_managed_sse_enabled    = local.queue_key_arn == null ? true : null
  kms_master_key_id          = local.queue_key_arn
  policy                     = data.aws_iam_policy_document.queue["this"].minified_json
  redrive_policy             = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead_letter.arn, maxReceiveCount = 5 })
  tags                       = var.tags
}

data "aws_iam_policy_document" "monitor" {
  source_policy_documents = [data.aws_iam_policy_document.shared.json]

  # Only backups of the listed tables; the function deletes those alone that bear this module's name and are superseded.
  statement {
    sid       = "LookAtAndExpireBackups"
    actions   = ["dynamodb:DeleteBackup", "dynamodb:DescribeBackup"]
    resources = [for arn in local.table_arns : "${arn}/backup/*"]
  }

  # What Lambda needs to hand messages of the queue to the function, in its role's name:
  # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
  statement {
    sid       = "TakeFromQueue"
    actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    resources = [local.queue_arn]
  }
}

module "monitor" {
  source = "../function"

  name            = local.monitor_name
  description     = "Watches the on-demand backups of ${local.full_prefix} and deletes those that are superseded"
  handler         = "dynamodb_backup.handlers.on_demand_monitor.lambda_handler"
  memory_mb       = 256
  timeout_seconds = local.monitor_timeout_seconds
  environment     = local.environment
  policy_json     = data.aws_iam_policy_document.monitor.json

  table_characters = sum([for name in local.table_names : length(name) + 61])
  settings         = local.function
}

resource "aws_lambda_event_source_mapping" "monitor" {
  event_source_arn        = aws_sqs_queue.this.arn
  function_name           = module.monitor.function.name
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  # DynamoDB takes ten DescribeBackup and five ListBackups a second.
  scaling_config {
    maximum_concurrency = 2
  }

  tags = var.tags
}
