terraform {
  # 1.9 is the first version whose variable validations may look at other variables and locals.
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7"
    }
  }
}
