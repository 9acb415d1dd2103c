# A verification of any length: a state machine that invokes the verify function until it has ended. The HTTP API starts it, and
# without that it is not there.

module "verify_state_machine" {
  source = "./modules/state_machine"
  count  = var.http_api == null ? 0 : 1

  name          = "${local.prefix}-dynamodb-verify"
  function_name = module.verify.function.name
  definition = templatefile("${path.module}/templates/verify.asl.json", {
    partition            = local.partition
    function_arn         = module.verify.function.arn
    task_timeout_seconds = var.functions.verify.timeout_seconds + 60
    retry                = file("${path.module}/templates/lambda_retry.json")
  })
  role = {
    name        = "${local.prefix}-dynamodb-verify-machine"
    description = "Lets the verify state machine of ${local.full_prefix} invoke the verify function"
  }
  settings = local.function
}
