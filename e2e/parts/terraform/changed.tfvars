# Another value for everything in examples/terraform that is not part of something's name.
tags             = { stage = "test" }
oidc_client_ids  = ["mobile", "desktop"]
oidc_thumbprints = ["990f4193972f2becf12ddeda5237f9c952f20d9e"]
saml_metadata    = "changed.xml"
user_pool        = { provider = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Example", client_id = "another", check = true }
social           = { "accounts.google.com" = "web.apps.googleusercontent.com" }
guests           = false
classic_flow     = false
session_hours    = 12
bucket           = "other-bucket"
admins           = "root"
admins_from      = "login.example.org"
bounded          = ["user", "admin"]
principal_tags   = { mail = "mail" }
