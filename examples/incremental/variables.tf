variable "force_destroy" {
  description = "Whether terraform destroy may delete the bucket with the backups in it."
  type        = bool
  default     = false
}
