# One state machine that invokes a function, with all that belongs to it: role, policy, and the alarm that tells of its failures.

locals {
  # Built from names, so that a plan shows what the role may do.
  arn          = "arn:${var.settings.aws.partition}:states:${var.settings.aws.region}:${var.settings.aws.account_id}:stateMachine:${var.name}"
  function_arn = "arn:${var.settings.aws.partition}:lambda:${var.settings.aws.region}:${var.settings.aws.account_id}:function:${var.function_name}"
}

data "aws_iam_policy_document" "trust" {
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
      values   = [var.settings.aws.account_id]
    }

    # The executions of a Distributed Map are those of "<state machine>/<label>".
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = concat([local.arn], var.distributed_map ? ["${local.arn}/*"] : [])
    }
  }
}

data "aws_iam_policy_document" "this" {
  source_policy_documents = compact([var.policy_json])

  # Each turn of the work is an invocation, until the function says that it is done.
  statement {
    sid       = "InvokeFunction"
    actions   = ["lambda:InvokeFunction"]
    resources = [local.function_arn]
  }

  # A Distributed Map runs each job as an execution of its own:
  # https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
  dynamic "statement" {
    for_each = var.distributed_map ? [local.arn] : []

    content {
      sid       = "StartWorkers"
      actions   = ["states:StartExecution"]
      resources = [statement.value]
    }
  }

  # The same page: a parent waits for its children, and stops them when it is stopped.
  dynamic "statement" {
    for_each = var.distributed_map ? ["${replace(local.arn, ":stateMachine:", ":execution:")}/*"] : []

    content {
      sid       = "FollowWorkers"
      actions   = ["states:DescribeExecution", "states:RedriveExecution", "states:StopExecution"]
      resources = [statement.value]
    }
  }

  # How the work ended.
  dynamic "statement" {
    for_each = length(var.notify.topic_arns) == 0 ? [] : [var.notify.topic_arns]

    content {
      sid       = "Notify"
      actions   = ["sns:Publish"]
      resources = statement.value
    }
  }

  # Publishing to an encrypted topic takes its key.
  dynamic "statement" {
    for_each = var.notify.key_arn == null ? [] : [var.notify.key_arn]

    content {
      sid       = "UseTopicKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}

resource "aws_iam_role" "this" {
  name                 = var.role.name
  description          = var.role.description
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  path                 = var.settings.role_path
  permissions_boundary = var.settings.permissions_boundary_arn
  tags                 = var.settings.tags
}

resource "aws_iam_role_policy" "this" {
  name   = "state-machine"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.this.json
}

resource "aws_sfn_state_machine" "this" {
  # checkov:skip=CKV_AWS_284: No X-Ray: an execution is one loop over one function, and its history shows each step with its time.
  # checkov:skip=CKV_AWS_285: Step Functions keeps the history of standard executions for 90 days; log delivery would need permissions on all resources.

  name       = var.name
  role_arn   = aws_iam_role.this.arn
  definition = var.definition
  tags       = var.settings.tags

  # A first execution must find the permission, and whatever the caller names, in place.
  depends_on = [aws_iam_role_policy.this, var.after]
}

# Also what no state of a state machine can tell of: an execution that timed out, was aborted, or whose notification failed.
resource "aws_cloudwatch_metric_alarm" "failed" {
  count = var.failure_alarm == null ? 0 : 1

  alarm_name          = var.failure_alarm.name
  alarm_description   = var.failure_alarm.description
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.failure_alarm.actions

  metric_query {
    id          = "unsuccessful"
    expression  = "SUM(METRICS())"
    label       = "Executions that did not succeed"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = {
      failed    = "ExecutionsFailed"
      timed_out = "ExecutionsTimedOut"
      aborted   = "ExecutionsAborted"
    }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/States"
        metric_name = metric_query.value
        period      = 300
        stat        = "Sum"
        dimensions  = { StateMachineArn = aws_sfn_state_machine.this.arn }
      }
    }
  }

  tags = var.settings.tags
}
