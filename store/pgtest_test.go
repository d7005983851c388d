package store

import (
	"testing"

	"idpool/internal/pgtest"

	"github.com/jackc/pgx/v5"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// pgURL makes an empty PostgreSQL database for a test.
func pgURL(tb testing.TB) string {
	tb.Helper()
	return pgtest.Start(tb)(tb)
}

// pgDirect is a connection that bypasses the DB, to play the operator, or the server's troubles.
func pgDirect(tb testing.TB, url string) *pgx.Conn {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { conn.Close(tb.Context()) })
	return conn
}

// pgExec runs statements, split by semicolons of the simple protocol.
func pgExec(tb testing.TB, conn *pgx.Conn, sql string) {
	tb.Helper()
	if _, err := conn.PgConn().Exec(tb.Context(), sql).ReadAll(); err != nil {
		tb.Fatal(err)
	}
}
