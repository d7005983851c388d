resource "aws_cognito_identity_pool" "app" {
  identity_pool_name               = var.name
  allow_unauthenticated_identities = var.guests
  allow_classic_flow               = var.classic_flow
  developer_provider_name          = "login.${var.name}"
  openid_connect_provider_arns     = [aws_iam_openid_connect_provider.login.arn]
  saml_provider_arns               = [aws_iam_saml_provider.corp.arn]
  supported_login_providers        = var.social
  tags                             = var.tags

  cognito_identity_providers {
    provider_name           = var.user_pool.provider
    client_id               = var.user_pool.client_id
    server_side_token_check = var.user_pool.check
  }
}

# Which role somebody gets: that of the user pool's token, that of the first rule that fits a token of the OpenID Connect
# provider, or the pool's.
resource "aws_cognito_identity_pool_roles_attachment" "app" {
  identity_pool_id = aws_cognito_identity_pool.app.id
  roles = {
    authenticated   = aws_iam_role.app["user"].arn
    unauthenticated = aws_iam_role.app["guest"].arn
  }

  role_mapping {
    identity_provider         = "${var.user_pool.provider}:${var.user_pool.client_id}"
    type                      = "Token"
    ambiguous_role_resolution = "AuthenticatedRole"
  }

  role_mapping {
    identity_provider         = aws_iam_openid_connect_provider.login.arn
    type                      = "Rules"
    ambiguous_role_resolution = "Deny"

    mapping_rule {
      claim      = "groups"
      match_type = "Contains"
      value      = var.admins
      role_arn   = aws_iam_role.app["admin"].arn
    }
    mapping_rule {
      claim      = "email"
      match_type = "Contains"
      value      = "@"
      role_arn   = aws_iam_role.app["user"].arn
    }
  }
}

resource "aws_cognito_identity_pool_provider_principal_tag" "login" {
  identity_pool_id       = aws_cognito_identity_pool.app.id
  identity_provider_name = aws_iam_openid_connect_provider.login.arn
  use_defaults           = false
  principal_tags         = var.principal_tags
}

# The default tags. The pool answers with them, so Terraform wants to hear of them too.
resource "aws_cognito_identity_pool_provider_principal_tag" "user_pool" {
  identity_pool_id       = aws_cognito_identity_pool.app.id
  identity_provider_name = var.user_pool.provider
  use_defaults           = true
  principal_tags         = { username = "sub", client = "aud" }
}

# Elsewhere, where only its name is known, the pool is found like this.
data "aws_cognito_identity_pool" "app" {
  identity_pool_name = aws_cognito_identity_pool.app.identity_pool_name
}
