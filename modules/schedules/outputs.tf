output "schedules" {
  description = "The schedules by name, as Scheduler has them."
  value       = aws_scheduler_schedule.this
}

output "role" {
  description = "The role: ARN, name, path and boundary, who may take it, and what it may do."
  value = {
    arn                  = aws_iam_role.this.arn
    name                 = aws_iam_role.this.name
    path                 = aws_iam_role.this.path
    permissions_boundary = aws_iam_role.this.permissions_boundary
    trust_json           = data.aws_iam_policy_document.trust.json
    policy_json          = data.aws_iam_policy_document.this.json
  }
}
