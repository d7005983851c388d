variable "endpoint" {
  description = "Where idpool listens."
  type        = string
  default     = "http://127.0.0.1:7400"
}

variable "region" {
  description = "The region that the pool is in."
  type        = string
  default     = "us-east-1"
}

variable "name" {
  description = "What the pool is called, and what the names of roles, policies and the SAML provider begin with."
  type        = string
  default     = "app"
}

variable "tags" {
  description = "Tags of whatever can have some."
  type        = map(string)
  default     = { app = "example" }
}

variable "oidc_url" {
  description = "Your OpenID Connect provider."
  type        = string
  default     = "https://login.example.org"
}

variable "oidc_client_ids" {
  description = "The app's ids at that provider."
  type        = list(string)
  default     = ["web"]
}

variable "oidc_thumbprints" {
  description = "SHA-1 of certificates to trust in place of the public authorities. Empty for a provider that those vouch for."
  type        = list(string)
  default     = []
}

variable "saml_metadata" {
  description = "A file with the metadata of your SAML identity provider."
  type        = string
  default     = "metadata.xml"
}

variable "user_pool" {
  description = "A Cognito user pool whose users may sign in, and the app's id there."
  type        = object({ provider = string, client_id = string, check = bool })
  default = {
    provider  = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Example"
    client_id = "4nd6lq3kc1example"
    check     = false
  }
}

variable "social" {
  description = "Public providers whose users may sign in, and the app's id at each."
  type        = map(string)
  default     = { "graph.facebook.com" = "1234567890" }
}

variable "guests" {
  description = "Whether the pool lets in people who have not signed in."
  type        = bool
  default     = true
}

variable "classic_flow" {
  description = "Whether the pool allows GetOpenIdToken followed by AssumeRoleWithWebIdentity."
  type        = bool
  default     = true
}

variable "session_hours" {
  description = "How long sessions of the roles may be."
  type        = number
  default     = 1
}

variable "bucket" {
  description = "The bucket that the roles give access to."
  type        = string
  default     = "example-bucket"
}

variable "admins" {
  description = "The value of the claim groups that makes somebody an administrator."
  type        = string
  default     = "admins"
}

variable "admins_from" {
  description = "Where administrators sign in: authenticated for anywhere, or a provider's name."
  type        = string
  default     = "authenticated"
}

variable "bounded" {
  description = "The roles that have a permissions boundary, of guest, user and admin."
  type        = set(string)
  default     = ["guest", "user"]
}

variable "principal_tags" {
  description = "Session tags, and the claims that they are made of."
  type        = map(string)
  default     = { mail = "email", team = "department" }
}
