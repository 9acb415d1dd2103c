# What is backed up

variable "app_name" {
  description = "Name of the application. Prefix of every resource's name, together with the environment."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_-]*$", var.app_name))
    error_message = "app_name becomes part of Lambda, IAM and S3 names, so it consists of letters, digits, \"-\" and \"_\" and begins with a letter or digit. Given: \"${var.app_name}\". Replace the other characters, for example with \"-\"."
  }
}

variable "environment" {
  description = "Name of the environment, for example \"production\". Part of every resource's name and of {environment} in table_name_convention."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_-]*$", var.environment))
    error_message = "environment becomes part of Lambda, IAM and S3 names, so it consists of letters, digits, \"-\" and \"_\" and begins with a letter or digit. Given: \"${var.environment}\". Replace the other characters, for example with \"-\"."
  }
}

variable "tables" {
  description = <<-EOT
    The DynamoDB tables to back up: full table names or, with table_name_convention, also the short names that take the place of {type} in it.
    The tables themselves stay yours: the module never creates or changes one. Each needs point-in-time recovery, from which DynamoDB takes its exports, unless backup_methods says "scan".
  EOT
  type        = set(string)
  nullable    = false

  validation {
    condition     = length(var.tables) > 0
    error_message = "tables must name at least one DynamoDB table, or there is nothing to back up. Given: an empty set. Add a table's name, for example [aws_dynamodb_table.users.name]."
  }

  validation {
    condition = alltrue([
      for table in var.tables : can(regex(local.table_name_pattern, table)) || can(regex(local.short_name_pattern, table))
    ])
    error_message = format(
      "Every table must follow table_name_convention \"%s\", which in environment \"%s\" allows names that match %s. Outside it: %s. Correct the name, write only the short name that takes the place of {type}, or leave table_name_convention null to list any full names.",
      coalesce(var.table_name_convention, "null"), var.environment, coalesce(local.table_name_pattern, "anything"),
      join(", ", [
        for table in var.tables : "\"${table}\""
        if !can(regex(local.table_name_pattern, table)) && !can(regex(local.short_name_pattern, table))
      ])
    )
  }

  validation {
    condition = alltrue([
      for table in var.tables : can(regex(local.dynamodb_name_rule, try(regex(local.table_name_pattern, table), replace(local.table_name_template, "{type}", table))))
    ])
    error_message = format(
      "DynamoDB table names have 3 to 255 characters out of a-z, A-Z, 0-9, \"_\", \".\" and \"-\". Not such a name: %s. Give the table's name as DynamoDB shows it, neither an ARN nor a path.",
      join(", ", [
        for name in [for table in var.tables : try(regex(local.table_name_pattern, table), replace(local.table_name_template, "{type}", table))] : "\"${name}\""
        if !can(regex(local.dynamodb_name_rule, name))
      ])
    )
  }

  validation {
    condition = length(var.tables) == length(distinct([
      for table in var.tables : try(regex(local.table_name_pattern, table), replace(local.table_name_template, "{type}", table))
    ]))
    error_message = format(
      "Each table may be listed once. Listed as a short and as a full name: %s. Remove one of the two.",
      # Looked up by name: contains() would go through all of the set, for each of hundreds of tables.
      join(", ", flatten([for listed in [{ for table in var.tables : table => true }] : [
        for table in var.tables : "\"${table}\""
        if !can(regex(local.table_name_pattern, table)) && can(listed[replace(local.table_name_template, "{type}", table)])
      ]]))
    )
  }
}

variable "backup_methods" {
  description = <<-EOT
    How tables are backed up that are not to be backed up by native export, by their names as in tables. Default: none, so all are.
    - method: "native_export", which DynamoDB makes from point-in-time recovery without reading the table, or "scan", which reads every item and needs no point-in-time recovery. See docs/backup-methods.md.
    - max_read_units_per_second: a scan reads no faster than this. Default: half of the table's provisioned capacity; an on-demand table as fast as possible.
    - segments: so many parts of the table a scan reads at the same time, 1 to 64. Default 4.
  EOT
  type = map(object({
    method                    = string
    max_read_units_per_second = optional(number)
    segments                  = optional(number)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for table in keys(var.backup_methods) : contains(keys(local.tables), table) || contains(values(local.tables), table)])
    error_message = "backup_methods is for tables that are in tables, too. Not among them: ${join(", ", [for table in keys(var.backup_methods) : "\"${table}\"" if !contains(keys(local.tables), table) && !contains(values(local.tables), table)])}. Correct the name, or add the table to tables."
  }

  validation {
    condition     = length(var.backup_methods) == length(distinct([for table in keys(var.backup_methods) : lookup(local.tables, table, table)]))
    error_message = "Each table has one method. Given as a short and as a full name: ${join(", ", [for table in keys(var.backup_methods) : "\"${table}\"" if contains(keys(var.backup_methods), lookup(local.tables, table, table)) && lookup(local.tables, table, table) != table])}. Remove one of the two."
  }

  validation {
    condition     = alltrue([for chosen in values(var.backup_methods) : contains(["native_export", "scan"], chosen.method)])
    error_message = "The method of a table is \"native_export\" or \"scan\". Given: ${join(", ", [for table, chosen in var.backup_methods : "${table} \"${chosen.method}\"" if !contains(["native_export", "scan"], chosen.method)])}. Use one of the two; for DynamoDB's on-demand backups use modules/on_demand_backup."
  }

  validation {
    condition     = alltrue([for chosen in values(var.backup_methods) : chosen.method == "scan" || (chosen.max_read_units_per_second == null && chosen.segments == null)])
    error_message = "max_read_units_per_second and segments are for the method \"scan\": a native export reads nothing from the table. Given for: ${join(", ", [for table, chosen in var.backup_methods : "\"${table}\"" if chosen.method != "scan" && (chosen.max_read_units_per_second != null || chosen.segments != null)])}. Remove them there, or set method = \"scan\"."
  }

  validation {
    condition     = alltrue([for chosen in values(var.backup_methods) : coalesce(chosen.max_read_units_per_second, 1) >= 1])
    error_message = "max_read_units_per_second is at least 1. Given: ${join(", ", [for table, chosen in var.backup_methods : "${table} ${coalesce(chosen.max_read_units_per_second, 1)}" if coalesce(chosen.max_read_units_per_second, 1) < 1])}. Use a larger number, or leave it out."
  }

  validation {
    condition     = alltrue([for chosen in values(var.backup_methods) : chosen.method != "scan"]) || length(var.schedules) == 0 || anytrue([for schedule in values(var.schedules) : schedule.export_type == "FULL_EXPORT"])
    error_message = "A scan has no increments, so schedules must hold one with export_type FULL_EXPORT, or these tables would never be backed up: ${join(", ", [for table, chosen in var.backup_methods : "\"${table}\"" if chosen.method == "scan"])}. Add such a schedule, for example daily."
  }

  validation {
    condition     = alltrue([for chosen in values(var.backup_methods) : coalesce(chosen.segments, 1) >= 1 && coalesce(chosen.segments, 1) <= 64 && floor(coalesce(chosen.segments, 1)) == coalesce(chosen.segments, 1)])
    error_message = "segments is a whole number from 1 to 64. Given: ${join(", ", [for table, chosen in var.backup_methods : "${table} ${coalesce(chosen.segments, 1)}" if chosen.segments != null])}. Use a number in that range, or leave it out for 4."
  }
}

