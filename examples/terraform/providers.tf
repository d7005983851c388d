resource "aws_iam_openid_connect_provider" "login" {
  url             = var.oidc_url
  client_id_list  = var.oidc_client_ids
  thumbprint_list = var.oidc_thumbprints
  tags            = var.tags
}

resource "aws_iam_saml_provider" "corp" {
  name                   = "${var.name}-corp"
  saml_metadata_document = file(var.saml_metadata)
  tags                   = var.tags
}
