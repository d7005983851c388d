package cognito_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"idpool/pooltest"
)

// ourKey is the key that we sign with, as everybody can read it.
func (f *besieged) ourKey(t *testing.T) jose.JSONWebKey {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.URL+"/.well-known/jwks.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(f.Do(t, r).Must(t).Body, &set); err != nil || len(set.Keys) == 0 {
		t.Fatalf("our keys: %v", err)
	}
	return set.Keys[0]
}

// forgery is what an attacker has in hand: a token of ours and another user's, our public key, and keys of his own.
type forgery struct {
	good, other string
	ours        jose.JSONWebKey
	claims      pooltest.Object
	attacker    *authority
}

// under signs the good token's claims anew.
func (g *forgery) under(sign func(string) []byte, pairs ...any) string {
	return compact(edit(pooltest.Object{"alg": "ES256", "kid": g.ours.KeyID, "typ": "JWS"}, pairs...), g.claims, sign)
}

// forged are signed otherwise than by us.
func (g *forgery) forged() []attack {
	public := g.ours.Key.(*ecdsa.PublicKey)
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		panic(err)
	}
	point, err := public.Bytes()
	if err != nil {
		panic(err)
	}
	under, attacker := g.under, g.attacker
	hmacBy := func(key []byte) string { return under(hs256(key), "alg", "HS256") }
	certificate := base64.StdEncoding.EncodeToString(attacker.certificate())
	parts, theirs := strings.Split(g.good, "."), strings.Split(g.other, ".")
	return []attack{
		{"alg none", under(unsigned, "alg", "none"), notOurs},
		{"alg nOnE", under(unsigned, "alg", "nOnE"), notOurs},
		{"alg none with a signature", b64(`{"alg":"none"}`) + "." + parts[1] + "." + parts[2], notOurs},
		{"no signature", parts[0] + "." + parts[1] + ".", notOurs},
		{"a signature that lacks its end", parts[0] + "." + parts[1] + "." + parts[2][:84], notOurs},
		{"a signature of zeros", under(func(string) []byte { return make([]byte, 64) }), notOurs},
		{"another token's signature", parts[0] + "." + parts[1] + "." + theirs[2], notOurs},
		{"HS256 keyed with our public key's PEM", hmacBy(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), notOurs},
		{"HS256 keyed with our public key's DER", hmacBy(der), notOurs},
		{"HS256 keyed with our public key's point", hmacBy(point), notOurs},
		{"HS256 keyed with nothing", hmacBy(nil), notOurs},
		{"RS256 under our key's id", under(attacker.rs256, "alg", "RS256"), notOurs},
		{"the attacker's key under our key's id", under(attacker.es256), notOurs},
		{"the attacker's key under no id", under(attacker.es256, "kid", absent{}), notOurs},
		{"kid a path", under(attacker.es256, "kid", "../../../../dev/null"), notOurs},
		{"kid SQL", under(attacker.es256, "kid", "' OR 1=1 --"), notOurs},
		{"kid huge", under(attacker.es256, "kid", strings.Repeat("k", 30_000)), notOurs},
		{"jku", under(attacker.es256, "jku", attacker.URL+"/keys", "kid", "e"), notOurs},
		{"x5u", under(attacker.es256, "x5u", attacker.URL+"/keys", "kid", "e"), notOurs},
		{"x5c", under(attacker.rs256, "alg", "RS256", "x5c", []string{certificate}), notOurs},
		{"jwk", under(attacker.es256, "jwk", jose.JSONWebKey{Key: attacker.ec.Public(), KeyID: g.ours.KeyID}), notOurs},
		{"crit", under(attacker.es256, "crit", []string{"x"}, "x", 1), notOurs},
	}
}