variable "table_name_convention" {
  description = <<-EOT
    How table names are built, for example "mfa-api_{environment}_{type}_global". At plan, at every backup and at every restore, names outside it are refused.
    Default null: tables holds full names and any name is allowed. {type} stands for one name part: it holds none of the separators that stand beside it.
  EOT
  type        = string
  default     = null

  validation {
    condition     = var.table_name_convention == null || can(regex("^([A-Za-z0-9_.-]|\\{environment\\}|\\{type\\})+$", var.table_name_convention))
    error_message = "table_name_convention consists of characters that DynamoDB allows in a table name (a-z, A-Z, 0-9, \"_\", \".\", \"-\") and of the placeholders {environment} and {type}. Given: \"${coalesce(var.table_name_convention, "null")}\". Write other placeholders out, for example \"mfa-api_{environment}_{type}_global\"."
  }

  validation {
    condition     = var.table_name_convention == null || length(regexall("\\{type\\}", coalesce(var.table_name_convention, " "))) == 1
    error_message = "table_name_convention holds {type} exactly once: it is what tells one table from another. Given: \"${coalesce(var.table_name_convention, "null")}\". Write for example \"mfa-api_{environment}_{type}_global\"."
  }

  validation {
    condition = var.table_name_convention == null || (
      can(regex("(^|[_.-])\\{type\\}($|[_.-])", var.table_name_convention)) && var.table_name_convention != "{type}"
    )
    error_message = "In table_name_convention, {type} stands between separators (\"_\", \".\", \"-\") or at an end, and not alone, so that short names can be told from full names. Given: \"${coalesce(var.table_name_convention, "null")}\". Put a separator beside {type}, or leave table_name_convention null."
  }
}

variable "restore_target_tables" {
  description = <<-EOT
    Full names of further tables that a restore may write to, beside those in tables: for example a copy to restore beside the original, or a table outside table_name_convention.
    Default: none, so that a restore writes only to the tables that are backed up.
  EOT
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for table in var.restore_target_tables : can(regex(local.dynamodb_name_rule, table))])
    error_message = "restore_target_tables holds full DynamoDB table names: 3 to 255 characters out of a-z, A-Z, 0-9, \"_\", \".\" and \"-\". Not such a name: ${join(", ", [for table in var.restore_target_tables : "\"${table}\"" if !can(regex(local.dynamodb_name_rule, table))])}. Give the name as DynamoDB shows it, without wildcards."
  }
}

variable "restore_target_roles" {
  description = <<-EOT
    ARNs of roles that a restore may assume (the restore event's target_role_arn), to write into tables of another account in the same region. Each role's trust policy must name the restore function's role, in the output roles.restore.arn. The names of the tables are held to the convention and restore_target_tables there, too.
  EOT
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for role in var.restore_target_roles : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$", role))])
    error_message = "restore_target_roles holds ARNs of IAM roles, such as arn:aws:iam::111122223333:role/restore-from-production. Not such an ARN: ${join(", ", [for role in var.restore_target_roles : "\"${role}\"" if !can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$", role))])}. A wildcard would let the function into roles that nobody meant."
  }
}

variable "require_confirmation" {
  description = <<-EOT
    Whether an event that deletes or reverts items must repeat the names of the tables that it changes, as a guard against the wrong table: restores with write_mode "mirror" or clear_existing_data, and undo, need "confirm": "<table name>", or an array of names.
    Default: false.
  EOT
  type        = bool
  default     = false
  nullable    = false
}

variable "restore_creates_tables" {
  description = <<-EOT
    Whether a restore may create a missing target table (the restore event's create_missing_tables, and "method": "import"), under the names in tables and restore_target_tables alone.
    Default: false, so that the restore's role can write items and nothing else. No role may delete a table.
  EOT
  type        = bool
  default     = false
  nullable    = false
}

variable "restore_on_demand_backups" {
  description = <<-EOT
    Whether a restore may make a new table of one of DynamoDB's on-demand backups (the restore event's on_demand_backup), under the names in tables and restore_target_tables alone.
    Default: false. No role may delete a table.
  EOT
  type        = bool
  default     = false
  nullable    = false
}

variable "on_demand_backups" {
  description = <<-EOT
    Set where modules/on_demand_backup backs up tables in this account: the list of recovery points then shows its backups, known by their names, beside those in S3, and nobody else's.
    - name_prefix: how their names begin, the submodule's output backup_name_prefix. Default: "<app_name>-<environment>-", as with a submodule of the same app_name and environment.
    - retention_days: the submodule's retention_days, by which the list says when one may be deleted. Default 3, as there.
    Default: null, the list has none, and no function may ask DynamoDB for them.
  EOT
  type = object({
    name_prefix    = optional(string)
    retention_days = optional(number, 3)
  })
  default = null

  validation {
    condition     = var.on_demand_backups == null || try(var.on_demand_backups.retention_days >= 1 && floor(var.on_demand_backups.retention_days) == var.on_demand_backups.retention_days, false)
    error_message = "on_demand_backups.retention_days must be a whole number of days of at least 1. Given: ${jsonencode(try(var.on_demand_backups.retention_days, null))}. Write what the submodule has, or leave it out for its default of 3."
  }

  validation {
    condition     = try(trimspace(trimsuffix(var.on_demand_backups.name_prefix, "-")) != "", true)
    error_message = "on_demand_backups.name_prefix must not be empty, or backups would be known by no name. Given: ${jsonencode(try(var.on_demand_backups.name_prefix, null))}. Write name_prefix = module.<name>.backup_name_prefix, or leave it out where both modules have the same app_name and environment."
  }
}

# Where backups are kept

variable "bucket" {
  description = <<-EOT
    The S3 bucket of the backups.
    - name: its name. Default: "<app_name>-<environment>-dynamodb-backup-<account id>". Required for an existing bucket.
    - create: false uses the existing bucket of that name, whose policy, lifecycle and other settings the module leaves untouched. Default true.
    - owner_account_id: the account of an existing bucket, if it is another than this one. Default: this account.
    - force_destroy: true lets `terraform destroy` delete the bucket with all backups in it. Default false.
  EOT
  type = object({
    name             = optional(string)
    create           = optional(bool, true)
    owner_account_id = optional(string)
    force_destroy    = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.bucket.create || var.bucket.name != null
    error_message = "An existing bucket (bucket.create = false) is known by its name. Given: no bucket.name. Add the name, or leave create true to have a bucket made."
  }

  validation {
    condition     = var.bucket.name == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket.name))
    error_message = "A bucket's name has 3 to 63 characters out of a-z, 0-9, \".\" and \"-\", and begins and ends with a letter or digit. Given: \"${coalesce(var.bucket.name, "null")}\". Give the name alone, without \"s3://\", \"arn:\" or a path."
  }

  validation {
    condition     = var.bucket.create ? var.bucket.owner_account_id == null : !var.bucket.force_destroy
    error_message = "bucket.owner_account_id is for an existing bucket and bucket.force_destroy for one that the module creates. Given: create = ${var.bucket.create}. Remove the setting that does not apply."
  }

  validation {
    condition     = var.bucket.owner_account_id == null || can(regex("^[0-9]{12}$", var.bucket.owner_account_id))
    error_message = "bucket.owner_account_id is an AWS account id of 12 digits. Given: \"${coalesce(var.bucket.owner_account_id, "null")}\". Write it as a string, so that leading zeros stay."
  }
}

