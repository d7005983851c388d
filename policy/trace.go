package policy

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// trace collects what the evaluator saw, and keeps nothing of the request: else every request would have to live on the heap,
// also those that nobody explains. What is explained is put into words afterwards.
type trace struct {
	missing    []Kind
	policies   []PolicyExplanation
	statements []StatementExplanation // of the policy that is evaluated now
	tests      []ElementTest          // of the statement that is evaluated now
}

var elementNames = [...]string{"principal", "action", "resource", "required", "condition"}

// test notes an element, if the statement has it.
func (t *trace) test(s *statement, element int, matches bool, required string) {
	switch {
	case element == principalElement && s.principals == nil,
		element == resourceElement && s.resources == nil,
		element == requiredElement && !s.needs(required):
		return
	}
	t.tests = append(t.tests, ElementTest{Element: elementNames[min(element, firstCondition)], Matches: matches, element: element})
}

func (t *trace) end(index int, s *statement, applies bool) {
	t.statements = append(t.statements, StatementExplanation{index, s.sid, s.effect, applies, t.tests, s})
	t.tests = nil
}

func (t *trace) policy(kind Kind, n *Named, effect Effect) {
	t.policies = append(t.policies, PolicyExplanation{kind, n.Name, n.Policy == nil, effect, t.statements})
	t.statements = nil
}

// Bounds of what explanations say. Whoever asks chooses the texts of a request, and a policy may have hundreds of conditions,
// each of which repeats them.
const (
	maxValue       = 256       // bytes of a value, before it is quoted
	maxShown       = 8         // values of a list, variables of an element, tests that Cause names
	maxExplanation = 192 << 10 // bytes of an explanation, to one line
)

// explanation puts into words what the trace has: of the statement that came closest what Cause says of it, and if the whole
// is asked for every other test as far as there is room.
func (t *trace) explanation(d Decision, r *Request, bounded, whole bool) Explanation {
	w := words{r, bounded}
	e := Explanation{d, strings.Clone(r.Action), strings.Clone(cut(w.hide(r.Resource))), t.missing, t.policies}
	said := 0
	if s := e.Closest(); s != nil {
		fails := 0
		for i := range s.Tests {
			if test := &s.Tests[i]; !test.Matches && fails < maxShown {
				said += w.test(s.of, test)
				fails++
			}
		}
	}
	for i := 0; whole && i < len(e.Policies); i++ {
		for _, s := range e.Policies[i].Statements {
			for j := 0; j < len(s.Tests) && said < maxExplanation; j++ {
				if s.Tests[j].Text == "" {
					said += w.test(s.of, &s.Tests[j])
				}
			}
		}
	}
	return e
}

// words puts tests of a request into words.
type words struct {
	r       *Request
	bounded bool
}

// test returns how long the text is.
func (w words) test(s *statement, t *ElementTest) int {
	switch t.element {
	case principalElement:
		t.Text = "principal" + wants(s.notPrincipal) + w.principals(s.principals) + ", request has " + w.hide(w.r.Principal.String())
		if s.notPrincipal && w.bounded {
			t.Text += " with a permission boundary"
		}
	case actionElement:
		t.Text = "action" + wants(s.notAction) + w.patterns(s.actions) + ", request has " + w.quote(w.r.Action)
	case resourceElement:
		t.Text = "resource" + wants(s.notResource) + w.patterns(s.resources) + ", request has " + w.quote(w.r.Resource)
		t.Text += w.where(s.resources)
	case requiredElement:
		t.Text = "a condition that binds " + w.r.RequireKey + " is required"
	default:
		c := &s.conditions[t.element-firstCondition]
		t.Key, t.Wants = c.key, w.operands(c)
		t.Text = w.condition(c, t.Wants)
	}
	return len(t.Text)
}

// condition is one line, such as: condition StringEquals aws:username wants ["a"], request has ["b"]
func (w words) condition(c *condition, wants string) string {
	text := "condition " + c.operator + " " + cut(w.hide(c.key)) + " wants " + wants + ", request has "
	if values := w.r.Context.values(c.key); len(values) > 0 {
		text += w.list(values)
	} else {
		text += "no value"
	}
	var patterns []pattern
	for i := range c.operands {
		if o := &c.operands[i]; o.arn != nil {
			patterns = append(patterns, o.arn[:]...)
		} else {
			patterns = append(patterns, o.pattern)
		}
	}
	return text + w.where(patterns)
}

func wants(not bool) string {
	if not {
		return " wants none of "
	}
	return " wants "
}

// where tells what the variables of patterns stand for, such as: , where ${aws:username} is "alice"
func (w words) where(patterns []pattern) string {
	text, n := "", 0
	for i := range patterns {
		for _, s := range patterns[i].segments {
			for j := range s {
				if s[j].kind != variable {
					continue
				}
				if n++; n > maxShown {
					return text + ", ..."
				}
				text += ", where ${" + cut(w.hide(s[j].text)) + "} "
				if value, ok := s[j].value(w.r.Context); ok {
					text += "is " + w.quote(value)
				} else {
					text += "has no value, or several"
				}
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

func (w words) principals(principals []principal) string {
	return enumerate(principals, func(p principal) string {
		if p.kind == Anonymous {
			return w.quote(p.name)
		}
		return p.kind.String() + " " + w.quote(p.name)
	})
}

func (w words) patterns(patterns []pattern) string {
	return enumerate(patterns, func(p pattern) string { return w.quote(p.text) })
}

func (w words) operands(c *condition) string {
	return enumerate(c.operands, func(o operand) string { return w.quote(o.text) })
}

func (w words) list(texts []string) string {
	return enumerate(texts, w.quote)
}

// enumerate is ["a", "b"].
func enumerate[T any](all []T, text func(T) string) string {
	b := []byte{'['}
	for i, one := range all {
		if i > 0 {
			b = append(b, ", "...)
		}
		if i == maxShown {
			b = append(b, "..."...)
			break
		}
		b = append(b, text(one)...)
	}
	return string(append(b, ']'))
}

// quote is what is shown of a value of the request or the policy.
func (w words) quote(s string) string {
	return strconv.Quote(cut(w.hide(s)))
}

// hide comes before cut, which may leave a part of what is not to be said.
func (w words) hide(s string) string {
	if w.r.Secret == "" {
		return s
	}
	return strings.ReplaceAll(s, w.r.Secret, "(the identity)")
}

// cut takes the beginning of a long text, to the last whole character.
func cut(s string) string {
	if len(s) <= maxValue {
		return s
	}
	end := maxValue
	for end > maxValue-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "..."
}
