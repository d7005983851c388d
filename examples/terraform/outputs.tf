output "identity_pool_id" {
  description = "What clients are configured with."
  value       = data.aws_cognito_identity_pool.app.id
}

output "identity_pool_arn" {
  value = aws_cognito_identity_pool.app.arn
}

output "role_arns" {
  value = { for name, role in aws_iam_role.app : name => role.arn }
}

output "provider_arns" {
  value = {
    oidc = aws_iam_openid_connect_provider.login.arn
    saml = aws_iam_saml_provider.corp.arn
  }
}

output "own_folder_policy_arn" {
  value = aws_iam_policy.own_folder.arn
}

output "boundary_arn" {
  value = aws_iam_policy.boundary.arn
}