variable "exports_prefix" {
  description = "Key prefix of the backups in the bucket, for writing and for reading. Default \"native-exports\"."
  type        = string
  default     = "native-exports"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*$", var.exports_prefix)) && !can(regex("(^|/)[.]{1,2}(/|$)", var.exports_prefix))
    error_message = "exports_prefix becomes part of S3 keys, of the bucket's lifecycle rules and of IAM policies, so its parts consist of letters, digits, \"_\", \".\", \"=\" and \"-\", with single \"/\" between them and none at the ends, and no part is \".\" or \"..\". Given: \"${var.exports_prefix}\". Write for example \"native-exports\" or \"backups/dynamodb\"."
  }
}

variable "retention" {
  description = <<-EOT
    How long backups are kept, in days from their creation. A backup expires only after a newer verified one of the same table has superseded it; the newest good backup of a table never does. An existing bucket (bucket.create = false) keeps its own lifecycle: see the output lifecycle_rules.
    Default: 35 daily, 90 weekly and 365 monthly days, months in Glacier Instant Retrieval from day 35, no yearly ones. null: nothing expires at all.
    - daily, weekly, monthly, yearly: the classes. A backup falls into the longest that it earned: the last verified backup of a table in a year, month or ISO week, or else daily. A class that is left out falls to the next shorter one; daily is required.
    - daily.days and so on: days after which the class expires; a longer class not before a shorter one.
    - daily.glacier_instant_retrieval_after_days and so on: days after which the class moves to Glacier Instant Retrieval, which a restore reads like S3 Standard. Default: it does not move.
    - daily.deep_archive_after_days and so on: days after which the class moves to Deep Archive, from which it has to be fetched for hours before it can be restored. Default: it does not move.
    - incremental_days: for superseded incremental exports; at least 7 days shorter than daily.days, so that the full backup that they build on is there as long as they are. Default: daily.days - 7.
    - failed_days: for what failed exports left behind. Default 7.
    - restore_days: for records of restores and verifications. Default 30.
    - noncurrent_days: further days for which an expired or overwritten object can still be recovered by its version. Default 7.
  EOT
  type = object({
    daily = object({
      days                                 = number
      glacier_instant_retrieval_after_days = optional(number)
      deep_archive_after_days              = optional(number)
    })
    weekly = optional(object({
      days                                 = number
      glacier_instant_retrieval_after_days = optional(number)
      deep_archive_after_days              = optional(number)
    }))
    monthly = optional(object({
      days                                 = number
      glacier_instant_retrieval_after_days = optional(number)
      deep_archive_after_days              = optional(number)
    }))
    yearly = optional(object({
      days                                 = number
      glacier_instant_retrieval_after_days = optional(number)
      deep_archive_after_days              = optional(number)
    }))
    incremental_days = optional(number)
    failed_days      = optional(number, 7)
    restore_days     = optional(number, 30)
    noncurrent_days  = optional(number, 7)
  })
  default = {
    daily   = { days = 35 }
    weekly  = { days = 90 }
    monthly = { days = 365, glacier_instant_retrieval_after_days = 35 }
  }

  validation {
    condition = try(alltrue([
      for days in [
        for one in flatten([
          [for name in local.calendar_classes : try(var.retention[name].days, null)],
          [var.retention.incremental_days, var.retention.failed_days, var.retention.restore_days, var.retention.noncurrent_days],
          [for name in local.calendar_classes : try(var.retention[name].glacier_instant_retrieval_after_days + 1, null)],
          [for name in local.calendar_classes : try(var.retention[name].deep_archive_after_days + 1, null)],
        ]) : one if one != null
      ] : days >= 1 && floor(days) == days
    ]), var.retention == null)
    error_message = "retention counts whole days as S3's lifecycle does: at least 1, and at least 0 for those after which a storage class changes. Given: ${jsonencode(var.retention)}. Use such whole numbers."
  }

  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
  validation {
    condition = alltrue([
      for name in local.calendar_classes : try(
        max(coalesce(var.retention[name].glacier_instant_retrieval_after_days, -1), coalesce(var.retention[name].deep_archive_after_days, -1)) < var.retention[name].days,
        true
      )
    ])
    error_message = "S3 refuses a rule that moves objects at or after their expiration. Given: ${jsonencode(var.retention)}. Let each class move earlier, expire later, or not move."
  }

  validation {
    condition = alltrue([
      for name in local.calendar_classes : try(var.retention[name].glacier_instant_retrieval_after_days < var.retention[name].deep_archive_after_days, true)
    ])
    error_message = "S3 refuses a rule that moves objects to Glacier Instant Retrieval at or after their move to Deep Archive: they only move to colder classes. Given: ${jsonencode(var.retention)}. Let deep_archive_after_days be the later one, or leave one of the two out."
  }

  validation {
    condition = alltrue([
      for pair in setproduct(range(4), range(4)) :
      try(var.retention[local.calendar_classes[pair[0]]].days <= var.retention[local.calendar_classes[pair[1]]].days, true) if pair[0] < pair[1]
    ])
    error_message = "A longer class of retention is not kept shorter than a shorter one: the last backup of a month may be the last of its year, and would then be lost early. Given: ${jsonencode(var.retention)}. Let the days not fall from daily to weekly, monthly and yearly."
  }

  validation {
    condition     = try(var.retention.incremental_days + local.longest_chain_days <= var.retention.daily.days, true)
    error_message = "incremental_days is at least 7 days shorter than daily.days, or the full backup at the base of a week of incremental exports would expire before them. Given: ${jsonencode(var.retention)}. Make it shorter, or leave it out."
  }
}

