// Package provider verifies the tokens of others: it finds a provider's keys, keeps them, and tells what a token proves.
//
// It goes out to the network, by its own rules of where (dial.go), and keeps no state but caches. It leaves to others: which
// providers a pool trusts (identity, cognito) and where they are stored (store, iam).
//
//	token -> verified before? (cache.go)  yes: check times and audience again, done
//	      -> take it apart    (token.go)  header, claims; nothing is believed yet
//	      -> is it for us?    (oidc.go)   issuer, times, audience: cheap, so before the network and before a signature
//	      -> the keys         (keys.go)   kept by issuer; one fetch at a time, at most every 30 s, or every 5 s while there
//	                                      are none
//	           discovery, JWKS (jwks.go)  two documents over a transport that goes only where it may (dial.go)
//	      -> the signature    (jwks.go)   the algorithm must fit the key
package provider
