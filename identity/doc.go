// Package identity holds the nouns and the rules of identity pools: what a pool is, what an identity is, and which
// identity a set of verified logins means.
//
// Everything here is a function from values to values. There is no clock, no context and no I/O: the caller reads the
// facts, asks the rules, and writes what they decide. That is what lets one table of cases be the specification.
//
// It leaves to others: verifying tokens (provider), storing (store), the texts of errors on the wire (cognito).
package identity
