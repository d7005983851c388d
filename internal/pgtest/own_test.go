package pgtest_test

import (
	"net/url"
	"strconv"
	"testing"

	"idpool/internal/pgtest"

	"github.com/jackc/pgx/v5"
)

// query asks one question over a connection of its own.
func query(t *testing.T, url, sql string) (answer string, err error) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		return "", err
	}
	defer conn.Close(t.Context())
	err = conn.QueryRow(t.Context(), sql).Scan(&answer)
	return answer, err
}

// A server of a test's own can be killed and started again, and followed by a standby and through PgBouncer.
func TestOwn(t *testing.T) {
	t.Parallel()
	primary := pgtest.NewOwn(t, nil, "work_mem = 5MB")
	database := primary.Database(t, "things")
	standby := primary.Standby(t)
	bouncer := primary.Bouncer(t, 2)
	for _, row := range []struct{ url, sql, want string }{
		{database, "SHOW work_mem", "5MB"},
		{database, "SELECT current_database()::text", "things"},
		{database, "SELECT pg_is_in_recovery()::text", "false"},
		{standby.URL(), "SELECT pg_is_in_recovery()::text", "true"},
		{bouncer, "SELECT pg_is_in_recovery()::text", "false"},
	} {
		if got, err := query(t, row.url+"&default_query_exec_mode=exec", row.sql); got != row.want || err != nil {
			t.Errorf("%s: %s is %q, %v", row.url, row.sql, got, err)
		}
	}
	primary.Kill(t)
	if _, err := query(t, database, "SELECT 'here'"); err == nil {
		t.Error("a server that was killed answers")
	}
	primary.Start(t)
	if got, err := query(t, database, "SELECT 'here'"); got != "here" {
		t.Errorf("started again: %q, %v", got, err)
	}
	standby.CatchUp(t, primary)
}

// No connection that somebody makes has a server's port meanwhile: a server that was killed finds its own free again.
func TestPorts(t *testing.T) {
	t.Parallel()
	own := pgtest.NewOwn(t, nil)
	for name, address := range map[string]string{"server": own.URL(), "bouncer": own.Bouncer(t, 2)} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if port, err := strconv.Atoi(u.Port()); port < 20000 || port > 29999 {
			t.Errorf("%s: port %d, %v", name, port, err)
		}
	}
}
