package policy

import (
	"strings"
	"unicode/utf8"
)

// Request is what policies are asked about.
type Request struct {
	Principal Principal // who asks; only trust and resource policies look at it
	Action    string    // such as s3:GetObject
	Resource  string    // an ARN, or "*" for an action that concerns no single resource; trust policies don't look at it
	Context   Context

	// RequireKey, unless empty, is a condition key that an Allow with a Principal has to bind to count (see Unbound). A
	// role that admits the logins of another account's pool needs one on cognito-identity.amazonaws.com:aud.
	RequireKey string

	// Secret, unless empty, is a text that explanations write as (the identity), such as a guest's id: whoever knows it is
	// the guest.
	Secret string
}

// Context holds the condition keys of a request. It is searched from the front, which is faster than a map for the handful
// of keys that a request has, and can be built without a map's allocations.
//
// Values are texts: numbers in decimal; dates as 2026-01-31T00:00:00Z or in seconds since 1970; booleans as true and false;
// addresses without a port; binary values as their bytes. aws:CurrentTime and aws:EpochTime are here or nowhere: this
// package has no clock.
type Context []Pair

// Pair is one condition key, such as cognito-identity.amazonaws.com:aud, and its values. The case of the key's letters
// doesn't count. A key belongs in a Context once; if it is there twice, the first counts.
type Pair struct {
	Key    string
	Values []string
}

// values is nil for a key that isn't there.
func (c Context) values(key string) []string {
	for i := range c {
		if sameKey(c[i].Key, key) {
			return c[i].Values
		}
	}
	return nil
}

// sameKey compares the names of condition keys. Those of different length are never taken for one, though Unicode folds
// some of them (K and the Kelvin sign): nobody should pass for a tag by a look-alike. The last letter is looked at first,
// since the keys of a request begin alike.
func sameKey(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	if last := len(a) - 1; last >= 0 && a[last]|b[last] < utf8.RuneSelf && (a[last]^b[last])&^('a'-'A') != 0 {
		return false
	}
	return a == b || strings.EqualFold(a, b)
}

// Decision is what policies say of a request.
type Decision struct {
	Effect Effect

	// Kind is of the policy that decided, or for NoMatch the first kind that had to allow and doesn't.
	Kind Kind

	Policy    string // name of the policy that decided, as Named has it; empty for NoMatch
	Statement int    // index of its first statement that says so, from 0; -1 for NoMatch
	Sid       string // of that statement, if it has one
}

// Evaluate says what this policy alone says of a request, whatever other policies apply: any Allow counts, however far it
// reaches. It allocates nothing, unless one text of the policy has many variables.
func (p *Policy) Evaluate(r *Request) Decision {
	return p.evaluate(r, false, nil).Decision
}

// finding is the decision of one policy, and how far its Allow carries.
type finding struct {
	Decision
	reach reach
}

// evaluate is the only evaluator of a policy: who explains runs it with a trace, all others without, so that they can't
// disagree. The principal is bounded if it has a permission boundary. A nil policy says nothing.
func (p *Policy) evaluate(r *Request, bounded bool, t *trace) finding {
	if p == nil {
		return finding{Decision: Decision{Statement: -1}}
	}
	found := finding{Decision: Decision{Kind: p.kind, Statement: -1}}
	for i := range p.statements {
		s := &p.statements[i]
		// A Deny counts more than an Allow, an Allow that reaches further more than another, an Allow more than nothing.
		decides := s.effect > found.Effect || s.effect == Allow && found.Effect == Allow && found.reach < direct
		if !decides && t == nil || !s.applies(i, r, bounded, t) || !decides {
			continue
		}
		if reach := s.reaches(&r.Principal); s.effect > found.Effect || reach > found.reach {
			found.Effect, found.Statement, found.Sid, found.reach = s.effect, i, s.sid, reach
		}
	}
	return found
}

// reaches tells how far a statement that applies carries.
func (s *statement) reaches(who *Principal) reach {
	if s.principals == nil || s.effect == Deny {
		return direct
	}
	furthest := unreached
	for i := range s.principals {
		furthest = max(furthest, s.principals[i].reaches(who))
	}
	return furthest
}

// The elements of a statement that are tested, in this order; the conditions follow.
const (
	principalElement = iota
	actionElement
	resourceElement
	requiredElement
	firstCondition
)

// applies tells whether every element of the statement matches. With a trace it tests all of them, to tell about all.
func (s *statement) applies(index int, r *Request, bounded bool, t *trace) bool {
	applies := true
	for element := range firstCondition + len(s.conditions) {
		matches := s.matches(element, r, bounded)
		applies = applies && matches
		if t != nil {
			t.test(s, element, matches, r.RequireKey)
		} else if !applies {
			return false
		}
	}
	if t != nil {
		t.end(index, s, applies)
	}
	return applies
}

// matches tests one element. An element that policies of this kind don't have matches.
func (s *statement) matches(element int, r *Request, bounded bool) bool {
	switch element {
	case principalElement:
		if s.notPrincipal {
			return !excepts(s.principals, &r.Principal, bounded)
		}
		return s.principals == nil || s.matchesPrincipal(&r.Principal)
	case actionElement:
		return anyMatches(s.actions, r.Action, nil) != s.notAction
	case resourceElement:
		return s.resources == nil || s.matchesResource(r)
	case requiredElement:
		return !s.needs(r.RequireKey) || s.binds(r.RequireKey)
	}
	return s.conditions[element-firstCondition].holds(r.Context)
}

func (s *statement) matchesPrincipal(who *Principal) bool {
	for i := range s.principals {
		if s.principals[i].reaches(who) > unreached {
			return true
		}
	}
	return false
}

func (s *statement) matchesResource(r *Request) bool {
	// A resource with a variable that has no value matches no resource ("Policy variables with no value"). In NotResource
	// that would take an exception away: a Deny may grow by it, an Allow must not.
	if s.notResource && s.effect == Allow {
		for i := range s.resources {
			if !s.resources[i].resolves(r.Context) {
				return false
			}
		}
	}
	return anyMatches(s.resources, r.Resource, r.Context) != s.notResource
}

func anyMatches(patterns []pattern, s string, context Context) bool {
	for i := range patterns {
		if patterns[i].match(s, context) {
			return true
		}
	}
	return false
}
