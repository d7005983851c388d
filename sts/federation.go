package sts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"idpool/iam"
	"idpool/policy"
)

// federation is a login by an identity provider of IAM, verified, and what is asked for by it.
type federation struct {
	action      string // sts:AssumeRoleWith...
	account     string // of the role, and of the provider
	version     int64
	roleARN     string
	sessionName string
	policy      string
	policies    []PolicyARN
	asked       time.Duration // 0: nothing was asked for
	most        time.Duration // what the provider allows; 0: it doesn't say
	until       time.Time     // when the provider's own session ends; zero: it doesn't say
	keys        policy.Context
	passage     passage
	who         Federated
}

// federate gives credentials of a role, if its trust policy takes the login.
func (s *Service) federate(ctx context.Context, f *federation) (*Assumed, error) {
	role, err := s.IAM.Role(ctx, f.account, f.version, f.roleARN)
	if errors.Is(err, iam.ErrNoRole) {
		return nil, accessDenied(f.action, fmt.Errorf("account %s has no role %s", f.account, f.roleARN))
	}
	if err != nil {
		return nil, err
	}
	if err := f.trusted(role); err != nil {
		return nil, err
	}
	lifetime, err := f.lifetime(role, s.Now())
	if err != nil {
		return nil, err
	}
	policies, err := s.sessionPolicies(ctx, f.account, f.version, f.policy, f.policies)
	if err != nil {
		return nil, err
	}
	return s.grant(role, lifetime, f.passage.into(&Session{Name: f.sessionName, Policy: f.policy, Policies: policies, Federated: &f.who}))
}

// trusted asks the role's trust policy.
func (f *federation) trusted(role *iam.Role) error {
	asked := policy.Request{
		Principal: policy.Principal{Type: policy.Federated, Name: f.who.Provider},
		Context:   append(f.passage.keys(f.sessionName), f.keys...), // ours first, whatever a provider is called
	}
	for _, asked.Action = range f.passage.actions(f.action) {
		if role.Trust.Evaluate(&asked).Effect != policy.Allow {
			explained := role.Trust.Why(&asked)
			return accessDenied(f.action, fmt.Errorf("the trust policy of %s does not allow %s: %s", f.roleARN, asked.Action, explained.Cause()))
		}
	}
	return nil
}

// lifetime is the shortest of what was asked for and what the provider allows. Of what was asked for the role's own limit is
// not cut off but refused.
func (f *federation) lifetime(role *iam.Role, now time.Time) (time.Duration, error) {
	lifetime := f.asked
	switch {
	case lifetime > role.MaxSession:
		return 0, errTooLong
	case lifetime == 0 && f.most > 0:
		lifetime = min(f.most, role.MaxSession)
	case lifetime == 0:
		lifetime = DefaultLifetime
	}
	if f.most > 0 {
		lifetime = min(lifetime, f.most)
	}
	if !f.until.IsZero() {
		lifetime = min(lifetime, f.until.Sub(now).Truncate(time.Second))
	}
	if lifetime <= 0 { // the clocks differ
		return 0, expired("Response has expired")
	}
	return lifetime, nil
}

// context are the condition keys of a session that an identity provider vouched for: those of its login that the guide says
// to stay ("AWS global and IAM condition context keys").
func (f *Federated) context() policy.Context {
	one := func(key, value string) policy.Pair { return policy.Pair{Key: key, Values: []string{value}} }
	keys := policy.Context{one("aws:FederatedProvider", f.Provider)}
	_, name, isOIDC := strings.Cut(f.Provider, ":oidc-provider/")
	if !isOIDC {
		return append(keys, one("saml:sub", f.Subject), one("saml:sub_type", f.Type), one("saml:namequalifier", f.Qualifier))
	}
	keys = append(keys, one(name+":aud", f.Audience), one(name+":sub", f.Subject))
	if len(f.AMR) > 0 {
		keys = append(keys, policy.Pair{Key: name + ":amr", Values: f.AMR})
	}
	return keys
}
