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

// Whatever is wrong with a token, each public operation says so in the original's words, and nothing is stored.
func TestBadTokens(t *testing.T) {
	f := start(t)
	stranger, second := pooltest.NewProvider(t), pooltest.NewProvider(t)
	f.register(t, second)
	alice, guest := f.getID(t, f.logins("alice")), f.getID(t, nil)
	now := f.Clock.Now().Unix()
	signed := func(member string, value any) string {
		c := f.idp.Claims("app", "alice")
		c[member] = value
		if value == nil {
			delete(c, member)
		}
		return f.idp.Sign(c)
	}
	der, err := x509.MarshalPKIXPublicKey(f.idp.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	good := f.idp.Token("app", "alice")
	parts := strings.Split(good, ".")
	const openID = "Invalid login token. Not a valid OpenId Connect identity token."
	const unverified = "Invalid login token. Couldn't verify signed token."
	const unsupported = "Token is not from a supported provider of this identity pool."
	const wrongIssuer = "Invalid login token. Issuer doesn't match providerName"
	type logins = pooltest.Object
	one := func(token string) logins { return logins{f.idp.Name(): token} }

	for _, row := range []struct {
		name   string
		logins logins
		text   string
	}{
		{"expired", one(signed("exp", now-301)), fmt.Sprintf("Invalid login token. Token expired: %d >= %d", now, now-301)},
		{"expired to the second, after five minutes of grace", one(signed("exp", now-300)), fmt.Sprintf("Invalid login token. Token expired: %d >= %d", now, now-300)},
		{"not yet valid", one(signed("nbf", now+301)), fmt.Sprintf("Invalid login token. Token is not yet valid: %d < %d", now, now+301)},
		{"issued in the future", one(signed("iat", now+301)), fmt.Sprintf("Invalid login token. Token is not yet valid: %d < %d", now, now+301)},
		{"for another audience", one(signed("aud", "another")), unsupported},
		{"for other audiences", one(signed("aud", []string{"another", "and another"})), unsupported},
		{"issued to another party", one(signed("azp", "another")), unsupported},
		{"of another issuer", one(signed("iss", "https://another.example")), wrongIssuer},
		{"of another issuer that the pool trusts", one(second.Token("app", "alice")), wrongIssuer},
		{"of the issuer with a path", one(signed("iss", f.idp.URL+"/a")), wrongIssuer},
		{"without sub", one(signed("sub", nil)), "Invalid login token. Missing a required claim: sub"},
		{"without aud", one(signed("aud", nil)), "Invalid login token. Missing a required claim: aud"},
		{"without iss", one(signed("iss", nil)), "Invalid login token. Missing a required claim: iss"},
		{"without exp", one(signed("exp", nil)), "Invalid login token. Missing a required claim: exp"},

		{"signed by a foreign key", one(stranger.Sign(f.idp.Claims("app", "alice"))), unverified},
		{"changed after it was signed", one(parts[0] + "." + strings.Split(f.idp.Token("app", "bob"), ".")[1] + "." + parts[2]), unverified},
		{"alg none", one(forge(pooltest.Object{"alg": "none"}, f.idp.Claims("app", "alice"), func(string) []byte { return nil })), openID},
		{"alg None", one(forge(pooltest.Object{"alg": "None"}, f.idp.Claims("app", "alice"), func(string) []byte { return nil })), openID},
		{"no signature", one(parts[0] + "." + parts[1] + "."), unverified},
		{"HS256 keyed with the public key", one(forge(pooltest.Object{"alg": "HS256"}, f.idp.Claims("app", "alice"), hs256(der))), unverified},
		{"HS256 keyed with the public key in PEM", one(forge(pooltest.Object{"alg": "HS256"}, f.idp.Claims("app", "alice"),
			hs256(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))), unverified},
		{"not a token", one("EAACEdEose0cBA"), openID},
		{"a token's beginning", one(parts[0]), openID},

		{"a good one and a bad one", logins{f.idp.Name(): good, second.Name(): stranger.Sign(second.Claims("app", "alice"))}, unverified},
		{"a good one and an expired one", logins{f.idp.Name(): good, second.Name(): second.Sign(pooltest.Object{"iss": second.URL, "aud": "app", "sub": "alice", "exp": now - 3600})}, fmt.Sprintf("Invalid login token. Token expired: %d >= %d", now, now-3600)},
		{"a good one under a name that the pool does not know", logins{stranger.Name(): good}, wrongIssuer},
		{"of a provider that the pool does not know", logins{stranger.Name(): stranger.Token("app", "alice")}, unsupported},
		{"of a provider that the pool does not know, beside a good one", logins{f.idp.Name(): good, stranger.Name(): stranger.Token("app", "alice")}, unsupported},
		{"under our own name", logins{"cognito-identity.amazonaws.com": good}, "Invalid login token. Not a Cognito token."},
	} {
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
	f.as(t, "GetOpenIdToken", alice, one(good)).Must(t) // the table's good token is good
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
	notAuthorized("Token is not from a supported provider of this identity pool.").check(t, f.as(t, "GetOpenIdToken", id, logins))
	f.IAM(t, "CreateOpenIDConnectProvider", "Url", f.idp.URL, "ClientIDList.member.1", "another").Must(t)
	notAuthorized("Token is not from a supported provider of this identity pool.").check(t, f.as(t, "GetOpenIdToken", id, logins))
	f.IAM(t, "DeleteOpenIDConnectProvider", "OpenIDConnectProviderArn", f.idp.ARN(pooltest.Account)).Must(t)
	f.IAM(t, "CreateOpenIDConnectProvider", "Url", f.idp.URL, "ClientIDList.member.1", "another", "ClientIDList.member.2", "app").Must(t)
	f.as(t, "GetOpenIdToken", id, logins).Must(t)

	now := f.Clock.Now().Unix()
	f.Clock.Advance(65 * time.Minute)
	notAuthorized(fmt.Sprintf("Invalid login token. Token expired: %d >= %d", now+3900, now+3600)).check(t, f.as(t, "GetOpenIdToken", id, logins))
}
