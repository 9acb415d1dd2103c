variable "delay_seconds" {
  description = "Seconds after which a backup is looked at. Default 300."
  type        = number
  default     = 300
  nullable    = false
}

variable "layer_arn" {
  description = "ARN of a layer version with Powertools. Default null: AWS's public one."
  type        = string
  default     = null
}
