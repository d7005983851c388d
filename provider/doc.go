// Package provider verifies the tokens of others: it finds a provider's keys, keeps them, and tells what a token proves.
//
// It goes out to the network, by its own rules of where (dial.go), and keeps no state but caches. It leaves to others: which
// providers a pool trusts (identity, cognito) and where they are stored (store, iam).
package provider
