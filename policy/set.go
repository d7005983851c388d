package policy

// Set is every policy that has a say in one request. It is a value of slices and pointers to what callers keep parsed, so
// that making one costs nothing. The picture in the package comment shows how they are combined.
//
// It leaves to the caller which policies there are, and that an account's root user needs no Allow in its own account.
type Set struct {
	Identity []Named // of the user or role: one has to allow
	Boundary *Named  // the permission boundary of the user or role: has to allow too; nil is none
	Session  []Named // of the session, inline and by ARN: one has to allow too; nil is none, and an empty list allows nothing
	Resource *Named  // of the resource, or the trust policy of the role; nil is none

	// CrossAccount says that the resource is of another account than the principal: then the resource's policy and the
	// principal's own have to allow, both, whomever the resource's names.
	CrossAccount bool
}

// Named is a policy and what it is called: its name or ARN, for those who ask why. A nil Policy stands for one that is gone,
// such as a managed policy that a session names and someone deleted: it allows nothing.
type Named struct {
	Name   string
	Policy *Policy
}

// Evaluate decides. It allocates nothing.
func (s *Set) Evaluate(r *Request) Decision {
	return s.evaluate(r, nil)
}

// The layers of a Set, in the order in which they are asked, and in which they are named as the reason of a denial (Policy
// evaluation logic, the flow chart for a single account).
const (
	resourceLayer = iota
	identityLayer
	boundaryLayer
	sessionLayer
	layers
)

// evaluate is the one walk of Evaluate and Explain.
func (s *Set) evaluate(r *Request, t *trace) Decision {
	bounded := s.Boundary != nil
	var said [layers]finding
	said[resourceLayer] = s.Resource.evaluate(s.resourceKind(), r, bounded, t)
	said[identityLayer] = evaluateAny(Identity, s.Identity, r, bounded, t)
	said[boundaryLayer] = s.Boundary.evaluate(Boundary, r, bounded, t)
	said[sessionLayer] = evaluateAny(Session, s.Session, r, bounded, t)
	for i := range said {
		if said[i].Effect == Deny {
			return said[i].Decision
		}
	}
	needed := s.needed(r, said[resourceLayer].reach)
	decision, missing := said[identityLayer].Decision, false
	if !needed[identityLayer] {
		decision = said[resourceLayer].Decision
	}
	for i := range said {
		if !needed[i] || said[i].Effect == Allow {
			continue
		}
		if !missing {
			decision, missing = Decision{Kind: said[i].Kind, Statement: -1}, true
		}
		if t != nil {
			t.missing = append(t.missing, said[i].Kind)
		}
	}
	return decision
}

// needed says which layers have to allow, when no layer denies and the resource's policy reaches this far.
func (s *Set) needed(r *Request, granted reach) (needed [layers]bool) {
	if s.CrossAccount {
		granted = min(granted, toAccount)
	}
	// A login, a service or a stranger has no policies of its own.
	outsider := s.Resource != nil && r.Principal.Type != AWS
	// "The role trust policy must explicitly allow"; other resources may leave it to the identity policies.
	trust := s.Resource != nil && (s.Resource.Policy == nil || s.Resource.Policy.kind == Trust)
	needed[resourceLayer] = s.CrossAccount || outsider || trust
	needed[identityLayer] = granted < toRole && !outsider
	needed[boundaryLayer] = granted < direct && s.Boundary != nil
	needed[sessionLayer] = granted < direct && s.Session != nil
	return needed
}

func (s *Set) resourceKind() Kind {
	if s.Resource != nil && s.Resource.Policy != nil && s.Resource.Policy.kind == Trust {
		return Trust
	}
	return Resource
}

// evaluate asks one policy as one of this kind: a managed policy may be attached, be a boundary, or be a session's.
func (n *Named) evaluate(kind Kind, r *Request, bounded bool, t *trace) finding {
	if n == nil {
		return finding{Decision: Decision{Kind: kind, Statement: -1}}
	}
	found := n.Policy.evaluate(r, bounded, t)
	found.Kind = kind
	if found.Effect != NoMatch {
		found.Policy = n.Name
	}
	if t != nil {
		t.policy(kind, n, found.Effect)
	}
	return found
}

// evaluateAny asks all policies of a kind: a Deny of one counts, else an Allow of one.
func evaluateAny(kind Kind, policies []Named, r *Request, bounded bool, t *trace) finding {
	best := finding{Decision: Decision{Kind: kind, Statement: -1}}
	for i := range policies {
		if found := policies[i].evaluate(kind, r, bounded, t); found.Effect > best.Effect {
			best = found
		}
	}
	return best
}
