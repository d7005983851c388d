package cognito_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"idpool/pooltest"
	"idpool/provider"
	"idpool/server"
)

const apple = "appleid.apple.com"

// attack is a login that proves nothing, and what is said of it.
type attack struct {
	name, token string
	want        refusal
}

var (
	isNoToken   = notAuthorized(openID)
	isNotSigned = notAuthorized(unverified)
	isForOthers = notAuthorized(unsupported)
	isByOthers  = notAuthorized(wrongIssuer)
	isRefused   = notAuthorized("Invalid login token. The provider does not accept it.")
	isTooLong   = refusal{"ValidationException", "1 validation error detected: Value at 'logins' failed to satisfy constraint: " +
		"Map value must satisfy constraint: [Member must have length less than or equal to 50000, Member must have length greater than or equal to 1]"}
)

func lacks(claim string) refusal {
	return notAuthorized("Invalid login token. Missing a required claim: " + claim)
}

// besieged is a front with whom logins could be linked to, and its database, which must stay as it is.
type besieged struct {
	*front
	guest, bob string          // identities
	bobs       pooltest.Object // good logins of bob's, of the first provider
	db         *sql.DB
	tables     []string
}

// besiege runs a node whose pool the settings complete.
func besiege(t *testing.T, providers provider.Settings, settings func(f *front) pooltest.Object) *besieged {
	t.Helper()
	file := filepath.Join(t.TempDir(), "idpool.db")
	f := &besieged{front: start(t, func(c *server.Config) { c.Database, c.Providers = file, providers })}
	pool := pooltest.Object{
		"DeveloperProviderName": "login.example", "OpenIdConnectProviderARNs": []string{f.idp.ARN(pooltest.Account)},
	}
	for member, value := range settings(f.front) {
		pool[member] = value
	}
	f.update(t, f.pool, pool)
	f.bobs = f.logins("bob")
	f.guest, f.bob = f.getID(t, nil), f.getID(t, f.bobs)
	var err error
	if f.db, err = sql.Open("sqlite", file); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.db.Close() })
	f.tables = f.column(t, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
	return f
}

// column is the first column of what a query finds.
func (f *besieged) column(t *testing.T, query string) (values []string) {
	t.Helper()
	for _, row := range f.rows(t, query) {
		values = append(values, fmt.Sprint(row[0]))
	}
	return values
}

