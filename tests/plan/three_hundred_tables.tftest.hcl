# Three hundred tables in one module block. make long plans them; many_tables.tftest.hcl shows the same with as many as it takes.

provider "aws" {
  region                      = "eu-west-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012", arn = "arn:aws:sts::123456789012:assumed-role/terraform/session" }
}

override_data {
  target = data.aws_ssm_parameter.powertools
  values = { insecure_value = "arn:aws:lambda:eu-west-1:017000801446:layer:Powertools:1" }
}

variables {
  app_name    = "mfa-api"
  environment = "production"
  tables      = [for i in range(300) : format("mfa-api_production_%s_global", substr(sha256(tostring(i)), 0, 13))]
  dashboard   = false

  # Three hundred alarms would be most of what this takes.
  max_backup_age_hours = null
}

run "three_hundred_tables_with_names_of_40_characters" {
  command = plan

  assert {
    condition     = alltrue([for function in [module.backup, module.restore, module.verify] : length(function.policies[0]) <= 10240 && length(function.policies) <= 11 && max([for policy in slice(function.policies, 1, length(function.policies)) : length(policy)]...) <= 6144])
    error_message = "Policies: ${jsonencode([for function in [module.backup, module.restore, module.verify] : [for policy in function.policies : length(policy)]])}"
  }

  # The shares together allow just what the one document allows.
  assert {
    condition = alltrue([for function in [module.backup, module.restore, module.verify] :
      toset(flatten([for policy in function.policies : [for s in jsondecode(policy).Statement : [for pair in setproduct(flatten([s.Action]), flatten([s.Resource])) : "${s.Effect} ${pair[0]} ${pair[1]} ${jsonencode(try(s.Condition, null))}"]]])) ==
      toset(flatten([for s in jsondecode(function.policy_json).Statement : [for pair in setproduct(flatten([s.Action]), flatten([s.Resource])) : "${s.Effect} ${pair[0]} ${pair[1]} ${jsonencode(try(s.Condition, null))}"]]))
    ])
    error_message = "Sharing the tables out has changed what is allowed."
  }

  assert {
    condition     = alltrue([for function in [module.backup, module.restore, module.verify] : length(jsonencode(function.environment)) <= 4096])
    error_message = "Environments: ${jsonencode([for function in [module.backup, module.restore, module.verify] : length(jsonencode(function.environment))])}"
  }
}
