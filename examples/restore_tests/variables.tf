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
