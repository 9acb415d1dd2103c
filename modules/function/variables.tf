variable "name" {
  description = "Name of the function and of its role, at most 64 characters."
  type        = string
  nullable    = false
}

variable "description" {
  description = "What the function is for, as the console shows it."
  type        = string
  nullable    = false
}

variable "handler" {
  description = "Entry point of the function in its package."
  type        = string
  nullable    = false
}

variable "memory_mb" {
  description = "Memory in MB. CPU grows with it."
  type        = number
  nullable    = false
}

variable "timeout_seconds" {
  description = "Seconds after which Lambda ends an invocation."
  type        = number
  nullable    = false
}

variable "asynchronous_retries" {
  description = "How often Lambda repeats an asynchronous invocation that failed: 0 to 2. Default 0."
  type        = number
  default     = 0
  nullable    = false
}

variable "environment" {
  description = "Environment variables of the function; one whose value is null is not set."
  type        = map(string)
  nullable    = false
}

variable "policy_json" {
  description = "IAM policy document of what the function does. Logs and the VPC are added to it."
  type        = string
  nullable    = false
}

variable "table_characters" {
  description = "About how many characters the tables' ARNs take in policy_json; from 7,600 on they are shared out over several policies. Default 0: there are none."
  type        = number
  default     = 0
  nullable    = false
}

variable "settings" {
  description = <<-EOT
    What all functions of the module share.
    - aws: account, partition and region, to build ARNs that are known at plan.
    - architecture, runtime: as Lambda names them.
    - package: a local file with its hash, or an S3 object.
    - layer_arn: layer version beneath the package.
    - environment_kms_key_arn: KMS key of the environment variables, or null for Lambda's own.
    - logs: retention in days (0 is forever) and KMS key of the log group.
    - vpc: subnets and security groups, or null.
    - permissions_boundary_arn: boundary of the role, or null.
    - role_path: path of the role.
    - tags: tags of every resource.
  EOT
  type = object({
    aws          = object({ account_id = string, partition = string, region = string })
    architecture = string
    runtime      = string
    package = object({
      filename          = optional(string)
      source_code_hash  = optional(string)
      s3_bucket         = optional(string)
      s3_key            = optional(string)
      s3_object_version = optional(string)
    })
    layer_arn                = string
    logs                     = object({ retention_days = number, kms_key_arn = optional(string) })
    environment_kms_key_arn  = optional(string)
    vpc                      = optional(object({ subnet_ids = set(string), security_group_ids = set(string) }))
    permissions_boundary_arn = optional(string)
    role_path                = optional(string, "/")
    tags                     = optional(map(string), {})
  })
  nullable = false
}
