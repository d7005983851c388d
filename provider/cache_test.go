package provider

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// remembered tells whether a token is verified with the provider gone and its keys forgotten.
func remembered(t *testing.T, v *Verifier, i *idp, p *OIDC, token string) bool {
	t.Helper()
	i.down()
	defer i.up()
	v.rings = newKeyrings(v.Issuers)
	got := verify(t, v, p, token)
	if got != "ok" && got != "unavailable" {
		t.Errorf("got %s", got)
	}
	v.rings = newKeyrings(v.Issuers)
	return got == "ok"
}

func TestVerifiedTokensAreRemembered(t *testing.T) {
	const minute = time.Minute
	rows := []struct {
		name    string
		expires time.Duration // of the token
		after   time.Duration // the second use
		change  func(p *OIDC)
		want    bool
	}{
		{"at once", time.Hour, 0, nil, true},
		{"for five minutes", time.Hour, 5*minute - 1, nil, true},
		{"no longer", time.Hour, 5 * minute, nil, false},
		{"until it expires", 2 * minute, 2*minute - 1, nil, true},
		{"not on grace", 2 * minute, 2 * minute, nil, false},
		{"not if it came on grace", -minute, 0, nil, false},
		{"not for another version", time.Hour, 0, func(p *OIDC) { p.Version++ }, false},
		{"not for another provider", time.Hour, 0, func(p *OIDC) { p.ARN += "x" }, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			i := newIDP(t, rsaA())
			v, p := verifier(i), i.provider()
			token := rsaA().sign(i.claims("exp", i.clock.now().Add(row.expires).Unix()))
			want(t, "first", verify(t, v, p, token), "ok")
			i.clock.add(row.after)
			if row.change != nil {
				row.change(p)
			}
			want(t, "remembered", remembered(t, v, i, p, token), row.want)
		})
	}
}

// Of a token that is remembered, audience and times are looked at all the same.
func TestRememberedTokensAreCheckedAgain(t *testing.T) {
	i := newIDP(t, rsaA())
	v, p := verifier(i), i.provider()
	token := rsaA().sign(i.claims())
	now := i.clock.now().Unix()
	want(t, "first", verify(t, v, p, token), "ok")
	p.ClientIDs = []string{"other"}
	want(t, "client taken away", verify(t, v, p, token), notSupported)
	p.ClientIDs = []string{"client"}
	want(t, "client given back", verify(t, v, p, token), "ok")
	i.clock.add(-301 * time.Second)
	want(t, "clock set back", verify(t, v, p, token), fmt.Sprintf(notYetValid, now-301, now))
}

func TestFailuresAreNotRemembered(t *testing.T) {
	i := newIDP(t, rsaA())
	v := verifier(i)
	token := rsaB().sign(i.claims())
	want(t, "unknown key", verify(t, v, i.provider(), token), badSignature)
	want(t, "foreign audience", verify(t, v, i.provider(), rsaA().sign(i.claims("aud", "x"))), notSupported)
	want(t, "entries", v.tokens.entries.EstimatedSize(), 0)
	i.publish(rsaB())
	i.clock.add(30 * time.Second)
	want(t, "known key", verify(t, v, i.provider(), token), "ok")
	want(t, "entries", v.tokens.entries.EstimatedSize(), 1)
}

func TestCacheIsBoundedInBytes(t *testing.T) {
	i := newIDP(t, p256())
	v := verifier(i)
	v.CacheBytes = 100_000
	for n := range 300 {
		token := p256().sign(i.claims("jti", n, "x", strings.Repeat("x", 1000)))
		want(t, "outcome", verify(t, v, i.provider(), token), "ok")
	}
	v.tokens.entries.CleanUp()
	if got := v.tokens.entries.WeightedSize(); got > 100_000 || got < 50_000 {
		t.Errorf("%d bytes", got)
	}
	heavy := &Claims{
		Issuer: "12", Subject: "1234", AuthorizedParty: "12345", Audience: []string{"a", "b"}, Raw: make([]byte, 100),
	}
	want(t, "weight", heavy.weigh()-(&Claims{}).weigh(), 2+4+5+2*17+100)
}

func TestCachedTokenAllocatesNothing(t *testing.T) {
	i := newIDP(t, rsaA())
	v, p, token := verifier(i), i.provider(), rsaA().sign(i.claims())
	want(t, "first", verify(t, v, p, token), "ok")
	ctx := t.Context()
	allocs := testing.AllocsPerRun(1000, func() {
		if _, err := v.OIDC(ctx, p, token); err != nil {
			t.Fatal(err)
		}
	})
	want(t, "allocations", allocs, 0)
}
