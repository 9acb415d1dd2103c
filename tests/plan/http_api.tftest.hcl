# The HTTP API: absent by default; made of api/openapi.yaml; every route authorised; throttled; logged; with a role of its own.

provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

override_data {
  target = data.aws_ssm_parameter.powertools
  values = { insecure_value = "arn:aws:lambda:eu-west-1:017000801446:layer:Powertools:1" }
}

variables {
  app_name    = "shop"
  environment = "prod"
  tables      = ["shop-users", "shop-orders"]
}

run "without_the_input_there_is_nothing_of_it" {
  command = plan

  assert {
    condition = length(concat(
      aws_apigatewayv2_api.this[*].name, aws_apigatewayv2_stage.api[*].name, aws_cloudwatch_log_group.api_access[*].name, aws_lambda_permission.api[*].action,
      module.api[*].environment, module.verify_state_machine[*].state_machine,
      data.aws_iam_policy_document.api[*].id,
    )) == 0 && output.http_api == null
    error_message = "The HTTP API is off by default."
  }

  assert {
    condition     = !contains(keys(module.restore.environment), "REQUIRE_CONFIRMATION")
    error_message = "Events need no confirmation unless it is asked for."
  }
}

run "routes_are_those_of_the_document_and_each_asks_for_iam" {
  command = plan

  variables {
    http_api = {}
  }

  assert {
    condition = toset(flatten([for path, operations in jsondecode(aws_apigatewayv2_api.this[0].body).paths : [for method, _ in operations : "${upper(method)} ${path}"]])) == toset([
      "POST /backups", "GET /backups", "GET /backups/{date}", "GET /backups/runs/{id}", "POST /restores", "GET /restores/{id}", "POST /verifications", "GET /verifications/{id}",
    ])
    error_message = "Routes: ${aws_apigatewayv2_api.this[0].body}"
  }

  assert {
    condition     = alltrue(flatten([for operations in values(jsondecode(aws_apigatewayv2_api.this[0].body).paths) : [for operation in values(operations) : jsonencode(operation.security) == jsonencode([{ caller = [] }])]]))
    error_message = "Every route is authorised: ${aws_apigatewayv2_api.this[0].body}"
  }

  assert {
    condition = jsondecode(aws_apigatewayv2_api.this[0].body).components.securitySchemes == { caller = {
      type = "apiKey", name = "Authorization", in = "header", x-amazon-apigateway-authtype = "awsSigv4"
    } }
    error_message = "IAM is how: ${aws_apigatewayv2_api.this[0].body}"
  }

  assert {
    condition = alltrue(flatten([for operations in values(jsondecode(aws_apigatewayv2_api.this[0].body).paths) : [for operation in values(operations) : operation.x-amazon-apigateway-integration == {
      type                 = "aws_proxy"
      httpMethod           = "POST"
      uri                  = "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:shop-prod-dynamodb-api/invocations"
      payloadFormatVersion = "2.0"
      timeoutInMillis      = 30000
    }]]))
    error_message = "Every route goes to the function: ${aws_apigatewayv2_api.this[0].body}"
  }

  assert {
    condition     = module.api[0].environment.API_AUTHORIZATION == "iam" && module.api[0].environment.VERIFY_STATE_MACHINE_ARN == "arn:aws:states:eu-west-1:123456789012:stateMachine:shop-prod-dynamodb-verify"
    error_message = "Environment: ${jsonencode(module.api[0].environment)}"
  }

  assert {
    condition     = module.verify_state_machine[0].state_machine.name == "shop-prod-dynamodb-verify" && module.backup_state_machine.state_machine.name == "shop-prod-dynamodb-backup" && module.restore_state_machine.state_machine.name == "shop-prod-dynamodb-restore"
    error_message = "The ARNs that the function and its role are told are built from these names."
  }
}

