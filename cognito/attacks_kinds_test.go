package cognito_test

import (
	"strings"
	"testing"

	"idpool/pooltest"
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
}

// Google and Facebook have issuers of two spellings, and Google's apps of one project share their tokens.
func TestSpellingsOfOneKind(t *testing.T) {
	f, kinds := victims(t)
	goog, face := kinds[2], kinds[4]
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