func (f *besieged) rows(t *testing.T, query string) (all [][]any) {
	t.Helper()
	rows, err := f.db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		row, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// stored is every row of every table.
func (f *besieged) stored(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, table := range f.tables {
		for _, row := range f.rows(t, "SELECT * FROM "+table) {
			fmt.Fprintf(&b, "%s %x\n", table, row)
		}
	}
	return b.String()
}

// refuses shows a login to every operation that gives something out: to be a new user, a guest's, and beside a good one to be
// bob's. The answer is the same everywhere, and not a row of the database changes.
func (f *besieged) refuses(t *testing.T, key string, attacks []attack) {
	t.Helper()
	before := f.stored(t)
	for _, row := range attacks {
		t.Run(row.name, func(t *testing.T) {
			bad, beside := pooltest.Object{key: row.token}, edit(f.bobs, key, row.token)
			row.want.check(t, f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": f.pool, "Logins": bad}))
			row.want.check(t, f.as(t, "GetOpenIdToken", f.guest, bad))
			row.want.check(t, f.as(t, "GetCredentialsForIdentity", f.bob, beside))
			if after := f.stored(t); after != before {
				t.Errorf("the database has changed:\nfrom %s\nto   %s", before, after)
				before = after
			}
		})
	}
}

// refusesEverywhere shows each login in the other places too: whatever an operation does with logins, it verifies them alike.
func (f *besieged) refusesEverywhere(t *testing.T, key string, attacks []attack) {
	t.Helper()
	before := f.stored(t)
	for _, row := range attacks {
		bad, beside := pooltest.Object{key: row.token}, edit(f.bobs, key, row.token)
		row.want.check(t, f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": f.pool, "Logins": beside}))
		row.want.check(t, f.as(t, "GetOpenIdToken", f.bob, beside))
		row.want.check(t, f.as(t, "GetCredentialsForIdentity", f.guest, bad))
		row.want.check(t, f.unlink(t, f.bob, beside, f.idp.Name()))
		row.want.check(t, f.vouch(t, "dave", pooltest.Object{"Logins": bad}))
		if after := f.stored(t); after != before {
			t.Fatalf("%s: the database has changed:\nfrom %s\nto   %s", row.name, before, after)
		}
	}
	f.refuses(t, key, attacks)
}

// victim is a provider of ID tokens and what a good token of it says.
type victim struct {
	name     string
	key      string // in Logins maps
	by       *authority
	good     pooltest.Object // claims of "alice" for the pool
	attacker *authority      // no provider of the pool, and never to be asked
	second   func(claims pooltest.Object) string
	ours     string // our own issuer
	now      int64
}

// victims runs a node whose pool trusts all kinds of providers that have ID tokens, each a server of its own.
func victims(t *testing.T) (*besieged, []*victim) {
	t.Helper()
	attacker := newAuthority(t, wrongKey(), "")
	oidc, pools := newAuthority(t, rightKey(), ""), newAuthority(t, rightKey(), "https://"+userPool)
	goog, appl := newAuthority(t, rightKey(), "https://"+google), newAuthority(t, rightKey(), "https://"+apple)
	face := newAuthority(t, rightKey(), "https://www.facebook.com")
	f := besiege(t, provider.Settings{
		userPool: {Endpoint: pools.URL}, google: {Endpoint: goog.URL}, apple: {Endpoint: appl.URL},
		facebook: {Endpoint: face.URL, LimitedLogin: true, Secrets: map[string]string{"7": "secret"}},
	}, func(f *front) pooltest.Object {
		f.IAM(t, "CreateOpenIDConnectProvider", "Url", oidc.URL, "ClientIDList.member.1", "app").Must(t)
		return pooltest.Object{
			"OpenIdConnectProviderARNs": []string{f.idp.ARN(pooltest.Account), oidc.arn()},
			"CognitoIdentityProviders":  []pooltest.Object{{"ProviderName": userPool, "ClientId": "app"}},
			"SupportedLoginProviders":   pooltest.Object{google: "app", apple: "app", facebook: "7"},
		}
	})
	now := f.Clock.Now().Unix()
	kind := func(name, key string, by *authority, more ...any) *victim {
		good := edit(pooltest.Object{"iss": by.issuer, "aud": "app", "sub": "alice", "iat": now, "exp": now + 7200}, more...)
		return &victim{name: name, key: key, by: by, good: good, attacker: attacker, second: f.idp.Sign, ours: f.URL, now: now}
	}
	return f, []*victim{
		kind("an OpenID provider", oidc.name(), oidc),
		kind("a user pool", userPool, pools, "token_use", "id"),
		kind("Google", google, goog),
		kind("Apple", apple, appl),
		kind("Limited Login", facebook, face, "aud", "7"),
	}
}

// Every attack on ID tokens, on every kind of provider that has them. Neither the attacker's server nor an address that a
// token names is ever asked, and the provider is asked for new keys no more often than its rule allows.
func TestAttacksOnIDTokens(t *testing.T) {
	f, kinds := victims(t)
	for _, v := range kinds {
		t.Run(v.name, func(t *testing.T) {
			alice := f.getID(t, pooltest.Object{v.key: v.token()})
			attacks := v.attacks()
			for i := range attacks {
				// What has other than three parts cannot be Limited Login's: it is an access token, for Facebook to judge.
				if row := &attacks[i]; v.key == facebook && strings.Count(row.token, ".") != 2 && row.want == isNoToken {
					row.want = isRefused
				}
			}
			asked := v.by.keysAsked.Load()
			refuses := f.refuses
			if v == kinds[0] { // all others go the same way
				refuses = f.refusesEverywhere
			}
			refuses(t, v.key, attacks)
			if looks := v.by.keysAsked.Load() - asked; looks > 3*2 { // three at once, of two documents at most
				t.Errorf("the provider was asked %d times for keys", looks)
			}
			if n := v.attacker.asked.Load(); n != 0 {
				t.Errorf("the attacker's server was asked %d times", n)
			}
			if strings.Contains(f.Log.String(), `eyJ`) { // {" in base64: so begins each part of a token
				t.Error("the node's log has tokens in it")
			}
			if got := f.getID(t, pooltest.Object{v.key: v.token("jti", "afterwards")}); got != alice {
				t.Errorf("afterwards alice is %s, and was %s", got, alice)
			}
		})
	}
}

// What looks odd, and is taken all the same: by whom it speaks of, and by nobody else.
func TestOddIDTokens(t *testing.T) {
	f, kinds := victims(t)
	for _, v := range kinds {
		t.Run(v.name, func(t *testing.T) {
			alice := f.getID(t, pooltest.Object{v.key: v.token()})
			for _, row := range v.odd() {
				t.Run(row.name, func(t *testing.T) {
					id := f.getID(t, pooltest.Object{v.key: row.token})
					if (id == alice) != row.alice {
						t.Errorf("it means %s, and alice is %s", id, alice)
					}
					f.as(t, "GetCredentialsForIdentity", id, pooltest.Object{v.key: row.token}).Must(t)
					f.as(t, "GetOpenIdToken", id, pooltest.Object{v.key: row.token}).Must(t)
				})
			}
			if n := v.attacker.asked.Load(); n != 0 {
				t.Errorf("the attacker's server was asked %d times", n)
			}
		})
	}
}
