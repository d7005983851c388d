package provider

import (
	"bytes"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	stdjson "encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// row is a token and what becomes of it: "ok" or the message.
type row struct{ name, token, want string }

// Tokens that are taken, and at the edge of being taken.
func TestOIDCRules(t *testing.T) {
	i := newIDP(t, rsaA(), p256(), p384(), p521())
	for _, row := range slices.Concat(algorithmRules(i), audienceRules(i), timeRules(i), nameRules(i)) {
		t.Run(row.name, func(t *testing.T) {
			v := verifier(i)
			want(t, "first", verify(t, v, i.provider(), row.token), row.want)
			want(t, "again", verify(t, v, i.provider(), row.token), row.want)
		})
	}
}

func algorithmRules(i *idp) []row {
	return []row{
		{"RS256", rsaA().sign(i.claims()), "ok"},
		{"RS384", rsaA().with("RS384").sign(i.claims()), "ok"},
		{"RS512", rsaA().with("RS512").sign(i.claims()), "ok"},
		{"PS256", rsaA().with("PS256").sign(i.claims()), "ok"},
		{"PS384", rsaA().with("PS384").sign(i.claims()), "ok"},
		{"PS512", rsaA().with("PS512").sign(i.claims()), "ok"},
		{"ES256", p256().sign(i.claims()), "ok"},
		{"ES384", p384().sign(i.claims()), "ok"},
		{"ES512", p521().sign(i.claims()), "ok"},
		{"without kid", rsaA().sign(i.claims(), "kid", absent{}), "ok"},
		{"of any typ", rsaA().sign(i.claims(), "typ", "at+jwt"), "ok"},
		{"typ of a wrong type", rsaA().sign(i.claims(), "typ", 1), "ok"},
	}
}

func audienceRules(i *idp) []row {
	signed := func(pairs ...any) string { return rsaA().sign(i.claims(pairs...)) }
	return []row{
		{"aud an array", signed("aud", []string{"other", "client"}), "ok"},
		{"aud an array without the client", signed("aud", []string{"other"}), notSupported},
		{"aud an empty array", signed("aud", []string{}), missingClaim + "aud"},
		{"aud null", signed("aud", nil), missingClaim + "aud"},
		{"aud empty", signed("aud", ""), missingClaim + "aud"},
		{"no aud", signed("aud", absent{}), missingClaim + "aud"},
		{"aud a number", signed("aud", 1), notOpenID},
		{"aud with a number", signed("aud", []any{"client", 1}), notOpenID},
		{"aud of 101", signed("aud", append(make([]string, 100), "client")), notOpenID},
		{"azp decides", signed("azp", "client", "aud", "other"), "ok"},
		{"azp decides against aud", signed("azp", "other"), notSupported},
		{"azp without aud", signed("azp", "client", "aud", absent{}), "ok"},
		{"azp null counts as absent", signed("azp", nil), "ok"},
		{"azp empty", signed("azp", ""), notOpenID},
	}
}

func timeRules(i *idp) []row {
	signed := func(pairs ...any) string { return rsaA().sign(i.claims(pairs...)) }
	now := i.clock.now().Unix()
	minutes := func(n int64) int64 { return now + n*60 }
	at := func(m string, then int64) string { return fmt.Sprintf(m, now, then) }
	return []row{
		{"no exp", signed("exp", absent{}), missingClaim + "exp"},
		{"exp a string", signed("exp", "1900000000"), notOpenID},
		{"exp a fraction", signed("exp", float64(now)+3600.75), "ok"},
		{"exp with an exponent", rsaA().sign(strings.Replace(text(i.claims()), fmt.Sprint(now+3600), "1.9e9", 1)), "ok"},
		{"exp in milliseconds", signed("exp", (now+3600)*1000), notOpenID},
		{"exp beyond numbers", rsaA().sign(strings.Replace(text(i.claims()), fmt.Sprint(now+3600), "1e999", 1)), notOpenID},
		{"exp negative", signed("exp", -1), notOpenID},
		{"exp zero", signed("exp", 0), at(expired, 0)},
		{"expired a second short of five minutes ago", signed("exp", minutes(-5)+1), "ok"},
		{"expired five minutes ago", signed("exp", minutes(-5)), at(expired, minutes(-5))},
		{"nbf in five minutes", signed("nbf", minutes(5)), "ok"},
		{"nbf a second later", signed("nbf", minutes(5)+1), at(notYetValid, minutes(5)+1)},
		{"iat in five minutes", signed("iat", minutes(5)), "ok"},
		{"iat a second later", signed("iat", minutes(5)+1), at(notYetValid, minutes(5)+1)},
		{"iat absent", signed("iat", absent{}), "ok"},
		{"nbf null", signed("nbf", nil), "ok"},
		{"expiry before audience", signed("aud", "other", "exp", 0), at(expired, 0)},
	}
}

func nameRules(i *idp) []row {
	signed := func(pairs ...any) string { return rsaA().sign(i.claims(pairs...)) }
	return []row{
		{"sub absent", signed("sub", absent{}), missingClaim + "sub"},
		{"sub empty", signed("sub", ""), missingClaim + "sub"},
		{"sub null", signed("sub", nil), missingClaim + "sub"},
		{"sub a number", signed("sub", 7), notOpenID},
		{"sub of 1,024 bytes", signed("sub", strings.Repeat("s", 1024)), "ok"},
		{"sub of 1,025 bytes", signed("sub", strings.Repeat("s", 1025)), notOpenID},

		{"iss with a slash at its end", signed("iss", i.URL+"/"), "ok"},
		{"iss with two slashes at its end", signed("iss", i.URL+"//"), wrongIssuer},
		{"iss without scheme", signed("iss", strings.TrimPrefix(i.URL, "https://")), "ok"},
		{"iss with http", signed("iss", strings.Replace(i.URL, "https", "http", 1)), wrongIssuer},
		{"iss in capitals", signed("iss", strings.ToUpper(i.URL)), wrongIssuer},
		{"iss of another port", signed("iss", i.URL+"1"), wrongIssuer},
		{"iss of a path below", signed("iss", i.URL+"/a"), wrongIssuer},
		{"iss absent", signed("iss", absent{}), missingClaim + "iss"},
		{"issuer before expiry", signed("iss", "https://other.example", "exp", 0), wrongIssuer},
	}
}

// A provider with an empty client id accepts no token that is for nobody.
func TestEmptyClientID(t *testing.T) {
	i := newIDP(t, rsaA())
	p := i.provider()
	p.ClientIDs = []string{""}
	want(t, "outcome", verify(t, verifier(i), p, rsaA().sign(i.claims("aud", []string{"", "x"}))), notSupported)
	p.ClientIDs = nil
	want(t, "outcome", verify(t, verifier(i), p, rsaA().sign(i.claims())), notSupported)
}

func TestSameIssuer(t *testing.T) {
	rows := []struct {
		registered, iss string
		want            bool
	}{
		{"https://idp.example", "https://idp.example", true},
		{"https://idp.example", "https://idp.example/", true},
		{"https://idp.example/", "https://idp.example", true},
		{"https://idp.example/a", "https://idp.example/a/", true},
		{"https://idp.example/a//", "https://idp.example/a/", true},
		{"https://idp.example/a//", "https://idp.example/a", false},
		{"https://accounts.google.com", "accounts.google.com", true},
		{"https://idp.example", "http://idp.example", false},
		{"http://localhost:1", "https://localhost:1", false},
		{"http://localhost:1", "http://localhost:1", true},
		{"https://idp.example", "https://idp.example/a", false},
		{"https://idp.example", "https://idp.exampl", false},
		{"https://idp.example", "https://Idp.example", false},
		{"https://idp.example", "https://https://idp.example", false},
		{"https://idp.example", "https://", false},
		{"https://idp.example", "", false},
	}
	for _, row := range rows {
		want(t, row.registered+" "+row.iss, sameIssuer(row.registered, row.iss), row.want)
	}
}

// What an attacker may hold in hand: the provider's public keys, a provider and a server of his own. Each token is tried
// on a verifier that knows the provider's keys, and on every kind of provider that has ID tokens.
func TestAttacks(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) { attack(t, k) })
	}
}

