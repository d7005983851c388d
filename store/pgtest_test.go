package store

import (
	"slices"
	"strings"
	"testing"

	"idpool/internal/pgtest"

	"github.com/jackc/pgx/v5"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// eighteen is the name of the subtests that run on PostgreSQL 18.
const eighteen = "postgres-18"

// pgURL makes an empty PostgreSQL database for a test: on the installed release, or on 18 if the test's name says so.
func pgURL(tb testing.TB) string {
	tb.Helper()
	release := pgtest.Installed
	if slices.Contains(strings.Split(tb.Name(), "/"), eighteen) {
		release = pgtest.Eighteen
	}
	return release.Start(tb)(tb)
}

// The tests of what only PostgreSQL has run on the installed release by themselves, and here on the other.
func TestOnEighteen(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"round trips":            TestRoundTrips,
		"modes":                  TestModesThatPoolersNeed,
		"failures that heal":     TestFailuresThatARepeatHeals,
		"bounded tries":          TestTriesAreBounded,
		"lost connection":        TestConnectionLostBeforeCommitIsRetried,
		"view":                   TestViewOutlivesItsConnection,
		"unknown outcome":        TestUnknownOutcome,
		"hanging up":             TestCallerWhoHangsUpCostsNoConnection,
		"kept arguments":         TestQueuedArgumentsAreKept,
		"failing statements":     func(t *testing.T) { failEveryStatement(t, serialization, deadlock) },
		"failing views":          TestEveryStatementOfAViewMayFail,
		"two nodes":              TestTwoNodesTakeOneLogin,
		"every statement parses": TestStatementsParseOnBothEngines,
		"prepared statements":    TestPreparedStatementsOutliveTheSchema,
	} {
		t.Run(eighteen+"/"+name, test)
	}
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
