package cognito

import (
	"fmt"
	"math"

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
	for _, size := range []struct {
		name     string // of its flag, behind --quota-
		value    *int
		standard int
		most     int
	}{
		{"pools", &q.Pools, defaults.Pools, math.MaxInt32},
		{"providers", &q.Providers, defaults.Providers, math.MaxInt32},
		{"rules", &q.Rules, defaults.Rules, maxRules},
		{"tags", &q.Tags, defaults.Tags, math.MaxInt32},
		{"linked-logins", &q.LinkedLogins, defaults.LinkedLogins, math.MaxInt32},
	} {
		if *size.value == 0 {
			*size.value = size.standard
		}
		if *size.value < 0 || *size.value > size.most {
			return fmt.Errorf("--quota-%s %d: give a number from 1 to %d", size.name, *size.value, size.most)
		}
	}
	return nil
}
