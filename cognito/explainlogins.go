package cognito

import (
	"context"
	"slices"
	"strings"

	"idpool/identity"
)

// unknownClaims are those of a login whose token nobody has shown.
type unknownClaims struct{ subject string }

// unknownValue stands for what a token would say.
const unknownValue = "(unknown)"

// Claim knows the subject alone.
func (u unknownClaims) Claim(name string) (any, bool) {
	if name == "sub" {
		return u.subject, true
	}
	return unknownValue, true
}

// showLogins is step 2 of a call that is explained: the tokens that are given, or else the logins that the identity has.
func (s *Service) showLogins(ctx context.Context, t *story, v *visit, tokens map[string]string) error {
	t.note("the identity is of pool %s, which %s guests", v.pool.FullID(), map[bool]string{true: "takes", false: "takes no"}[v.pool.AllowGuests])
	if len(tokens) > 0 {
		if err := s.verify(ctx, v, tokens); err != nil {
			return err
		}
		t.note("signed in by %s: the tokens are good", v.providers())
		return nil
	}
	for _, l := range v.named.Logins {
		p, ok, err := s.assume(ctx, v, l)
		if err != nil {
			return err
		}
		if !ok {
			t.note("the pool does not trust %s any more, of which the identity has a login", l.Provider)
			continue
		}
		v.logins = append(v.logins, p)
	}
	if len(v.logins) == 0 {
		t.note("no login is shown: the call is a guest's")
		return nil
	}
	t.note("signed in by %s: a token of each of these logins is taken to be good", v.providers())
	if slices.ContainsFunc(v.logins, func(p proof) bool { _, set := v.pool.PrincipalTags[p.tagged]; return set }) {
		t.note("principal tags come from claims that are not known here; for their values stands %s", unknownValue)
	}
	return nil
}

// providers names those of the logins.
func (v *visit) providers() string {
	var names []string
	for _, p := range v.logins {
		names = append(names, p.name)
	}
	return strings.Join(slices.Compact(names), ", ")
}

// assume makes the proof that a good token for a linked login would make, but for its claims. It is false where the pool does
// not trust the provider any more.
func (s *Service) assume(ctx context.Context, v *visit, l identity.Login) (p proof, ok bool, err error) {
	claims := unknownClaims{l.Subject}
	clients := v.pool.Clients(l.Provider)
	switch {
	case l.Provider == v.pool.Developer:
		return v.developerProof(l.Subject), true, nil
	case v.pool.Social[l.Provider] != "":
		return socialProof(l.Provider, v.pool.Social[l.Provider], l.Subject, claims), true, nil
	case len(clients) > 0:
		return userPoolProof(l.Provider, clients[0], l.Subject, claims), true, nil
	case isSAML(l.Provider):
		found, err := s.findSAML(ctx, v, l.Provider)
		return samlProof(l.Provider, l.Subject, claims), found != nil, err
	}
	oidc, err := s.findOIDC(ctx, v, l.Provider)
	if err != nil || oidc == nil {
		return p, false, err
	}
	return oidcProof(oidc, l.Subject, claims), true, nil
}
