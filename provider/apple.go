package provider

import (
	"cmp"
	"context"
)

// apple is the name of Sign in with Apple in Logins maps.
const apple = "appleid.apple.com"

// apple verifies an ID token for a bundle id, of a native app, or a services id, of a web site (Sign in with Apple REST
// API, "Verifying a user"; keys: "Fetch Apple's public key for verifying token signature").
func (v *Verifier) apple(ctx context.Context, app, token string) (*Claims, error) {
	_, s := v.Settings.of(apple)
	return v.idToken(ctx, &rule{
		name: apple, shown: apple, clients: []string{app},
		keys: source{
			issuer: cmp.Or(s.Issuer, "https://"+apple), base: cmp.Or(s.Endpoint, "https://"+apple), jwks: "/auth/keys",
			named: s.Endpoint,
		},
	}, token)
}
