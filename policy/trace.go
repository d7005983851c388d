package policy

import (
	"strconv"
	"strings"
)

// trace collects what the evaluator saw. It writes everything down as text at once: were it to keep a part of the request,
// every request would have to live on the heap, also those that nobody explains.
type trace struct {
	missing    []Kind
	policies   []PolicyExplanation
	statements []StatementExplanation // of the policy that is evaluated now
	tests      []ElementTest          // of the statement that is evaluated now
}

var elementNames = [...]string{"principal", "action", "resource", "required", "condition"}

func (t *trace) test(s *statement, element int, matches bool, r *Request, bounded bool) {
	text, key, wanted := "", "", ""
	switch element {
	case principalElement:
		if s.principals == nil {
			return
		}
		text = "principal" + wants(s.notPrincipal) + principalNames(s.principals) + ", request has " + r.Principal.String()
		if s.notPrincipal && bounded {
			text += " with a permission boundary"
		}
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
	case requiredElement:
		if !s.needs(r.RequireKey) {
			return
		}
		text = "a condition that binds " + r.RequireKey + " is required"
	default:
		c := &s.conditions[element-firstCondition]
		text, key, wanted = c.trace(r.Context), c.key, c.operandTexts()
	}
	name := elementNames[min(element, firstCondition)]
	t.tests = append(t.tests, ElementTest{name, matches, text, key, wanted})
}

// trace is one line, such as: condition StringEquals aws:username wants ["a"], request has ["b"]
func (c *condition) trace(context Context) string {
	text := "condition " + c.operator + " " + c.key + " wants " + c.operandTexts() + ", request has "
	if values := context.values(c.key); len(values) > 0 {
		text += list(values)
	} else {
		text += "no value"
	}
	for i := range c.operands {
		text += c.operands[i].where(context)
	}
	return text
}

func (t *trace) end(index int, s *statement, applies bool) {
	t.statements = append(t.statements, StatementExplanation{index, s.sid, s.effect, applies, t.tests})
	t.tests = nil
}

func (t *trace) policy(kind Kind, n *Named, effect Effect) {
	t.policies = append(t.policies, PolicyExplanation{kind, n.Name, n.Policy == nil, effect, t.statements})
	t.statements = nil
}

func (t *trace) explanation(d Decision, r *Request) Explanation {
	return Explanation{d, strings.Clone(r.Action), strings.Clone(r.Resource), t.missing, t.policies}
}

func wants(not bool) string {
	if not {
		return " wants none of "
	}
	return " wants "
}

// where tells what the variables of an operand stand for.
func (o *operand) where(context Context) string {
	if o.arn == nil {
		return o.pattern.where(context)
	}
	text := ""
	for i := range o.arn {
		text += o.arn[i].where(context)
	}
	return text
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
