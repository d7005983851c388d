// Package cognito answers the operations of Amazon Cognito Identity, API version 2014-06-30.
//
// A public operation is a star, not a chain: it walks through the floors below and comes back after every step.
//
//	1 find     one read: the identity or the pool, and who owns the logins shown
//	2 verify   each login's token -> what it proves (the network only when a provider's keys are not at hand)
//	3 admit    identity.Resolve -> which identity this is; a write only when there is something new
//	4          the operation's own last step: an id, a token (issuer.Mint), credentials (sts.Issue)
//
// A signed operation starts with may: is the caller allowed to do this.
//
// API is the index of the operations. Texts of errors are the original's wherever one is known; errors.go says where not.
package cognito
