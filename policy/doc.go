// Package policy is the IAM policy language: it parses documents, evaluates those that have a say in a request together,
// and explains every decision.
//
//	document -> Parse(kind) -> *Policy
//	                              |
//	Set{Identity, Boundary, Session, Resource} -> Evaluate(request) -> Decision: Allow, Deny, or NoMatch
//	                                           -> Explain(request)  -> the same and why, statement by statement
//
// How a Set decides (Policy evaluation logic for requests within a single account), from the top:
//
//	a Deny in any?  yes -> Deny
//	     |
//	 Resource       allows the user or session by name -----------------------------------------------> Allow
//	     |          allows its role, or everyone --------------+
//	     |          allows its account, or says nothing        |
//	     v                                                     v
//	 Identity       one allows? -> Boundary, if there is one: allows? -> Session, if there are any: one allows? -> Allow
//	                                    no, anywhere -> NoMatch, with the kind that had to allow
//
// A trust policy has to allow in any case, and so has the policy of a resource of another account, which then never
// suffices. Who has no policies of his own (a login, a service, a caller without signature) lives by the Resource alone.
//
// A statement applies to a request when its principal, action, resource and every condition match; the order of statements,
// policies and values never matters. The rules are those of the IAM user guide, whose sections the comments name. Where it
// leaves open whom or what a statement covers, an Allow takes the narrow reading and a Deny the wide one. What is not
// understood is refused by Parse and never skipped: a condition that is skipped opens the door it was meant to close.
//
// It is pure: no clock, no context, no I/O. Everything that can be is compiled by Parse, and evaluating allocates nothing.
// It leaves to others: where policies are stored and which apply to a call; what the facts of a request are (its Context,
// the time among them); the limits on a document's length; and the freedom of an account's root user.
package policy
