# One Lambda function with all that belongs to it: log group, role, policy, what happens to asynchronous invocations.

locals {
  # A variable that is null is not set at all.
  environment = { for name, value in merge(var.environment, { POWERTOOLS_SERVICE_NAME = var.name }) : name => value if value != null }

  function_arn  = "arn:${var.settings.aws.partition}:lambda:${var.settings.aws.region}:${var.settings.aws.account_id}:function:${var.name}"
  log_group_arn = "arn:${var.settings.aws.partition}:logs:${var.settings.aws.region}:${var.settings.aws.account_id}:log-group:/aws/lambda/${var.name}"
}

# Before the function: otherwise its first invocation makes the group, without retention and without Terraform knowing of it.
resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.settings.logs.retention_days
  kms_key_id        = var.settings.logs.kms_key_arn
  tags              = var.settings.tags
}

data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "Lambda"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "this" {
  source_policy_documents = [var.policy_json]

  # Lambda writes what the function prints in the name of its role. The group is Terraform's.
  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.log_group_arn}:*"]
  }

  dynamic "statement" {
    for_each = var.settings.vpc == null ? [] : [var.settings.vpc]

    content {
      sid = "ManageNetworkInterfaces"
      actions = [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
      ]
      # Lambda requires these on every resource: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
      resources = ["*"]
    }
  }

  # The interfaces are for Lambda to manage, not for the code that runs in it: same page, "best practices".
  dynamic "statement" {
    for_each = var.settings.vpc == null ? [] : [var.settings.vpc]

    content {
      sid    = "DenyNetworkInterfacesToCode"
      effect = "Deny"
      actions = [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
      ]
      resources = ["*"] # As above: the actions know no narrower resource.

      condition {
        test     = "ArnEquals"
        variable = "lambda:SourceFunctionArn"
        values   = [local.function_arn]
      }
    }
  }
}

resource "aws_iam_role" "this" {
  name                 = var.name
  description          = "Role of the Lambda function ${var.name}"
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  path                 = var.settings.role_path
  permissions_boundary = var.settings.permissions_boundary_arn
  tags                 = var.settings.tags
}

resource "aws_iam_role_policy" "this" {
  name   = "function"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.this.minified_json

  lifecycle {
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    precondition {
      condition     = length(data.aws_iam_policy_document.this.minified_json) <= 10240
      error_message = "A role's inline policies hold at most 10,240 characters, and the policy of ${var.name} has ${length(data.aws_iam_policy_document.this.minified_json)}: it names every table. Split the tables over two module blocks with different app_name and exports_prefix."
    }
  }
}

resource "aws_lambda_function" "this" {
  # checkov:skip=CKV_AWS_50: No X-Ray: each turn's log line and metrics say how long it took, and traces cost and take another permission.
  # checkov:skip=CKV_AWS_115: Reserved concurrency is taken from the whole account's; callers bound how many run at the same time.
  # checkov:skip=CKV_AWS_116: A dead-letter queue is for events that nobody waits for. Callers here see the answer; alarms tell of errors.
  # checkov:skip=CKV_AWS_173: The environment holds names of tables and of the bucket, no secret; service_kms_key_arn encrypts it under the user's key.
  # checkov:skip=CKV_AWS_272: The package is committed with its digest and can be built byte for byte; a signing profile is the account's own.

  function_name     = var.name
  description       = var.description
  role              = aws_iam_role.this.arn
  handler           = var.handler
  runtime           = var.settings.runtime
  architectures     = [var.settings.architecture]
  memory_size       = var.memory_mb
  timeout           = var.timeout_seconds
  layers            = [var.settings.layer_arn]
  filename          = var.settings.package.filename
  source_code_hash  = var.settings.package.source_code_hash
  s3_bucket         = var.settings.package.s3_bucket
  s3_key            = var.settings.package.s3_key
  s3_object_version = var.settings.package.s3_object_version

  # Lambda lets the role use it by a grant: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars-encryption.html
  kms_key_arn = var.settings.environment_kms_key_arn

  environment {
    variables = local.environment
  }

  dynamic "vpc_config" {
    for_each = var.settings.vpc == null ? [] : [var.settings.vpc]

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  tags = var.settings.tags

  lifecycle {
    # Lambda measures the environment as JSON: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    precondition {
      condition     = length(jsonencode(local.environment)) <= 4096
      error_message = "Lambda's environment variables hold at most 4,096 bytes, and those of ${var.name} have ${length(jsonencode(local.environment))}, most of it the list of tables. Split the tables over two module blocks with different app_name and exports_prefix."
    }
  }

  # The role works only once its policy is there; for the log group see above.
  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy.this]
}

# Lambda by default repeats a failed asynchronous invocation twice. Here mostly whoever invokes decides what is to be repeated.
resource "aws_lambda_function_event_invoke_config" "this" {
  function_name                = aws_lambda_function.this.function_name
  maximum_retry_attempts       = var.asynchronous_retries
  maximum_event_age_in_seconds = 21600
}
