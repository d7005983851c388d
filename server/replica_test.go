package server_test

import (
	"strings"
	"testing"
	"time"

	"idpool/internal/pgtest"
	"idpool/pooltest"
	"idpool/server"

	"github.com/jackc/pgx/v5"
)

// Lists come from the replica, and may be old; whether the caller may see them is decided by the primary.
func TestListsFromTheReplica(t *testing.T) {
	primary := pgtest.NewOwn(t, nil)
	database := primary.Database(t, "idpool")
	standby := primary.Standby(t)
	replica := strings.Replace(standby.URL(), "/postgres?", "/idpool?", 1)
	node := pooltest.Start(t, func(c *server.Config) {
		c.Database, c.DatabaseReplica, c.IssuerURL, c.SigningAlgorithm = database, replica, "http://127.0.0.1:1", "ES256"
	})
	lister := node.User(t, "lister", pooltest.AdministratorPolicy)
	standby.CatchUp(t, primary)
	direct, err := pgx.Connect(t.Context(), replica)
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close(t.Context())
	if _, err := direct.Exec(t.Context(), "SELECT pg_wal_replay_pause()"); err != nil {
		t.Fatal(err)
	}
	pool := node.Pool(t, pooltest.NewProvider(t))
	pools := func() *pooltest.Reply {
		return node.SignedAs(t, lister, pooltest.Region, "ListIdentityPools", pooltest.Object{"MaxResults": 60})
	}
	got := pools().Must(t)
	for range 20 { // a slow machine may need more than the first look
		if !strings.Contains(string(got.Body), pool) {
			break
		}
		node.Clock.Advance(time.Minute)
		got = pools().Must(t)
	}
	if strings.Contains(string(got.Body), pool) {
		t.Errorf("the list comes from the primary: %s", got.Body)
	}
	node.Signed(t, "DescribeIdentityPool", pooltest.Object{"IdentityPoolId": pool}).Must(t)
	guests := node.Signed(t, "ListIdentities", pooltest.Object{"IdentityPoolId": pool, "MaxResults": 60})
	if guests.Must(t); guests.Status != 200 {
		t.Errorf("a pool that the replica lacks: %s", guests.Body)
	}
	node.IAM(t, "DeleteUserPolicy", "UserName", "lister", "PolicyName", "P0").Must(t)
	if got := pools(); got.Code() != "AccessDeniedException" {
		t.Errorf("a caller who may no longer: %d %s", got.Status, got.Body)
	}
}
