variable "app_name" {
  description = "Name of the application. Prefix of every resource's name and of every backup's name, together with the environment."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_-]*$", var.app_name))
    error_message = "app_name becomes part of Lambda, IAM and backup names, so it consists of letters, digits, \"-\" and \"_\" and begins with a letter or digit. Given: \"${var.app_name}\". Replace the other characters, for example with \"-\"."
  }

  # DynamoDB's backup names have at most 255 characters, of which a run's id takes 21.
  validation {
    condition     = length(var.app_name) + length(var.environment) <= 230
    error_message = "app_name and environment begin the name of every backup, which DynamoDB limits to 255 characters, so together they have at most 230. Given: ${length(var.app_name) + length(var.environment)}. Shorten one."
  }
}

variable "environment" {
  description = "Name of the environment, for example \"production\". Part of every resource's name and of every backup's name."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_-]*$", var.environment))
    error_message = "environment becomes part of Lambda, IAM and backup names, so it consists of letters, digits, \"-\" and \"_\" and begins with a letter or digit. Given: \"${var.environment}\". Replace the other characters, for example with \"-\"."
  }
}

variable "tables" {
  description = "Full names of the DynamoDB tables to back up. Beside the root module: values(module.dynamodb_backup.tables). The tables need no point-in-time recovery."
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.tables) > 0
    error_message = "tables must name at least one DynamoDB table, or there is nothing to back up. Given: an empty set. Add a table's name, for example [aws_dynamodb_table.users.name]."
  }

  # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
  validation {
    condition     = alltrue([for table in var.tables : can(regex("^[A-Za-z0-9_.-]{3,255}$", table))])
    error_message = "tables holds full DynamoDB table names: 3 to 255 characters out of a-z, A-Z, 0-9, \"_\", \".\" and \"-\". Not such a name: ${join(", ", [for table in var.tables : "\"${table}\"" if !can(regex("^[A-Za-z0-9_.-]{3,255}$", table))])}. Give the table's name as DynamoDB shows it, neither an ARN nor a path."
  }
}

variable "table_name_pattern" {
  description = "Regular expression that every table's whole name must match, such as the root module's output table_name_pattern. Default null: any name."
  type        = string
  default     = null

  validation {
    condition     = var.table_name_pattern == null || can(regexall(coalesce(var.table_name_pattern, "."), ""))
    error_message = "table_name_pattern is a regular expression. Given: \"${coalesce(var.table_name_pattern, "null")}\", which is none. Use the root module's output table_name_pattern, or leave it null."
  }

  validation {
    condition     = var.table_name_pattern == null || alltrue([for table in var.tables : can(regex(coalesce(var.table_name_pattern, "."), table))])
    error_message = "Every table must match table_name_pattern \"${coalesce(var.table_name_pattern, "null")}\". Outside it: ${join(", ", [for table in var.tables : "\"${table}\"" if !can(regex(coalesce(var.table_name_pattern, "."), table))])}. Correct the name, or leave table_name_pattern null."
  }
}

# When backups are made, and how long they are kept

variable "schedule" {
  description = <<-EOT
    When backups of all tables are made. Default: daily at 05:00 UTC. null: never by itself.
    - expression: EventBridge Scheduler's cron(...), rate(...) or at(...).
    - time_zone: IANA time zone in which cron and at are read, daylight saving included. Default "UTC".
    - flexible_window_minutes: the backups start within so many minutes after their time; 0 is off. Default 15.
    - enabled: false keeps the schedule but does not start backups. Default true.
  EOT
  type = object({
    expression              = optional(string, "cron(0 5 * * ? *)")
    time_zone               = optional(string, "UTC")
    flexible_window_minutes = optional(number, 15)
    enabled                 = optional(bool, true)
  })
  default = {}

  validation {
    condition     = var.schedule == null || can(regex("^(cron|rate|at)\\(.+\\)$", var.schedule.expression))
    error_message = "schedule.expression is cron(minutes hours day month weekday year), rate(value unit) or at(time). Given: \"${try(var.schedule.expression, "null")}\". Write for example \"cron(0 5 * * ? *)\" or \"rate(12 hours)\"."
  }

  validation {
    condition     = try(var.schedule.flexible_window_minutes >= 0 && var.schedule.flexible_window_minutes <= 1440 && floor(var.schedule.flexible_window_minutes) == var.schedule.flexible_window_minutes, var.schedule == null)
    error_message = "schedule.flexible_window_minutes is a whole number from 1 to 1440, or 0 for no window. Given: ${try(var.schedule.flexible_window_minutes, "null")}. Use a number in that range."
  }
}

variable "retention_days" {
  description = "Days after which a backup that this module made is deleted, once every table of a newer run is AVAILABLE. The newest one of a table is never deleted. Default 3."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 36500 && floor(var.retention_days) == var.retention_days
    error_message = "retention_days counts whole days, at least 1. Given: ${var.retention_days}. Use a whole number from 1 to 36500."
  }
}

