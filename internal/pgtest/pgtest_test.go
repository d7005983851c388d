package pgtest_test

import (
	"testing"

	"idpool/internal/pgtest"

	"github.com/jackc/pgx/v5"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestEachTestHasItsOwnDatabase(t *testing.T) {
	t.Parallel()
	database := pgtest.Start(t)
	if a, b := database(t), database(t); a == b {
		t.Errorf("twice the same database: %s", a)
	}
	conn, err := pgx.Connect(t.Context(), database(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var tables int
	err = conn.QueryRow(t.Context(), "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&tables)
	if err != nil || tables != 0 {
		t.Errorf("a new database has %d tables, %v", tables, err)
	}
}

func TestOneServer(t *testing.T) {
	t.Parallel()
	port := func() (port string) {
		conn, err := pgx.Connect(t.Context(), pgtest.Start(t)(t))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		if err := conn.QueryRow(t.Context(), "SHOW port").Scan(&port); err != nil {
			t.Fatal(err)
		}
		return port
	}
	if a, b := port(), port(); a != b {
		t.Errorf("two servers, on ports %s and %s", a, b)
	}
}

// The releases are what they are called.
func TestReleases(t *testing.T) {
	t.Parallel()
	major := func(r *pgtest.Release) (n int) {
		conn, err := pgx.Connect(t.Context(), r.Start(t)(t))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		err = conn.QueryRow(t.Context(), "SELECT CAST(current_setting('server_version_num') AS INTEGER) / 10000").Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if one, other := major(pgtest.Installed), major(pgtest.Eighteen); one < 15 || other != 18 {
		t.Errorf("the tests run on PostgreSQL %d and %d, not on 15 or later and 18", one, other)
	}
}
