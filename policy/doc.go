// Package policy is the IAM policy language: it parses a document, evaluates it for a request, and explains the decision.
//
//	document -> Parse -> *Policy -> Evaluate(request) -> Allow, Deny, or NoMatch (nobody said anything)
//	                             -> Explain(request)  -> the same, and why, statement by statement
//
// A statement applies to a request when its principal, action, resource and every condition match. A Deny that applies
// wins over any Allow; the order of statements never matters. Several policies of one request are combined by the caller.
//
// The rules are those of the IAM user guide, whose sections the comments name. Where it leaves open whom or what a
// statement covers, an Allow takes the narrow reading and a Deny the wide one. What is not understood is refused by Parse
// and never skipped: a condition that is skipped opens the door it was meant to close.
//
// It is pure: no clock, no context, no I/O. It leaves to others: where policies are stored, and which apply to a call;
// what the facts of a request are (its Context); and that a principal named only by its account needs a permission of its
// own account as well.
package policy
