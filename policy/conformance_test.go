package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"idpool/policy"
)

// The conformance table: decisions written from the IAM user guide (and, where a title says so, from others of AWS' guides),
// a section of the table for a section of the guide. What the guide leaves open is marked "choice", and stands in
// docs/divergences.md.
type section struct {
	title     string
	decisions []decision
}

func conformance() []section {
	var all []section
	for _, some := range [][]section{elements, stringOperators, typedOperators, keysAndValues, logic} {
		all = append(all, some...)
	}
	return all
}

func TestConformance(t *testing.T) {
	n := 0
	for _, s := range conformance() {
		n += len(s.decisions)
		t.Run(s.title, func(t *testing.T) {
			for _, d := range s.decisions {
				d.check(t)
			}
		})
	}
	if n < 300 {
		t.Errorf("the table has %d decisions, and is to have 300", n)
	}
	t.Logf("%d decisions", n)
}

// decision is one row: policies, a request, and what comes of it.
type decision struct {
	policies policies
	request  policy.Request
	want     policy.Effect
	kind     policy.Kind // of the policy that decided, or was missing
	any      bool        // the row doesn't care about kind

	// inverse, if there is one, is an identity policy that denies where the row allows, and allows where it doesn't.
	inverse string
}

// policies are documents of each kind; empty is none.
type policies struct {
	identity, session         []string
	boundary, resource, trust string
	cross                     bool
}

func (d *decision) check(t *testing.T) {
	t.Helper()
	set := d.policies.parse(t)
	got := decideSet(t, &set, d.request)
	if got.Effect != d.want || !d.any && got.Kind != d.kind {
		t.Errorf("%+v\n%+v:\n\t%v by the %v, want %v by the %v", d.policies, d.request, got.Effect, got.Kind, d.want, d.kind)
	}
	if d.inverse == "" {
		return
	}
	want := deny
	if d.want != allow {
		want = allow
	}
	set.Identity = []policy.Named{{Policy: parse(t, policy.Identity, d.inverse)}}
	if got := decideSet(t, &set, d.request); got.Effect != want {
		t.Errorf("%s\n%+v:\n\t%v, want %v", d.inverse, d.request, got.Effect, want)
	}
}

// decideSet evaluates, and holds Explain to the same decision.
func decideSet(t tester, s *policy.Set, r policy.Request) policy.Decision {
	t.Helper()
	got := s.Evaluate(&r)
	e := s.Explain(&r)
	if e.Decision != got {
		t.Errorf("Explain says %+v, Evaluate %+v", e.Decision, got)
	}
	if (len(e.Missing) > 0) != (got.Effect == none) || got.Effect == none && e.Missing[0] != got.Kind {
		t.Errorf("%+v, and missing is %v", got, e.Missing)
	}
	return got
}

func (p *policies) parse(t tester) policy.Set {
	t.Helper()
	named := func(kind policy.Kind, documents []string) (all []policy.Named) {
		for i, document := range documents {
			all = append(all, policy.Named{Name: fmt.Sprintf("%s %d", kind, i), Policy: parse(t, kind, document)})
		}
		return all
	}
	one := func(kind policy.Kind, document string) *policy.Named {
		if document == "" {
			return nil
		}
		return &named(kind, []string{document})[0]
	}
	s := policy.Set{
		Identity: named(policy.Identity, p.identity), Session: named(policy.Session, p.session),
		Boundary: one(policy.Boundary, p.boundary), Resource: one(policy.Resource, p.resource),
		CrossAccount: p.cross,
	}
	if p.trust != "" {
		s.Resource = one(policy.Trust, p.trust)
	}
	return s
}

// cond is a condition on the key test:Key in an Allow, and then in a Deny. A request that has nil has no such key.
func cond(operator string, wants, has []string, holds bool) decision {
	return condWith(nil, operator, wants, has, holds)
}

func condWith(context policy.Context, operator string, wants, has []string, holds bool) decision {
	if has != nil {
		context = append(context, policy.Pair{Key: "TEST:key", Values: has})
	}
	element := fmt.Sprintf(`"Action": "*", "Resource": "*", "Condition": {%q: {"test:Key": %s}}`, operator, quote(wants))
	d := identityRow(`"Effect": "Allow", `+element, "s3:GetObject", "*", context, none)
	d.inverse = doc(`{"Effect": "Allow", "Action": "*", "Resource": "*"}`, `{"Effect": "Deny", `+element+`}`)
	if holds {
		d.want = allow
	}
	return d
}

// vars is cond for a request that has a user's keys too.
func vars(operator string, wants, has []string, holds bool) decision {
	return condWith(policy.Context{
		pair("aws:username", "alice"), pair("aws:PrincipalTag/Cost Center", "r&d"), pair(cognito+":sub", "us-east-1:1"), pair("t:empty", ""),
		pair("t:star", "*"), pair("t:question", "?"), pair("t:dollar", "${aws:username}"), pair("t:many", "alice", "bob"),
	}, operator, wants, has, holds)
}

func pair(key string, values ...string) policy.Pair { return policy.Pair{Key: key, Values: values} }

func of(values ...string) []string { return append([]string{}, values...) }

const yes, no = true, false

// identityRow is a row with one identity policy of one statement.
func identityRow(statement, action, resource string, context policy.Context, want policy.Effect) decision {
	return decision{
		policies: policies{identity: []string{doc(`{` + statement + `}`)}},
		request:  policy.Request{Action: action, Resource: resource, Context: context},
		want:     want, kind: policy.Identity,
	}
}

// act asks whether an Action or NotAction covers an action.
func act(element, action string, want policy.Effect) decision {
	return identityRow(`"Effect": "Allow", "Resource": "*", `+element, action, "*", nil, want)
}

// res asks whether a Resource or NotResource covers a resource.
func res(element, resource string, want policy.Effect) decision {
	return identityRow(`"Effect": "Allow", "Action": "*", `+element, "s3:GetObject", resource, nil, want)
}

// inResource is a statement of a document of this version, for a user whose name is al*ce.
func inResource(version, statement, resource string, want policy.Effect) decision {
	d := identityRow(statement, "s3:GetObject", resource, policy.Context{pair("aws:username", "al*ce")}, want)
	document := fmt.Sprintf(`{"Version": %q, "Statement": {"Action": "*", %s}}`, version, statement)
	d.policies.identity[0] = strings.Replace(document, `"Version": "", `, "", 1)
	return d
}

// keyed is a whole Condition element, for a request with a few keys.
func keyed(condition string, want policy.Effect) decision {
	context := policy.Context{pair("k:a", "1"), pair("k:b", "2"), pair("k:n", "7"), pair("k:t", "true")}
	return identityRow(`"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": `+condition, "s3:GetObject", "*", context, want)
}

// who asks whether a Principal or NotPrincipal covers a caller, whose own policies allow everything.
func who(effect, element string, is policy.Principal, want policy.Effect) decision {
	return decision{
		policies: policies{
			identity: []string{doc(`{"Effect": "Allow", "Action": "*", "Resource": "*"}`)},
			trust:    doc(`{"Effect": "` + effect + `", ` + element + `, "Action": "sts:*"}`),
		},
		request: policy.Request{Principal: is, Action: "sts:AssumeRole", Resource: role},
		want:    want, any: true,
	}
}
