variable "name" {
  description = "Name of the bucket."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.name))
    error_message = "A bucket's name has 3 to 63 characters out of a-z, 0-9, \".\" and \"-\", and begins and ends with a letter or digit. Given: \"${var.name}\". Give the name alone, without \"s3://\", \"arn:\" or a path."
  }
}

variable "lifecycle_rules" {
  description = "When copies expire: the root module's output lifecycle_rules. S3 does not replicate what lifecycle rules do."
  type        = string
  nullable    = false

  validation {
    condition     = can(jsondecode(var.lifecycle_rules).Rules)
    error_message = "lifecycle_rules is JSON of the form {\"Rules\": [...]}. Given: ${var.lifecycle_rules}. Use the root module's output lifecycle_rules."
  }
}

variable "keep_longer_days" {
  description = "Days for which superseded copies are kept longer than their originals, so that a failed replication of a newer backup can be mended before an older one expires. Default 7."
  type        = number
  default     = 7
  nullable    = false

  validation {
    condition     = var.keep_longer_days >= 0 && floor(var.keep_longer_days) == var.keep_longer_days
    error_message = "keep_longer_days is a whole number of at least 0. Given: ${var.keep_longer_days}. Use such a number, or leave it out for 7."
  }
}

variable "kms_key_arn" {
  description = "ARN of the KMS key of this region under which the bucket is encrypted. Default null: S3's own keys (SSE-S3)."
  type        = string
  default     = null
}

variable "source_role_arn" {
  description = "ARN of the replication role (roles.replication of the root module) if it is of another account. Default null: of this account, where the role's own policy is enough."
  type        = string
  default     = null
}

variable "accept_replicas" {
  description = "Whether copies are accepted. Set it to false after a failover, before backups are made into this bucket: a region that comes back would write over them. Default true."
  type        = bool
  default     = true
  nullable    = false
}

variable "object_lock" {
  description = "Whether the bucket has S3 Object Lock, which cannot be switched off again. Required where the root module has immutability: S3 copies nothing out of a bucket with Object Lock into one without. Each copy is locked as its original is. Default false."
  type        = bool
  default     = false
  nullable    = false
}

variable "lag_alarm" {
  description = <<-EOT
    An alarm on how late the copies are. Default null: none.
    - source_bucket: name of the root module's bucket.
    - minutes: so late may copies be, for a quarter of an hour. Default 60.
    - topic_arns: SNS topics of this region that hear of it. Default: none.
    - rule_id: the replication rule. Default "dynamodb-backups", the root module's.
  EOT
  type = object({
    source_bucket = string
    minutes       = optional(number, 60)
    topic_arns    = optional(list(string), [])
    rule_id       = optional(string, "dynamodb-backups")
  })
  default = null

  validation {
    condition     = try(var.lag_alarm.minutes >= 1, true)
    error_message = "lag_alarm.minutes is at least 1. Given: ${try(var.lag_alarm.minutes, 0)}. Use a larger number, or leave it out for 60."
  }
}

variable "force_destroy" {
  description = "Whether terraform destroy may delete the bucket with all copies in it. Default false."
  type        = bool
  default     = false
  nullable    = false
}

variable "tags" {
  description = "Tags of every resource that takes tags. Default: none beside the provider's default_tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
