package cognito

import "idpool/identity"

// Quotas bound how many of a thing there can be.
type Quotas struct {
	Pools        int // in an account's region
	Providers    int // of a pool, of each kind: OIDC providers, SAML providers, clients of user pools
	Rules        int // in one provider's role mapping; the model allows 400
	Tags         int // of a pool
	LinkedLogins int // of an identity
}

// DefaultQuotas are the original's, after its page on quotas and, for the logins, the reference of MergeDeveloperIdentities.
func DefaultQuotas() Quotas {
	return Quotas{Pools: 1000, Providers: 50, Rules: 25, Tags: 50, LinkedLogins: identity.MaxLinked}
}

// MaxRegions is how many regions an account may have pools in.
const MaxRegions = 64
