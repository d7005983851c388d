package provider

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestDocuments(t *testing.T) {
	rows := []struct {
		name   string
		change func(i *idp)
		want   string
	}{
		{"discovery with a slash at the issuer's end", func(i *idp) { i.discovery["issuer"] = i.URL + "/" }, "ok"},
		{"discovery for another issuer", func(i *idp) { i.discovery["issuer"] = "https://other.example" }, "unavailable"},
		{"discovery without issuer", func(i *idp) { delete(i.discovery, "issuer") }, "unavailable"},
		{"discovery without keys", func(i *idp) { delete(i.discovery, "jwks_uri") }, "unavailable"},
		{"keys by http", func(i *idp) { i.discovery["jwks_uri"] = "http://idp.example/keys" }, "unavailable"},
		{"keys in a file", func(i *idp) { i.discovery["jwks_uri"] = "file:///keys" }, "unavailable"},
		{"keys by a path", func(i *idp) { i.discovery["jwks_uri"] = "/keys" }, "unavailable"},
		{"keys with a password", func(i *idp) {
			i.discovery["jwks_uri"] = strings.Replace(i.URL, "https://", "https://a:b@", 1) + "/keys"
		}, "unavailable"},
		{"keys with a query", func(i *idp) { i.discovery["jwks_uri"] = i.URL + "/keys?v=1" }, "ok"},
		{"keys no JSON", func(i *idp) { i.jwks = "<html>" }, "unavailable"},
		{"keys no set", func(i *idp) { i.jwks = "[]" }, "unavailable"},
		{"keys not a list", func(i *idp) { i.jwks = `{"keys":{}}` }, "unavailable"},
		{"no keys", func(i *idp) { i.jwks = `{"keys":[]}` }, "unavailable"},
		{"keys more than 1 MiB", func(i *idp) { i.jwks = text(i.jwks) + strings.Repeat(" ", 1<<20) }, "unavailable"},
		{"keys of nearly 1 MiB", func(i *idp) { i.jwks = text(i.jwks) + strings.Repeat(" ", 1<<20-2000) }, "ok"},
		{"not found", func(i *idp) { i.discovery["jwks_uri"] = i.URL + "/nothing" }, "unavailable"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			i := newIDP(t, rsaA())
			row.change(i)
			want(t, "outcome", verify(t, verifier(i), i.provider(), rsaA().sign(i.claims())), row.want)
		})
	}
}

func TestIssuerWithPath(t *testing.T) {
	for _, slash := range []string{"", "/"} {
		i := newIDP(t, rsaA())
		p := i.provider()
		p.Issuer += "/realms/one" + slash
		i.hook = func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/realms/one/.well-known/openid-configuration" {
				fmt.Fprint(w, text(i.discovery))
				return true
			}
			return false
		}
		i.discovery["issuer"] = p.Issuer
		want(t, p.Issuer, verify(t, verifier(i), p, rsaA().sign(i.claims("iss", p.Issuer))), "ok")
	}
}

func TestKeySets(t *testing.T) {
	a, ec := rsaA(), p256()
	many := func(n int, k any) []any {
		list := make([]any, n)
		for i := range list {
			list[i] = k
		}
		return list
	}
	rows := []struct {
		name  string
		keys  []any
		token signer
		want  string
	}{
		{"of another use", []any{a.jwk("use", "enc")}, a, "unavailable"},
		{"without use", []any{a.jwk("use", absent{})}, a, "ok"},
		{"for verifying", []any{a.jwk("key_ops", []string{"verify"})}, a, "ok"},
		{"for wrapping", []any{a.jwk("key_ops", []string{"wrapKey"})}, a, "unavailable"},
		{"for one algorithm", []any{a.jwk("alg", "RS256")}, a, "ok"},
		{"for another algorithm", []any{a.jwk("alg", "RS512")}, a, badSignature},
		{"for encryption", []any{a.jwk("alg", "RSA-OAEP")}, a, "unavailable"},
		{"for another family", []any{a.jwk("alg", "ES256")}, a, "unavailable"},
		{"weak", []any{weak().jwk()}, weak(), "unavailable"},
		{"without id", []any{a.jwk("kid", absent{})}, a, "ok"},
		{"with a certificate nobody can read", []any{a.jwk("x5c", []string{"x"}, "x5t", "x", "x5u", ":")}, a, "ok"},
		{"with its private part", []any{a.jwk("d", "AQAB")}, a, "ok"},
		{"a point off its curve", []any{ec.jwk("x", ec.jwk()["y"])}, ec, "unavailable"},
		{"the wrong curve", []any{ec.jwk("crv", "P-384")}, ec, "unavailable"},
		{"a good one among broken ones", []any{
			nil, 1, "x",
			map[string]any{},
			a.jwk("n", "!"), a.jwk("kty", "XYZ"), a.jwk("kid", 1),
			a.jwk("e", ""),
			map[string]any{"kty": "oct", "k": "AAAA", "kid": "a"},
			map[string]any{
				"kty": "OKP", "crv": "Ed25519",
				"x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
			},
			weak().jwk(), a.jwk(),
		}, a, "ok"},
		{"the hundredth", append(many(99, ec.jwk()), a.jwk()), a, "ok"},
		{"the hundred and first", append(many(100, ec.jwk()), a.jwk()), a, badSignature},
		{"two under one id", []any{rsaB().as("a").jwk(), a.jwk()}, a, "ok"},
		{"the tenth that may be meant", append(many(9, rsaB().jwk("kid", absent{})), a.jwk()), a, "ok"},
		{"the eleventh that may be meant", append(many(10, rsaB().jwk("kid", absent{})), a.jwk()), a, badSignature},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			i := newIDP(t)
			i.jwks = map[string]any{"keys": row.keys}
			want(t, "outcome", verify(t, verifier(i), i.provider(), row.token.sign(i.claims())), row.want)
		})
	}
}

// A name that stands twice spoils the key it stands in, not its neighbours.
func TestKeyWithANameTwice(t *testing.T) {
	i := newIDP(t)
	twice := strings.Replace(text(rsaB().jwk()), "{", `{"use":"sig",`, 1)
	i.jwks = `{"keys":[` + twice + "," + text(rsaA().jwk()) + "]}"
	v := verifier(i)
	want(t, "the good one", verify(t, v, i.provider(), rsaA().sign(i.claims())), "ok")
	want(t, "the bad one", verify(t, v, i.provider(), rsaB().sign(i.claims())), badSignature)
}

func TestFreshness(t *testing.T) {
	rows := []struct {
		control string
		want    time.Duration
	}{
		{"", 10 * time.Minute},
		{"public", 10 * time.Minute},
		{"max-age=3600", time.Hour},
		{"public, max-age=19845, must-revalidate, no-transform", 19845 * time.Second},
		{"Max-Age=\"600\"", 10 * time.Minute},
		{"max-age=0", 5 * time.Minute},
		{"max-age=299", 5 * time.Minute},
		{"max-age=86401", 24 * time.Hour},
		{"max-age=99999999999999999999", 24 * time.Hour},
		{"max-age=-1", 10 * time.Minute},
		{"max-age", 10 * time.Minute},
		{"max-age=3600, no-cache", 5 * time.Minute},
		{"no-store", 5 * time.Minute},
		{"s-maxage=7200", 10 * time.Minute},
	}
	for _, row := range rows {
		want(t, row.control, freshness(http.Header{"Cache-Control": {row.control}}), row.want)
	}
}
