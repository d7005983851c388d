package store

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

// eachEngine runs a test on a new, migrated database of every engine: SQLite, the installed PostgreSQL, and PostgreSQL 18.
func eachEngine(t *testing.T, test func(t *testing.T, db *DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, openLite(t, Options{})) })
	t.Run("postgres", func(t *testing.T) { test(t, openAt(t, pgURL(t), Options{})) })
	t.Run(eighteen, func(t *testing.T) { test(t, openAt(t, pgURL(t), Options{})) })
}

// openLite opens a new SQLite database.
func openLite(tb testing.TB, o Options) *DB {
	tb.Helper()
	return openAt(tb, filepath.Join(tb.TempDir(), "idpool.db"), o)
}

// openAt opens a database, and closes it when the test ends.
func openAt(tb testing.TB, url string, o Options) *DB {
	tb.Helper()
	db, err := Open(context.Background(), url, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return db
}

// The statements of the engine's tests: settings as rows that are there or not, accounts as counters.
var (
	testPut     = statement(`INSERT INTO settings (name, value) VALUES ($1, $2)`)
	testGet     = statement(`SELECT value FROM settings WHERE name = $1`)
	testNames   = byBytes(`SELECT name FROM settings ORDER BY name COLLATE BINARY`)
	testCounter = statement(`INSERT INTO accounts (id, version, created) VALUES ($1, $2, 0)`)
	testRead    = statement(`SELECT version FROM accounts WHERE id = $1`)
	testWrite   = statement(`UPDATE accounts SET version = $2 WHERE id = $1`)
)

// put adds a setting.
func put(name string) func(*Tx) error {
	return func(tx *Tx) error { return tx.exec(testPut, name, []byte("v")) }
}

// names reads which settings are there.
func names(t *testing.T, db *DB) map[string]bool {
	t.Helper()
	there := map[string]bool{}
	must(t, db.View(context.Background(), func(tx *Tx) error {
		clear(there)
		return tx.rows(testNames, nil, func(scan func(...any) error) error {
			var name string
			err := scan(&name)
			there[name] = true
			return err
		})
	}))
	return there
}

// counter reads a counter.
func counter(t *testing.T, db *DB, id string) (n int64) {
	t.Helper()
	must(t, db.View(context.Background(), func(tx *Tx) error { return tx.row(testRead, []any{id}, &n) }))
	return n
}

// versionA is the version of account A.
func versionA(t *testing.T, db *DB) (version int64) {
	t.Helper()
	look(t, db, func(tx *Tx) (err error) { version, err = tx.AccountVersion(accountA); return err })
	return version
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hold occupies the writer of a SQLite database until release is called, so that Updates queue behind it.
func hold(t *testing.T, db *DB) (release func()) {
	t.Helper()
	running, gate, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		first := true
		done <- db.Update(context.Background(), func(tx *Tx) error {
			if first {
				first = false
				close(running)
				<-gate
			}
			return nil
		})
	}()
	<-running
	return sync.OnceFunc(func() {
		close(gate)
		must(t, <-done)
	})
}

// queue starts n Updates, in order, behind what holds the writer, and returns when all wait. wait returns their errors.
func queue(t *testing.T, db *DB, n int, do func(i int) error) (wait func() []error) {
	t.Helper()
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Add(1)
		go func() {
			defer all.Done() // even if the goroutine is ended
			errs[i] = fmt.Errorf("update %d did not return", i)
			errs[i] = do(i)
		}()
		until(t, func() bool {
			w := db.lite.writer
			w.mu.Lock()
			defer w.mu.Unlock()
			return len(w.waiting) == i+1
		})
	}
	return func() []error {
		all.Wait()
		return errs
	}
}

// until waits for a condition.
func until(t *testing.T, is func() bool) {
	t.Helper()
	for patience := time.Now().Add(30 * time.Second); !is(); runtime.Gosched() {
		if time.Now().After(patience) {
			t.Fatal("waited 30 s in vain")
		}
	}
}
