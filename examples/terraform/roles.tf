locals {
  roles = {
    guest = { who = "Guests", amr = "unauthenticated" }
    user  = { who = "People who have signed in", amr = "authenticated" }
    admin = { who = "Administrators", amr = var.admins_from }
  }
}

# Who may take the roles: people whom the pool lets in, in the way that amr names.
data "aws_iam_policy_document" "trust" {
  for_each = local.roles

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]
    principals {
      type        = "Federated"
      identifiers = ["cognito-identity.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "cognito-identity.amazonaws.com:aud"
      values   = [aws_cognito_identity_pool.app.id]
    }
    condition {
      test     = "ForAnyValue:StringLike"
      variable = "cognito-identity.amazonaws.com:amr"
      values   = [each.value.amr]
    }
  }
}

# What a bounded role may not go beyond, whatever its policies say.
resource "aws_iam_policy" "boundary" {
  name        = "${var.name}-boundary"
  path        = "/app/"
  description = "The most that bounded roles may do."
  policy      = data.aws_iam_policy_document.bucket.json
  tags        = var.tags
}

data "aws_iam_policy_document" "bucket" {
  statement {
    actions   = ["s3:*"]
    resources = ["arn:aws:s3:::${var.bucket}", "arn:aws:s3:::${var.bucket}/*"]
  }
}

# Everybody has a folder of their own, by the tag that their e-mail address becomes.
resource "aws_iam_policy" "own_folder" {
  name        = "${var.name}-own-folder"
  path        = "/app/"
  description = "One's own folder of the bucket."
  policy      = data.aws_iam_policy_document.own_folder.json
  tags        = var.tags
}

data "aws_iam_policy_document" "own_folder" {
  statement {
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["arn:aws:s3:::${var.bucket}/$${aws:PrincipalTag/mail}/*"]
  }
}

data "aws_iam_policy_document" "everything" {
  statement {
    actions   = ["s3:GetObject", "s3:PutObject", "s3:ListBucket"]
    resources = ["arn:aws:s3:::${var.bucket}", "arn:aws:s3:::${var.bucket}/*"]
  }
}

data "aws_iam_policy_document" "public_folder" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::${var.bucket}/public/*"]
  }
}

resource "aws_iam_role" "app" {
  for_each = local.roles

  name                 = "${var.name}-${each.key}"
  path                 = "/app/"
  description          = "${each.value.who} of ${var.bucket}"
  assume_role_policy   = data.aws_iam_policy_document.trust[each.key].json
  max_session_duration = var.session_hours * 3600
  permissions_boundary = contains(var.bounded, each.key) ? aws_iam_policy.boundary.arn : null
  tags                 = var.tags
}

resource "aws_iam_role_policy" "guest" {
  name   = "public-folder"
  role   = aws_iam_role.app["guest"].name
  policy = data.aws_iam_policy_document.public_folder.json
}

resource "aws_iam_role_policy" "admin" {
  name   = "everything"
  role   = aws_iam_role.app["admin"].name
  policy = data.aws_iam_policy_document.everything.json
}

resource "aws_iam_role_policy_attachment" "user" {
  role       = aws_iam_role.app["user"].name
  policy_arn = aws_iam_policy.own_folder.arn
}
