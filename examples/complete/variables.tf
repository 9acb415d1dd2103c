variable "environment" {
  description = "Name of the environment. Default \"production\"."
  type        = string
  default     = "production"
  nullable    = false
}

variable "force_destroy" {
  description = "Whether `terraform destroy` deletes the bucket with all backups in it. Default false."
  type        = bool
  default     = false
  nullable    = false
}

variable "layer_zip_path" {
  description = "Path of a layer zip built by `make dist`. Default null: AWS's public Powertools layer."
  type        = string
  default     = null
}

variable "permissions_boundary_arn" {
  description = "ARN of the IAM policy that bounds every role. Default null: no boundary."
  type        = string
  default     = null
}

variable "vpc" {
  description = "VPC in which the functions run, by subnet_ids and security_group_ids. Default null: none."
  type = object({
    subnet_ids         = set(string)
    security_group_ids = set(string)
  })
  default = null
}
