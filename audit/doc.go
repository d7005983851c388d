// Package audit says who did what: one event for each call that reached an operation, in the shape of Amazon's CloudTrail, a
// line of JSON each. It knows no service's types; a call comes in as names, texts and trees.
//
//	Call -> event        whose call, what was asked and answered; secrets taken out
//	     -> a line       at most 64 KB
//	     -> Log          a bounded queue, one writer, in order
package audit