run "requests_are_throttled_and_logged_without_what_clients_wrote" {
  command = plan

  variables {
    http_api             = { throttling = { requests_per_second = 2 }, access_log_retention_days = 365 }
    require_confirmation = true
  }

  assert {
    condition     = [for function in [module.restore, module.api[0]] : function.environment.REQUIRE_CONFIRMATION] == ["true", "true"] && !contains(keys(module.backup.environment), "REQUIRE_CONFIRMATION")
    error_message = "Both doors of a restore ask for the confirmation."
  }

  assert {
    condition     = aws_apigatewayv2_stage.api[0].default_route_settings[0].throttling_rate_limit == 2 && aws_apigatewayv2_stage.api[0].default_route_settings[0].throttling_burst_limit == 20
    error_message = "Throttling: ${jsonencode(aws_apigatewayv2_stage.api[0].default_route_settings)}"
  }

  assert {
    condition     = aws_cloudwatch_log_group.api_access[0].name == "/aws/vendedlogs/shop-prod-dynamodb-api" && aws_cloudwatch_log_group.api_access[0].retention_in_days == 365
    error_message = "The access log has a group and a retention of its own."
  }

  assert {
    condition     = !anytrue([for variable in ["path", "customDomain", "queryString", "identity.user\"", "requestHeader"] : strcontains(aws_apigatewayv2_stage.api[0].access_log_settings[0].format, "$context.${variable}")])
    error_message = "Format: ${aws_apigatewayv2_stage.api[0].access_log_settings[0].format}"
  }

  assert {
    condition     = jsondecode(aws_apigatewayv2_stage.api[0].access_log_settings[0].format).caller == "$context.identity.userArn"
    error_message = "The access log says who asked."
  }
}

run "tokens_need_an_audience_and_a_scope" {
  command = plan

  variables {
    http_api = { jwt = { issuer = "https://login.example.com/", audiences = ["backups"], read_scopes = ["backups.read", "backups.write"], write_scopes = ["backups.write"] } }
  }

  assert {
    condition = jsondecode(aws_apigatewayv2_api.this[0].body).components.securitySchemes.caller == {
      type = "oauth2"
      x-amazon-apigateway-authorizer = {
        type             = "jwt"
        identitySource   = "$request.header.Authorization"
        jwtConfiguration = { issuer = "https://login.example.com/", audience = ["backups"] }
      }
    }
    error_message = "Authorizer: ${aws_apigatewayv2_api.this[0].body}"
  }

  assert {
    condition = alltrue(flatten([for operations in values(jsondecode(aws_apigatewayv2_api.this[0].body).paths) : [for method, operation in operations :
      jsonencode(operation.security) == jsonencode([{ caller = split(" ", method == "post" ? "backups.write" : "backups.read backups.write") }])
    ]]))
    error_message = "Scopes: ${aws_apigatewayv2_api.this[0].body}"
  }

  assert {
    condition     = module.api[0].environment.API_AUTHORIZATION == "jwt" && jsondecode(aws_apigatewayv2_stage.api[0].access_log_settings[0].format).caller == "$context.authorizer.claims.sub"
    error_message = "Function and access log know that callers have tokens."
  }
}

run "the_role_starts_follows_and_reads_records_and_nothing_else" {
  command = plan

  variables {
    http_api = {}
  }

  assert {
    condition = jsonencode({ for s in jsondecode(module.api[0].policy_json).Statement : s.Sid => sort(flatten([s.Action])) }) == jsonencode({
      StartExecutions = ["states:StartExecution"], FollowExecutions = ["states:DescribeExecution"], ListBackups = ["s3:ListBucket"], ReadRecords = ["s3:GetObject"],
      WriteLogs       = ["logs:CreateLogStream", "logs:PutLogEvents"],
    })
    error_message = "Actions: ${module.api[0].policy_json}"
  }

  assert {
    condition = toset(flatten([for s in jsondecode(module.api[0].policy_json).Statement : s.Resource if contains(["StartExecutions", "FollowExecutions"], s.Sid)])) == toset(flatten([for verb in ["backup", "restore", "verify"] : [
      "arn:aws:states:eu-west-1:123456789012:stateMachine:shop-prod-dynamodb-${verb}", "arn:aws:states:eu-west-1:123456789012:execution:shop-prod-dynamodb-${verb}:*",
    ]]))
    error_message = "State machines: ${module.api[0].policy_json}"
  }

  assert {
    condition = toset(flatten([for s in jsondecode(module.api[0].policy_json).Statement : s.Resource if s.Sid == "ReadRecords"])) == toset([
      for key in ["*/manifest.json", "chains/*", "restores/by-execution/*", "restores/*/progress.json", "restores/*/report.json"] : "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/native-exports/${key}"
    ])
    error_message = "It reads records, and no data file: ${module.api[0].policy_json}"
  }

  assert {
    condition     = jsondecode(module.verify_state_machine[0].role.policy_json).Statement[0].Resource == "arn:aws:lambda:eu-west-1:123456789012:function:shop-prod-dynamodb-verify"
    error_message = "The state machine of the verification invokes the verify function alone."
  }
}
