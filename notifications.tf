# Who hears of it: a topic for failures, which the alarms use too, and one for successes. Each is created, existing or absent.

locals {
  created_topics = toset([for outcome in ["failure", "success"] : outcome if var.notifications[outcome].create])

  # Built from names, so that policies and messages are known at plan.
  topic_arns = {
    for outcome in ["failure", "success"] : outcome =>
    var.notifications[outcome].create ? "arn:${local.partition}:sns:${local.region}:${local.account_id}:${local.prefix}-dynamodb-backup-${outcome}" : var.notifications[outcome].topic_arn
  }
}

resource "aws_sns_topic" "this" {
  for_each = local.created_topics

  name              = "${local.prefix}-dynamodb-backup-${each.key}"
  kms_master_key_id = local.topic_key_arn
  tags              = var.tags
}

data "aws_iam_policy_document" "topic" {
  for_each = local.created_topics

  # The state machine publishes by its role. Alarms have none and need this.
  # https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
  statement {
    sid       = "PublishAlarms"
    actions   = ["sns:Publish"]
    resources = [local.topic_arns[each.key]]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:cloudwatch:${local.region}:${local.account_id}:alarm:${local.prefix}-dynamodb-backup-*"]
    }
  }

  statement {
    sid       = "DenyWithoutTLS"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [local.topic_arns[each.key]]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sns_topic_policy" "this" {
  for_each = aws_sns_topic.this

  arn    = each.value.arn
  policy = data.aws_iam_policy_document.topic[each.key].json
}
