variable "store" {
  description = "The off-site store: its S3 endpoint, its region and an existing bucket in it, as the store names them."
  type = object({
    endpoint_url = string
    region       = string
    bucket       = string
  })
  nullable = false
}

variable "allow_fetch" {
  description = "Whether backups may be fetched from the store into the bucket, for a restore. Default false."
  type        = bool
  default     = false
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
