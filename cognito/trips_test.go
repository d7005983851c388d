package cognito_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"idpool/internal/pgtest"
	"idpool/pooltest"
	"idpool/server"
	"idpool/wire"
)

// toll is a node with somebody known to it, and the key of a developer's backend: an IAM user's.
type toll struct {
	*front
	guest, alice string
	backend      wire.Key
}

// vouch calls GetOpenIdTokenForDeveloperIdentity for a user.
func (w *toll) vouch(t *testing.T, user string) {
	t.Helper()
	w.SignedAs(t, w.backend, pooltest.Region, "GetOpenIdTokenForDeveloperIdentity",
		pooltest.Object{"IdentityPoolId": w.pool, "Logins": pooltest.Object{"login.example": user}}).Must(t)
}

// trips are calls, and how often each waits for the database, when statements are prepared and caches full.
var trips = []struct {
	call string
	want int
	do   func(t *testing.T, w *toll, n int)
}{
	{"GetId of a known login", 1, func(t *testing.T, w *toll, _ int) { w.getID(t, w.logins("alice")) }},
	{"GetId of a new guest", 2, func(t *testing.T, w *toll, _ int) { w.getID(t, nil) }},
	{"GetId at the first sign-in with a login", 3, func(t *testing.T, w *toll, n int) {
		w.getID(t, w.logins(fmt.Sprint("new ", n)))
	}},
	{"GetCredentialsForIdentity of a guest", 1, func(t *testing.T, w *toll, _ int) {
		w.as(t, "GetCredentialsForIdentity", w.guest, nil).Must(t)
	}},
	{"GetCredentialsForIdentity of a known login", 1, func(t *testing.T, w *toll, _ int) {
		w.as(t, "GetCredentialsForIdentity", w.alice, w.logins("alice")).Must(t)
	}},
	{"GetOpenIdToken of a guest", 1, func(t *testing.T, w *toll, _ int) { w.exchange(t, w.guest, nil) }},
	{"GetOpenIdToken of a known login", 1, func(t *testing.T, w *toll, _ int) {
		w.exchange(t, w.alice, w.logins("alice"))
	}},
	{"GetOpenIdTokenForDeveloperIdentity of a known user", 3, func(t *testing.T, w *toll, _ int) { w.vouch(t, "ann") }},
	{"GetOpenIdTokenForDeveloperIdentity of a new user", 5, func(t *testing.T, w *toll, n int) { w.vouch(t, fmt.Sprint("new ", n)) }},
}

// What a call costs in round trips to PostgreSQL is what docs/scale.md says.
func TestRoundTripsOfCalls(t *testing.T) {
	p, url := pgtest.StartProxy(t, pgtest.Start(t)(t))
	f := start(t, func(c *server.Config) { c.Database, c.IssuerURL = url+"&pool_max_conns=1", "http://127.0.0.1:1" })
	f.update(t, f.pool, pooltest.Object{
		"OpenIdConnectProviderARNs": []string{f.idp.ARN(pooltest.Account)}, "DeveloperProviderName": "login.example",
	})
	w := &toll{
		front: f, guest: f.getID(t, nil), alice: f.getID(t, f.logins("alice")),
		backend: f.User(t, "Backend", pooltest.AdministratorPolicy),
	}
	text, err := os.ReadFile("../docs/scale.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, trip := range trips {
		best := 100 // the first time statements are prepared, and a connection that idled for a second is pinged
		for n := range 4 {
			best = min(best, p.Count(func() { trip.do(t, w, n) }))
		}
		if best != trip.want {
			t.Errorf("%s: %d round trips, not %d", trip.call, best, trip.want)
		}
		if row := fmt.Sprintf("\n| %s | %d |\n", trip.call, trip.want); !strings.Contains(string(text), row) {
			t.Errorf("docs/scale.md lacks %s", row)
		}
	}
}
