package policy

// Unbound names the statements of a trust or resource policy that let a federated login in without saying whose: each Allow
// that reaches the principal (as Federated or as "*") for the action and doesn't bind the condition key. The names are
// places in the document, such as Statement[1]; nil says that every such statement binds it.
//
// A statement binds a key by StringEquals, StringEqualsIgnoreCase or StringLike, also behind ForAnyValue, with values that
// stand for themselves alone: a wildcard lets in what others made (us-east-1:* is every pool of a region), and a variable may
// be whatever the caller brings. A negated operator, ...IfExists, ForAllValues and Null don't bind: they hold for keys that
// are absent, or for every value there is.
//
//	trust.Unbound("cognito-identity.amazonaws.com", "sts:AssumeRoleWithWebIdentity", "cognito-identity.amazonaws.com:aud")
//
// IAM refuses to save a trust policy for cognito-identity.amazonaws.com of which this is not nil (Amazon Cognito developer
// guide, IAM roles), and STS admits a pool of another account only by a statement that binds (Request.RequireKey).
func (p *Policy) Unbound(federated, action, key string) []string {
	var places []string
	who := Principal{Type: Federated, Name: federated}
	for i := range p.statements {
		s := &p.statements[i]
		if s.needs(key) && s.matchesPrincipal(&who) && anyMatches(s.actions, action, nil) != s.notAction && !s.binds(key) {
			places = append(places, s.path)
		}
	}
	return places
}

// needs tells whether a key that is required is required of this statement.
func (s *statement) needs(key string) bool {
	return key != "" && s.effect == Allow && s.principals != nil
}

// binds tells whether some condition of the statement binds the key.
func (s *statement) binds(key string) bool {
	for i := range s.conditions {
		if c := &s.conditions[i]; sameKey(c.key, key) && c.binds() {
			return true
		}
	}
	return false
}

func (c *condition) binds() bool {
	switch c.test {
	case stringEquals, stringEqualsIgnoreCase, stringLike:
	default:
		return false
	}
	if c.negated || c.ifExists || c.set == forAllValues {
		return false
	}
	for i := range c.operands {
		if !c.operands[i].pattern.isExplicit() {
			return false
		}
	}
	return true
}

// isExplicit tells whether the pattern is one text, without wildcards and variables, and not empty.
func (p *pattern) isExplicit() bool {
	return len(p.segments) == 1 && len(p.segments[0]) == 1 && p.segments[0][0].kind == literal
}
