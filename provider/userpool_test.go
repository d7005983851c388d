package provider

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

const pools = "cognito-idp.us-east-1.amazonaws.com"

// userPools is a fake of a server with several user pools in one region, each with keys of its own, without TLS, as moto
// and cognito-local are.
type userPools struct {
	*idp
	url string
}

func newUserPools(t testing.TB, keys map[string]signer) *userPools {
	u := &userPools{idp: &idp{clock: newClock(), header: http.Header{}}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pool := strings.Split(r.URL.Path, "/")[1]
		s, ok := keys[pool]
		if !ok || r.URL.Path != "/"+pool+"/.well-known/jwks.json" {
			http.NotFound(w, r) // discovery is a 500 of moto's
			return
		}
		u.fetches.Add(1)
		_, _ = w.Write([]byte(text(map[string]any{"keys": []any{s.jwk("alg", "RS256")}})))
	}))
	t.Cleanup(server.Close)
	u.url = server.URL
	u.idp.Server = &httptest.Server{URL: "https://unused.example"}
	return u
}

func (u *userPools) token(s signer, pool string, pairs ...any) string {
	return s.sign(edit(u.claims("iss", "https://"+pools+"/"+pool, "token_use", "id"), pairs...))
}

func TestUserPool(t *testing.T) {
	u := newUserPools(t, map[string]signer{"us-east-1_A": rsaA(), "us-east-1_B": rsaB()})
	v := &Verifier{Now: u.clock.now, Settings: Settings{pools: {Endpoint: u.url}}}
	check := func(pool, token string) string {
		t.Helper()
		_, err := v.UserPool(t.Context(), &UserPool{Name: pools + "/" + pool, ClientIDs: []string{"client", "mobile"}}, token)
		return outcome(err)
	}
	a := func(pairs ...any) string { return u.token(rsaA(), "us-east-1_A", pairs...) }
	west := "https://cognito-idp.us-west-2.amazonaws.com/us-east-1_A"
	for _, row := range []row{
		{"an ID token", a(), "ok"},
		{"of the second client", a("aud", "mobile"), "ok"},
		{"of a client that is not trusted", a("aud", "other"), notSupported},
		{"an access token", a("token_use", "access", "aud", absent{}, "client_id", "client"), missingClaim + "aud"},
		{"an access token with aud", a("token_use", "access"), notOpenID},
		{"no token_use", a("token_use", absent{}), notOpenID},
		{"token_use of another type", a("token_use", []string{"id"}), notOpenID},
		{"token_use in capitals", a("token_use", "ID"), notOpenID},
		{"another pool's token", u.token(rsaB(), "us-east-1_B"), wrongIssuer},
		{"another pool's key", u.token(rsaB().as("a"), "us-east-1_A"), badSignature},
		{"another pool's key under its own id", u.token(rsaB(), "us-east-1_A"), badSignature},
		{"another region's", a("iss", west), wrongIssuer},
		{"a pool whose name begins the same", a("iss", "https://"+pools+"/us-east-1_AA"), wrongIssuer},
	} {
		for range 2 {
			want(t, row.name, check("us-east-1_A", row.token), row.want)
		}
	}
	want(t, "the other pool", check("us-east-1_B", u.token(rsaB(), "us-east-1_B")), "ok")
	want(t, "a pool that does not exist", check("us-east-1_C", u.token(rsaA(), "us-east-1_C")), "unavailable")
	want(t, "fetches", u.fetches.Load(), 2)
}

// A pool's name leads nowhere but to Amazon's hosts and to those that the operator named.
func TestUserPoolNames(t *testing.T) {
	v := new(Verifier)
	for _, name := range []string{
		"", "cognito-idp", pools, pools + "/", pools + "/a", pools + "/a_b/../c_d", pools + "/a_b?x", pools + "/a_b#", "evil.example/a_b",
		"cognito-idp.us-east-1.amazonaws.com.evil.example/a_b", "cognito-idp.evil.example/x.amazonaws.com/a_b", pools + "/a_b\n",
	} {
		_, err := v.UserPool(t.Context(), &UserPool{Name: name, ClientIDs: []string{"client"}}, "a.b.c")
		want(t, name, outcome(err), notSupported)
	}
}

// A local server may issue under a name of its own; then Amazon's is another's.
func TestUserPoolIssuer(t *testing.T) {
	u := newUserPools(t, map[string]signer{"us-east-1_A": rsaA()})
	own, amazon := u.token(rsaA(), "us-east-1_A", "iss", u.url+"/us-east-1_A"), u.token(rsaA(), "us-east-1_A")
	p := &UserPool{Name: pools + "/us-east-1_A", ClientIDs: []string{"client"}}
	for name, row := range map[string]struct {
		settings    Settings
		own, amazon string
	}{
		"of a region":          {Settings{pools: {Endpoint: u.url, Issuer: u.url}}, "ok", wrongIssuer},
		"of a pool":            {Settings{p.Name: {Endpoint: u.url + "/", Issuer: u.url + "/us-east-1_A"}}, "ok", wrongIssuer},
		"the endpoint alone":   {Settings{p.Name: {Endpoint: u.url}}, wrongIssuer, "ok"},
		"a pool before region": {Settings{p.Name: {Endpoint: u.url}, pools: {Endpoint: "http://127.0.0.1:1", Issuer: "x"}}, wrongIssuer, "ok"},
	} {
		v := &Verifier{Now: u.clock.now, Settings: row.settings}
		_, err := v.UserPool(t.Context(), p, own)
		want(t, name+": its own name", outcome(err), row.own)
		_, err = v.UserPool(t.Context(), p, amazon)
		want(t, name+": Amazon's name", outcome(err), row.amazon)
	}
}

// Who registers a provider cannot reach what the operator named for another, and what is named still cannot be ours.
func TestNamedHostsAreForTheirProviderAlone(t *testing.T) {
	u := newUserPools(t, map[string]signer{"us-east-1_A": rsaA()})
	v := &Verifier{Now: u.clock.now, Settings: Settings{pools: {Endpoint: u.url}}}
	p := &UserPool{pools + "/us-east-1_A", []string{"client"}}
	_, err := v.UserPool(t.Context(), p, u.token(rsaA(), "us-east-1_A"))
	want(t, "the pool", outcome(err), "ok")
	_, err = v.OIDC(t.Context(), &OIDC{Issuer: u.url, ClientIDs: []string{"client"}}, rsaA().sign(u.claims("iss", u.url)))
	refused(t, "a registered provider there", err, "http is only for")

	own := netip.MustParseAddrPort(strings.TrimPrefix(u.url, "http://"))
	v = &Verifier{Now: u.clock.now, Settings: v.Settings, Network: Network{Own: func() []netip.AddrPort { return []netip.AddrPort{own} }}}
	_, err = v.UserPool(t.Context(), p, u.token(rsaA(), "us-east-1_A"))
	refused(t, "our own listener", err, "is our own")
}

// refused wants an Unavailable whose cause says why nobody was asked.
func refused(t *testing.T, what string, err error, cause string) {
	t.Helper()
	if outcome(err) != "unavailable" || !strings.Contains(errors.Unwrap(err).Error(), cause) {
		t.Errorf("%s: %v, want %s", what, err, cause)
	}
}
