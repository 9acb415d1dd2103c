variable "force_destroy" {
  description = "Whether `terraform destroy` deletes the bucket with all backups in it. Default false."
  type        = bool
  default     = false
  nullable    = false
}
