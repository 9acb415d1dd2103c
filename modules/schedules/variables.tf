variable "name" {
  description = "Name of the schedules' group."
  type        = string
  nullable    = false
}

variable "role" {
  description = "Name of the role, at most 64 characters, and what the console says of it."
  type        = object({ name = string, description = string })
  nullable    = false
}

variable "schedules" {
  description = <<-EOT
    The schedules by name.
    - expression, time_zone, enabled, flexible_window_minutes: as EventBridge Scheduler knows them.
    - state_machine or function: name of what is started.
    - input: what it is given; a value may be one of Scheduler's context attributes.
  EOT
  type = map(object({
    description             = string
    expression              = string
    time_zone               = optional(string, "UTC")
    enabled                 = optional(bool, true)
    flexible_window_minutes = optional(number, 15)
    state_machine           = optional(string)
    function                = optional(string)
    input                   = optional(map(string), {})
  }))
  nullable = false
}

variable "undelivered" {
  description = "Name of the queue of starts that could not be delivered, and the KMS key that it is encrypted under, if it is one of the user's; null for no queue."
  type        = object({ queue_name = string, key_arn = optional(string) })
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
