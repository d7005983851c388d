package policy

import (
	"strings"
)

// Request is what a policy is asked about.
type Request struct {
	Principal Principal // who asks; only trust policies look at it
	Action    string    // such as s3:GetObject
	Resource  string    // an ARN, or "*" for an action that concerns no single resource; trust policies don't look at it
	Context   Context
}

// Context holds the condition keys of a request. It is searched from the front, which is faster than a map for the handful
// of keys that a request has, and can be built without a map's allocations.
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
		// Keys of different length are never taken for one, though Unicode folds some of them (K and the Kelvin sign):
		// nobody should pass for a tag by a look-alike.
		if k := c[i].Key; len(k) == len(key) && (k == key || strings.EqualFold(k, key)) {
			return c[i].Values
		}
	}
	return nil
}

// Decision is what a policy says of a request.
type Decision struct {
	Effect    Effect
	Statement int    // index of the first statement that says so, from 0; -1 for NoMatch
	Sid       string // of that statement, if it has one
}

// Evaluate decides. It allocates nothing.
func (p *Policy) Evaluate(r *Request) Decision {
	return p.evaluate(r, nil)
}

// evaluate is the only evaluator: Evaluate runs it without a trace, Explain with one, so that they can't disagree.
func (p *Policy) evaluate(r *Request, t *trace) Decision {
	decision := Decision{Statement: -1}
	for i := range p.statements {
		s := &p.statements[i]
		decides := s.effect > decision.Effect // a Deny over an Allow, an Allow over nothing
		if !decides && t == nil {
			continue
		}
		if s.applies(i, r, t) && decides {
			decision = Decision{s.effect, i, s.sid}
		}
	}
	return decision
}

// The elements of a statement that are tested, in this order; the conditions follow.
const (
	principalElement = iota
	actionElement
	resourceElement
	firstCondition
)

// applies tells whether every element of the statement matches. With a trace it tests all of them, to tell about all.
func (s *statement) applies(index int, r *Request, t *trace) bool {
	applies := true
	for element := range firstCondition + len(s.conditions) {
		matches := s.matches(element, r)
		applies = applies && matches
		if t != nil {
			t.test(s, element, matches, r)
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
func (s *statement) matches(element int, r *Request) bool {
	switch element {
	case principalElement:
		return s.principals == nil || s.matchesPrincipal(&r.Principal) != s.notPrincipal
	case actionElement:
		return anyMatches(s.actions, r.Action, nil) != s.notAction
	case resourceElement:
		return s.resources == nil || s.matchesResource(r)
	}
	return s.conditions[element-firstCondition].holds(r.Context)
}

func (s *statement) matchesPrincipal(who *Principal) bool {
	for i := range s.principals {
		if s.principals[i].matches(who) {
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
