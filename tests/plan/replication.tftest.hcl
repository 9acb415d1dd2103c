# The copy in a second region or account: what S3 copies, what its role may do, and what the replica bucket accepts.

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

run "without_it_nothing_is_planned" {
  command = plan

  assert {
    condition     = length(aws_s3_bucket_replication_configuration.this) + length(aws_iam_role.replication) + length(aws_cloudwatch_metric_alarm.replication_failed) == 0
    error_message = "Replication is off by default."
  }
}

run "backups_are_copied_with_least_privilege" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    replication = {
      bucket_arn    = "arn:aws:s3:::shop-replica"
      kms_key_arn   = "arn:aws:kms:eu-central-1:123456789012:key/66666666-2222-3333-4444-555555555555"
      storage_class = "STANDARD_IA"
    }
  }

  assert {
    condition = { for s in jsondecode(data.aws_iam_policy_document.replication[0].json).Statement : s.Sid => [toset(flatten([s.Action])), flatten([s.Resource])] } == {
      ReadReplicationRule = [toset(["s3:GetReplicationConfiguration", "s3:ListBucket"]), ["arn:aws:s3:::shop-prod-dynamodb-backup-123456789012"]]
      ReadBackups         = [toset(["s3:GetObjectVersionAcl", "s3:GetObjectVersionForReplication", "s3:GetObjectVersionTagging"]), ["arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/native-exports/*"]]
      WriteReplicas       = [toset(["s3:ReplicateObject", "s3:ReplicateTags"]), ["arn:aws:s3:::shop-replica/native-exports/*"]]
      DecryptBackups      = [toset(["kms:Decrypt"]), ["arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"]]
      EncryptReplicas     = [toset(["kms:Encrypt", "kms:GenerateDataKey"]), ["arn:aws:kms:eu-central-1:123456789012:key/66666666-2222-3333-4444-555555555555"]]
    }
    error_message = "The role reads one prefix, writes one prefix, and deletes nothing: ${data.aws_iam_policy_document.replication[0].json}"
  }

  assert {
    condition = { for s in jsondecode(data.aws_iam_policy_document.replication[0].json).Statement : s.Sid => s.Condition.StringLike["kms:ViaService"] if can(s.Condition) } == {
      DecryptBackups  = "s3.eu-west-1.amazonaws.com"
      EncryptReplicas = "s3.eu-central-1.amazonaws.com"
    }
    error_message = "Each key serves S3 of its own region alone."
  }

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_replication_configuration.this[0].rule :
      rule.filter[0].prefix == "native-exports/" && rule.delete_marker_replication[0].status == "Disabled" &&
      rule.source_selection_criteria[0].sse_kms_encrypted_objects[0].status == "Enabled" &&
      rule.destination[0].encryption_configuration[0].replica_kms_key_id == var.replication.kms_key_arn &&
      rule.destination[0].metrics[0].status == "Enabled" && length(rule.destination[0].replication_time) == 0 &&
      rule.destination[0].storage_class == "STANDARD_IA" && length(rule.destination[0].access_control_translation) == 0
    ])
    error_message = "The prefix is copied under the other region's key, with metrics, and without deletions."
  }

  assert {
    condition = aws_cloudwatch_metric_alarm.replication_failed[0].dimensions == tomap({
      SourceBucket = "shop-prod-dynamodb-backup-123456789012", DestinationBucket = "shop-replica", RuleId = "dynamodb-backups",
    })
    error_message = "The alarm is on this rule's failures."
  }
}

run "in_another_account_the_copies_belong_to_it" {
  command = plan

  variables {
    replication = { bucket_arn = "arn:aws:s3:::shop-replica", account_id = "210987654321", time_control = true }
  }

  assert {
    condition = [for s in jsondecode(data.aws_iam_policy_document.replication[0].json).Statement : s.Resource if s.Sid == "GiveReplicasToTheirAccount"] == [
      "arn:aws:s3:::shop-replica/native-exports/*"
    ]
    error_message = "The role may give the copies away."
  }

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_replication_configuration.this[0].rule :
      rule.destination[0].account == "210987654321" && rule.destination[0].access_control_translation[0].owner == "Destination" &&
      rule.destination[0].replication_time[0].time[0].minutes == 15 && rule.destination[0].metrics[0].event_threshold[0].minutes == 15
    ])
    error_message = "The owner changes, and copies come in time."
  }
}

run "locks_are_copied" {
  command = plan

  variables {
    replication  = { bucket_arn = "arn:aws:s3:::shop-replica" }
    immutability = { mode = "GOVERNANCE" }
  }

  assert {
    condition = [for s in jsondecode(data.aws_iam_policy_document.replication[0].json).Statement : [s.Action, s.Resource] if s.Sid == "ReadLocks"] == [
      [["s3:GetObjectRetention", "s3:GetObjectLegalHold"], "arn:aws:s3:::shop-prod-dynamodb-backup-123456789012/native-exports/*"]
    ]
    error_message = "S3 copies no object whose lock its role may not read: ${data.aws_iam_policy_document.replication[0].json}"
  }
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
