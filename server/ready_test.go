package server_test

import (
	"net/http"
	"testing"
	"time"

	"idpool/internal/pgtest"
	"idpool/pooltest"
	"idpool/server"
)

// A node whose PostgreSQL server dies, or says nothing any more, is not ready and answers with errors that SDKs repeat. When
// the server is back the node goes on by itself, and what it has acknowledged is there.
func TestDatabaseComesBack(t *testing.T) {
	postgres := pgtest.NewOwn(t, nil)
	node := pooltest.Start(t, func(c *server.Config) {
		c.Database, c.IssuerURL, c.SigningAlgorithm = postgres.Database(t, "idpool"), "http://127.0.0.1:1", "ES256"
		c.DatabaseTimeout = 500 * time.Millisecond
	})
	pool := node.Signed(t, "CreateIdentityPool", pooltest.Object{
		"IdentityPoolName": "p", "AllowUnauthenticatedIdentities": true,
	}).Must(t).Object(t)["IdentityPoolId"]
	getID := func() *pooltest.Reply { return node.Public(t, "GetId", pooltest.Object{"IdentityPoolId": pool}) }
	ready := func() int { return get(t, node, "GET", "/readyz").Status }
	for _, row := range []struct {
		name       string
		away, back func(testing.TB)
	}{
		{"killed, and started again", postgres.Kill, postgres.Start},
		{"frozen, and thawed", postgres.Freeze, postgres.Thaw},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := getID().Must(t).Object(t)["IdentityId"]
			row.away(t)
			for range 3 {
				if got := ready(); got != http.StatusServiceUnavailable {
					t.Errorf("/readyz answers %d", got)
				}
				if got := getID(); got.Status < 500 {
					t.Errorf("GetId is answered: %d %s", got.Status, got.Body)
				}
			}
			if got := get(t, node, "GET", "/healthz").Status; got != http.StatusOK {
				t.Errorf("/healthz answers %d: a restart of the node would not help", got)
			}
			row.back(t)
			for until := time.Now().Add(time.Minute); ready() != http.StatusOK; time.Sleep(20 * time.Millisecond) {
				if time.Now().After(until) {
					t.Fatal("the node does not find the database again")
				}
			}
			getID().Must(t)
			node.Signed(t, "DescribeIdentity", pooltest.Object{"IdentityId": before}).Must(t)
		})
	}
}
