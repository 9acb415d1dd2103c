# The HTTP API: off unless http_api is given. Its routes are those of api/openapi.yaml; its function starts and reads, and writes nothing.

locals {
  api_name     = "${local.prefix}-dynamodb-api"
  api_document = yamldecode(file("${path.module}/api/openapi.yaml"))
  api_jwt      = try(var.http_api.jwt, null)

  api_state_machine_arns = { for verb in ["backup", "restore", "verify"] : verb =>
    "arn:${local.partition}:states:${local.region}:${local.account_id}:stateMachine:${local.prefix}-dynamodb-${verb}"
  }

  # Who may read may be another than who may start something.
  api_scopes = local.api_jwt == null ? { get = [], post = [] } : {
    get  = sort(local.api_jwt.read_scopes)
    post = sort(local.api_jwt.write_scopes)
  }

  # Of the document, what API Gateway makes an HTTP API of; it does not check requests against schemas, the function does.
  # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-open-api.html
  api_body = {
    openapi = local.api_document.openapi
    info    = { title = local.api_name, version = local.api_document.info.version }
    paths = { for path, operations in local.api_document.paths : path => { for method, operation in operations : method => {
      operationId = operation.operationId
      responses   = { default = { description = operation.summary } }
      security    = [{ caller = local.api_scopes[method] }]
      x-amazon-apigateway-integration = {
        type                 = "aws_proxy"
        httpMethod           = "POST"
        uri                  = "arn:${local.partition}:apigateway:${local.region}:lambda:path/2015-03-31/functions/arn:${local.partition}:lambda:${local.region}:${local.account_id}:function:${local.api_name}/invocations"
        payloadFormatVersion = "2.0"
        timeoutInMillis      = 30000
      }
    } } }
    components = { securitySchemes = { caller = { for member, value in {
      # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-authtype.html
      type                         = local.api_jwt == null ? "apiKey" : "oauth2"
      name                         = local.api_jwt == null ? "Authorization" : null
      in                           = local.api_jwt == null ? "header" : null
      x-amazon-apigateway-authtype = local.api_jwt == null ? "awsSigv4" : null
      # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
      x-amazon-apigateway-authorizer = local.api_jwt == null ? null : {
        type             = "jwt"
        identitySource   = "$request.header.Authorization"
        jwtConfiguration = { issuer = local.api_jwt.issuer, audience = sort(local.api_jwt.audiences) }
      }
    } : member => value if value != null } } }
  }
}

data "aws_iam_policy_document" "api" {
  count = var.http_api == null ? 0 : 1

  source_policy_documents = data.aws_iam_policy_document.audit_log[*].json

  # What a request starts runs under the state machine's role, not under this one.
  statement {
    sid       = "StartExecutions"
    actions   = ["states:StartExecution"]
    resources = values(local.api_state_machine_arns)
  }

  # How an execution that a request asks about is, and how it ended.
  statement {
    sid       = "FollowExecutions"
    actions   = ["states:DescribeExecution"]
    resources = [for arn in values(local.api_state_machine_arns) : "${replace(arn, ":stateMachine:", ":execution:")}:*"]
  }

  # The dates and records under the prefix.
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

  # What is recorded about backups and restores. The backups' data files are not among it.
  statement {
    sid     = "ReadRecords"
    actions = ["s3:GetObject"]
    resources = [for key in ["*/manifest.json", "chains/*", "restores/by-execution/*", "restores/*/progress.json", "restores/*/report.json"] :
      "${local.bucket_arn}/${var.exports_prefix}/${key}"
    ]
  }

  # Records in the bucket are encrypted like backups.
  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "ReadWithBackupKey"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
    }
  }
}

module "api" {
  source = "./modules/function"
  count  = var.http_api == null ? 0 : 1

  name        = local.api_name
  description = "Answers the HTTP API for the DynamoDB backups of ${local.full_prefix}"
  handler     = "dynamodb_backup.handlers.api.lambda_handler"
  memory_mb   = 1024
  # API Gateway waits for 30 seconds: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
  timeout_seconds = 29
  environment = merge(local.environment, {
    API_AUTHORIZATION         = local.api_jwt == null ? "iam" : "jwt"
    AUDIT_LOG_GROUP           = local.audit_group_name
    BACKUP_METHODS            = length(local.backup_methods) == 0 ? null : jsonencode(local.backup_methods)
    BACKUP_STATE_MACHINE_ARN  = local.api_state_machine_arns.backup
    REQUIRE_CONFIRMATION      = var.require_confirmation ? "true" : null
    RESTORE_STATE_MACHINE_ARN = local.api_state_machine_arns.restore
    RESTORE_TARGET_TABLES     = length(var.restore_target_tables) == 0 ? null : jsonencode(var.restore_target_tables)
    RETENTION_CLASSES         = var.retention == null ? null : jsonencode(local.retention_days)
    VERIFY_STATE_MACHINE_ARN  = local.api_state_machine_arns.verify
  })
  policy_json = data.aws_iam_policy_document.api[0].json
  settings    = local.function
}

resource "aws_apigatewayv2_api" "this" {
  count = var.http_api == null ? 0 : 1

  name          = local.api_name
  description   = "Backups of the DynamoDB tables of ${local.full_prefix}"
  protocol_type = "HTTP"
  version       = local.api_document.info.version
  body          = jsonencode(local.api_body)
  tags          = var.tags
}

resource "aws_cloudwatch_log_group" "api_access" {
  count = var.http_api == null ? 0 : 1

  # Below this prefix a group needs no room in the account's policy for log delivery:
  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
  name              = "/aws/vendedlogs/${local.api_name}"
  retention_in_days = var.http_api.access_log_retention_days
  kms_key_id        = local.log_key_arn
  tags              = var.tags
}

resource "aws_apigatewayv2_stage" "api" {
  count = var.http_api == null ? 0 : 1

  api_id      = aws_apigatewayv2_api.this[0].id
  name        = "$default"
  auto_deploy = true

  # Who, from where, which route and how it ended. Nothing that a client wrote into a path, a query, a header or a body.
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.api_access[0].arn
    format = jsonencode({
      time               = "$context.requestTime"
      request_id         = "$context.requestId"
      caller             = local.api_jwt == null ? "$context.identity.userArn" : "$context.authorizer.claims.sub"
      source_ip          = "$context.identity.sourceIp"
      route              = "$context.routeKey"
      status             = "$context.status"
      milliseconds       = "$context.responseLatency"
      bytes              = "$context.responseLength"
      error              = "$context.error.messageString"
      authorizer_error   = "$context.authorizer.error"
      integration_status = "$context.integrationStatus"
    })
  }

  default_route_settings {
    throttling_rate_limit  = var.http_api.throttling.requests_per_second
    throttling_burst_limit = var.http_api.throttling.burst
  }

  tags = var.tags
}

resource "aws_lambda_permission" "api" {
  count = var.http_api == null ? 0 : 1

  statement_id  = "InvokeByHttpApi"
  action        = "lambda:InvokeFunction"
  function_name = module.api[0].function.name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this[0].execution_arn}/$default/*/*"
}
