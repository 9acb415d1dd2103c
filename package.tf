# The functions' code and the layer beneath it. Neither needs a build tool on the machine that applies.

locals {
  # The one place that says which Powertools the functions run with; the built layer pins the same version.
  powertools_version = "3.37.0"

  package_path = "${path.module}/dist/function.zip"
  # SHA-256 in hexadecimal by file name, as sha256sum writes them; var.verify_package_checksums compares with them.
  published_checksums = try({
    for line in split("\n", trimspace(file("${path.module}/dist/SHA256SUMS"))) : split("  ", line)[1] => split("  ", line)[0]
  }, {})
  package = {
    filename          = var.package == null ? local.package_path : null
    source_code_hash  = var.package == null ? filebase64sha256(local.package_path) : null
    s3_bucket         = try(var.package.s3_bucket, null)
    s3_key            = try(var.package.s3_key, null)
    s3_object_version = try(var.package.s3_object_version, null)
  }

  # arn is asked for last: it may be unknown at plan, which is no matter as long as nothing else is given.
  makes_layer = try(var.layer.zip_path == null && var.layer.s3 == null, true) ? false : var.layer.arn == null
  layer_arn   = var.layer == null ? one(data.aws_ssm_parameter.powertools[*].insecure_value) : try(coalesce(var.layer.arn), one(aws_lambda_layer_version.this[*].arn))
}

# https://docs.aws.amazon.com/powertools/python/latest/getting-started/install/
data "aws_ssm_parameter" "powertools" {
  count = var.layer == null ? 1 : 0

  name = "/aws/service/powertools/python/${var.functions.architecture}/${var.functions.runtime}/${local.powertools_version}"
}

resource "aws_lambda_layer_version" "this" {
  count = local.makes_layer ? 1 : 0

  layer_name               = "${local.prefix}-dynamodb-backup"
  description              = "Powertools for AWS Lambda (Python), for DynamoDB backup and restore"
  filename                 = var.layer.zip_path
  source_code_hash         = var.layer.zip_path == null ? null : filebase64sha256(var.layer.zip_path)
  s3_bucket                = var.layer.zip_path == null ? var.layer.s3.bucket : null
  s3_key                   = var.layer.zip_path == null ? var.layer.s3.key : null
  s3_object_version        = var.layer.zip_path == null ? var.layer.s3.version : null
  compatible_architectures = ["arm64", "x86_64"]
  compatible_runtimes      = [var.functions.runtime]
}
