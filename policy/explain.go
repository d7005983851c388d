package policy

import (
	"strconv"
	"strings"
)

// Explanation is a Decision and how it came about.
type Explanation struct {
	Decision
	Statements []StatementExplanation // in the order of the document
}

// StatementExplanation says of one statement whether it applies, and of each of its elements whether it matches.
type StatementExplanation struct {
	Index   int
	Sid     string
	Effect  Effect
	Applies bool
	Tests   []ElementTest // principal, action, resource and conditions, as far as the statement has them
}

// ElementTest is one element of a statement against a request.
type ElementTest struct {
	Matches bool
	Text    string // such as: condition StringEquals aws:username wants ["a"], request has ["b"]
}

// Explain decides as Evaluate does, and says why. It tests every element of every statement, and is slower.
func Explain(p *Policy, r *Request) Explanation {
	var t trace
	decision := p.evaluate(r, &t)
	return Explanation{decision, t.statements}
}

// String is one line for the decision, then one for every element of every statement.
func (e Explanation) String() string {
	var b strings.Builder
	b.WriteString(e.Effect.String())
	if e.Effect == NoMatch {
		b.WriteString(": no statement applies, which denies\n")
	} else {
		b.WriteString(": by " + statementName(e.Statement, e.Sid) + "\n")
	}
	for _, s := range e.Statements {
		name := statementName(s.Index, s.Sid)
		verdict := ": does not apply\n"
		if s.Applies {
			verdict = ": applies\n"
		}
		b.WriteString(name + ", " + s.Effect.String() + verdict)
		for _, t := range s.Tests {
			verdict := ": no\n"
			if t.Matches {
				verdict = ": yes\n"
			}
			b.WriteString(name + ": " + t.Text + verdict)
		}
	}
	return b.String()
}

func statementName(index int, sid string) string {
	name := "statement " + strconv.Itoa(index)
	if sid != "" {
		name += " (" + strconv.Quote(sid) + ")"
	}
	return name
}

// trace collects what the evaluator saw. It writes everything down as text at once: were it to keep a part of the request,
// every request would have to live on the heap, also those that nobody explains.
type trace struct {
	statements []StatementExplanation
	tests      []ElementTest
}

func (t *trace) test(s *statement, element int, matches bool, r *Request) {
	text := ""
	switch element {
	case principalElement:
		if s.principals == nil {
			return
		}
		text = "principal" + wants(s.notPrincipal) + principalNames(s.principals) + ", request has " + r.Principal.String()
	case actionElement:
		text = "action" + wants(s.notAction) + patternTexts(s.actions) + ", request has " + strconv.Quote(r.Action)
	case resourceElement:
		if s.resources == nil {
			return
		}
		text = "resource" + wants(s.notResource) + patternTexts(s.resources) + ", request has " + strconv.Quote(r.Resource)
		for i := range s.resources {
			text += s.resources[i].where(r.Context)
		}
	default:
		c := &s.conditions[element-firstCondition]
		text = "condition " + c.operator + " " + c.key + " wants " + c.operandTexts() + ", request has "
		if values := r.Context.values(c.key); len(values) > 0 {
			text += list(values)
		} else {
			text += "no value"
		}
		for i := range c.operands {
			text += c.operands[i].pattern.where(r.Context)
		}
	}
	t.tests = append(t.tests, ElementTest{matches, text})
}

func (t *trace) end(index int, s *statement, applies bool) {
	t.statements = append(t.statements, StatementExplanation{index, s.sid, s.effect, applies, t.tests})
	t.tests = nil
}

func wants(not bool) string {
	if not {
		return " wants none of "
	}
	return " wants "
}

// where tells what the variables of a pattern stand for, such as: , where ${aws:username} is "alice"
func (p *pattern) where(context Context) string {
	text := ""
	for _, s := range p.segments {
		for i := range s {
			if s[i].kind != variable {
				continue
			}
			text += ", where ${" + s[i].text + "} "
			if value, ok := s[i].value(context); ok {
				text += "is " + strconv.Quote(value)
			} else {
				text += "has no value, or several"
			}
		}
	}
	return text
}

// String names the principal as a policy would, such as Federated cognito-identity.amazonaws.com.
func (p Principal) String() string {
	text := p.Type.String()
	if p.Name != "" {
		text += " " + strconv.Quote(p.Name)
	}
	if p.Role != "" {
		text += ", a session of " + strconv.Quote(p.Role)
	}
	return text
}

func principalNames(principals []principal) string {
	var names []string
	for _, p := range principals {
		name := strconv.Quote(p.name)
		if p.kind != Anonymous {
			name = p.kind.String() + " " + name
		}
		names = append(names, name)
	}
	return "[" + strings.Join(names, ", ") + "]"
}

func patternTexts(patterns []pattern) string {
	var texts []string
	for _, p := range patterns {
		texts = append(texts, p.text)
	}
	return list(texts)
}

func (c *condition) operandTexts() string {
	var texts []string
	for _, o := range c.operands {
		texts = append(texts, o.text)
	}
	return list(texts)
}

// list is ["a", "b"].
func list(texts []string) string {
	b := []byte{'['}
	for i, text := range texts {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = strconv.AppendQuote(b, text)
	}
	return string(append(b, ']'))
}