func attack(t *testing.T, k kind) {
	attacker := newIDP(t, rsaB(), rsaB().as("a"))
	i := k.serve(t, rsaA(), p256())
	good := rsaA().sign(i.claims())
	payload := strings.Split(good, ".")[1]
	var log bytes.Buffer
	v := k.verifier(i, attacker)
	v.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	want(t, "the good token", k.outcome(t, v, i, good), "ok")
	for _, row := range slices.Concat(shapeAttacks(i), algorithmAttacks(i), keyAttacks(i, attacker), claimAttacks(i)) {
		t.Run(row.name, func(t *testing.T) {
			_, err := k.verify(t.Context(), v, i, row.token)
			want(t, "message", outcome(err), row.want)
			cause := fmt.Sprint(errors.Unwrap(err))
			for _, part := range strings.Split(row.token, ".") {
				if len(part) > 8 && strings.Contains(cause, part) {
					t.Errorf("the cause holds the token: %s", cause)
				}
			}
			if len(cause) > 300 {
				t.Errorf("cause of %d bytes", len(cause))
			}
		})
	}
	want(t, "the good token afterwards", k.outcome(t, v, i, good), "ok")
	want(t, "calls to the attacker's server", attacker.discoveries.Load()+attacker.fetches.Load(), 0)
	want(t, "fetches of keys", i.fetches.Load(), 1)
	if strings.Contains(log.String(), payload) {
		t.Error("the log holds a token")
	}
}

