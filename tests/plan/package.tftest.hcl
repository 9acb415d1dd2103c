# Where the functions' code and their layer come from.

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

run "code_of_the_module_and_public_layer_by_default" {
  command = plan

  assert {
    condition     = endswith(local.function.package.filename, "/dist/function.zip") && local.function.package.source_code_hash == filebase64sha256("./dist/function.zip")
    error_message = "The zip of the module is used, and a changed one is noticed."
  }

  assert {
    condition     = data.aws_ssm_parameter.powertools[0].name == "/aws/service/powertools/python/arm64/python3.13/${local.powertools_version}"
    error_message = "Parameter: ${data.aws_ssm_parameter.powertools[0].name}"
  }

  assert {
    condition     = output.layer_arn == "arn:aws:lambda:eu-west-1:017000801446:layer:Powertools:1"
    error_message = "The layer is what the parameter says."
  }
}

run "layer_of_another_architecture_and_runtime" {
  command = plan

  variables {
    functions = { architecture = "x86_64", runtime = "python3.12" }
  }

  assert {
    condition     = data.aws_ssm_parameter.powertools[0].name == "/aws/service/powertools/python/x86_64/python3.12/${local.powertools_version}"
    error_message = "Parameter: ${data.aws_ssm_parameter.powertools[0].name}"
  }
}

run "arn_before_zip_before_public_layer" {
  command = plan

  variables {
    layer = { arn = "arn:aws:lambda:eu-west-1:123456789012:layer:ours:7", zip_path = "./dist/function.zip" }
  }

  assert {
    condition     = output.layer_arn == "arn:aws:lambda:eu-west-1:123456789012:layer:ours:7" && length(aws_lambda_layer_version.this) == 0 && length(data.aws_ssm_parameter.powertools) == 0
    error_message = "The given ARN is taken, nothing is made and nothing is looked up."
  }
}

run "layer_of_a_zip" {
  command = plan

  variables {
    layer = { zip_path = "./dist/function.zip" }
  }

  assert {
    condition     = aws_lambda_layer_version.this[0].filename == "./dist/function.zip" && aws_lambda_layer_version.this[0].source_code_hash == filebase64sha256("./dist/function.zip") && length(data.aws_ssm_parameter.powertools) == 0
    error_message = "A layer is made of the zip."
  }
}

run "layer_and_package_of_s3" {
  command = plan

  variables {
    layer   = { s3 = { bucket = "artifacts", key = "layer.zip", version = "v1" } }
    package = { s3_bucket = "artifacts", s3_key = "function.zip", s3_object_version = "v2" }
  }

  assert {
    condition     = [aws_lambda_layer_version.this[0].s3_bucket, aws_lambda_layer_version.this[0].s3_key, aws_lambda_layer_version.this[0].s3_object_version] == ["artifacts", "layer.zip", "v1"]
    error_message = "A layer is made of the S3 object."
  }

  assert {
    condition     = [for part in ["s3_bucket", "s3_key", "s3_object_version"] : local.function.package[part]] == ["artifacts", "function.zip", "v2"]
    error_message = "The code is the S3 object's."
  }

  assert {
    condition     = local.function.package.filename == null && local.function.package.source_code_hash == null
    error_message = "The zip of the module is not used beside it."
  }
}

run "checksums_are_compared_when_asked" {
  command = plan

  variables {
    verify_package_checksums = true
    layer                    = { arn = "arn:aws:lambda:eu-west-1:123456789012:layer:ours:7", zip_path = "./dist/function.zip" }
  }

  assert {
    condition     = local.published_checksums["function.zip"] == filesha256("./dist/function.zip")
    error_message = "The committed package is the one that is named, and the zip path beside an ARN is not used."
  }
}

run "a_layer_of_other_bytes_is_refused_when_asked" {
  command = plan

  variables {
    verify_package_checksums = true
    layer                    = { zip_path = "./dist/function.zip" }
  }

  expect_failures = [var.verify_package_checksums]
}
