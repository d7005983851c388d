package provider

import (
	"context"
	"strings"
	"testing"
)

// kind is a kind of provider that signs ID tokens, as a fake of it behaves.
type kind struct {
	name     string
	set      func(i *idp)          // what the fake serves, and what its tokens say
	settings func(i *idp) Settings // by which it is found; nil: it is registered
	verify   func(ctx context.Context, v *Verifier, i *idp, token string) (*Claims, error)
}

const testPool = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Ab1"

var kinds = []kind{
	{
		name: "OIDC", set: func(*idp) {}, settings: func(*idp) Settings { return nil },
		verify: func(ctx context.Context, v *Verifier, i *idp, token string) (*Claims, error) {
			return v.OIDC(ctx, i.provider(), token)
		},
	},
	{
		// A user pool's JWKS has alg and use; its discovery is not asked. Its ID tokens say token_use id.
		name: "user pool",
		set: func(i *idp) {
			i.keysAt = "/us-east-1_Ab1/.well-known/jwks.json"
			i.said = []any{"iss", "https://" + testPool, "token_use", "id", "cognito:username", "alice"}
		},
		settings: func(i *idp) Settings { return Settings{testPool: {Endpoint: i.URL}} },
		verify: func(ctx context.Context, v *Verifier, _ *idp, token string) (*Claims, error) {
			return v.UserPool(ctx, &UserPool{Name: testPool, ClientIDs: []string{"web", "client"}}, token)
		},
	},
	{
		name: "Google",
		set: func(i *idp) {
			i.keysAt = "/oauth2/v3/certs"
			i.discovery = map[string]any{"issuer": "https://accounts.google.com", "jwks_uri": i.URL + "/oauth2/v3/certs"}
			i.said = []any{"iss", "https://accounts.google.com"}
		},
		settings: func(i *idp) Settings { return Settings{google: {Endpoint: i.URL}} },
		verify: func(ctx context.Context, v *Verifier, _ *idp, token string) (*Claims, error) {
			return v.Social(ctx, google, "client", token)
		},
	},
	{
		name: "Apple",
		set: func(i *idp) {
			i.keysAt = "/auth/keys"
			i.said = []any{"iss", "https://appleid.apple.com"}
		},
		settings: func(i *idp) Settings { return Settings{apple: {Endpoint: i.URL + "/"}} },
		verify: func(ctx context.Context, v *Verifier, _ *idp, token string) (*Claims, error) {
			return v.Social(ctx, apple, "client", token)
		},
	},
}

// serve runs a fake of the kind.
func (k kind) serve(t testing.TB, signers ...signer) *idp {
	i := newIDP(t, signers...)
	i.set(func() { k.set(i) })
	return i
}

// verifier knows the first fake by its settings, and the others as anybody's. Registered providers are at loopback, and so
// that is open to them; where settings name the host, it need not be.
func (k kind) verifier(i *idp, others ...*idp) *Verifier {
	v := verifier(append([]*idp{i}, others...)...)
	v.Settings = k.settings(i)
	v.Network.AllowLoopback = v.Settings == nil
	return v
}

func (k kind) outcome(t testing.TB, v *Verifier, i *idp, token string) string {
	t.Helper()
	_, err := k.verify(t.Context(), v, i, token)
	return outcome(err)
}

// What all kinds have in common, good and bad; TestAttacks has more of the bad.
func TestKinds(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			i := k.serve(t, rsaA(), p256())
			v := k.verifier(i)
			signed := func(pairs ...any) string { return rsaA().sign(i.claims(pairs...)) }
			iss := i.claims()["iss"].(string)
			for _, row := range []row{
				{"good", signed(), "ok"},
				{"aud an array", signed("aud", []string{"client", "x"}), "ok"},
				{"aud of somebody else", signed("aud", "other", "azp", absent{}), notSupported},
				{"no aud", signed("aud", absent{}, "azp", absent{}), missingClaim + "aud"},
				{"iss without scheme", signed("iss", strings.TrimPrefix(iss, "https://")), "ok"},
				{"iss by http", signed("iss", strings.Replace(iss, "https", "http", 1)), wrongIssuer},
				{"iss that begins the same", signed("iss", iss+".evil.example"), wrongIssuer},
				{"iss that ends the same", signed("iss", "https://evil."+strings.TrimPrefix(iss, "https://")), wrongIssuer},
			} {
				want(t, row.name, k.outcome(t, v, i, row.token), row.want)
				want(t, row.name+", again", k.outcome(t, v, i, row.token), row.want)
			}
			want(t, "fetches", i.fetches.Load(), 1)

			// Keys change, and the provider goes: a verified token serves on, and is looked at all the same.
			last := signed("jti", i.clock.nanos.Add(1))
			want(t, "the last of the old key", k.outcome(t, v, i, last), "ok")
			i.publish(rsaB())
			i.clock.add(1)
			want(t, "the new key", k.outcome(t, v, i, rsaB().sign(i.claims())), "ok")
			i.down()
			want(t, "verified before", k.outcome(t, v, i, last), "ok")
			i.clock.add(2 * 3600 * 1e9)
			if got := k.outcome(t, v, i, last); !strings.Contains(got, "Token expired") {
				t.Errorf("two hours later: %s", got)
			}
		})
	}
}

// A provider that hangs holds nobody but its own callers.
func TestKindsDoNotWaitForEachOther(t *testing.T) {
	for n, k := range kinds {
		hanging := k.serve(t, rsaA())
		asked, release := hanging.hold(t)
		other := kinds[(n+1)%len(kinds)]
		alive := other.serve(t, rsaB())
		v := verifier(hanging, alive)
		v.Settings = Settings{}
		for _, s := range []Settings{k.settings(hanging), other.settings(alive)} {
			for name, setting := range s {
				v.Settings[name] = setting
			}
		}
		answer := make(chan string)
		go func() {
			_, err := k.verify(context.Background(), v, hanging, rsaA().sign(hanging.claims()))
			answer <- outcome(err)
		}()
		<-asked
		want(t, other.name+" while "+k.name+" hangs", other.outcome(t, v, alive, rsaB().sign(alive.claims())), "ok")
		release()
		want(t, k.name, <-answer, "ok")
	}
}