variable "immutability" {
  description = <<-EOT
    Locks backups by S3 Object Lock, so that nobody deletes them early. Object Lock cannot be switched off again for a bucket. Default null: no lock. See docs/immutability.md.
    - mode: "GOVERNANCE", which principals with s3:BypassGovernanceRetention can lift, or "COMPLIANCE", which nobody can, not even the account's root user.
    - default_days: for so many days every object is locked from its creation, before it has a class; no class of retention may expire earlier. Default 7.
    - daily_days, weekly_days, monthly_days, yearly_days, incremental_days: for so many days from their creation superseded backups of that class are locked, at most as long as retention keeps them. Default: as long as retention keeps them.
    - administrator_arns: IAM principals (wildcards allowed) who alone may delete objects or change what protects them; the bucket's policy denies it to all others. They get no permission by that. The principal that runs Terraform must be one. Default: none, and no such policy.
  EOT
  type = object({
    mode               = string
    default_days       = optional(number, 7)
    daily_days         = optional(number)
    weekly_days        = optional(number)
    monthly_days       = optional(number)
    yearly_days        = optional(number)
    incremental_days   = optional(number)
    administrator_arns = optional(set(string), [])
  })
  default = null

  validation {
    condition     = try(contains(["GOVERNANCE", "COMPLIANCE"], var.immutability.mode), var.immutability == null)
    error_message = "immutability.mode is \"GOVERNANCE\" or \"COMPLIANCE\". Given: \"${try(var.immutability.mode, "null")}\". Begin with GOVERNANCE: a lock in COMPLIANCE mode ends only by its time."
  }

  validation {
    condition = alltrue([
      for days in [for name in concat(["default"], local.locked_classes) : try(var.immutability["${name}_days"], null)] : try(days >= 1 && days <= 36500 && floor(days) == days, days == null)
    ])
    error_message = "The days of immutability are whole numbers from 1 to 36500. Given: ${jsonencode(var.immutability)}. Use such numbers."
  }

  validation {
    condition = alltrue([
      for name, days in local.days_kept : try(var.immutability["${name}_days"] <= days, true) && try(var.immutability.default_days <= days, true)
    ])
    error_message = "A backup cannot be locked for longer than retention keeps it: S3 would hide it when it expires and still bill it. Locked longer: ${join(", ", concat(
      [for name, days in local.days_kept : "${name}_days ${var.immutability["${name}_days"]}, kept ${days}" if !try(var.immutability["${name}_days"] <= days, true)],
      [for name, days in local.days_kept : "default_days ${var.immutability.default_days}, ${name} kept ${days}" if !try(var.immutability.default_days <= days, true)],
    ))}. Lock shorter, or raise the days in retention."
  }

  validation {
    condition     = alltrue([for name in local.locked_classes : contains(keys(local.days_kept), name) || try(var.immutability["${name}_days"], null) == null])
    error_message = "immutability locks classes that retention has: ${join(", ", [for name in local.locked_classes : name if try(var.immutability["${name}_days"], null) != null && !contains(keys(local.days_kept), name)])} is none of them, so nothing would be locked by it. Add the class to retention, or remove it here."
  }

  validation {
    condition     = alltrue([for arn in try(var.immutability.administrator_arns, []) : can(regex("^arn:[^:]+:(iam|sts)::([0-9]{12}|\\*):.+$", arn))])
    error_message = "immutability.administrator_arns holds ARNs of IAM roles, users or an account's root (arn:aws:iam::ACCOUNT:role/NAME). Given: ${jsonencode(try(var.immutability.administrator_arns, []))}. Correct those that are no such ARN."
  }

  validation {
    condition     = try(length(var.immutability.administrator_arns), 0) == 0 || var.bucket.create
    error_message = "immutability.administrator_arns is for the policy of a bucket that the module creates. Given: bucket.create = false. Remove it, and take the statements of docs/immutability.md into your bucket's policy."
  }

  validation {
    condition     = try(var.immutability.mode, "") != "COMPLIANCE" || !var.bucket.force_destroy
    error_message = "bucket.force_destroy cannot delete what is locked in COMPLIANCE mode: nobody can. Given: both. Set force_destroy = false, or mode = \"GOVERNANCE\"."
  }
}

variable "replication" {
  description = <<-EOT
    A second bucket to which S3 copies every object under exports_prefix, in another region or account. Default null: none. modules/replica_bucket makes such a bucket, with object_lock where immutability is set; see docs/disaster-recovery.md. Objects that are there already are not copied, and what is deleted here stays there.
    - bucket_arn: ARN of the bucket, which must have versioning on.
    - account_id: the bucket's account, if it is another than this one; the copies then belong to that account. Default: this account.
    - kms_key_arn: key in the bucket's region under which the copies are encrypted. Required with kms_key_arn, and only then.
    - storage_class: of the copies: "STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING" or "GLACIER_IR". Default: as here.
    - time_control: true has S3 promise 99.99 % of the copies within 15 minutes, for a price per GB. Default false.
  EOT
  type = object({
    bucket_arn    = string
    account_id    = optional(string)
    kms_key_arn   = optional(string)
    storage_class = optional(string)
    time_control  = optional(bool, false)
  })
  default = null

  validation {
    condition     = var.replication == null || var.bucket.create
    error_message = "replication is a setting of the bucket, and the module leaves an existing one (bucket.create = false) untouched. Given: both. Set replication up where that bucket is made, or leave create true."
  }

  validation {
    condition     = var.replication == null ? true : can(regex("^arn:[a-z-]+:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.replication.bucket_arn))
    error_message = "replication.bucket_arn is a bucket's ARN (arn:aws:s3:::NAME). Given: \"${try(var.replication.bucket_arn, "null")}\". Use the arn attribute of aws_s3_bucket, or the output bucket.arn of modules/replica_bucket."
  }

  validation {
    condition     = try(var.replication.account_id == null || can(regex("^[0-9]{12}$", var.replication.account_id)), true)
    error_message = "replication.account_id is an AWS account id of 12 digits. Given: \"${try(coalesce(var.replication.account_id), "null")}\". Write it as a string, so that leading zeros stay."
  }

  validation {
    condition     = var.replication == null ? true : (var.kms_key_arn == null) == (var.replication.kms_key_arn == null)
    error_message = "Backups under a KMS key are copied under a key of the other region: kms_key_arn and replication.kms_key_arn are given both or neither. Given: only ${var.kms_key_arn == null ? "replication.kms_key_arn" : "kms_key_arn"}. Add the other one, or leave out both."
  }

  validation {
    condition     = try(var.replication.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.replication.kms_key_arn)), true)
    error_message = "replication.kms_key_arn is the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID): IAM policies do not accept an alias or a bare id. Given: \"${coalesce(try(var.replication.kms_key_arn, null), " ")}\". Use the arn attribute of aws_kms_key in the copy's region."
  }

  validation {
    condition     = try(var.replication.storage_class == null || contains(["STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"], var.replication.storage_class), true)
    error_message = "replication.storage_class is \"STANDARD\", \"STANDARD_IA\", \"ONEZONE_IA\", \"INTELLIGENT_TIERING\" or \"GLACIER_IR\": copies in colder classes could not be restored at once. Given: \"${try(coalesce(var.replication.storage_class), "null")}\". Use one of these, or leave it out."
  }
}

variable "kms_key_arn" {
  description = <<-EOT
    ARN of the KMS key under which exports, and the bucket if the module creates it, are encrypted. The functions are allowed to use it; the key's policy must allow the account to delegate that.
    Default null: S3's own keys (SSE-S3).
  EOT
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.kms_key_arn))
    error_message = "kms_key_arn is a key's ARN (arn:aws:kms:REGION:ACCOUNT:key/ID): IAM policies do not accept an alias or a bare id. Given: \"${coalesce(var.kms_key_arn, "null")}\". Use the arn attribute of aws_kms_key."
  }
}

variable "service_kms_key_arn" {
  description = <<-EOT
    ARN of the KMS key under which everything else is encrypted that can hold a key of yours: topics that the module creates, unless notifications.kms_key_arn says another, log groups, unless logs.kms_key_arn does, the queue of undelivered starts, and the functions' environment variables. It may be the key of the backups; its policy must let some services use it: docs/encryption.md.
    Default null: AWS's own keys.
  EOT
  type        = string
  default     = null

  validation {
    condition     = var.service_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.service_kms_key_arn))
    error_message = "service_kms_key_arn is a key's ARN (arn:aws:kms:REGION:ACCOUNT:key/ID): IAM policies do not accept an alias or a bare id. Given: \"${coalesce(var.service_kms_key_arn, "null")}\". Use the arn attribute of aws_kms_key."
  }
}

# When backups are made, and who hears of how they ended

