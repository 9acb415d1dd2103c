# One function with all that belongs to it: the internal module that backup and restore share.

provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

variables {
  name            = "shop-prod-dynamodb-backup"
  description     = "Backs up"
  handler         = "dynamodb_backup.handlers.backup.lambda_handler"
  memory_mb       = 512
  timeout_seconds = 300
  environment     = { ENVIRONMENT = "prod", UNSET = null }
  policy_json     = "{\"Statement\":[]}"
  settings = {
    aws          = { account_id = "123456789012", partition = "aws", region = "eu-west-1" }
    architecture = "arm64"
    runtime      = "python3.13"
    package      = { s3_bucket = "artifacts", s3_key = "function.zip" }
    layer_arn    = "arn:aws:lambda:eu-west-1:123456789012:layer:ours:7"
    logs         = { retention_days = 14 }
    tags         = { team = "shop" }
  }
}

run "function_is_as_configured" {
  command = plan

  module {
    source = "./modules/function"
  }

  assert {
    condition = (
      aws_lambda_function.this.memory_size == 512 && aws_lambda_function.this.timeout == 300 && aws_lambda_function.this.runtime == "python3.13" &&
      aws_lambda_function.this.architectures == tolist(["arm64"]) && aws_lambda_function.this.layers == tolist(["arn:aws:lambda:eu-west-1:123456789012:layer:ours:7"])
    )
    error_message = "Memory, timeout, runtime, architecture and layer are as given."
  }

  assert {
    condition     = aws_lambda_function.this.environment[0].variables == tomap({ ENVIRONMENT = "prod", POWERTOOLS_SERVICE_NAME = "shop-prod-dynamodb-backup" })
    error_message = "A variable that is null is not set."
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.this.maximum_retry_attempts == 0
    error_message = "Lambda does not repeat an asynchronous invocation by itself."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/lambda/shop-prod-dynamodb-backup" && aws_cloudwatch_log_group.this.retention_in_days == 14
    error_message = "The log group is the function's and has the retention."
  }

  assert {
    condition = jsondecode(output.policy_json).Statement == [{
      Sid      = "WriteLogs"
      Effect   = "Allow"
      Action   = ["logs:PutLogEvents", "logs:CreateLogStream"]
      Resource = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/shop-prod-dynamodb-backup:*"
    }]
    error_message = "Logs go to the function's own group alone: ${output.policy_json}"
  }

  assert {
    condition     = length(aws_lambda_function.this.vpc_config) == 0 && aws_iam_role.this.permissions_boundary == null && aws_iam_role.this.path == "/"
    error_message = "No VPC and no boundary unless asked for."
  }

  assert {
    condition     = alltrue([for tags in [aws_lambda_function.this.tags, aws_iam_role.this.tags, aws_cloudwatch_log_group.this.tags] : tags == tomap({ team = "shop" })])
    error_message = "Everything is tagged."
  }
}

run "in_a_vpc_with_a_boundary" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    settings = {
      aws                      = { account_id = "123456789012", partition = "aws", region = "eu-west-1" }
      architecture             = "arm64"
      runtime                  = "python3.13"
      package                  = { s3_bucket = "artifacts", s3_key = "function.zip" }
      layer_arn                = "arn:aws:lambda:eu-west-1:123456789012:layer:ours:7"
      logs                     = { retention_days = 14 }
      vpc                      = { subnet_ids = ["subnet-1", "subnet-2"], security_group_ids = ["sg-1"] }
      permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
      role_path                = "/team/"
    }
  }

  assert {
    condition     = aws_lambda_function.this.vpc_config[0].subnet_ids == toset(["subnet-1", "subnet-2"]) && aws_lambda_function.this.vpc_config[0].security_group_ids == toset(["sg-1"])
    error_message = "The function is in the VPC."
  }

  assert {
    condition     = [for s in jsondecode(output.policy_json).Statement : [s.Sid, s.Effect]] == [["WriteLogs", "Allow"], ["ManageNetworkInterfaces", "Allow"], ["DenyNetworkInterfacesToCode", "Deny"]]
    error_message = "Lambda may manage network interfaces, the code in it may not."
  }

  assert {
    condition     = jsondecode(output.policy_json).Statement[2].Condition == { ArnEquals = { "lambda:SourceFunctionArn" = "arn:aws:lambda:eu-west-1:123456789012:function:shop-prod-dynamodb-backup" } }
    error_message = "The denial is for calls out of this function."
  }

  assert {
    condition     = aws_iam_role.this.permissions_boundary == "arn:aws:iam::123456789012:policy/boundary" && aws_iam_role.this.path == "/team/"
    error_message = "The role has the boundary."
  }
}

run "environment_over_4_kb_is_refused" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    environment = { DYNAMODB_TABLES = join(",", [for i in range(500) : "table-${i}"]) }
  }

  expect_failures = [aws_lambda_function.this]
}

run "policy_over_10240_characters_is_refused" {
  command = plan

  module {
    source = "./modules/function"
  }

  variables {
    policy_json = jsonencode({ Statement = [{ Sid = "Many", Effect = "Allow", Action = "dynamodb:Scan", Resource = [for i in range(200) : "arn:aws:dynamodb:eu-west-1:123456789012:table/table-number-${i}"] }] })
  }

  expect_failures = [aws_iam_role_policy.this]
}