# How backups are watched, and who hears of failures

variable "delay_seconds" {
  description = "Seconds after which a backup is looked at, and looked at again while it is CREATING. Default 300."
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = var.delay_seconds >= 0 && var.delay_seconds <= 900 && floor(var.delay_seconds) == var.delay_seconds
    error_message = "delay_seconds is a whole number from 0 to 900, as SQS's delivery delay is. Given: ${var.delay_seconds}. Use a number in that range, for example 300."
  }
}

variable "alert_after_hours" {
  description = "Hours after which a backup that is still CREATING counts as failed and is not watched any longer. Default 6."
  type        = number
  default     = 6
  nullable    = false

  # The message travels no longer than SQS keeps it.
  validation {
    condition     = var.alert_after_hours >= 1 && var.alert_after_hours <= 300 && floor(var.alert_after_hours) == var.alert_after_hours
    error_message = "alert_after_hours is a whole number from 1 to 300. Given: ${var.alert_after_hours}. Use a number in that range, for example 6."
  }
}

variable "max_backup_age_hours" {
  description = "Hours without a backup that became AVAILABLE after which the alarm of a table goes off, also where no backup was even tried. Default 26: a daily backup, with two hours to run. At most 168; null for no such alarms."
  type        = number
  default     = 26

  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
  validation {
    condition     = try(var.max_backup_age_hours >= 1 && var.max_backup_age_hours <= 168 && floor(var.max_backup_age_hours) == var.max_backup_age_hours, var.max_backup_age_hours == null)
    error_message = "max_backup_age_hours is a whole number from 1 to 168, because a CloudWatch alarm looks back at most seven days, or null for none. Given: ${coalesce(var.max_backup_age_hours, 0)}. Use a number in that range."
  }
}

variable "notifications" {
  description = <<-EOT
    SNS topic that is told of failures, in words. Subscribe people or a pager to it.
    - create: true creates a topic. Default true.
    - topic_arn: an existing topic to use instead, with create = false, such as the root module's topics.failure; its policy must let CloudWatch publish. Default: none.
    - kms_key_arn: key that encrypts the topic, created or existing. Its policy must let cloudwatch.amazonaws.com use it, or alarms are lost. Default: service_kms_key_arn for a created one.
  EOT
  type = object({
    create      = optional(bool, true)
    topic_arn   = optional(string)
    kms_key_arn = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.notifications.topic_arn == null || !var.notifications.create
    error_message = "The topic of notifications is either created or existing, so create and topic_arn exclude each other. Given: create = true and \"${coalesce(var.notifications.topic_arn, "null")}\". Set create = false, or leave topic_arn out."
  }

  validation {
    condition     = var.notifications.topic_arn == null || can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", var.notifications.topic_arn))
    error_message = "notifications.topic_arn is the ARN of a standard SNS topic (arn:aws:sns:REGION:ACCOUNT:NAME), not of a FIFO topic or a subscription. Given: \"${coalesce(var.notifications.topic_arn, "null")}\". Use the arn attribute of aws_sns_topic."
  }

  validation {
    condition     = var.notifications.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.notifications.kms_key_arn))
    error_message = "notifications.kms_key_arn is a key's ARN (arn:aws:kms:REGION:ACCOUNT:key/ID): IAM policies do not accept an alias or a bare id. Given: \"${coalesce(var.notifications.kms_key_arn, "null")}\". Use the arn attribute of aws_kms_key."
  }
}

variable "queue_kms_key_arn" {
  description = "ARN of the KMS key that encrypts the queues. Default null: service_kms_key_arn, else SQS's own keys (SSE-SQS)."
  type        = string
  default     = null

  validation {
    condition     = var.queue_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.queue_kms_key_arn))
    error_message = "queue_kms_key_arn is a key's ARN (arn:aws:kms:REGION:ACCOUNT:key/ID): IAM policies do not accept an alias or a bare id. Given: \"${coalesce(var.queue_kms_key_arn, "null")}\". Use the arn attribute of aws_kms_key."
  }
}

variable "service_kms_key_arn" {
  description = <<-EOT
    ARN of the KMS key under which everything else is encrypted that can hold a key of yours: queues, unless queue_kms_key_arn says another, the created topic, unless notifications.kms_key_arn does, log groups, unless logs.kms_key_arn does, and the functions' environment variables. It may be the key of the backups; its policy must let some services use it: docs/encryption.md.
    Default null: AWS's own keys.
  EOT
  type        = string
  default     = null

  validation {
    condition     = var.service_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.service_kms_key_arn))
    error_message = "service_kms_key_arn is a key's ARN (arn:aws:kms:REGION:ACCOUNT:key/ID): IAM policies do not accept an alias or a bare id. Given: \"${coalesce(var.service_kms_key_arn, "null")}\". Use the arn attribute of aws_kms_key."
  }
}

