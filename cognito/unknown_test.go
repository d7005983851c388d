package cognito_test

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"idpool/internal/pgtest"
	"idpool/pooltest"
	"idpool/server"
)

// dying ends, once, the server process that commits a change of an identity, before it has committed.
const dying = `CREATE SEQUENCE once;
	CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF nextval('once') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(60); END IF; RETURN NULL;
	END $$;
	CREATE CONSTRAINT TRIGGER die AFTER INSERT OR UPDATE ON identities DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die();`

// A sign-in whose connection is lost while it commits finds out by itself whether it has: there is one identity afterwards, the
// one that it answers.
func TestSignInOfUnknownOutcome(t *testing.T) {
	own := pgtest.NewOwn(t, nil, "synchronous_standby_names = 'nobody'") // whom commits wait for, unless they are told not to
	statements(t, own.URL())("SET synchronous_commit = local", "ALTER DATABASE postgres SET synchronous_commit = local")
	for _, committed := range []bool{false, true} {
		for _, row := range []struct {
			name string
			ask  func(f *front) (ask func() *pooltest.Reply, want string) // want is "" for a new identity
		}{
			{"a guest", func(f *front) (func() *pooltest.Reply, string) {
				return func() *pooltest.Reply { return f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": f.pool}) }, ""
			}},
			{"a person", func(f *front) (func() *pooltest.Reply, string) {
				in := pooltest.Object{"IdentityPoolId": f.pool, "Logins": f.logins("alice")}
				return func() *pooltest.Reply { return f.Public(t, "GetId", in) }, ""
			}},
			{"a guest who signs in", func(f *front) (func() *pooltest.Reply, string) {
				guest, logins := f.getID(t, nil), f.logins("alice")
				return func() *pooltest.Reply { return f.as(t, "GetOpenIdToken", guest, logins) }, guest
			}},
			{"a guest who turns out to be known", func(f *front) (func() *pooltest.Reply, string) {
				guest, logins := f.getID(t, nil), f.logins("alice")
				alice := f.getID(t, logins)
				return func() *pooltest.Reply { return f.as(t, "GetCredentialsForIdentity", guest, logins) }, alice
			}},
			{"two who turn out to be one", func(f *front) (func() *pooltest.Reply, string) {
				second := pooltest.NewProvider(t)
				f.register(t, second)
				f.update(t, f.pool, pooltest.Object{"OpenIdConnectProviderARNs": []string{f.idp.ARN(pooltest.Account), second.ARN(pooltest.Account)}})
				named, both := f.getID(t, f.logins("alice")), f.logins("alice", f.idp, second)
				f.getID(t, f.logins("alice", second))
				return func() *pooltest.Reply { return f.as(t, "GetOpenIdToken", named, both) }, named
			}},
		} {
			t.Run(map[bool]string{false: "nothing of ", true: "all of "}[committed]+row.name, func(t *testing.T) {
				name := "d" + strings.ToLower(rand.Text())
				url := own.Database(t, name)
				do := statements(t, url)
				do("SET synchronous_commit = local", "ALTER DATABASE "+name+" SET synchronous_commit = local")
				f := start(t, func(c *server.Config) { c.Database, c.IssuerURL = url, "http://127.0.0.1:1" })
				ask, want := row.ask(f)
				reply := <-loseCommit(t, do, name, committed, ask)
				if reply == nil {
					t.FailNow() // the call has said why
				}
				id := reply.Must(t).Object(t)["IdentityId"].(string)
				if want != "" && id != want {
					t.Errorf("%s was answered, not %s", id, want)
				}
				in := pooltest.Object{"IdentityPoolId": f.pool, "MaxResults": 60, "HideDisabled": true}
				list := string(f.Signed(t, "ListIdentities", in).Must(t).Body)
				if strings.Count(list, `"IdentityId"`) != 1 || !strings.Contains(list, id) {
					t.Errorf("%s was answered, and there are %s", id, list)
				}
			})
		}
	}
}

// statements runs SQL on one connection, and tells how many rows the last statement has.
func statements(t *testing.T, url string) (do func(sql ...string) int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return func(sql ...string) (rows int) {
		t.Helper()
		for _, one := range sql {
			results, err := conn.PgConn().Exec(t.Context(), one).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			rows = len(results[len(results)-1].Rows)
		}
		return rows
	}
}

// loseCommit asks, and has the database lose the connection of the change that comes of it during COMMIT, before it is carried
// out or after.
func loseCommit(t *testing.T, do func(sql ...string) int, database string, committed bool, ask func() *pooltest.Reply) <-chan *pooltest.Reply {
	t.Helper()
	replies := make(chan *pooltest.Reply, 1)
	asks := func() {
		defer close(replies) // also where the call ends the test
		replies <- ask()
	}
	if !committed {
		do(dying)
		go asks()
		return replies
	}
	// New sessions wait for the standby: what they have written is there, and their process ends in the wait.
	do("ALTER DATABASE "+database+" RESET synchronous_commit",
		"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	go asks()
	for do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") == 0 {
		select {
		case early := <-replies:
			t.Fatalf("nothing waited for the standby, and the answer was %+v", early)
		case <-time.After(5 * time.Millisecond):
		}
	}
	return replies
}