// under puts another header on a token.
func under(header, token string) string {
	_, rest, _ := strings.Cut(token, ".")
	return b64(header) + "." + rest
}

func shapeAttacks(i *idp) []row {
	claims := i.claims()
	good := rsaA().sign(claims)
	parts := strings.Split(good, ".")
	header := func(h string) string { return under(h, good) }
	return []row{
		{"empty", "", notOpenID},
		{"garbage", "garbage", notOpenID},
		{"dots", "..", notOpenID},
		{"two parts", parts[0] + "." + parts[1], notOpenID},
		{"four parts", good + "." + parts[2], notOpenID},
		{"five parts, as encrypted ones have", good + ".a.b", notOpenID},
		{"huge", good + strings.Repeat("A", 50_001), notOpenID},
		{"huge claims", rsaA().sign(i.claims("x", strings.Repeat("A", 50_001))), notOpenID},
		{"binary", "\x00\xff." + parts[1] + "." + parts[2], notOpenID},
		{"line break in the signature", good[:len(good)-4] + "\n" + good[len(good)-4:], notOpenID},
		{"blank at the end", good + " ", notOpenID},
		{"padding", good + "==", notOpenID},
		{"stray bits in the last digit", strayBits(good), notOpenID},
		{"header no JSON", header("x"), notOpenID},
		{"header null", header("null"), notOpenID},
		{"header an array", header(`["alg"]`), notOpenID},
		{"header without alg", header(`{"kid":"a"}`), notOpenID},
		{"header with alg twice", header(`{"alg":"RS256","alg":"none","kid":"a"}`), notOpenID},
		{"header with two documents", header(`{"alg":"RS256","kid":"a"}{}`), notOpenID},
		{"claims no object", rsaA().sign(`"claims"`), notOpenID},
		{"claims null", rsaA().sign(`null`), notOpenID},
		{"claims twice", rsaA().sign(strings.Replace(text(claims), "{", `{"sub":"admin",`, 1)), notOpenID},
		{"claims twice, inside", rsaA().sign(i.claims("x", stdjson.RawMessage(`{"a":1,"a":2}`))), notOpenID},
		{"claims twice, one escaped", rsaA().sign(strings.Replace(text(claims), "{", `{"\u0073ub":"admin",`, 1)), notOpenID},
		{"claims in capitals", rsaA().sign(i.claims("sub", absent{}, "SUB", "admin")), missingClaim + "sub"},
		{"claims not UTF-8", rsaA().sign(strings.Replace(text(claims), "somebody", "\xff", 1)), notOpenID},
	}
}

