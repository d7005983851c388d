package policy

import (
	"strconv"
	"strings"
)

// Explanation is a Decision and how it came about. Its texts are for people to read: long values and long lists are cut.
type Explanation struct {
	Decision
	Action, Resource string // what was asked; of a long resource the beginning

	// Missing is empty for Allow and Deny. For NoMatch it holds every kind of policy that had to allow and doesn't.
	Missing []Kind

	// Policies are all that were asked: of the identity, boundary, session, and before them of the resource.
	Policies []PolicyExplanation
}

// PolicyExplanation is what one policy says by itself, statement by statement.
type PolicyExplanation struct {
	Kind       Kind
	Name       string
	Gone       bool // there is a name, and no policy
	Effect     Effect
	Statements []StatementExplanation // in the order of the document
}

// StatementExplanation says of one statement whether it applies, and of each of its elements whether it matches.
type StatementExplanation struct {
	Index   int
	Sid     string
	Effect  Effect
	Applies bool
	Tests   []ElementTest // principal, action, resource and conditions, as far as the statement has them

	of *statement
}

// ElementTest is one element of a statement against a request.
type ElementTest struct {
	Element string // principal, action, resource, required or condition
	Matches bool
	Text    string // such as: condition StringEquals aws:username wants ["a"], request has ["b"]; empty if there was no room
	Key     string // of a condition that has a Text: aws:username
	Wants   string // of a condition that has a Text: ["a"]

	element int
}

// Explain decides as Evaluate does, and says why. It tests every element of every statement, and is slower.
func (p *Policy) Explain(r *Request) Explanation { return p.explain(r, true) }

// Why is Explain for those who want the Cause or the Closest alone: of no other test there is a Text.
func (p *Policy) Why(r *Request) Explanation { return p.explain(r, false) }

func (p *Policy) explain(r *Request, whole bool) Explanation {
	var t trace
	decision := p.evaluate(r, false, &t).Decision
	t.policy(decision.Kind, &Named{Policy: p}, decision.Effect)
	if decision.Effect == NoMatch {
		t.missing = []Kind{decision.Kind}
	}
	return t.explanation(decision, r, false, whole)
}

// Explain decides as Evaluate does, and says why. It tests every element of every statement, and is slower.
func (s *Set) Explain(r *Request) Explanation { return s.explain(r, true) }

// Why is Explain for those who want the Cause or the Closest alone: of no other test there is a Text.
func (s *Set) Why(r *Request) Explanation { return s.explain(r, false) }

func (s *Set) explain(r *Request, whole bool) Explanation {
	var t trace
	decision := s.evaluate(r, &t)
	return t.explanation(decision, r, s.Boundary != nil, whole)
}

// Reason is the decision in IAM's words, for the text of an AccessDenied error after "is not authorized to perform: ...":
// "because no identity-based policy allows the s3:GetObject action", "with an explicit deny in a session policy". It is
// empty for Allow. (Troubleshoot access denied error messages.)
func (d Decision) Reason(action string) string {
	article, name := "a", "resource-based policy"
	switch d.Kind {
	case Identity:
		article, name = "an", "identity-based policy"
	case Trust:
		name = "role trust policy"
	case Session:
		name = "session policy"
	case Boundary:
		name = "permissions boundary"
	}
	switch d.Effect {
	case Deny:
		return "with an explicit deny in " + article + " " + name
	case NoMatch:
		return "because no " + name + " allows the " + action + " action"
	}
	return ""
}

// Cause is the decision in one line: which statement of which policy decided, or what was missing and the statement that
// came closest.
func (e *Explanation) Cause() string {
	if e.Effect != NoMatch {
		return e.Effect.String() + ": by " + statementName(e.Statement, e.Sid) + " of " + policyName(e.Kind, e.Policy)
	}
	text := "NoMatch: " + e.silence() + " allows " + e.Action
	if e.Resource != "" && e.Kind != Trust {
		text += " on " + strconv.Quote(e.Resource)
	}
	for _, p := range e.Policies {
		if e.Kind == Identity && p.Kind != Identity && p.Effect == Allow && (p.Kind == Trust || p.Kind == Resource) {
			text += "; " + policyName(p.Kind, p.Name) + " allows it, but an identity policy has to allow it too"
		}
	}
	if p, s := e.closest(); s != nil {
		var fails []string
		more := 0
		for _, test := range s.Tests {
			switch {
			case test.Matches:
			case len(fails) < maxShown:
				fails = append(fails, test.Text)
			default:
				more++
			}
		}
		text += "; " + statementName(s.Index, s.Sid)
		if p.Name != "" {
			text += " of " + strconv.Quote(p.Name)
		}
		text += " would, but for " + strings.Join(fails, " and ")
		if more > 0 {
			text += " and " + strconv.Itoa(more) + " more"
		}
	}
	return text
}