variable "schedules" {
  description = <<-EOT
    When backups of all tables are made, by names of your choice. An empty map: never by itself. Default: "daily" at 03:00 UTC.
    - expression: EventBridge Scheduler's cron(...), rate(...) or at(...).
    - time_zone: IANA time zone in which cron and at are read, daylight saving included. Default "UTC".
    - flexible_window_minutes: the backup starts within so many minutes after its time; 0 is off. Default 15.
    - enabled: false keeps the schedule but does not start backups. Default true.
    - export_type: FULL_EXPORT, or INCREMENTAL_EXPORT for the changes since the last backup, every 15 minutes to 24 hours. Default FULL_EXPORT.
  EOT
  type = map(object({
    expression              = string
    time_zone               = optional(string, "UTC")
    flexible_window_minutes = optional(number, 15)
    enabled                 = optional(bool, true)
    export_type             = optional(string, "FULL_EXPORT")
  }))
  default  = { daily = { expression = "cron(0 3 * * ? *)" } }
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.schedules) : can(regex("^[A-Za-z0-9_.-]{1,64}$", name))])
    error_message = "The names of schedules have 1 to 64 characters out of a-z, A-Z, 0-9, \"_\", \".\" and \"-\". Not such a name: ${join(", ", [for name in keys(var.schedules) : "\"${name}\"" if !can(regex("^[A-Za-z0-9_.-]{1,64}$", name))])}. Write for example \"daily\"."
  }

  validation {
    condition     = alltrue([for schedule in values(var.schedules) : can(regex("^(cron|rate|at)\\(.+\\)$", schedule.expression))])
    error_message = "A schedule's expression is cron(minutes hours day month weekday year), rate(value unit) or at(time). Not such: ${join(", ", [for name, schedule in var.schedules : "${name} \"${schedule.expression}\"" if !can(regex("^(cron|rate|at)\\(.+\\)$", schedule.expression))])}. Write for example \"cron(0 3 * * ? *)\" or \"rate(12 hours)\"."
  }

  validation {
    condition     = alltrue([for minutes in values(var.schedules)[*].flexible_window_minutes : minutes >= 0 && minutes <= 1440 && floor(minutes) == minutes])
    error_message = "flexible_window_minutes is a whole number from 1 to 1440, or 0 for no window. Given: ${join(", ", [for name, schedule in var.schedules : "${name} ${schedule.flexible_window_minutes}"])}. Use numbers in that range."
  }

  validation {
    condition     = alltrue([for schedule in values(var.schedules) : contains(["FULL_EXPORT", "INCREMENTAL_EXPORT"], schedule.export_type)])
    error_message = "A schedule's export_type is FULL_EXPORT or INCREMENTAL_EXPORT. Given: ${join(", ", [for name, schedule in var.schedules : "${name} \"${schedule.export_type}\""])}. Write for example \"INCREMENTAL_EXPORT\"."
  }

  # DynamoDB exports windows of 15 minutes and more; a shorter rate would find nothing to export every other time.
  # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport_Requesting.html
  validation {
    condition     = alltrue([for schedule in values(var.schedules) : schedule.export_type == "FULL_EXPORT" || try(tonumber(regex("^rate\\((\\d+) minutes?\\)$", schedule.expression)[0]) >= 15, true)])
    error_message = "DynamoDB's incremental exports hold at least 15 minutes of changes, so a schedule of them cannot come more often. Given: ${join(", ", [for name, schedule in var.schedules : "${name} \"${schedule.expression}\"" if schedule.export_type == "INCREMENTAL_EXPORT"])}. Write for example \"rate(15 minutes)\"."
  }
}

variable "notifications" {
  description = <<-EOT
    SNS topics that are told how a backup ended, in words. Subscribe people or a pager to them.
    - failure.create: true creates a topic for backups that did not succeed and for the alarms. Default true.
    - failure.topic_arn: an existing topic to use instead, with create = false; its policy must let CloudWatch publish. Default: none.
    - success.create: true creates a topic for backups that succeeded. Default false.
    - success.topic_arn: an existing topic to use instead, with create = false. Default: none, so that nobody hears of successes.
    - kms_key_arn: key that encrypts the topics, created or existing. Its policy must let cloudwatch.amazonaws.com use it, or alarms are lost; AWS's own key (alias/aws/sns) cannot. Default: service_kms_key_arn for created ones.
  EOT
  type = object({
    failure = optional(object({
      create    = optional(bool, true)
      topic_arn = optional(string)
    }), {})
    success = optional(object({
      create    = optional(bool, false)
      topic_arn = optional(string)
    }), {})
    kms_key_arn = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for topic in [var.notifications.failure, var.notifications.success] : topic.topic_arn == null || !topic.create])
    error_message = "A topic of notifications is either created or existing, so create and topic_arn exclude each other. Given: failure.create = ${var.notifications.failure.create}, success.create = ${var.notifications.success.create}, and a topic_arn beside a true one. Set create = false there, or leave topic_arn out."
  }

  validation {
    condition     = alltrue([for topic in [var.notifications.failure, var.notifications.success] : topic.topic_arn == null || can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", topic.topic_arn))])
    error_message = "topic_arn is the ARN of a standard SNS topic (arn:aws:sns:REGION:ACCOUNT:NAME), not of a FIFO topic or a subscription. Given: failure \"${coalesce(var.notifications.failure.topic_arn, "null")}\", success \"${coalesce(var.notifications.success.topic_arn, "null")}\". Use the arn attribute of aws_sns_topic."
  }

  validation {
    condition     = var.notifications.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.notifications.kms_key_arn))
    error_message = "notifications.kms_key_arn is a key's ARN (arn:aws:kms:REGION:ACCOUNT:key/ID): IAM policies do not accept an alias or a bare id. Given: \"${coalesce(var.notifications.kms_key_arn, "null")}\". Use the arn attribute of aws_kms_key."
  }
}

variable "max_backup_age_hours" {
  description = "Hours without a verified backup after which the alarm of a table goes off, also where no backup was even tried. Default 26: a daily backup, with two hours to run. At most 168; null for no such alarms, for example with a weekly schedule."
  type        = number
  default     = 26

  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
  validation {
    condition     = try(var.max_backup_age_hours >= 1 && var.max_backup_age_hours <= 168 && floor(var.max_backup_age_hours) == var.max_backup_age_hours, var.max_backup_age_hours == null)
    error_message = "max_backup_age_hours is a whole number from 1 to 168, because a CloudWatch alarm looks back at most seven days, or null for none. Given: ${coalesce(var.max_backup_age_hours, 0)}. Use a number in that range."
  }
}

variable "item_count_collapse" {
  description = <<-EOT
    When a verified full backup holds suspiciously few items: somebody is told, and no older backup of that table is given to expiry until a later backup holds them again or a person accepts it, by {"action": "accept_collapse", "tables": [...]} on the backup function. null: counts are not compared.
    - percent: told if a backup holds less than this percentage of the items of the one before. Default 50.
    - minimum_items: a table with fewer items before is told only when it is empty. Default 10.
    - except_tables: tables that may lose items at any time, by their names as in tables. Default: none.
  EOT
  type = object({
    percent       = optional(number, 50)
    minimum_items = optional(number, 10)
    except_tables = optional(set(string), [])
  })
  default = {}

  validation {
    condition     = var.item_count_collapse == null || try(var.item_count_collapse.percent >= 1 && var.item_count_collapse.percent <= 100 && floor(var.item_count_collapse.percent) == var.item_count_collapse.percent, false)
    error_message = "item_count_collapse.percent is a whole number from 1 to 100. Given: ${jsonencode(try(var.item_count_collapse.percent, null))}. Use a number in that range, or item_count_collapse = null to compare nothing."
  }

  validation {
    condition     = var.item_count_collapse == null || try(var.item_count_collapse.minimum_items >= 0 && floor(var.item_count_collapse.minimum_items) == var.item_count_collapse.minimum_items, false)
    error_message = "item_count_collapse.minimum_items is a whole number of at least 0. Given: ${jsonencode(try(var.item_count_collapse.minimum_items, null))}. Use such a number, or leave it out for 10."
  }

  validation {
    condition     = try(alltrue([for table in var.item_count_collapse.except_tables : contains(keys(local.tables), table) || contains(values(local.tables), table)]), var.item_count_collapse == null)
    error_message = "item_count_collapse.except_tables is for tables that are in tables, too. Not among them: ${try(join(", ", [for table in var.item_count_collapse.except_tables : "\"${table}\"" if !contains(keys(local.tables), table) && !contains(values(local.tables), table)]), "null")}. Correct the name, or remove it."
  }
}

