package cognito_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"idpool/pooltest"
)

// forge makes a token with any header and any signature.
func forge(header, payload pooltest.Object, sign func(signed string) []byte) string {
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err) // a test's mistake
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	signed := part(header) + "." + part(payload)
	return signed + "." + base64.RawURLEncoding.EncodeToString(sign(signed))
}

func hs256(key []byte) func(string) []byte {
	return func(signed string) []byte {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(signed))
		return mac.Sum(nil)
	}
}

// What a public operation says of bad tokens, in the original's words.
const (
	openID      = "Invalid login token. Not a valid OpenId Connect identity token."
	unverified  = "Invalid login token. Couldn't verify signed token."
	unsupported = "Token is not from a supported provider of this identity pool."
	wrongIssuer = "Invalid login token. Issuer doesn't match providerName"
)

// badLogins are logins of which one is bad, and what is said of it.
type badLogins struct {
	name   string
	logins pooltest.Object
	text   string
}

// say checks that each public operation says what is wrong, and that nothing is stored.
func (f *front) say(t *testing.T, rows []badLogins) {
	t.Helper()
	alice, guest := f.getID(t, f.logins("alice")), f.getID(t, nil)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			before := f.list(t)
			want := notAuthorized(row.text)
			want.check(t, f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": f.pool, "Logins": row.logins}))
			for _, operation := range []string{"GetOpenIdToken", "GetCredentialsForIdentity"} {
				for _, id := range []string{alice, guest} {
					want.check(t, f.as(t, operation, id, row.logins))
				}
			}
			if after := f.list(t); after != before {
				t.Errorf("the pool's identities have changed:\nfrom %s\nto   %s", before, after)
			}
		})
	}
	f.as(t, "GetOpenIdToken", alice, f.logins("alice")).Must(t) // the good token is good
}

// Tokens whose claims are bad, though the provider has signed them.
func TestBadClaims(t *testing.T) {
	f := start(t)
	second := pooltest.NewProvider(t)
	f.register(t, second)
	now := f.Clock.Now().Unix()
	with := func(member string, value any) pooltest.Object {
		c := f.idp.Claims("app", "alice")
		c[member] = value
		if value == nil {
			delete(c, member)
		}
		return pooltest.Object{f.idp.Name(): f.idp.Sign(c)}
	}
	expired := func(exp int64) string { return fmt.Sprintf("Invalid login token. Token expired: %d >= %d", now, exp) }
	early := func(from int64) string {
		return fmt.Sprintf("Invalid login token. Token is not yet valid: %d < %d", now, from)
	}
	lacks := func(claim string) string { return "Invalid login token. Missing a required claim: " + claim }
	f.say(t, []badLogins{
		{"expired", with("exp", now-301), expired(now - 301)},
		{"expired to the second, after five minutes of grace", with("exp", now-300), expired(now - 300)},
		{"not yet valid", with("nbf", now+301), early(now + 301)},
		{"issued in the future", with("iat", now+301), early(now + 301)},
		{"for another audience", with("aud", "another"), unsupported},
		{"for other audiences", with("aud", []string{"another", "and another"}), unsupported},
		{"issued to another party", with("azp", "another"), unsupported},
		{"of another issuer", with("iss", "https://another.example"), wrongIssuer},
		{"of another issuer that the pool trusts", pooltest.Object{f.idp.Name(): second.Token("app", "alice")}, wrongIssuer},
		{"of the issuer with a path", with("iss", f.idp.URL+"/a"), wrongIssuer},
		{"without sub", with("sub", nil), lacks("sub")},
		{"without aud", with("aud", nil), lacks("aud")},
		{"without iss", with("iss", nil), lacks("iss")},
		{"without exp", with("exp", nil), lacks("exp")},
	})
}

