output "backup_function" {
  description = "Name of the function that makes the backups."
  value       = module.on_demand_backup.functions.create.name
}

output "monitor_function" {
  description = "Name of the function that watches the backups."
  value       = module.on_demand_backup.functions.monitor.name
}

output "queues" {
  description = "Queues of the backups that are watched, and of those that could not be."
  value       = module.on_demand_backup.queues
}

output "schedule" {
  description = "Name and group of the schedule."
  value       = module.on_demand_backup.schedule
}

output "topic_arn" {
  description = "Topic that hears of failures."
  value       = module.on_demand_backup.topic_arn
}