variable "offsite_copy" {
  description = <<-EOT
    A copy of every verified backup in another S3-compatible store (Backblaze B2, Cloudflare R2, MinIO, ...), and the way back from it. Default null: none. See docs/offsite-copy.md.
    - endpoint_url: the store's S3 endpoint, https://HOST. region: as the store names it, "auto" for R2. bucket: an existing bucket there.
    - prefix: under which the copy lies there. Default: that of exports_prefix.
    - secret_arn: ARN of a Secrets Manager secret, a JSON object with access_key_id and secret_access_key of the store. secret_kms_key_arn: the key it is encrypted with. Default: AWS's own.
    - schedule, time_zone: EventBridge Scheduler's cron(...) or rate(...): when it is looked for backups that are not copied. Default "rate(1 hour)" and "UTC".
    - days: how far back it is looked. Default 7.
    - max_age_hours: the alarm of a table goes off when the newest copy is of longer ago. Default 30.
    - allow_fetch: the function may also write backups from the store into the bucket, for a restore. Default false.
    - memory_mb, timeout_seconds: of the function, 512 to 10240 and 10 to 900. Default 1024 and 900.
  EOT
  type = object({
    endpoint_url       = string
    region             = string
    bucket             = string
    prefix             = optional(string)
    secret_arn         = string
    secret_kms_key_arn = optional(string)
    schedule           = optional(string, "rate(1 hour)")
    time_zone          = optional(string, "UTC")
    days               = optional(number, 7)
    max_age_hours      = optional(number, 30)
    allow_fetch        = optional(bool, false)
    memory_mb          = optional(number, 1024)
    timeout_seconds    = optional(number, 900)
  })
  default = null

  # Without TLS only to this machine, where a store for trying things out may run.
  validation {
    condition     = var.offsite_copy == null || can(regex("^(https://[^/?#@\\s]+|http://(localhost|127[.]0[.]0[.]1)(:[0-9]+)?)/?$", var.offsite_copy.endpoint_url))
    error_message = "offsite_copy.endpoint_url begins with https:// and holds no more than the store's host and port. Given: \"${try(var.offsite_copy.endpoint_url, "")}\". Write for example \"https://s3.eu-central-003.backblazeb2.com\"."
  }

  validation {
    condition     = var.offsite_copy == null || can(regex("^[a-z0-9-]+$", var.offsite_copy.region)) && can(regex("^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$", var.offsite_copy.bucket))
    error_message = "offsite_copy.region has small letters, digits and \"-\", and offsite_copy.bucket is the bucket's name alone. Given: \"${try(var.offsite_copy.region, "")}\" and \"${try(var.offsite_copy.bucket, "")}\". Write them as the store shows them, without s3:// or a path."
  }

  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
  validation {
    condition     = var.offsite_copy == null || can(regex("^[A-Za-z0-9!_.'()-]+(/[A-Za-z0-9!_.'()-]+)*$", coalesce(try(var.offsite_copy.prefix, null), "x")))
    error_message = "offsite_copy.prefix has parts of letters, digits and !_.'()- with one \"/\" between them and none at the ends. Given: \"${coalesce(try(var.offsite_copy.prefix, null), " ")}\". Write for example \"shop/native-exports\"."
  }

  validation {
    condition     = var.offsite_copy == null || can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+$", var.offsite_copy.secret_arn))
    error_message = "offsite_copy.secret_arn is the ARN of a Secrets Manager secret, never the key itself. Given: ${try(startswith(var.offsite_copy.secret_arn, "arn:") ? "\"${var.offsite_copy.secret_arn}\"" : "no ARN", "")}. Use the arn attribute of aws_secretsmanager_secret."
  }

  validation {
    condition     = try(var.offsite_copy.secret_kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", var.offsite_copy.secret_kms_key_arn)), true)
    error_message = "offsite_copy.secret_kms_key_arn is the ARN of a key (arn:aws:kms:REGION:ACCOUNT:key/ID): IAM policies do not accept an alias or a bare id. Given: \"${coalesce(try(var.offsite_copy.secret_kms_key_arn, null), " ")}\". Use the arn attribute of aws_kms_key."
  }

  validation {
    condition     = var.offsite_copy == null || can(regex("^(cron|rate)\\(.+\\)$", var.offsite_copy.schedule))
    error_message = "offsite_copy.schedule is cron(minutes hours day month weekday year) or rate(value unit). Given: \"${try(var.offsite_copy.schedule, "")}\". Write for example \"rate(1 hour)\"."
  }

  validation {
    condition     = try(alltrue([for number in [var.offsite_copy.days, var.offsite_copy.max_age_hours] : number >= 1 && floor(number) == number]), true)
    error_message = "offsite_copy.days and offsite_copy.max_age_hours are whole numbers of at least 1. Given: ${try(var.offsite_copy.days, 0)} and ${try(var.offsite_copy.max_age_hours, 0)}. Write for example 7 and 30."
  }

  # Eight parts of an object are in memory at the same time.
  validation {
    condition     = try(var.offsite_copy.memory_mb >= 512 && var.offsite_copy.memory_mb <= 10240 && var.offsite_copy.timeout_seconds >= 10 && var.offsite_copy.timeout_seconds <= 900, true)
    error_message = "The off-site copy needs a memory_mb of 512 to 10240 and a timeout_seconds of 10 to 900. Given: offsite_copy.memory_mb ${try(var.offsite_copy.memory_mb, 0)}, timeout_seconds ${try(var.offsite_copy.timeout_seconds, 0)}. Use numbers in these ranges."
  }
}