// Tokens that the provider has not signed, and what is no token.
func TestBadSignatures(t *testing.T) {
	f := start(t)
	stranger := pooltest.NewProvider(t)
	der, err := x509.MarshalPKIXPublicKey(f.idp.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	inPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	one := func(token string) pooltest.Object { return pooltest.Object{f.idp.Name(): token} }
	unsigned := func(alg string, sign func(string) []byte) pooltest.Object {
		return one(forge(pooltest.Object{"alg": alg}, f.idp.Claims("app", "alice"), sign))
	}
	none := func(string) []byte { return nil }
	parts, bobs := strings.Split(f.idp.Token("app", "alice"), "."), strings.Split(f.idp.Token("app", "bob"), ".")
	f.say(t, []badLogins{
		{"signed by a foreign key", one(stranger.Sign(f.idp.Claims("app", "alice"))), unverified},
		{"changed after it was signed", one(parts[0] + "." + bobs[1] + "." + parts[2]), unverified},
		{"alg none", unsigned("none", none), openID},
		{"alg None", unsigned("None", none), openID},
		{"no signature", one(parts[0] + "." + parts[1] + "."), unverified},
		{"HS256 keyed with the public key", unsigned("HS256", hs256(der)), unverified},
		{"HS256 keyed with the public key in PEM", unsigned("HS256", hs256(inPEM)), unverified},
		{"not a token", one("EAACEdEose0cBA"), openID},
		{"a token's beginning", one(parts[0]), openID},
	})
}

// A bad login beside a good one, and a good token in the wrong place.
func TestBadLogins(t *testing.T) {
	f := start(t)
	stranger, second := pooltest.NewProvider(t), pooltest.NewProvider(t)
	f.register(t, second)
	now := f.Clock.Now().Unix()
	good, strange := f.idp.Token("app", "alice"), stranger.Token("app", "alice")
	expired := second.Sign(pooltest.Object{"iss": second.URL, "aud": "app", "sub": "alice", "exp": now - 3600})
	type logins = pooltest.Object
	f.say(t, []badLogins{
		{"a good one and a bad one", logins{f.idp.Name(): good, second.Name(): stranger.Sign(second.Claims("app", "alice"))}, unverified},
		{"a good one and an expired one", logins{f.idp.Name(): good, second.Name(): expired}, fmt.Sprintf("Invalid login token. Token expired: %d >= %d", now, now-3600)},
		{"a good one under a name that the pool does not know", logins{stranger.Name(): good}, wrongIssuer},
		{"of a provider that the pool does not know", logins{stranger.Name(): strange}, unsupported},
		{"of a provider that the pool does not know, beside a good one", logins{f.idp.Name(): good, stranger.Name(): strange}, unsupported},
		{"under our own name", logins{"cognito-identity.amazonaws.com": good}, "Invalid login token. Not a Cognito token."},
	})
}

// No token at all, on a pool without guests.
func TestNoToken(t *testing.T) {
	f := start(t)
	guest := f.getID(t, nil)
	f.update(t, f.pool, pooltest.Object{"AllowUnauthenticatedIdentities": false, "OpenIdConnectProviderARNs": []string{f.idp.ARN(pooltest.Account)}})
	before := f.list(t)
	for _, logins := range []any{nil, pooltest.Object{}} {
		noGuests.check(t, f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": f.pool, "Logins": logins}))
		for _, operation := range []string{"GetOpenIdToken", "GetCredentialsForIdentity"} {
			noGuests.check(t, f.Public(t, operation, pooltest.Object{"IdentityId": guest, "Logins": logins}))
		}
	}
	if after := f.list(t); after != before {
		t.Errorf("the pool's identities have changed:\nfrom %s\nto   %s", before, after)
	}
}

// A token that was good once is looked at anew each time: a cache of verified tokens must not let it live longer, or reach
// further, than it may.
func TestTokenSeenBefore(t *testing.T) {
	f := start(t)
	logins := f.logins("alice")
	id := f.getID(t, logins)
	elsewhere := f.create(t, pooltest.Object{"AllowUnauthenticatedIdentities": true})
	notAuthorized("Identity pool - "+elsewhere+" does not have identity providers configured.").
		check(t, f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": elsewhere, "Logins": logins}))

	f.IAM(t, "DeleteOpenIDConnectProvider", "OpenIDConnectProviderArn", f.idp.ARN(pooltest.Account)).Must(t)
	notAuthorized(unsupported).check(t, f.as(t, "GetOpenIdToken", id, logins))
	f.IAM(t, "CreateOpenIDConnectProvider", "Url", f.idp.URL, "ClientIDList.member.1", "another").Must(t)
	notAuthorized(unsupported).check(t, f.as(t, "GetOpenIdToken", id, logins))
	f.IAM(t, "DeleteOpenIDConnectProvider", "OpenIDConnectProviderArn", f.idp.ARN(pooltest.Account)).Must(t)
	f.IAM(t, "CreateOpenIDConnectProvider", "Url", f.idp.URL, "ClientIDList.member.1", "another", "ClientIDList.member.2", "app").Must(t)
	f.as(t, "GetOpenIdToken", id, logins).Must(t)

	now := f.Clock.Now().Unix()
	f.Clock.Advance(65 * time.Minute)
	notAuthorized(fmt.Sprintf("Invalid login token. Token expired: %d >= %d", now+3900, now+3600)).check(t, f.as(t, "GetOpenIdToken", id, logins))
}