// misspelled are made of what we have signed.
func (g *forgery) misspelled() []attack {
	good := g.good
	parts, theirs := strings.Split(good, "."), strings.Split(g.other, ".")
	return []attack{
		{"another identity's claims", parts[0] + "." + theirs[1] + "." + parts[2], notOurs},
		{"five parts", good + ".AA.AA", notOurs},
		{"a blank behind", good + " ", notOurs},
		{"padding", good + "==", notOurs},
		{"stray bits in the last digit", strayBits(good), notOurs},
		{"50,001 characters", good + strings.Repeat("A", 50_001-len(good)), isTooLong},
		{"nothing", "", isTooLong},
		{"garbage", "garbage", notOurs},
	}
}

// Tokens that only look like those which a developer is given for his users.
func TestAttacksOnDeveloperTokens(t *testing.T) {
	f := besiege(t, nil, func(*front) pooltest.Object { return nil })
	id, good := f.vouched(t, "alice", nil)
	_, other := f.vouched(t, "mallory", nil)
	g := forgery{good, other, f.ourKey(t), claims(t, good), newAuthority(t, wrongKey(), "")}
	before := f.stored(t)
	for _, row := range append(g.forged(), g.misspelled()...) {
		t.Run(row.name, func(t *testing.T) {
			for _, operation := range []string{"GetOpenIdToken", "GetCredentialsForIdentity"} {
				row.want.check(t, f.as(t, operation, id, own(row.token)))
			}
			row.want.check(t, f.unlink(t, id, own(row.token), "login.example"))
			if got := f.assume(t, "Auth", row.token); got.Status < 400 || got.Status > 499 {
				t.Errorf("the classic flow answers %d: %s", got.Status, got.Body)
			}
			if r := f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": f.pool, "Logins": own(row.token)}); r.Status != 400 {
				t.Errorf("GetId answers %d: %s", r.Status, r.Body)
			}
		})
	}
	if after := f.stored(t); after != before {
		t.Errorf("the database has changed:\nfrom %s\nto   %s", before, after)
	}
	if n := g.attacker.asked.Load(); n != 0 {
		t.Errorf("the attacker's server was asked %d times", n)
	}
	for _, operation := range []string{"GetOpenIdToken", "GetCredentialsForIdentity"} {
		notOurs.check(t, f.as(t, operation, id, own(f.idp.Token("app", "alice"))))
		dontMatch.check(t, f.as(t, operation, id, own(other)))
		f.as(t, operation, id, own(good)).Must(t)
	}
}

// What a developer may not vouch for, or not so.
func TestAttacksOnDevelopersCalls(t *testing.T) {
	f := besiege(t, nil, func(*front) pooltest.Object { return nil })
	id, _ := f.vouched(t, "alice", nil)
	nobody := edit(f.idp.Claims("app", "carol"), "exp", f.Clock.Now().Unix()-3600)
	elsewhere := f.create(t, pooltest.Object{"DeveloperProviderName": "login.example"})
	before := f.stored(t)
	expired := notAuthorized(fmt.Sprintf("Invalid login token. Token expired: %d >= %d", f.Clock.Now().Unix(), nobody["exp"]))
	for _, row := range []struct {
		name string
		user string
		more pooltest.Object
		want refusal
	}{
		{"an identifier over 1,024 bytes", strings.Repeat("€", 342), nil, invalidParameter("A developer user identifier can have at most 1024 bytes.")},
		{"an identifier that another identity has", "alice", pooltest.Object{"IdentityId": f.guest}, refusal{"DeveloperUserAlreadyRegisteredException", "This developer user identifier is already registered with Cognito."}},
		{"another's identity without a login of it", "dave", pooltest.Object{"IdentityId": f.bob}, dontMatch},
		{"another's identity with a login of nobody", "dave", pooltest.Object{"IdentityId": f.bob, "Logins": f.logins("carol")}, dontMatch},
		{"an expired login beside", "dave", pooltest.Object{"Logins": pooltest.Object{f.idp.Name(): f.idp.Sign(nobody)}}, expired},
		{"an identity of another pool", "dave", pooltest.Object{"IdentityId": id, "IdentityPoolId": elsewhere}, unknownIdentity(id)},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.want.check(t, f.vouch(t, row.user, row.more))
			if after := f.stored(t); after != before {
				t.Errorf("the database has changed:\nfrom %s\nto   %s", before, after)
			}
		})
	}
}