func algorithmAttacks(i *idp) []row {
	claims := i.claims()
	good := rsaA().sign(claims)
	parts := strings.Split(good, ".")
	header := func(h string) string { return under(h, good) }
	hs256 := func(secret string) string {
		signed := b64(text(map[string]any{"alg": "HS256", "kid": "a"})) + "." + parts[1]
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(signed))
		return signed + "." + b64(string(mac.Sum(nil)))
	}
	public := rsaA().private.Public().(*rsa.PublicKey)
	pkix, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		panic(err)
	}
	pemOf := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return []row{
		{"alg none", unsigned("none", claims), notOpenID},
		{"alg None", unsigned("None", claims), notOpenID},
		{"alg none with a signature", header(`{"alg":"none","kid":"a"}`), notOpenID},
		{"no signature", parts[0] + "." + parts[1] + ".", badSignature},
		{"alg in small letters", header(`{"alg":"rs256","kid":"a"}`), badSignature},
		{"alg unknown", header(`{"alg":"XS256","kid":"a"}`), badSignature},
		{"EdDSA", header(`{"alg":"EdDSA","kid":"a"}`), badSignature},
		{"HS256 keyed with the public key's PEM", hs256(pemOf("PUBLIC KEY", pkix)), badSignature},
		{"HS256 keyed with the public key's other PEM", hs256(pemOf("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(public))), badSignature},
		{"HS256 keyed with the public key's DER", hs256(string(pkix)), badSignature},
		{"HS256 keyed with the modulus", hs256(string(public.N.Bytes())), badSignature},
		{"HS256 keyed with the modulus as text", hs256(text(rsaA().jwk()["n"])), badSignature},
		{"HS256 keyed with the JWK", hs256(text(rsaA().jwk())), badSignature},
		{"HS256 keyed with nothing", hs256(""), badSignature},
		{"RS256 with an ES256 key", header(`{"alg":"RS256","kid":"p256"}`), badSignature},
		{"ES256 with an RS256 key", header(`{"alg":"ES256","kid":"a"}`), badSignature},
		{"ES384 with a P-256 key", header(`{"alg":"ES384","kid":"p256"}`), badSignature},
		{"PS256 over a PKCS 1 signature", header(`{"alg":"PS256","kid":"a"}`), badSignature},
		{"ES256 of zeros", b64(`{"alg":"ES256","kid":"p256"}`) + "." + parts[1] + "." + b64(string(make([]byte, 64))), badSignature},
	}
}

func keyAttacks(i, attacker *idp) []row {
	claims := i.claims()
	good := rsaA().sign(claims)
	parts := strings.Split(good, ".")
	return []row{
		{"foreign key", rsaB().sign(claims), badSignature},
		{"foreign key under a known id", rsaB().as("a").sign(claims), badSignature},
		{"foreign key without id", rsaB().sign(claims, "kid", absent{}), badSignature},
		{"key of another issuer", rsaB().sign(attacker.claims(append([]any{"iss", i.URL}, i.said...)...)), badSignature},
		{"token of another issuer", rsaB().sign(attacker.claims()), wrongIssuer},
		{"claims changed", parts[0] + "." + b64(text(i.claims("sub", "admin"))) + "." + parts[2], badSignature},
		{"header changed", under(`{"alg":"RS512","kid":"a"}`, good), badSignature},
		{"kid a path", rsaB().as("../../../../dev/null").sign(claims), badSignature},
		{"kid SQL", rsaB().as("a' UNION SELECT 'x' --").sign(claims), badSignature},
		{"kid a URL", rsaB().as(attacker.URL + "/keys").sign(claims), badSignature},
		{"kid with NUL", rsaB().as("a\x00").sign(claims), badSignature},
		{"kid long", rsaB().as(strings.Repeat("k", 20_000)).sign(claims), badSignature},
		{"kid a number", rsaA().sign(claims, "kid", 1), notOpenID},
		{"jku", rsaB().sign(claims, "jku", attacker.URL+"/keys"), badSignature},
		{"jku, known id", rsaB().as("a").sign(claims, "jku", attacker.URL+"/keys"), badSignature},
		{"x5u", rsaB().sign(claims, "x5u", attacker.URL+"/keys"), badSignature},
		{"jwk", rsaB().sign(claims, "jwk", rsaB().jwk()), badSignature},
		{"jwk without kid", rsaB().sign(claims, "jwk", rsaB().jwk(), "kid", absent{}), badSignature},
		{"x5c", rsaB().sign(claims, "x5c", []string{"MIIB"}), badSignature},
		{"crit", rsaA().sign(claims, "crit", []string{"b64"}, "b64", false), badSignature},
		{"crit unknown", rsaA().sign(claims, "crit", []string{"x"}, "x", 1), badSignature},
		{"crit empty", rsaA().sign(claims, "crit", []string{}), badSignature},
		{"crit null", rsaA().sign(claims, "crit", nil), badSignature},
	}
}

func claimAttacks(i *idp) []row {
	now := i.clock.now().Unix()
	return []row{
		{"expired", rsaA().sign(i.claims("exp", now-301)), fmt.Sprintf(expired, now, now-301)},
		{"not yet valid", rsaA().sign(i.claims("nbf", now+301)), fmt.Sprintf(notYetValid, now, now+301)},
		{"other audience", rsaA().sign(i.claims("aud", "other")), notSupported},
		{"aud an array of others", rsaA().sign(i.claims("aud", []string{"other", "another"})), notSupported},
		{"aud and azp of somebody else", rsaA().sign(i.claims("aud", "other", "azp", "another")), notSupported},
		{"without sub", rsaA().sign(i.claims("sub", absent{})), missingClaim + "sub"},
		{"without aud, as access tokens are", rsaA().sign(i.claims("aud", absent{}, "client_id", "client")), missingClaim + "aud"},
	}
}

func unsigned(alg string, claims any) string {
	return b64(text(map[string]any{"alg": alg, "typ": "JWT"})) + "." + b64(text(claims)) + "."
}

// strayBits sets bits of the last digit that stand for nothing: another spelling of the same signature.
func strayBits(token string) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(digits, token[len(token)-1])
	return token[:len(token)-1] + digits[last|1:last|1+1]
}

func TestClaims(t *testing.T) {
	i := newIDP(t, rsaA())
	now := i.clock.now().Unix()
	claims := i.claims("aud", []string{"client", "x"}, "azp", "client", "nbf", now-1, "exp", float64(now)+0.5,
		"groups", []any{"a", 1.5}, "org", map[string]any{"id": stdjson.Number("12345678901234567890")},
		"admin", true, "nothing", nil, "é", "ü")
	c, err := verifier(i).OIDC(t.Context(), i.provider(), rsaA().sign(claims))
	if err != nil {
		t.Fatal(err)
	}
	got := *c
	got.Raw = nil
	expected := Claims{
		Issuer: i.URL, Subject: "somebody", Audience: []string{"client", "x"}, AuthorizedParty: "client",
		Expires: time.Unix(now, 5e8), IssuedAt: time.Unix(now, 0), NotBefore: time.Unix(now-1, 0),
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Error(diff)
	}
	named := map[string]any{
		"sub": "somebody", "admin": true, "nothing": nil, "é": "ü", "iat": stdjson.Number(fmt.Sprint(now)),
		"groups": []any{"a", stdjson.Number("1.5")},
		"org":    map[string]any{"id": stdjson.Number("12345678901234567890")},
	}
	all := c.All()
	for name, value := range named {
		one, ok := c.Claim(name)
		if diff := cmp.Diff(value, one); diff != "" || !ok {
			t.Errorf("Claim(%q): %v %s", name, ok, diff)
		}
		if diff := cmp.Diff(value, all[name]); diff != "" {
			t.Errorf("All()[%q]: %s", name, diff)
		}
	}
	want(t, "number of claims", len(all), len(claims))
	if v, ok := c.Claim("absent"); ok || v != nil {
		t.Errorf("Claim of an absent name: %v", v)
	}
}

func TestPeek(t *testing.T) {
	at := rsaA().sign(`{"iss":"https://idp.example/","sub":"me"}`)
	issuer, subject, ok := Peek(at)
	want(t, "issuer, subject", issuer+" "+subject, "https://idp.example/ me")
	want(t, "ok", ok, true)
	for _, token := range []string{
		"", "a", "a.b", "a.b.c", "..", at + strings.Repeat("A", 50_000),
		unsigned("none", `{"iss":"i"}`), unsigned("none", `{"iss":1,"sub":"s"}`), unsigned("none", `[]`),
	} {
		if issuer, subject, ok := Peek(token); ok || issuer != "" || subject != "" {
			t.Errorf("Peek(%.40q) = %q, %q, %v", token, issuer, subject, ok)
		}
	}
}

// No claim can put a time where it overflows: what is taken lies between 1970 and the end of 9999.
func TestMoment(t *testing.T) {
	for _, s := range []float64{-1, -0.5, maxSeconds + 1, 1e300, math.Inf(1), math.MaxInt64} {
		if _, ok := moment(&s); ok {
			t.Errorf("moment(%v) taken", s)
		}
	}
	last := float64(maxSeconds)
	got, ok := moment(&last)
	want(t, "ok", ok, true)
	want(t, "the last moment", got.UTC().Format(time.RFC3339), "9999-12-31T23:59:59Z")
}

// The log says which client id was missing: the client is told the same as where the provider is not the pool's.
func TestWrongClientCause(t *testing.T) {
	i := newIDP(t, rsaA())
	p := i.provider()
	for _, row := range []struct {
		claim string
		value any
		want  string
	}{
		{"aud", "other", `the token is for ["other"], which is no client id of ` + p.ARN},
		{"azp", "another", `the token was issued to "another", which is no client id of ` + p.ARN},
	} {
		var rejected *Rejected
		_, err := verifier(i).OIDC(t.Context(), p, rsaA().sign(i.claims(row.claim, row.value)))
		if !errors.As(err, &rejected) || rejected.Cause == nil || !strings.Contains(rejected.Cause.Error(), row.want) {
			t.Errorf("%s: %v, want a cause with %s", row.claim, err, row.want)
		}
	}
}
