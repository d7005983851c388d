// Package sts makes temporary credentials, and tells whose they are.
//
// grant is the one place where credentials of a role are made; every flow ends in it. They are stateless: a session token is a
// sealed record of all that a node needs to know of the session, and nothing is written when one is issued. What is
// read again at every use are the epochs of role, pool and identity: a session made before one of them rose is over.
//
//	Issue       pool's login --------------------------+
//	federate    token of a provider, SAML assertion ---+-> role -> trust policy -> grant -> token.seal
//	AssumeRole  caller, and the caller's policies -----+
//	Key         token.open -> expiry -> epochs, or the user's access key -> caller
//
// What goes along into a session beside its role, and through chains of roles, is a passage: tags and a source identity.
package sts
