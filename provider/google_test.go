package provider

import "testing"

// Google's tokens have azp, and its issuer two spellings. One app id is trusted, as aud or as azp.
func TestGoogle(t *testing.T) {
	k := kinds[2]
	i := k.serve(t, rsaA())
	v := k.verifier(i)
	signed := func(pairs ...any) string { return rsaA().sign(i.claims(pairs...)) }
	for _, row := range []row{
		{"a web client's", signed("azp", "client"), "ok"},
		{"an Android app's for its web client", signed("azp", "android"), "ok"},
		{"issued to the app for its server", signed("azp", "client", "aud", "server"), "ok"},
		{"of another project", signed("azp", "android", "aud", "server"), notSupported},
		{"azp empty", signed("azp", ""), notOpenID},
		{"iss of old", signed("iss", "accounts.google.com"), "ok"},
		{"iss of a sub-domain", signed("iss", "https://x.accounts.google.com"), wrongIssuer},
		{"another app's", signed("aud", "other"), notSupported},
	} {
		for range 2 {
			want(t, row.name, k.outcome(t, v, i, row.token), row.want)
		}
	}
	// Apps of different pools share what is known of a token, but not whom it is for.
	token := signed("azp", "client")
	_, err := v.Social(t.Context(), google, "other", token)
	want(t, "a token that another pool's app verified", outcome(err), notSupported)
	_, err = v.Social(t.Context(), google, "", signed("aud", []string{"", "x"}))
	want(t, "no app", outcome(err), notSupported)
}

// Sign in with Apple has no azp; an aud that is another app of the same team is another app.
func TestApple(t *testing.T) {
	k := kinds[3]
	i := k.serve(t, rsaA(), p256())
	v := k.verifier(i)
	for _, row := range []row{
		{"RS256, as Apple signs", rsaA().sign(i.claims("aud", "client", "nonce_supported", true, "email_verified", "true")), "ok"},
		{"another app of the team", rsaA().sign(i.claims("aud", "client.other")), notSupported},
		{"azp decides", rsaA().sign(i.claims("azp", "other")), notSupported},
		{"issuer without scheme", rsaA().sign(i.claims("iss", "appleid.apple.com")), "ok"},
		{"Google's token", rsaA().sign(i.claims("iss", "https://accounts.google.com")), wrongIssuer},
	} {
		want(t, row.name, k.outcome(t, v, i, row.token), row.want)
	}
	want(t, "discoveries", i.discoveries.Load(), 0)
}

func TestUnknownSocialProvider(t *testing.T) {
	_, err := new(Verifier).Social(t.Context(), "login.example", "app", "token")
	want(t, "outcome", outcome(err), notSupported)
}
