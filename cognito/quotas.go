package cognito

import (
	"errors"

	"idpool/identity"
)

// Quotas bound how many of a thing there can be.
type Quotas struct {
	Pools        int // in an account's region
	Providers    int // of a pool, of each kind: OIDC providers, SAML providers, clients of user pools
	Rules        int // in one provider's role mapping
	Tags         int // of a pool
	LinkedLogins int // of an identity
}

// DefaultQuotas are the original's, after its page on quotas and, for the logins, the reference of MergeDeveloperIdentities.
func DefaultQuotas() Quotas {
	return Quotas{Pools: 1000, Providers: 50, Rules: 25, Tags: 50, LinkedLogins: identity.MaxLinked}
}

// MaxRegions is how many regions an account may have pools in.
const MaxRegions = 64

// maxRules is the model's bound, whatever the quota says.
const maxRules = 400

// Complete puts the default in the place of every zero, and refuses what no quota can be.
func (q *Quotas) Complete() error {
	defaults := DefaultQuotas()
	for _, size := range []struct{ value, standard *int }{
		{&q.Pools, &defaults.Pools},
		{&q.Providers, &defaults.Providers},
		{&q.Rules, &defaults.Rules},
		{&q.Tags, &defaults.Tags},
		{&q.LinkedLogins, &defaults.LinkedLogins},
	} {
		if *size.value == 0 {
			*size.value = *size.standard
		}
		if *size.value < 0 {
			return errors.New("a quota is a number greater than 0")
		}
	}
	if q.Rules > maxRules {
		return errors.New("the API takes no more than 400 rules in a role mapping")
	}
	return nil
}
