# A restore of any size: a state machine that hands the work of the restore function out to many invocations of it.

locals {
  # Built from the name, so that the state machine's own role can name it.
  restore_state_machine_arn = "arn:${local.partition}:states:${local.region}:${local.account_id}:stateMachine:${local.prefix}-dynamodb-restore"
}

data "aws_iam_policy_document" "restore_state_machine_trust" {
  statement {
    sid     = "StepFunctions"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["states.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }

    # The executions of a Distributed Map are those of "<state machine>/<label>".
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = [local.restore_state_machine_arn, "${local.restore_state_machine_arn}/*"]
    }
  }
}

data "aws_iam_policy_document" "restore_state_machine" {
  # Planning, writing, proving: each turn is an invocation.
  statement {
    sid       = "InvokeRestore"
    actions   = ["lambda:InvokeFunction"]
    resources = ["arn:${local.partition}:lambda:${local.region}:${local.account_id}:function:${local.prefix}-dynamodb-restore"]
  }

  # The lists of jobs, which the restore function writes.
  statement {
    sid       = "ReadJobs"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arn}/${var.exports_prefix}/restores/*"]
  }

  # A Distributed Map runs each job as an execution of its own:
  # https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
  statement {
    sid       = "StartWorkers"
    actions   = ["states:StartExecution"]
    resources = [local.restore_state_machine_arn]
  }

  # The same page: a parent waits for its children, and stops them when it is stopped.
  statement {
    sid       = "FollowWorkers"
    actions   = ["states:DescribeExecution", "states:RedriveExecution", "states:StopExecution"]
    resources = ["arn:${local.partition}:states:${local.region}:${local.account_id}:execution:${local.prefix}-dynamodb-restore/*"]
  }

  # How the restore ended.
  dynamic "statement" {
    for_each = length(compact(values(local.topic_arns))) == 0 ? [] : [compact(values(local.topic_arns))]

    content {
      sid       = "Notify"
      actions   = ["sns:Publish"]
      resources = statement.value
    }
  }

  # Publishing to an encrypted topic takes its key.
  dynamic "statement" {
    for_each = local.topic_key_arn == null ? [] : [local.topic_key_arn]

    content {
      sid       = "UseTopicKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
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

resource "aws_iam_role" "restore_state_machine" {
  # Shorter than its sibling's, because "restore" is longer than "backup" and a role's name has at most 64 characters.
  name                 = "${local.prefix}-dynamodb-restore-machine"
  description          = "Lets the restore state machine of ${local.full_prefix} invoke the restore function and notify"
  assume_role_policy   = data.aws_iam_policy_document.restore_state_machine_trust.json
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "restore_state_machine" {
  name   = "restore-and-notify"
  role   = aws_iam_role.restore_state_machine.id
  policy = data.aws_iam_policy_document.restore_state_machine.json
}

resource "aws_sfn_state_machine" "restore" {
  # checkov:skip=CKV_AWS_284: No X-Ray: an execution is one loop over one function, and its history shows each step with its time.
  # checkov:skip=CKV_AWS_285: Step Functions keeps the history of standard executions for 90 days; log delivery would need permissions on all resources.

  name     = "${local.prefix}-dynamodb-restore"
  role_arn = aws_iam_role.restore_state_machine.arn
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
  tags = var.tags

  # A first execution must find the permission and the topics in place.
  depends_on = [aws_iam_role_policy.restore_state_machine, aws_sns_topic_policy.this]
}
