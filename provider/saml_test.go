package provider_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"idpool/pooltest"
	"idpool/provider"
	"idpool/provider/saml"
)

// What is remembered of a response goes for one version of one provider: another one that says it is the same identity
// provider, or the same one with other keys, is asked anew.
func TestSAMLIsRememberedByProvider(t *testing.T) {
	one, another := pooltest.NewSAMLProvider(t), pooltest.NewSAMLProvider(t)
	another.EntityID = one.EntityID
	metadata := func(p *pooltest.SAMLProvider) *saml.Metadata {
		md, err := saml.ParseMetadata(p.Metadata())
		if err != nil {
			t.Fatal(err)
		}
		return md
	}
	start := time.Now()
	var waited atomic.Int64 // the cache looks at the clock by itself
	now := func() time.Time { return start.Add(time.Duration(waited.Load())) }
	one.Now = now
	v := &provider.Verifier{Now: now}
	response := one.Response(t, pooltest.Assertion{Subject: "alice", Lifetime: time.Hour})
	expires := metadata(one)
	expires.ValidUntil = start.Add(time.Minute)
	for _, row := range []struct {
		name string
		p    provider.SAML
		wait time.Duration
		want string
	}{
		{"first", provider.SAML{ARN: "a", Version: 1, Metadata: metadata(one)}, 0, ""},
		{"remembered, whatever the keys", provider.SAML{ARN: "a", Version: 1, Metadata: metadata(another)}, 0, ""},
		{"another version", provider.SAML{ARN: "a", Version: 2, Metadata: metadata(another)}, 0, "Invalid login token. Couldn't verify signed token."},
		{"another provider", provider.SAML{ARN: "b", Version: 1, Metadata: metadata(another)}, 0, "Invalid login token. Couldn't verify signed token."},
		{"metadata that will expire", provider.SAML{ARN: "c", Version: 1, Metadata: expires}, 0, ""},
		{"metadata that has expired since", provider.SAML{ARN: "c", Version: 1, Metadata: expires}, time.Minute, "Invalid login token. The metadata of the SAML provider has expired."},
	} {
		waited.Add(int64(row.wait))
		a, err := v.SAML(&row.p, response)
		var rejected *provider.Rejected
		switch {
		case row.want == "" && (err != nil || a.Subject != "alice"):
			t.Errorf("%s: %v", row.name, err)
		case row.want != "" && (!errors.As(err, &rejected) || rejected.Message != row.want):
			t.Errorf("%s: %v, want %q", row.name, err, row.want)
		}
	}
}
