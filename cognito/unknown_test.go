package cognito_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"idpool/internal/pgtest"
	"idpool/pooltest"
	"idpool/server"
)

// dying ends, once, the server process that commits a new identity, before it has committed.
const dying = `CREATE SEQUENCE once;
	CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF nextval('once') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(60); END IF; RETURN NULL;
	END $$;
	CREATE CONSTRAINT TRIGGER die AFTER INSERT ON identities DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die();`

// A sign-in whose connection is lost while it commits finds out by itself whether it has: there is one identity afterwards, the
// one that it answers.
func TestSignInOfUnknownOutcome(t *testing.T) {
	for _, committed := range []bool{false, true} {
		for _, who := range []string{"a guest", "a person"} {
			t.Run(map[bool]string{false: "nothing of ", true: "all of "}[committed]+who, func(t *testing.T) {
				own := pgtest.NewOwn(t, nil)
				f := start(t, func(c *server.Config) { c.Database, c.IssuerURL = own.URL(), "http://127.0.0.1:1" })
				conn, err := pgx.Connect(t.Context(), own.URL())
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = conn.Close(context.Background()) }()
				do := func(sql ...string) {
					for _, one := range sql { // ALTER SYSTEM runs in no transaction
						if _, err := conn.PgConn().Exec(t.Context(), one).ReadAll(); err != nil {
							t.Fatal(err)
						}
					}
				}
				logins := pooltest.Object(nil)
				if who == "a person" {
					logins = f.logins("alice")
				}
				replies := make(chan *pooltest.Reply, 1)
				ask := func() { replies <- f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": f.pool, "Logins": logins}) }
				if committed { // what has been written waits for a standby that will never come, and its process ends there
					do("ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()")
					go ask()
					const waiting = `SELECT COUNT(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep') x`
					for ended := 0; ended == 0; time.Sleep(5 * time.Millisecond) {
						if err := conn.QueryRow(t.Context(), waiting).Scan(&ended); err != nil {
							t.Fatal(err)
						}
					}
				} else {
					do(dying)
					go ask()
				}
				id := (<-replies).Must(t).Object(t)["IdentityId"].(string)
				if list := f.list(t); strings.Count(list, `"IdentityId"`) != 1 || !strings.Contains(list, id) {
					t.Errorf("%s was answered, and there are %s", id, list)
				}
			})
		}
	}
}