// silence names those that had to allow and didn't, to stand before "allows", such as: none of the 2 identity policies
func (e *Explanation) silence() string {
	var only *PolicyExplanation
	n := 0
	for i := range e.Policies {
		if e.Policies[i].Kind == e.Kind {
			only = &e.Policies[i]
			n++
		}
	}
	switch {
	case n == 0:
		return "there is no " + e.Kind.String() + ", so nothing"
	case n > 1:
		return "none of the " + strconv.Itoa(n) + " " + strings.Replace(e.Kind.String()+"s", "ys", "ies", 1)
	case only.Gone:
		return "the " + policyName(only.Kind, only.Name) + " is gone, so nothing"
	}
	return "no statement of " + policyName(only.Kind, only.Name)
}

// Closest is the statement that Cause says came closest: it allows the action, and would but for some tests. It is nil if
// there is none, or something else decided.
func (e *Explanation) Closest() *StatementExplanation {
	if e.Effect != NoMatch {
		return nil
	}
	_, s := e.closest()
	return s
}

// closest is the Allow that speaks of the action, in a policy that had to allow, and fails the fewest tests.
func (e *Explanation) closest() (in *PolicyExplanation, statement *StatementExplanation) {
	fewest := 0
	for i := range e.Policies {
		p := &e.Policies[i]
		for j := range p.Statements {
			s := &p.Statements[j]
			fails, action := 0, true
			for _, test := range s.Tests {
				if !test.Matches {
					fails++
					action = action && test.Element != elementNames[actionElement]
				}
			}
			if p.Kind == e.Kind && s.Effect == Allow && action && fails > 0 && (statement == nil || fails < fewest) {
				in, statement, fewest = p, s, fails
			}
		}
	}
	return in, statement
}

// String is the cause in one line, then for every policy a line for every element of every statement. It has about 192 KB at
// most: where it is cut it says so.
func (e Explanation) String() string {
	var b strings.Builder
	b.WriteString(e.Cause() + "\n")
	if len(e.Missing) > 1 {
		for _, kind := range e.Missing[1:] {
			b.WriteString("no " + kind.String() + " allows it either\n")
		}
	}
	for i := range e.Policies {
		p := &e.Policies[i]
		verdict := p.Effect.String()
		if p.Gone {
			verdict = "gone, and allows nothing"
		}
		b.WriteString(policyName(p.Kind, p.Name) + ": " + verdict + "\n")
		for j := range p.Statements {
			if !p.Statements[j].write(&b) {
				b.WriteString("  the rest is left out: it is too long\n")
				break
			}
		}
	}
	return b.String()
}

// write returns false if there is no room for the statement.
func (s *StatementExplanation) write(b *strings.Builder) bool {
	if b.Len() > maxExplanation {
		return false
	}
	name := "  " + statementName(s.Index, s.Sid)
	verdict := ": does not apply\n"
	if s.Applies {
		verdict = ": applies\n"
	}
	b.WriteString(name + ", " + s.Effect.String() + verdict)
	for _, t := range s.Tests {
		if t.Text == "" || b.Len() > maxExplanation {
			return false
		}
		verdict := ": no\n"
		if t.Matches {
			verdict = ": yes\n"
		}
		b.WriteString(name + ": " + t.Text + verdict)
	}
	return true
}

func policyName(kind Kind, name string) string {
	if name == "" {
		return "the " + kind.String()
	}
	return kind.String() + " " + strconv.Quote(name)
}

func statementName(index int, sid string) string {
	name := "statement " + strconv.Itoa(index)
	if sid != "" {
		name += " (" + strconv.Quote(cut(sid)) + ")"
	}
	return name
}
