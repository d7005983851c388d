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
	"idpool/provider"
)

// What one kind of ID token alone may be attacked by, or has as its own.
func TestAttacksOfOneKind(t *testing.T) {
	f, kinds := victims(t)
	oidc, pool, goog, appl, face := kinds[0], kinds[1], kinds[2], kinds[3], kinds[4]
	for _, row := range []struct {
		of      *victim
		attacks []attack
	}{
		{oidc, []attack{
			{"azp decides against aud", oidc.signed(oidc.claims("azp", "other")), isForOthers},
			{"a user pool's token", pool.signed(pool.claims()), isByOthers},
			{"Google's token", goog.signed(goog.claims()), isByOthers},
		}},
		{pool, []attack{
			{"an access token", pool.signed(pool.claims("token_use", "access", "aud", absent{}, "client_id", "app")), lacks("aud")},
			{"an access token with aud", pool.signed(pool.claims("token_use", "access")), isNoToken},
			{"no token_use", pool.signed(pool.claims("token_use", absent{})), isNoToken},
			{"token_use null", pool.signed(pool.claims("token_use", nil)), isNoToken},
			{"token_use a list", pool.signed(pool.claims("token_use", []string{"id"})), isNoToken},
			{"token_use in capitals", pool.signed(pool.claims("token_use", "ID")), isNoToken},
			{"token_use of another name", pool.signed(pool.claims("token_use", absent{}, "Token_use", "id")), isNoToken},
			{"a client that is not trusted", pool.signed(pool.claims("aud", "another")), isForOthers},
			{"of the pool in another region", pool.signed(pool.claims("iss", "https://cognito-idp.us-west-2.amazonaws.com/us-east-1_Example")), isByOthers},
			{"another pool's", pool.signed(pool.claims("iss", "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Other")), isByOthers},
			{"a pool's whose name begins the same", pool.signed(pool.claims("iss", "https://"+userPool+"A")), isByOthers},
			{"a pool's by another case", pool.signed(pool.claims("iss", "https://"+strings.ToLower(userPool))), isByOthers},
			{"the region's alone", pool.signed(pool.claims("iss", "https://cognito-idp.us-east-1.amazonaws.com")), isByOthers},
		}},
		{goog, []attack{
			{"a third spelling of the issuer", goog.signed(goog.claims("iss", "http://accounts.google.com")), isByOthers},
			{"the issuer of another service", goog.signed(goog.claims("iss", "https://securetoken.google.com/app")), isByOthers},
			{"another project's aud and azp", goog.signed(goog.claims("aud", "server", "azp", "android")), isForOthers},
			{"another project's aud, no azp", goog.signed(goog.claims("aud", "server")), isForOthers},
			{"Apple's token", appl.signed(appl.claims()), isByOthers},
		}},
		{appl, []attack{
			{"another app of the team", appl.signed(appl.claims("aud", "app.other")), isForOthers},
			{"azp of another", appl.signed(appl.claims("azp", "other")), isForOthers},
			{"the issuer of old", appl.signed(appl.claims("iss", "https://account.apple.com")), isByOthers},
			{"Google's token", goog.signed(goog.claims()), isByOthers},
		}},
		{face, []attack{
			{"another app's", face.signed(face.claims("aud", "8")), isForOthers},
			{"the issuer of access tokens", face.signed(face.claims("iss", "https://graph.facebook.com")), isByOthers},
			{"an issuer below Facebook's", face.signed(face.claims("iss", "https://apps.facebook.com")), isByOthers},
			{"three parts of nothing", "a.b.c", isNoToken},
		}},
	} {
		t.Run(row.of.name, func(t *testing.T) { f.refusesEverywhere(t, row.of.key, row.attacks) })
	}
	for _, row := range []struct {
		name string
		of   *victim
		with []any
	}{
		{"Google's issuer of old", goog, []any{"iss", "accounts.google.com"}},
		{"an Android app's, for its web client", goog, []any{"azp", "android"}},
		{"issued to the app, for its server", goog, []any{"azp", "app", "aud", "server"}},
		{"Limited Login's newer issuer", face, []any{"iss", "https://limited.facebook.com"}},
	} {
		alice := f.getID(t, pooltest.Object{row.of.key: row.of.token()})
		if got := f.getID(t, pooltest.Object{row.of.key: row.of.token(row.with...)}); got != alice {
			t.Errorf("%s: identity %s, want %s", row.name, got, alice)
		}
	}
}

