package cognito_test

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"

	"idpool/pooltest"
	"idpool/provider"
	"idpool/server"
)

const (
	userPool = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Example"
	google   = "accounts.google.com"
	facebook = "graph.facebook.com"
)

// startWithKinds runs a node whose user pool, Google and Apple are a fake that signs, whose other providers are fakes that are
// asked and know a good token each, and whose check of users answers as active says.
func startWithKinds(t *testing.T, options ...func(*server.Config)) (f *front, active *atomic.Bool) {
	t.Helper()
	idp := pooltest.NewProvider(t)
	active = new(atomic.Bool)
	active.Store(true)
	check := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]bool{"active": active.Load()})
	}))
	t.Cleanup(check.Close)
	tw := newTwitter(t).URL
	f = start(t, append(options, func(c *server.Config) {
		c.Providers = provider.Settings{
			userPool: {Endpoint: idp.URL, Check: &provider.Check{Kind: "http", URL: check.URL + "/{sub}"}},
			google:   {Endpoint: idp.URL, Issuer: idp.URL},
			apple:    {Endpoint: newAuthority(t, rightKey(), "").URL},
			facebook: {Endpoint: newFacebook(t).URL, Secrets: map[string]string{"7": "secret"}},
			amazon:   {Endpoint: newAmazon(t).URL},
			twitter:  {Endpoint: tw},
			digits:   {Endpoint: tw},
		}
	})...)
	idp.Now = f.Clock.Now
	f.idp = idp
	f.update(t, f.pool, pooltest.Object{
		"CognitoIdentityProviders": []pooltest.Object{
			{"ProviderName": userPool, "ClientId": "web", "ServerSideTokenCheck": false},
			{"ProviderName": userPool, "ClientId": "checked", "ServerSideTokenCheck": true},
		},
		"SupportedLoginProviders": pooltest.Object{
			google: "app", apple: "app", facebook: "7", amazon: amazonApp, twitter: twitterApp, digits: twitterApp,
		},
	})
	f.Signed(t, "SetIdentityPoolRoles", pooltest.Object{"IdentityPoolId": f.pool, "Roles": pooltest.Object{"authenticated": roleARN("Auth")}}).Must(t)
	return f, active
}

// byApple is an ID token of Apple's for the app.
func (f *front) byApple(subject string) string {
	a := &authority{rsa: rightKey()}
	claims := edit(f.idp.Claims("app", subject), "iss", "https://"+apple, "nonce_supported", true, "email_verified", "true")
	return compact(`{"alg":"RS256","kid":"r"}`, claims, a.rs256)
}

// inPool is an ID token of the user pool.
func (f *front) inPool(client, subject string) string {
	claims := f.idp.Claims(client, subject)
	claims["iss"], claims["token_use"], claims["cognito:username"] = "https://"+userPool, "id", subject
	return f.idp.Sign(claims)
}

// Every kind of login leads to an identity and to credentials, and names itself in amr as the original does.
func TestKindsOfLogins(t *testing.T) {
	f, _ := startWithKinds(t)
	for _, row := range []struct {
		name, key, token, detail string
	}{
		{"a user pool", userPool, f.inPool("web", "alice"), userPool + ":CognitoSignIn:alice"},
		{"another client of it, with a check", userPool, f.inPool("checked", "alice"), userPool + ":CognitoSignIn:alice"},
		{"Google", google, f.idp.Token("app", "alice"), google + ":app:alice"},
		{"Apple", apple, f.byApple("000123.ann.0456"), apple + ":app:000123.ann.0456"},
		{"Facebook", facebook, "good", facebook + ":7:42"},
		{"Amazon", amazon, "Atza|good", amazon + ":" + amazonApp + ":amzn1.account.ONE"},
		{"Twitter", twitter, "good;secret", twitter + ":twkey:777"},
		{"Digits, where somebody stands in for it", digits, "good;secret", digits + ":twkey:777"},
	} {
		t.Run(row.name, func(t *testing.T) {
			logins := pooltest.Object{row.key: row.token}
			id := f.getID(t, logins)
			if again := f.getID(t, logins); again != id {
				t.Errorf("identity %s, then %s", id, again)
			}
			if got := f.role(t, f.as(t, "GetCredentialsForIdentity", id, logins)); got != "Auth" {
				t.Errorf("role %s", got)
			}
			token := f.as(t, "GetOpenIdToken", id, logins).Must(t).Object(t)["Token"].(string)
			amr := claims(t, token)["amr"].([]any)
			if len(amr) != 3 || amr[1] != row.key || amr[2] != row.detail {
				t.Errorf("amr %v", amr)
			}
			f.STS(t, f.Root, "", "AssumeRoleWithWebIdentity", "RoleArn", roleARN("Auth"), "RoleSessionName", "session", "WebIdentityToken", token).Must(t)
		})
	}
}

// Whoever is known signs in without a write, by whatever kind of token: also while the database can only be read.
func TestKnownLoginsNeedNoWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "idpool.db")
	f, _ := startWithKinds(t, func(c *server.Config) { c.Database = file })
	for _, logins := range []pooltest.Object{{userPool: f.inPool("web", "alice")}, {facebook: "good"}, {twitter: "good;secret"}} {
		id := f.getID(t, logins)
		unlock := lockDatabase(t, file)
		if got := f.getID(t, logins); got != id {
			t.Errorf("identity %s, then %s", id, got)
		}
		unlock()
	}
}

// lockDatabase keeps a node from writing to its file until unlock is called.
func lockDatabase(t *testing.T, file string) (unlock func()) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
			t.Error(err)
		}
		conn.Close()
		db.Close()
	}
}

// What these providers do not vouch for leads nowhere, and nothing is stored.
func TestKindsOfLoginsRefused(t *testing.T) {
	f, active := startWithKinds(t)
	active.Store(false)
	before := f.list(t)
	for _, row := range []struct {
		name, key, token string
		want             refusal
	}{
		{"a user who was deleted", userPool, f.inPool("checked", "alice"), notAuthorized("Token is inactive")},
		{"another client of the user pool", userPool, f.inPool("other", "alice"), isForOthers},
		{"a user pool that is not trusted", "cognito-idp.us-east-1.amazonaws.com/us-east-1_Other", f.inPool("web", "alice"), isByOthers},
		{"another app at Google", google, f.idp.Token("other", "alice"), isForOthers},
		{"Google's token under Facebook's name", facebook, f.idp.Token("app", "alice"), isRefused},
		{"a token that Facebook does not know", facebook, "bad", isRefused},
		{"a provider that the pool does not have", "id.example", "Atza|x", isNoToken},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.want.check(t, f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": f.pool, "Logins": pooltest.Object{row.key: row.token}}))
		})
	}
	if after := f.list(t); after != before {
		t.Errorf("something was stored: %s, before %s", after, before)
	}
}
