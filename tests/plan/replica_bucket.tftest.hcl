# The submodule of the second region's bucket.

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
  values = { account_id = "123456789012", arn = "arn:aws:sts::123456789012:assumed-role/terraform/session" }
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

run "the_replica_bucket_expires_by_the_same_tags_but_later" {
  command = plan

  module {
    source = "./modules/replica_bucket"
  }

  variables {
    name            = "shop-replica"
    source_role_arn = "arn:aws:iam::123456789012:role/replication"
    accept_replicas = false
    object_lock     = true
    lag_alarm       = { source_bucket = "shop-backups", minutes = 30 }
    lifecycle_rules = "{\"Rules\":[{\"ID\":\"expire-daily-backups\",\"Status\":\"Enabled\",\"Filter\":{\"And\":{\"Prefix\":\"native-exports/\",\"Tags\":[{\"Key\":\"backup-retention\",\"Value\":\"daily\"}]}},\"Expiration\":{\"Days\":35}}]}"
  }

  assert {
    condition = [
      for rule in aws_s3_bucket_lifecycle_configuration.this.rule : [rule.filter[0].and[0].tags, rule.expiration[0].days] if rule.id == "expire-daily-backups"
    ] == [[tomap({ backup-retention = "daily" }), 42]]
    error_message = "Only what is tagged expires, a week after its original."
  }

  assert {
    condition = { for s in jsondecode(data.aws_iam_policy_document.bucket.json).Statement : s.Sid => s.Effect } == {
      DenyWithoutTLS                 = "Deny"
      DenyReplicas                   = "Deny"
      AcceptReplicasOfAnotherAccount = "Allow"
      ShowVersioningToAnotherAccount = "Allow"
    }
    error_message = "After a failover no copies are accepted: ${data.aws_iam_policy_document.bucket.json}"
  }

  assert {
    condition     = aws_s3_bucket_object_lock_configuration.this[0].object_lock_enabled == "Enabled"
    error_message = "Locks of the originals can be copied."
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled" && aws_cloudwatch_metric_alarm.late[0].threshold == 1800
    error_message = "Versions are on, and lateness is watched."
  }
}
