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

// startWithKinds runs a node whose user pool and Google are a fake that signs, whose Facebook is a fake that answers for the
// token "good" of the user 42 in the app 7, and whose check of users answers as active says.
func startWithKinds(t *testing.T, options ...func(*server.Config)) (f *front, active *atomic.Bool) {
	t.Helper()
	idp := pooltest.NewProvider(t)
	active = new(atomic.Bool)
	active.Store(true)
	check := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]bool{"active": active.Load()})
	}))
	t.Cleanup(check.Close)
	graph := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		good := r.URL.Query().Get("input_token") == "good"
		_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]any{
			"app_id": "7", "type": "USER", "is_valid": good, "user_id": "42", "expires_at": 0,
		}})
	}))
	t.Cleanup(graph.Close)
	f = start(t, append(options, func(c *server.Config) {
		c.Providers = provider.Settings{
			userPool: {Endpoint: idp.URL, Check: &provider.Check{Kind: "http", URL: check.URL + "/{sub}"}},
			google:   {Endpoint: idp.URL, Issuer: idp.URL},
			facebook: {Endpoint: graph.URL, Secrets: map[string]string{"7": "secret"}},
		}
	})...)
	idp.Now = f.Clock.Now
	f.idp = idp
	f.update(t, f.pool, pooltest.Object{
		"CognitoIdentityProviders": []pooltest.Object{
			{"ProviderName": userPool, "ClientId": "web", "ServerSideTokenCheck": false},
			{"ProviderName": userPool, "ClientId": "checked", "ServerSideTokenCheck": true},
		},
		"SupportedLoginProviders": pooltest.Object{google: "app", facebook: "7"},
	})
	f.Signed(t, "SetIdentityPoolRoles", pooltest.Object{"IdentityPoolId": f.pool, "Roles": pooltest.Object{"authenticated": roleARN("Auth")}}).Must(t)
	return f, active
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
		{"Facebook", facebook, "good", facebook + ":7:42"},
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
	for _, logins := range []pooltest.Object{{userPool: f.inPool("web", "alice")}, {facebook: "good"}} {
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
	unsupported := notAuthorized("Token is not from a supported provider of this identity pool.")
	for _, row := range []struct {
		name, key, token string
		want             refusal
	}{
		{"a user who was deleted", userPool, f.inPool("checked", "alice"), notAuthorized("Token is inactive")},
		{"another client of the user pool", userPool, f.inPool("other", "alice"), unsupported},
		{"a user pool that is not trusted", "cognito-idp.us-east-1.amazonaws.com/us-east-1_Other", f.inPool("web", "alice"), notAuthorized("Invalid login token. Issuer doesn't match providerName")},
		{"another app at Google", google, f.idp.Token("other", "alice"), unsupported},
		{"Google's token under Facebook's name", facebook, f.idp.Token("app", "alice"), refusal{}},
		{"a token that Facebook does not know", facebook, "bad", refusal{}},
		{"a provider that the pool has no app for", "www.amazon.com", "Atza|x", notAuthorized("Invalid login token. Not a valid OpenId Connect identity token.")},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": f.pool, "Logins": pooltest.Object{row.key: row.token}})
			if row.want == (refusal{}) {
				row.want = notAuthorized(r.Message()) // the provider's own words
			}
			row.want.check(t, r)
		})
	}
	if after := f.list(t); after != before {
		t.Errorf("something was stored: %s, before %s", after, before)
	}
}
