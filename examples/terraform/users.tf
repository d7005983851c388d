# The backend: it vouches for the people that it knows, and reads what they leave in the bucket's inbox. Give it a key by
# `aws iam create-access-key`, so that no secret is in Terraform's state.
resource "aws_iam_user" "backend" {
  name = "${var.name}-backend"
  path = "/app/"
  tags = var.tags
}

data "aws_iam_policy_document" "backend" {
  statement {
    actions   = ["cognito-identity:GetOpenIdTokenForDeveloperIdentity"]
    resources = [aws_cognito_identity_pool.app.arn]
  }

  statement {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::${var.bucket}/inbox/*"]
  }
}

resource "aws_iam_user_policy" "backend" {
  name   = "vouch"
  user   = aws_iam_user.backend.name
  policy = data.aws_iam_policy_document.backend.json
}
