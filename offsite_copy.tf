# The off-site copy: a Lambda function that copies verified backups to another S3-compatible store, the state machine that carries a copy
# to its end, and the schedules of copies and of reports. A backup does not wait for it and does not fail with it. Nothing of it is there unless
# offsite_copy is given.

locals {
  offsite_copies    = var.offsite_copy == null ? [] : [var.offsite_copy]
  offsite_copy_name = "${local.prefix}-dynamodb-offsite-copy"

  # Alarm names have at most 255 characters. The topic's policy takes alarms whose names begin so.
  not_offsite_prefix = "${local.prefix}-dynamodb-backup-not-offsite-"
  not_offsite_names = {
    for key, table in local.tables : key =>
    length("${local.not_offsite_prefix}${table}") <= 255 ? "${local.not_offsite_prefix}${table}" : "${substr("${local.not_offsite_prefix}${table}", 0, 246)}-${substr(sha256(table), 0, 8)}"
    if var.offsite_copy != null
  }
}

data "aws_iam_policy_document" "offsite_copy" {
  # Finding the dates and chains that are not copied yet.
  statement {
    sid       = "ListBackups"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["${var.exports_prefix}/*"]
    }
  }

  # The backups, their manifests, and how far copies are.
  statement {
    sid       = "ReadBackups"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arn}/${var.exports_prefix}/*"]
  }

  # How far copies are. Unless the way back is allowed, the role writes nothing else.
  statement {
    sid       = "RecordCopies"
    actions   = ["s3:PutObject"]
    resources = ["${local.bucket_arn}/${var.exports_prefix}/offsite/*"]
  }

  # The way back, where it is allowed: dates and chains. An upload in parts is given up where it turns out to be another object.
  dynamic "statement" {
    for_each = [for copy in local.offsite_copies : copy if copy.allow_fetch]

    content {
      sid       = "FetchBackups"
      actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
      resources = [for place in ["????-??-??", "chains"] : "${local.bucket_arn}/${var.exports_prefix}/${place}/*"]
    }
  }

  # The other store's key, and no other secret.
  dynamic "statement" {
    for_each = local.offsite_copies

    content {
      sid       = "ReadStoreKey"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [statement.value.secret_arn]
    }
  }

  # Secrets Manager decrypts in the name of whoever reads, unless the secret is under AWS's own key:
  # https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
  dynamic "statement" {
    for_each = [for copy in local.offsite_copies : copy if copy.secret_kms_key_arn != null]

    content {
      sid       = "DecryptStoreKey"
      actions   = ["kms:Decrypt"]
      resources = [statement.value.secret_kms_key_arn]

      condition {
        test     = "StringLike"
        variable = "kms:ViaService"
        values   = ["secretsmanager.${local.region}.*"]
      }
    }
  }

  # Backups are read with it, records and what is fetched are written with it.
  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "UseBackupKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}

module "offsite_copy" {
  source = "./modules/function"
  count  = length(local.offsite_copies)

  name            = local.offsite_copy_name
  description     = "Copies the backups of the DynamoDB tables of ${local.full_prefix} to another S3-compatible store"
  handler         = "dynamodb_backup.handlers.offsite_copy.lambda_handler"
  memory_mb       = var.offsite_copy.memory_mb
  timeout_seconds = var.offsite_copy.timeout_seconds
  environment = merge(local.environment, {
    # Where the key is, never the key.
    OFFSITE_COPY = jsonencode({
      endpoint_url = var.offsite_copy.endpoint_url
      region       = var.offsite_copy.region
      bucket       = var.offsite_copy.bucket
      prefix       = coalesce(var.offsite_copy.prefix, var.exports_prefix)
      secret_arn   = var.offsite_copy.secret_arn
      days         = var.offsite_copy.days
      allow_fetch  = var.offsite_copy.allow_fetch
    })
  })
  policy_json = data.aws_iam_policy_document.offsite_copy.json
  settings    = local.function
}

module "offsite_copy_state_machine" {
  source = "./modules/state_machine"
  count  = length(local.offsite_copies)

  name          = local.offsite_copy_name
  function_name = module.offsite_copy[0].function.name
  definition = templatefile("${path.module}/templates/offsite_copy.asl.json", {
    partition            = local.partition
    function_arn         = module.offsite_copy[0].function.arn
    task_timeout_seconds = var.offsite_copy.timeout_seconds + 60
    retry                = file("${path.module}/templates/lambda_retry.json")
    name                 = local.full_prefix
    region               = local.region
    failure_topic_arn    = local.topic_arns.failure
  })
  role = {
    name        = "${local.offsite_copy_name}-machine"
    description = "Lets the off-site copy's state machine of ${local.full_prefix} invoke its function and notify"
  }
  notify = { topic_arns = compact([local.topic_arns.failure]), key_arn = local.topic_key_arn }
  failure_alarm = {
    name        = "${local.prefix}-dynamodb-backup-offsite-copy-failed"
    description = "An off-site copy of the DynamoDB backups of ${local.full_prefix} failed, timed out or was aborted; the backups themselves are not affected. The executions of the state machine ${local.offsite_copy_name} say why."
    actions     = local.alarm_actions
  }
  after    = aws_sns_topic_policy.this
  settings = local.function
}

# In a group of their own: the names in the backup's are the user's.
module "offsite_copy_schedules" {
  source = "./modules/schedules"
  count  = length(local.offsite_copies)

  name = local.offsite_copy_name
  role = {
    # Shorter than "schedule", because a role's name has at most 64 characters.
    name        = "${local.offsite_copy_name}-starts"
    description = "Lets the schedules of ${local.full_prefix} start off-site copies and their reports"
  }
  schedules = {
    copy = {
      description   = "Off-site copies of the DynamoDB backups of ${local.full_prefix}: copy"
      expression    = var.offsite_copy.schedule
      time_zone     = var.offsite_copy.time_zone
      state_machine = module.offsite_copy_state_machine[0].state_machine.name
    }
    # The age of the newest copy is published by a schedule of its own, so that it grows also when nothing is copied any more.
    report = {
      description = "Off-site copies of the DynamoDB backups of ${local.full_prefix}: report"
      expression  = "rate(6 hours)"
      function    = module.offsite_copy[0].function.name
      input       = { action = "report" }
    }
  }
  undelivered = local.undelivered
  settings    = local.function
}

# Missing data is to be heard of, too: a report that does not come.
resource "aws_cloudwatch_metric_alarm" "not_offsite" {
  for_each = local.not_offsite_names

  alarm_name          = each.value
  alarm_description   = "What the off-site store holds of the DynamoDB table ${local.tables[each.key]} is older than ${var.offsite_copy.max_age_hours} hours, or the reports stay away. Look at the executions of the state machine ${local.offsite_copy_name}."
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.offsite_copy.max_age_hours
  evaluation_periods  = 1
  period              = 43200     # Two reports, so that one that is late is no alarm.
  statistic           = "Minimum" # The age when it was least: an age that a copy has just made small again is no alarm.
  namespace           = local.environment.POWERTOOLS_METRICS_NAMESPACE
  metric_name         = "OffsiteCopyAgeHours"
  treat_missing_data  = "breaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  dimensions          = { environment = var.environment, table = local.tables[each.key], service = local.offsite_copy_name }
  tags                = var.tags
}
