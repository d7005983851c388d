// Package iam answers the IAM operations that identity pools need, and keeps what they make: accounts, users and their keys,
// roles, the policies of both, inline and managed, and the OpenID Connect and SAML providers that pools may trust.
//
// For the floors above it also answers two questions: whose key is this (Key), and may this caller do that (Authorize);
// and it gives roles, providers, and the policies of a role or a user from caches that go by the account's version (Role,
// OIDCProvider, SAMLProvider, Principal).
package iam
