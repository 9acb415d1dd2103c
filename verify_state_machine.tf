# A verification of any length: a state machine that invokes the verify function until it has ended. The HTTP API starts it, and
# without that it is not there.

data "aws_iam_policy_document" "verify_state_machine_trust" {
  count = var.http_api == null ? 0 : 1

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

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = [local.api_state_machine_arns.verify]
    }
  }
}

data "aws_iam_policy_document" "verify_state_machine" {
  count = var.http_api == null ? 0 : 1

  # Again and again, until the verification is done.
  statement {
    sid       = "InvokeVerify"
    actions   = ["lambda:InvokeFunction"]
    resources = ["arn:${local.partition}:lambda:${local.region}:${local.account_id}:function:${local.prefix}-dynamodb-verify"]
  }
}

resource "aws_iam_role" "verify_state_machine" {
  count = var.http_api == null ? 0 : 1

  name                 = "${local.prefix}-dynamodb-verify-machine"
  description          = "Lets the verify state machine of ${local.full_prefix} invoke the verify function"
  assume_role_policy   = data.aws_iam_policy_document.verify_state_machine_trust[0].json
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
}

resource "aws_iam_role_policy" "verify_state_machine" {
  count = var.http_api == null ? 0 : 1

  name   = "verify"
  role   = aws_iam_role.verify_state_machine[0].id
  policy = data.aws_iam_policy_document.verify_state_machine[0].json
}

resource "aws_sfn_state_machine" "verify" {
  # checkov:skip=CKV_AWS_284: No X-Ray: an execution is one loop over one function, and its history shows each step with its time.
  # checkov:skip=CKV_AWS_285: Step Functions keeps the history of standard executions for 90 days; log delivery would need permissions on all resources.

  count = var.http_api == null ? 0 : 1

  name     = "${local.prefix}-dynamodb-verify"
  role_arn = aws_iam_role.verify_state_machine[0].arn
  definition = templatefile("${path.module}/templates/verify.asl.json", {
    partition            = local.partition
    function_arn         = module.verify.function.arn
    task_timeout_seconds = var.functions.verify.timeout_seconds + 60
    retry                = file("${path.module}/templates/lambda_retry.json")
  })
  tags = var.tags

  # A first execution must find the permission in place.
  depends_on = [aws_iam_role_policy.verify_state_machine]
}
