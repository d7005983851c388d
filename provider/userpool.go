package provider

import (
	"cmp"
	"context"
	"strings"
)

// UserPool is a Cognito user pool, or a server that speaks as one.
type UserPool struct {
	Name      string   // cognito-idp.REGION.amazonaws.com/POOLID
	ClientIDs []string // of its clients that are trusted; a token must be for one of them
}

// UserPool verifies an ID token of a user pool as OIDC does. An access token is none. The keys are at a fixed place, under
// the pool's URL (user pool guide, "Verifying JSON web tokens"); discovery is not asked, since local servers answer it with
// another issuer or not at all.
func (v *Verifier) UserPool(ctx context.Context, p *UserPool, token string) (*Claims, error) {
	m := userPoolName.FindStringSubmatch(p.Name)
	if m == nil || m[2] == "" {
		return nil, reject(notSupported, p.Name+" is no name of a user pool: cognito-idp.REGION.amazonaws.com/POOLID")
	}
	_, s := v.Settings.of(p.Name)
	own := "https://" + p.Name
	base := own
	if s.Endpoint != "" {
		base = strings.TrimSuffix(s.Endpoint, "/") + m[2]
	}
	return v.idToken(ctx, &rule{
		name: p.Name, shown: p.Name, clients: p.ClientIDs, isUserPool: true,
		keys: source{issuer: cmp.Or(s.Issuer, own), base: base, jwks: "/.well-known/jwks.json", named: s.Endpoint},
	}, token)
}
