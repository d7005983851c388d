terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.31"
    }
  }
}

# Nothing is skipped: the provider asks STS whose keys it has, and idpool answers. The keys are in the environment.
provider "aws" {
  region = var.region
  endpoints {
    cognitoidentity = var.endpoint
    iam             = var.endpoint
    sts             = var.endpoint
  }
}
