variable "administrator_arns" {
  description = "ARNs of the IAM principals who alone may delete backups: a role for emergencies, and the one that runs Terraform."
  type        = set(string)
}

variable "force_destroy" {
  description = "Whether terraform destroy may delete the bucket with the backups in it, although they are locked."
  type        = bool
  default     = false
}

variable "layer_zip_path" {
  description = "Path of a layer zip built by `make dist`. Default null: AWS's public Powertools layer."
  type        = string
  default     = null
}