// Logins under names that the pool does not have, whatever their tokens say.
func TestAttacksUnderOtherNames(t *testing.T) {
	f, kinds := victims(t)
	pool, face := kinds[1], kinds[4]
	for _, row := range []struct {
		key    string
		attack attack
	}{
		{"cognito-idp.us-west-2.amazonaws.com/us-west-2_Example", attack{"a user pool of another region", pool.signed(pool.claims()), isByOthers}},
		{"cognito-idp.us-west-2.amazonaws.com/us-west-2_Example", attack{"such a pool's own token", pool.signed(pool.claims("iss", "https://cognito-idp.us-west-2.amazonaws.com/us-west-2_Example")), isForOthers}},
		{"https://" + userPool, attack{"a user pool's URL", pool.signed(pool.claims()), isByOthers}},
		{"www.facebook.com", attack{"the issuer of Limited Login", face.signed(face.claims()), isForOthers}},
		{amazon, attack{"a provider without an app", "Atza|x", isNoToken}},
		{twitter, attack{"another one", "a;b", isNoToken}},
		{"login.example", attack{"the developer's", "alice", invalidParameter("Please provide a valid public provider.")}},
	} {
		f.refuses(t, row.key, []attack{row.attack})
	}
}

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

// Tokens that only look like those which a developer is given for his users.
func TestAttacksOnDeveloperTokens(t *testing.T) {
	f := besiege(t, nil, func(*front) pooltest.Object { return nil })
	attacker := newAuthority(t, wrongKey(), "")
	id, good := f.vouched(t, "alice", nil)
	_, bobs := f.vouched(t, "mallory", nil)
	ours := f.ourKey(t)
	public := ours.Key.(*ecdsa.PublicKey)
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	point, err := public.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	parts, theirs, c := strings.Split(good, "."), strings.Split(bobs, "."), claims(t, good)
	under := func(sign func(string) []byte, pairs ...any) string {
		return compact(edit(pooltest.Object{"alg": "ES256", "kid": ours.KeyID, "typ": "JWT"}, pairs...), c, sign)
	}
	hmacBy := func(key []byte) string { return under(hs256(key), "alg", "HS256") }
	certificate := base64.StdEncoding.EncodeToString(attacker.certificate())
	before := f.stored(t)
	for _, row := range []attack{
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
		{"jwk", under(attacker.es256, "jwk", jose.JSONWebKey{Key: attacker.ec.Public(), KeyID: ours.KeyID}), notOurs},
		{"crit", under(attacker.es256, "crit", []string{"x"}, "x", 1), notOurs},
		{"another identity's claims", parts[0] + "." + theirs[1] + "." + parts[2], notOurs},
		{"five parts", good + ".AA.AA", notOurs},
		{"a blank behind", good + " ", notOurs},
		{"padding", good + "==", notOurs},
		{"stray bits in the last digit", strayBits(good), notOurs},
		{"50,001 characters", good + strings.Repeat("A", 50_001-len(good)), isTooLong},
		{"nothing", "", isTooLong},
		{"garbage", "garbage", notOurs},
		{"the public provider's", f.idp.Token("app", "alice"), notOurs},
		{"another's", bobs, dontMatch},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, operation := range []string{"GetOpenIdToken", "GetCredentialsForIdentity"} {
				row.want.check(t, f.as(t, operation, id, own(row.token)))
			}
			row.want.check(t, f.unlink(t, id, own(row.token), "login.example"))
			if got := f.assume(t, "Auth", row.token); row.token != bobs && (got.Status < 400 || got.Status > 499) {
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
	if n := attacker.asked.Load(); n != 0 {
		t.Errorf("the attacker's server was asked %d times", n)
	}
	f.as(t, "GetCredentialsForIdentity", id, own(good)).Must(t)
}

// What a developer may not vouch for, or not so.
func TestAttacksOnDevelopersCalls(t *testing.T) {
	f := besiege(t, provider.Settings{}, func(*front) pooltest.Object { return nil })
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
