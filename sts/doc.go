// Package sts makes temporary credentials, and tells whose they are.
//
// Issue is the one place where credentials are made; every flow ends in it. They are stateless: a session token is a
// sealed record of all that a node needs to know of the session, and nothing is written when one is issued. What is
// read again at every use are the epochs of role, pool and identity: a session made before one of them rose is over.
//
//	Issue: role -> trust policy -> token.seal        Key: token.open -> expiry -> epochs -> caller
package sts
