// Package policy is the IAM policy language: it parses a document, evaluates it for a request, and explains the decision.
//
// It is pure: no clock, no context, no I/O. It leaves to others: where policies are stored, and which apply to a call.
package policy
