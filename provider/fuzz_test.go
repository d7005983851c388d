package provider

import (
	"crypto/elliptic"
	"net/http/httptest"
	"testing"
	"time"
)

// fuzzed is a verifier that knows the keys of an issuer and never goes out, and the tokens that this issuer signed.
func fuzzed(f *testing.F) (v *Verifier, p *OIDC, signed map[string]bool) {
	c := newClock()
	i := &idp{clock: c, Server: new(httptest.Server)}
	p = &OIDC{ARN: "arn", Issuer: "https://idp.example", ClientIDs: []string{"client"}}
	v = &Verifier{Now: c.now}
	v.once.Do(v.init)
	ring, set := v.rings.of(p.source()), &keySet{asked: c.now(), fetched: c.now(), fresh: time.Hour}
	signed = make(map[string]bool)
	for _, s := range []signer{rsaA(), p256(), p384(), p521(), rsaB().as("")} {
		set.keys = append(set.keys, key{id: s.kid, public: s.private.Public()})
		for _, claims := range []map[string]any{
			i.claims("iss", p.Issuer),
			i.claims("iss", p.Issuer+"/", "aud", []string{"x", "client"}, "azp", "client", "nbf", 1.5),
		} {
			signed[s.sign(claims)] = true
			signed[s.sign(claims, "kid", absent{}, "typ", absent{})] = true
		}
	}
	ring.good, ring.tried = set, c.now()
	for token := range signed {
		f.Add(token)
		f.Add(token[:len(token)-1])
		f.Add("." + token)
		f.Add(strayBits(token))
	}
	f.Add(unsigned("none", i.claims("iss", p.Issuer)))
	f.Add(signer{"p256", "ES256", newEC(elliptic.P256())}.sign(i.claims("iss", p.Issuer)))
	return v, p, signed
}

// Nothing verifies but what was signed, letter for letter.
func FuzzVerify(f *testing.F) {
	v, p, signed := fuzzed(f)
	f.Fuzz(func(t *testing.T, token string) {
		claims, err := v.OIDC(t.Context(), p, token)
		switch outcome(err) {
		case "ok":
			if !signed[token] {
				t.Errorf("taken: %q", token)
			}
			issuer, subject, ok := Peek(token)
			if !ok || issuer != claims.Issuer || subject != claims.Subject {
				t.Errorf("Peek saw %q, %q, %v in %q", issuer, subject, ok, token)
			}
			if all := claims.All(); all["sub"] != subject {
				t.Errorf("all claims: %v", all)
			}
		case "unavailable":
			t.Errorf("went out for %q: %v", token, err)
		default:
			if signed[token] {
				t.Errorf("refused: %q: %v", token, err)
			}
		}
	})
}

// Whatever claims a key's holder signs, there is an answer, and the claims that are taken can be read.
func FuzzClaims(f *testing.F) {
	v, p, _ := fuzzed(f)
	i := &idp{clock: newClock(), Server: new(httptest.Server)}
	f.Add(text(i.claims("iss", p.Issuer)))
	f.Add(text(i.claims("iss", p.Issuer, "aud", []any{"client", nil}, "azp", nil, "exp", 1.9e9, "x", map[string]any{"a": 1})))
	f.Add(`{"iss":"https://idp.example","sub":"\ud800","aud":"client","exp":1e10}`)
	f.Fuzz(func(t *testing.T, claims string) {
		token := p256().sign(claims)
		got, err := v.OIDC(t.Context(), p, token)
		if err != nil {
			return
		}
		if sub, ok := got.Claim("sub"); !ok || sub != got.Subject || got.Subject == "" || got.Expires.IsZero() {
			t.Errorf("%+v", got)
		}
		if _, ok := got.Claim("sub2"); ok != (got.All()["sub2"] != nil) {
			t.Errorf("%s", got.Raw)
		}
	})
}

func FuzzPeek(f *testing.F) {
	f.Add(rsaA().sign(`{"iss":"https://idp.example","sub":"somebody"}`))
	f.Add("..")
	f.Add("a.bnVsbA.c")
	f.Fuzz(func(t *testing.T, token string) {
		issuer, subject, ok := Peek(token)
		if ok != (issuer != "" && subject != "") {
			t.Errorf("%q, %q, %v", issuer, subject, ok)
		}
	})
}

// A provider's documents are a stranger's too.
func FuzzKeys(f *testing.F) {
	f.Add([]byte(`{"keys":[` + text(rsaA().jwk()) + "," + text(p256().jwk()) + "]}"))
	f.Add([]byte(`{"keys":[null,{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		keys, err := parseKeys(body)
		if (err == nil) != (len(keys) > 0) || len(keys) > maxKeys {
			t.Errorf("%d keys, %v", len(keys), err)
		}
		token := &jws{signed: "a.b", signature: make([]byte, 64), alg: "ES256"}
		if ok, _ := token.verify(keys); ok {
			t.Error("verified")
		}
	})
}
