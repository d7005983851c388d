// Package pgtest starts a PostgreSQL server for the tests of a package: one server for each run of a test binary, one
// database for each test.
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
//	func TestSomething(t *testing.T) {
//		db, err := store.Open(t.Context(), pgtest.Start(t)(t), store.Options{})
//
// The server is started by the first Start. It is the installed one, under /usr/lib/postgresql or in PATH, on a free
// loopback port, in a temporary folder, as an unprivileged user, without fsync. If there is none the test fails, since a
// suite that quietly skips an engine proves nothing; IDPOOL_TEST_POSTGRES may name a running server instead (the URL of a
// user who may create databases).
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Env names the environment variable that gives the URL of a running server.
const Env = "IDPOOL_TEST_POSTGRES"

// errNone is the failure of a test on a machine without PostgreSQL.
var errNone = errors.New("no PostgreSQL here: apt-get install postgresql, or set " + Env + " to the URL of a server")

var shared struct {
	sync.Mutex
	url    string // of the server; empty until started
	err    error
	server *server // nil if the server isn't ours
}

// Main runs the tests, ends the server if they have started one, and exits.
func Main(m *testing.M) {
	code := m.Run()
	Stop()
	os.Exit(code)
}

// Stop ends the server if this process has started one. Main calls it; a TestMain with more to do may.
func Stop() {
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		shared.server.stop()
		shared.server, shared.url = nil, ""
	}
}

// Start starts the server, unless it runs already. The function that it returns makes an empty database, which is dropped
// when its test ends, and returns its URL, which has a query already.
func Start(tb testing.TB) (database func(testing.TB) string) {
	tb.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.url == "" && shared.err == nil {
		shared.url, shared.server, shared.err = find(tb)
	}
	if shared.err != nil {
		tb.Fatalf("PostgreSQL: %v", shared.err)
	}
	address := shared.url
	return func(tb testing.TB) string {
		tb.Helper()
		return create(tb, address)
	}
}

func find(tb testing.TB) (address string, s *server, err error) {
	if address := os.Getenv(Env); address != "" {
		return address, nil, nil
	}
	for range 3 { // another process may take the port that was free
		if s, err = startServer(); err == nil || errors.Is(err, errNone) {
			break
		}
		tb.Logf("PostgreSQL did not start: %v", err)
	}
	if err != nil {
		return "", nil, err
	}
	return s.url(), s, nil
}

// create makes a database.
func create(tb testing.TB, address string) string {
	tb.Helper()
	name := "idpool_" + strings.ToLower(rand.Text())
	if err := run(address, "CREATE DATABASE "+name); err != nil {
		tb.Fatalf("PostgreSQL: %v", err)
	}
	tb.Cleanup(func() {
		if err := run(address, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			tb.Errorf("PostgreSQL: %v", err)
		}
	})
	u, err := url.Parse(address)
	if err != nil {
		tb.Fatalf("%s: %v", Env, err)
	}
	u.Path = "/" + name
	if u.RawQuery == "" {
		u.RawQuery = "sslmode=prefer" // the default, so that a test can append "&setting=value"
	}
	return u.String()
}

// run runs one statement.
func run(address, sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}
