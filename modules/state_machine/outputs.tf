output "state_machine" {
  description = "ARN, name and definition of the state machine."
  value = {
    arn        = aws_sfn_state_machine.this.arn
    name       = aws_sfn_state_machine.this.name
    definition = aws_sfn_state_machine.this.definition
  }
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

output "failure_alarm" {
  description = "The alarm that tells of executions without success: name, actions and metrics; null when there is none."
  value       = one(aws_cloudwatch_metric_alarm.failed)
}
