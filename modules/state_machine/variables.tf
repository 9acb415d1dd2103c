variable "name" {
  description = "Name of the state machine."
  type        = string
  nullable    = false
}

variable "definition" {
  description = "Definition in the Amazon States Language."
  type        = string
  nullable    = false
}

variable "role" {
  description = "Name of the role, at most 64 characters, and what the console says of it."
  type        = object({ name = string, description = string })
  nullable    = false
}

variable "function_name" {
  description = "Name of the function that the state machine invokes."
  type        = string
  nullable    = false
}

variable "notify" {
  description = "Topics to which the state machine publishes, and the KMS key of those that are encrypted under one."
  type        = object({ topic_arns = optional(list(string), []), key_arn = optional(string) })
  default     = {}
  nullable    = false
}

variable "distributed_map" {
  description = "Whether the definition has a Distributed Map, which starts executions of its own."
  type        = bool
  default     = false
  nullable    = false
}

variable "policy_json" {
  description = "IAM policy document of what else the state machine does, or null."
  type        = string
  default     = null
}

variable "failure_alarm" {
  description = "Name, description and actions of the alarm that tells of executions without success, or null for none."
  type        = object({ name = string, description = string, actions = optional(list(string)) })
  default     = null
}

variable "after" {
  description = "What must be in place before the first execution; the value itself is not used."
  type        = any
  default     = null
}

variable "settings" {
  description = "What all resources of the module share: account, partition and region, the roles' boundary and path, tags. May hold more."
  type = object({
    aws                      = object({ account_id = string, partition = string, region = string })
    permissions_boundary_arn = optional(string)
    role_path                = optional(string, "/")
    tags                     = optional(map(string), {})
  })
  nullable = false
}
