output "function" {
  description = "arn and name of the Lambda function."
  value       = { arn = aws_lambda_function.this.arn, name = aws_lambda_function.this.function_name }
}

output "role" {
  description = "arn and name of the function's role."
  value       = { arn = aws_iam_role.this.arn, name = aws_iam_role.this.name }
}

output "log_group" {
  description = "arn and name of the function's log group."
  value       = { arn = aws_cloudwatch_log_group.this.arn, name = aws_cloudwatch_log_group.this.name }
}

output "environment" {
  description = "Environment variables as the function has them."
  value       = local.environment
}

output "policy_json" {
  description = "The role's whole policy, logs and VPC included."
  value       = data.aws_iam_policy_document.this.minified_json
}

output "policies" {
  description = "The same as the role has it: its inline policy first, then managed ones where there are many tables."
  value       = local.policy_parts == 0 ? [local.inline_policy] : local.policies
}
