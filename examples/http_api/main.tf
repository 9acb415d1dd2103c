# A table, its backups, and an HTTP API that a pipeline may start backups with, and do nothing else.

resource "aws_dynamodb_table" "orders" {
  # checkov:skip=CKV_AWS_119: An example of an application's table; AWS's own key costs nothing, and the backup does not depend on it.

  name         = "shop-orders"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }
}

module "dynamodb_backup" {
  source = "../.."

  app_name    = "shop"
  environment = "production"
  tables      = [aws_dynamodb_table.orders.name]

  http_api = {
    throttling = { requests_per_second = 5, burst = 10 }
  }

  bucket = { force_destroy = var.force_destroy }
  layer  = var.layer_zip_path == null ? null : { zip_path = var.layer_zip_path }
}

# For the role of the pipeline.
data "aws_iam_policy_document" "pipeline" {
  statement {
    sid     = "BackUpBeforeDeploying"
    actions = ["execute-api:Invoke"]
    resources = [for request in ["POST/backups", "GET/backups/runs/*"] :
      "${module.dynamodb_backup.http_api.execution_arn}/$default/${request}"
    ]
  }
}

resource "aws_iam_policy" "pipeline" {
  name   = "shop-production-back-up"
  policy = data.aws_iam_policy_document.pipeline.json
}
