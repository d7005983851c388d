package provider

import (
	"cmp"
	"context"
)

// google is the name of Google in Logins maps. Its ID tokens have it as iss, with https:// or, of old, without
// (Google Identity guide, "Verify the Google ID token on your server side").
const google = "accounts.google.com"

// google verifies an ID token for one client id of a Google project.
func (v *Verifier) google(ctx context.Context, app, token string) (*Claims, error) {
	_, s := v.Settings.of(google)
	return v.idToken(ctx, &rule{
		name: google, shown: google, clients: []string{app}, isGoogle: true,
		keys: source{issuer: cmp.Or(s.Issuer, "https://"+google), base: cmp.Or(s.Endpoint, "https://"+google), named: s.Endpoint},
	}, token)
}