variable "restore_tests" {
  description = <<-EOT
    Restore tests: each table's newest backup is restored into a scratch table, compared with it item by item, and the scratch table is deleted. Default null: none. See docs/restore-tests.md, also for what they cost.
    - schedule: EventBridge Scheduler's cron(...), rate(...) or at(...). Default "cron(0 5 ? * SUN *)", Sundays at 05:00.
    - time_zone: IANA time zone of it. Default "UTC".
    - tables: the tables to test, by their names as in tables. Default: all.
    - max_table_bytes: larger tables are skipped, and said to be; 0 tests any size. Default 1073741824 (1 GiB).
    - max_age_hours: the alarm of a table goes off when it was not proven restorable for so long. Default 192, eight days.
    - scratch_prefix: how the names of scratch tables begin, and only of them. Default "<app_name>-<environment>-restore-test-".
    - table_kms_key_arns: keys under which the tables are encrypted, for their scratch tables. Default: none, which suits tables under AWS's own keys.
    - memory_mb, timeout_seconds: of the function, 128 to 10240 and 10 to 900. Default 1769 and 900.
  EOT
  type = object({
    schedule           = optional(string, "cron(0 5 ? * SUN *)")
    time_zone          = optional(string, "UTC")
    tables             = optional(set(string))
    max_table_bytes    = optional(number, 1073741824)
    max_age_hours      = optional(number, 192)
    scratch_prefix     = optional(string)
    table_kms_key_arns = optional(set(string), [])
    memory_mb          = optional(number, 1769)
    timeout_seconds    = optional(number, 900)
  })
  default = null

  validation {
    condition     = var.restore_tests == null || can(regex("^(cron|rate|at)\\(.+\\)$", var.restore_tests.schedule))
    error_message = "restore_tests.schedule is cron(minutes hours day month weekday year), rate(value unit) or at(time). Given: \"${try(var.restore_tests.schedule, "")}\". Write for example \"cron(0 5 ? * SUN *)\"."
  }

  validation {
    condition     = try(length(var.restore_tests.tables) > 0 && alltrue([for table in var.restore_tests.tables : contains(keys(local.tables), table) || contains(values(local.tables), table)]), true)
    error_message = "restore_tests.tables names some of tables, at least one. Given: ${try(jsonencode(var.restore_tests.tables), "")}. Correct the names, or leave it out to test all."
  }

  validation {
    condition     = try(var.restore_tests.max_table_bytes >= 0 && floor(var.restore_tests.max_table_bytes) == var.restore_tests.max_table_bytes, true)
    error_message = "restore_tests.max_table_bytes is a whole number of bytes, or 0 for any size. Given: ${try(coalesce(var.restore_tests.max_table_bytes, 0), 0)}. Write for example 1073741824 for 1 GiB."
  }

  validation {
    condition     = try(var.restore_tests.max_age_hours >= 1, true)
    error_message = "restore_tests.max_age_hours is at least 1, and longer than the time between two tests. Given: ${try(var.restore_tests.max_age_hours, 0)}. Write for example 192 for a weekly test."
  }

  validation {
    condition     = var.restore_tests == null || can(regex("^[A-Za-z0-9_.-]{7,63}[-_.]$", coalesce(try(var.restore_tests.scratch_prefix, null), local.default_scratch_prefix)))
    error_message = "restore_tests.scratch_prefix has 8 to 64 characters out of a-z, A-Z, 0-9, \"_\", \".\" and \"-\", and ends with one of the last three. Given: \"${coalesce(try(var.restore_tests.scratch_prefix, null), local.default_scratch_prefix)}\". Write for example \"shop-restore-test-\"."
  }

  # The role of restore tests may delete whatever begins with the prefix.
  validation {
    condition     = var.restore_tests == null || alltrue([for table in setunion(local.table_names, var.restore_target_tables) : !startswith(table, coalesce(try(var.restore_tests.scratch_prefix, null), local.default_scratch_prefix))])
    error_message = "No table that is backed up or restored into may begin with restore_tests.scratch_prefix \"${coalesce(try(var.restore_tests.scratch_prefix, null), local.default_scratch_prefix)}\": scratch tables are deleted. Given: ${join(", ", [for table in setunion(local.table_names, var.restore_target_tables) : "\"${table}\"" if startswith(table, coalesce(try(var.restore_tests.scratch_prefix, null), local.default_scratch_prefix))])}. Choose another prefix."
  }

  validation {
    condition     = try(alltrue([for arn in var.restore_tests.table_kms_key_arns : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", arn))]), true)
    error_message = "restore_tests.table_kms_key_arns holds ARNs of keys (arn:aws:kms:REGION:ACCOUNT:key/ID): IAM policies do not accept an alias or a bare id. Given: ${try(join(", ", var.restore_tests.table_kms_key_arns), "")}. Use the arn attribute of aws_kms_key."
  }

  validation {
    condition     = try(var.restore_tests.memory_mb >= 128 && var.restore_tests.memory_mb <= 10240 && var.restore_tests.timeout_seconds >= 10 && var.restore_tests.timeout_seconds <= 900, true)
    error_message = "Lambda takes a memory_mb of 128 to 10240 and a timeout_seconds of at most 900, of which the function needs 10. Given: restore_tests.memory_mb ${try(var.restore_tests.memory_mb, 0)}, timeout_seconds ${try(var.restore_tests.timeout_seconds, 0)}. Use numbers in these ranges."
  }
}

variable "dashboard" {
  description = "Whether there is a CloudWatch dashboard of alarms, newest backups, sizes, failures and restores. Default true."
  type        = bool
  default     = true
  nullable    = false
}

variable "http_api" {
  description = <<-EOT
    HTTP API (API Gateway) to start, follow and list backups, restores and verifications: docs/api.md. Default null: there is none. {}: callers sign with IAM credentials that allow execute-api:Invoke.
    - jwt: callers send a token of an OpenID Connect issuer instead. issuer: its URL; audiences: one of these is in the token; read_scopes, write_scopes: one of these is in the token for GET, for POST.
    - throttling.requests_per_second, throttling.burst: more is answered with 429. Default 10 and 20.
    - access_log_retention_days: days for which CloudWatch keeps the log of who asked for what; 0 is forever. Default 90.
  EOT
  type = object({
    jwt = optional(object({
      issuer       = string
      audiences    = set(string)
      read_scopes  = set(string)
      write_scopes = set(string)
    }))
    throttling = optional(object({
      requests_per_second = optional(number, 10)
      burst               = optional(number, 20)
    }), {})
    access_log_retention_days = optional(number, 90)
  })
  default = null

  validation {
    condition     = try(can(regex("^https://[^/ ]+(/[^ ]*)?$", var.http_api.jwt.issuer)) && length(var.http_api.jwt.audiences) > 0, true)
    error_message = "http_api.jwt has the issuer's URL, which begins with https://, and at least one audience. Given: \"${try(var.http_api.jwt.issuer, "null")}\", ${try(length(var.http_api.jwt.audiences), 0)} audiences. Write for example issuer = \"https://login.example.com/\", audiences = [\"backups\"]."
  }

  # Without a scope every token of the issuer for the audience could overwrite tables.
  validation {
    condition     = try(length(var.http_api.jwt.read_scopes) > 0 && length(var.http_api.jwt.write_scopes) > 0, true)
    error_message = "http_api.jwt names at least one scope that may read and one that may start backups and restores. Given: ${try(length(var.http_api.jwt.read_scopes), 0)} read_scopes, ${try(length(var.http_api.jwt.write_scopes), 0)} write_scopes. Write for example write_scopes = [\"backups.write\"]."
  }

  validation {
    condition     = try(alltrue([for limit in values(var.http_api.throttling) : limit >= 1 && limit <= 10000 && floor(limit) == limit]), true)
    error_message = "http_api.throttling has whole numbers from 1 to 10000. Given: requests_per_second ${try(var.http_api.throttling.requests_per_second, "null")}, burst ${try(var.http_api.throttling.burst, "null")}. Use numbers in that range."
  }

  validation {
    condition     = try(contains([0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.http_api.access_log_retention_days), true)
    error_message = "CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days, or 0 for ever. Given: http_api.access_log_retention_days = ${try(var.http_api.access_log_retention_days, "null")}. Use the next of these numbers."
  }
}

# How the functions run

variable "functions" {
  description = <<-EOT
    Settings of the Lambda functions.
    - architecture: "arm64" or "x86_64". Default "arm64".
    - runtime: Python runtime from python3.11. Default "python3.13".
    - backup.memory_mb, restore.memory_mb, verify.memory_mb: 128 to 10240; CPU grows with it, and 1769 is one full core. Default 1024, 1769 and 1769.
    - backup.timeout_seconds, restore.timeout_seconds, verify.timeout_seconds: 10 to 900. A run that needs longer is continued by the next invocation. Default 900.
  EOT
  type = object({
    architecture = optional(string, "arm64")
    runtime      = optional(string, "python3.13")
    backup = optional(object({
      memory_mb       = optional(number, 1024)
      timeout_seconds = optional(number, 900)
    }), {})
    restore = optional(object({
      memory_mb       = optional(number, 1769)
      timeout_seconds = optional(number, 900)
    }), {})
    verify = optional(object({
      memory_mb       = optional(number, 1769)
      timeout_seconds = optional(number, 900)
    }), {})
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

  validation {
    condition     = alltrue([for settings in [var.functions.backup, var.functions.restore, var.functions.verify] : settings.memory_mb >= 128 && settings.memory_mb <= 10240])
    error_message = "Lambda's memory_mb is 128 to 10240. Given: backup ${var.functions.backup.memory_mb}, restore ${var.functions.restore.memory_mb}, verify ${var.functions.verify.memory_mb}. Use numbers in that range."
  }

  validation {
    condition     = alltrue([for settings in [var.functions.backup, var.functions.restore, var.functions.verify] : settings.timeout_seconds >= 10 && settings.timeout_seconds <= 900])
    error_message = "timeout_seconds is 10 to 900: Lambda allows no more, and the functions stop 5 seconds before it to answer. Given: backup ${var.functions.backup.timeout_seconds}, restore ${var.functions.restore.timeout_seconds}, verify ${var.functions.verify.timeout_seconds}. Use numbers in that range; longer runs are continued by the next invocation."
  }
}

variable "package" {
  description = <<-EOT
    The functions' code. Default null: the zip that comes with the module, so that no build tool is needed.
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

variable "layer" {
  description = <<-EOT
    The layer with Powertools for AWS Lambda (Python). Default null: the one that AWS publishes, found through its public SSM parameter. Otherwise the first of these that is given:
    - arn: ARN of a layer version.
    - zip_path: path of a layer zip, such as the module's dist/layer.zip, of which a layer is made.
    - s3: a layer zip in S3 of which a layer is made: bucket, key and optionally version.
  EOT
  type = object({
    arn      = optional(string)
    zip_path = optional(string)
    s3 = optional(object({
      bucket  = string
      key     = string
      version = optional(string)
    }))
  })
  default = null

  validation {
    condition     = var.layer == null || try(var.layer.arn != null || var.layer.zip_path != null || var.layer.s3 != null, true)
    error_message = "layer holds one of arn, zip_path and s3. Given: none of them. Add one, or leave layer null for the public Powertools layer."
  }

  validation {
    condition     = try(var.layer.arn, null) == null || can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:layer:[A-Za-z0-9_-]+:[0-9]+$", var.layer.arn))
    error_message = "layer.arn is the ARN of a layer version (arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION). Given: \"${try(coalesce(var.layer.arn), "null")}\". Add the version number."
  }

  validation {
    condition     = try(var.layer.zip_path, null) == null || try(var.layer.arn, null) != null || try(fileexists(var.layer.zip_path), false)
    error_message = "layer.zip_path is the path of an existing file. Given: \"${try(coalesce(var.layer.zip_path), "null")}\". Build the module's layer with `make dist`, or leave layer null for the public Powertools layer."
  }
}

variable "verify_package_checksums" {
  description = <<-EOT
    Whether a plan compares the zips that it would deploy with the module's dist/SHA256SUMS, and refuses any other: dist/function.zip, and layer.zip_path where it is given. Default false.
    What comes from S3 cannot be compared and is refused; a layer version given by its ARN, or published by AWS, does not change and is taken.
  EOT
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.verify_package_checksums || var.package != null || try(filesha256(local.package_path), "") == lookup(local.published_checksums, "function.zip", "none")
    error_message = "With verify_package_checksums, dist/function.zip is the file that dist/SHA256SUMS names. SHA-256 of the file: ${try(filesha256(local.package_path), "no such file")}; named there: ${lookup(local.published_checksums, "function.zip", "none")}. Do not deploy it: get the module again at the commit that you trust. If you changed the functions yourself, run `make dist`."
  }

  validation {
    condition     = !var.verify_package_checksums || var.package == null
    error_message = "verify_package_checksums compares files of the module, and package takes the code from S3. Given: package.s3_key = \"${try(var.package.s3_key, "")}\". Remove one of the two; compare what you upload with `sha256sum --check --ignore-missing SHA256SUMS`."
  }

  validation {
    condition     = !var.verify_package_checksums || try(var.layer.arn != null || var.layer.zip_path == null, true) || try(filesha256(var.layer.zip_path), "") == lookup(local.published_checksums, "layer.zip", "none")
    error_message = "With verify_package_checksums, layer.zip_path is the layer.zip that dist/SHA256SUMS names. SHA-256 of \"${try(coalesce(var.layer.zip_path), "")}\": ${try(filesha256(var.layer.zip_path), "no such file")}; named there: ${lookup(local.published_checksums, "layer.zip", "none")}. Build it again with `make dist`, which gives the same bytes everywhere, or leave layer null for the public Powertools layer."
  }

  validation {
    condition     = !var.verify_package_checksums || try(var.layer.arn != null || var.layer.zip_path != null || var.layer.s3 == null, true)
    error_message = "verify_package_checksums compares files, and layer.s3 takes the layer from S3. Given: layer.s3.key = \"${try(var.layer.s3.key, "")}\". Use layer.zip_path or layer.arn, or compare what you upload with `sha256sum --check --ignore-missing SHA256SUMS` and remove verify_package_checksums."
  }
}

variable "logs" {
  description = <<-EOT
    The functions' logs.
    - retention_days: days for which CloudWatch keeps them; 0 is forever. Default 30.
    - kms_key_arn: key that encrypts them; its policy must allow CloudWatch Logs. Default: service_kms_key_arn, else CloudWatch's own.
    - level: "DEBUG", "INFO", "WARNING" or "ERROR". Item data is never logged. Default "INFO".
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

variable "audit" {
  description = <<-EOT
    Audit records: who began which backup, restore, undo, legal hold and restore test, with what event, when, and how it ended, without item data. A line each in the log group <app_name>-<environment>-dynamodb-audit, and an object for each restore and undo in the bucket. See docs/audit.md.
    - retention_days: days for which both are kept; 0 is for ever. Default 365.
    Default: null, none.
  EOT
  type = object({
    retention_days = optional(number, 365)
  })
  default = null

  validation {
    condition     = contains([0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], try(var.audit.retention_days, 365))
    error_message = "CloudWatch keeps logs for 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653 days, or 0 for ever. Given: audit.retention_days = ${try(var.audit.retention_days, 365)}. Use the next of these numbers."
  }
}

variable "vpc" {
  description = <<-EOT
    VPC in which the functions run. Default null: none. The subnets need a way to S3 and DynamoDB (gateway endpoints), with restore_target_roles to STS, with http_api to Step Functions, with audit to CloudWatch Logs, and with offsite_copy to Secrets Manager and the store (interface endpoints or NAT); not to SNS or KMS, and not to CloudWatch Logs for their own logs. See docs/encryption.md.
    - subnet_ids: subnets of the functions.
    - security_group_ids: their security groups.
  EOT
  type = object({
    subnet_ids         = set(string)
    security_group_ids = set(string)
  })
  default = null

  validation {
    condition     = try(length(var.vpc.subnet_ids) > 0 && length(var.vpc.security_group_ids) > 0, var.vpc == null)
    error_message = "A function in a VPC needs at least one subnet and one security group. Given: ${try(length(var.vpc.subnet_ids), 0)} subnets, ${try(length(var.vpc.security_group_ids), 0)} security groups. Add the missing ones, or leave vpc null."
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
