// Package provider verifies the tokens of others: it finds a provider's keys, keeps them, and tells what a token proves.
//
// It goes out to the network, by its own rules of where (dial.go), and keeps no state but caches. It leaves to others: which
// providers a pool trusts (identity, cognito) and where they are stored (store, iam).
//
//	login of    an OpenID provider  oidc.go               token: an ID token; keys by discovery from the issuer
//	            a user pool         userpool.go check.go  ID token; keys at /POOLID/.well-known/jwks.json; then, if the pool
//	                                                      asks for it: is the user still active?
//	            Google              google.go             ID token; keys by discovery
//	            Apple               apple.go              ID token; keys at /auth/keys
//	            Facebook            facebook.go           access token; Facebook is asked. ID token of Limited Login, if wanted
//	            Amazon              amazon.go             access token; Amazon is asked
//	            Twitter, Digits     twitter.go            token and secret; Twitter is asked with both
//	            a SAML provider     saml.go               response; keys of the metadata in IAM; package saml does the work
//
// What the operator says of them (settings.go) may put other servers in their places. All ID tokens go one way, idToken:
//
//	token -> verified before? (cache.go)  yes: check times and audience again, done
//	      -> take it apart    (token.go)  header, claims; nothing is believed yet
//	      -> is it for us?    (oidc.go)   issuer, times, audience: cheap, so before the network and before a signature
//	      -> the keys         (keys.go)   kept by source; one fetch at a time; for tokens with an unknown key three at once,
//	                                      then one every 30 s, or every 5 s while there are none
//	           discovery, JWKS (jwks.go)  two documents over a transport that goes only where it may (dial.go)
//	      -> the signature    (jwks.go)   the algorithm must fit the key
//
// and all access tokens another one, accessToken (access.go): asked before, for the same app? yes: done; no: the provider is
// asked by call (call.go), which bounds time, size and number of questions, and leaves a provider alone that is down.
package provider
