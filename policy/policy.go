package policy

import (
	"fmt"
	"strings"
	"unicode"
)

// Kind is what a policy is attached to. It decides which elements a document has to have and which it must not have, and
// what an Allow in it is worth (see Set).
type Kind int

const (
	Identity Kind = iota // of a user or role: names resources, no principal
	Trust                // of a role, says who may assume it: names principals, no resource
	Session              // given when a session is made: as Identity. Its limit of 2,048 characters is the caller's to check.
	Boundary             // the most that a user or role may have: as Identity
	Resource             // of any resource that is no role: names principals and resources
)

func (k Kind) String() string {
	switch k {
	case Identity:
		return "identity policy"
	case Trust:
		return "trust policy"
	case Session:
		return "session policy"
	case Boundary:
		return "permission boundary"
	case Resource:
		return "resource policy"
	}
	return "policy"
}

// Effect is what a statement does when it applies, and what a policy says of a request.
type Effect int

const (
	NoMatch Effect = iota // no statement applies: an implicit deny
	Allow
	Deny
)

func (e Effect) String() string {
	switch e {
	case Allow:
		return "Allow"
	case Deny:
		return "Deny"
	}
	return "NoMatch"
}

// Policy is a parsed document. It is never changed after Parse, and may be used by many goroutines at once.
type Policy struct {
	kind       Kind
	statements []statement
}

// statement is one entry of Statement, ready to be evaluated.
type statement struct {
	path   string // of the statement in the document, such as Statement[1]
	sid    string
	effect Effect

	principals []principal // nil unless the policy is of Kind Trust or Resource
	actions    []pattern
	resources  []pattern // nil if the policy is of Kind Trust
	conditions []condition

	notPrincipal bool // principals are the ones excepted
	notAction    bool // actions are the ones excepted
	notResource  bool // resources are the ones excepted
}

// SyntaxError says why Parse refused a document. Its text is fit for the message of a MalformedPolicyDocument error.
type SyntaxError struct {
	Path    string // where, such as Statement[1].Condition.StringEquals["aws:x"]; empty for the document as a whole
	Message string // IAM's own words at the start, where they are known, since tools look for them
}

func (e *SyntaxError) Error() string {
	if e.Path == "" {
		return e.Message
	}
	return e.Path + ": " + e.Message
}

func refuse(path, format string, args ...any) error {
	return &SyntaxError{Path: path, Message: fmt.Sprintf(format, args...)}
}

// malformed is a refusal for which IAM has no words but these.
func malformed(path, format string, args ...any) error {
	return refuse(path, "Syntax errors in policy: "+format, args...)
}

// clip makes a piece of the document fit for a message: one printable line of at most 100 characters.
func clip(s string) string {
	const most = 100
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > most {
			b.WriteString("...")
			break
		}
		if !unicode.IsPrint(r) {
			r = '?'
		}
		b.WriteRune(r)
	}
	return b.String()
}
