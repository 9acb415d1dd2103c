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

# A role's inline policy holds 10,240 characters, and a policy names every table. What has no room goes into managed policies,
# each with its share of the tables. How many these are is told by the tables' names alone: the ARNs of keys and buckets in the
# document may not be known at plan.
locals {
  policy_parts = var.table_characters <= 7600 ? 0 : ceil(var.table_characters / 5540) - 1
  statements   = [for statement in jsondecode(data.aws_iam_policy_document.this.minified_json).Statement : statement if local.policy_parts > 0]

  # Those that name every table. Statements on the same tables become one, with the actions of all.
  is_wide = [for statement in local.statements : statement.Effect == "Allow" && !can(statement.Condition) && length(flatten([statement.Resource])) > 20]
  actions = { for index, statement in local.statements : jsonencode(statement.Resource) => flatten([statement.Action])... if local.is_wide[index] }
  shares = [for part in range(local.policy_parts + 1) : [for resources, actions in local.actions : {
    Effect   = "Allow"
    Action   = sort(distinct(flatten(actions)))
    Resource = try(chunklist(jsondecode(resources), ceil(length(jsondecode(resources)) / (local.policy_parts + 1)))[part], [])
  }]]
  policies = [for part, share in local.shares : jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [for index, statement in local.statements : statement if part == 0 && !local.is_wide[index]],
      [for statement in share : statement if length(statement.Resource) > 0],
    )
  })]
  inline_policy = local.policy_parts == 0 ? data.aws_iam_policy_document.this.minified_json : local.policies[0]
}

resource "aws_iam_role_policy" "this" {
  name   = "function"
  role   = aws_iam_role.this.id
  policy = local.inline_policy

  lifecycle {
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    precondition {
      condition     = length(local.inline_policy) <= 10240
      error_message = "A role's inline policies hold at most 10,240 characters, and the policy of ${var.name} has ${length(local.inline_policy)}: it names every table. Split the tables over two module blocks with different app_name and exports_prefix."
    }

    precondition {
      condition     = local.policy_parts <= 10
      error_message = "A role takes at most 10 managed policies, and to name every table ${var.name} needs ${local.policy_parts}. Split the tables over two module blocks with different app_name and exports_prefix."
    }
  }
}

# The other shares. None with fewer than about fifty tables.
resource "aws_iam_policy" "tables" {
  count = local.policy_parts

  name        = "${var.name}-tables-${count.index + 1}"
  description = "What ${var.name} may do with its tables, part ${count.index + 1}"
  policy      = local.policies[count.index + 1]
  path        = var.settings.role_path
  tags        = var.settings.tags

  lifecycle {
    precondition {
      condition     = length(local.policies[count.index + 1]) <= 6144
      error_message = "A managed policy holds at most 6,144 characters, and one of ${var.name} has ${length(local.policies[count.index + 1])}: its tables' names are long. Split the tables over two module blocks with different app_name and exports_prefix."
    }
  }
}

resource "aws_iam_role_policy_attachment" "tables" {
  count = local.policy_parts

  role       = aws_iam_role.this.name
  policy_arn = aws_iam_policy.tables[count.index].arn
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
  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy.this, aws_iam_role_policy_attachment.tables]
}

# Lambda by default repeats a failed asynchronous invocation twice. Here mostly whoever invokes decides what is to be repeated.
resource "aws_lambda_function_event_invoke_config" "this" {
  function_name                = aws_lambda_function.this.function_name
  maximum_retry_attempts       = var.asynchronous_retries
  maximum_event_age_in_seconds = 21600
}