# How the functions run

variable "functions" {
  description = <<-EOT
    Settings of the Lambda functions.
    - architecture: "arm64" or "x86_64". Default "arm64".
    - runtime: Python runtime from python3.11. Default "python3.13".
  EOT
  type = object({
    architecture = optional(string, "arm64")
    runtime      = optional(string, "python3.13")
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.functions.architecture)
    error_message = "functions.architecture is \"arm64\" or \"x86_64\". Given: \"${var.functions.architecture}\". Use one of the two."
  }

  validation {
    condition     = can(regex("^python3\\.1[1-9]$", var.functions.runtime))
    error_message = "functions.runtime is a Python runtime from \"python3.11\". Given: \"${var.functions.runtime}\". Write for example \"python3.13\"."
  }
}

variable "package" {
  description = <<-EOT
    The functions' code. Default null: the zip that comes with the repository, so that no build tool is needed.
    - s3_bucket, s3_key: a zip in S3, in the functions' region.
    - s3_object_version: its version. Without one, a new zip under the same key is not noticed. Default null.
  EOT
  type = object({
    s3_bucket         = string
    s3_key            = string
    s3_object_version = optional(string)
  })
  default = null
}

variable "verify_package_checksums" {
  description = "Whether a plan compares dist/function.zip with the repository's dist/SHA256SUMS and refuses any other file. Default false."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.verify_package_checksums || var.package != null || try(filesha256(local.package_path), "") == lookup(local.published_checksums, "function.zip", "none")
    error_message = "With verify_package_checksums, dist/function.zip is the file that dist/SHA256SUMS names. SHA-256 of the file: ${try(filesha256(local.package_path), "no such file")}; named there: ${lookup(local.published_checksums, "function.zip", "none")}. Do not deploy it: get the repository again at the commit that you trust. If you changed the functions yourself, run `make dist`."
  }

  validation {
    condition     = !var.verify_package_checksums || var.package == null
    error_message = "verify_package_checksums compares files of the repository, and package takes the code from S3. Given: package.s3_key = \"${try(var.package.s3_key, "")}\". Remove one of the two; compare what you upload with `sha256sum --check --ignore-missing SHA256SUMS`."
  }
}

variable "layer_arn" {
  description = "ARN of the layer version with Powertools for AWS Lambda (Python), such as the root module's output layer_arn. Default null: the one that AWS publishes, found through its public SSM parameter."
  type        = string
  default     = null

  validation {
    condition     = var.layer_arn == null || can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:layer:[A-Za-z0-9_-]+:[0-9]+$", var.layer_arn))
    error_message = "layer_arn is the ARN of a layer version (arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION). Given: \"${coalesce(var.layer_arn, "null")}\". Add the version number."
  }
}

variable "logs" {
  description = <<-EOT
    The functions' logs.
    - retention_days: days for which CloudWatch keeps them; 0 is forever. Default 30.
    - kms_key_arn: key that encrypts them; its policy must allow CloudWatch Logs. Default: service_kms_key_arn, else CloudWatch's own.
    - level: "DEBUG", "INFO", "WARNING" or "ERROR". Default "INFO".
  EOT
  type = object({
    retention_days = optional(number, 30)
    kms_key_arn    = optional(string)
    level          = optional(string, "INFO")
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains([0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.logs.retention_days)
    error_message = "CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days, or 0 for ever. Given: ${var.logs.retention_days}. Use the next of these numbers."
  }

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.logs.level)
    error_message = "logs.level is \"DEBUG\", \"INFO\", \"WARNING\" or \"ERROR\". Given: \"${var.logs.level}\". Use one of these."
  }
}

# What all resources share

variable "permissions_boundary_arn" {
  description = "ARN of the IAM policy that bounds every role of the module. Default null: no boundary."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[a-z-]+:iam::(aws|[0-9]{12}):policy/[A-Za-z0-9+=,.@_/-]+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn is the ARN of an IAM policy (arn:aws:iam::ACCOUNT:policy/NAME). Given: \"${coalesce(var.permissions_boundary_arn, "null")}\". Use the arn attribute of aws_iam_policy."
  }
}

variable "role_path" {
  description = "IAM path of every role of the module, for accounts whose rules go by path. Another path makes the roles anew. Default \"/\"."
  type        = string
  default     = "/"
  nullable    = false

  # https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
  validation {
    condition     = can(regex("^/([!-)+->@-~]+/)?$", var.role_path)) && length(var.role_path) <= 512
    error_message = "role_path begins and ends with \"/\" and has at most 512 characters, none of them a space, \"*\" or \"?\", which in a policy mean other roles too. Given: \"${var.role_path}\". Write for example \"/service/backup/\"."
  }
}

variable "tags" {
  description = "Tags of every resource that takes tags. Default: none beside the provider's default_tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
