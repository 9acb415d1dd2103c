variable "force_destroy" {
  description = "Whether terraform destroy may delete the buckets with the backups in them."
  type        = bool
  default     = false
}

variable "failed_over" {
  description = "Whether the second region has taken over: then backups are made there, and copies from the first are no longer accepted."
  type        = bool
  default     = false
}

variable "layer_zip_path" {
  description = "Path of a layer zip built by `make dist`. Default null: AWS's public Powertools layer."
  type        = string
  default     = null
}
