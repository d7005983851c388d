package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var errOwn = errors.New("the function's own error")

func TestUpdateCommitsAndViewReads(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		must(t, db.Ping(t.Context()))
		must(t, db.Update(t.Context(), func(tx *Tx) error {
			must(t, tx.exec(testPut, "a", []byte{0, 1, 255}))
			must(t, tx.exec(testPut, "b", []byte("v")))
			var value []byte
			if err := tx.row(testGet, []any{"a"}, &value); err != nil || !bytes.Equal(value, []byte{0, 1, 255}) {
				t.Errorf("an Update does not read what it wrote: %x, %v", value, err)
			}
			return nil
		}))
		if there := names(t, db); len(there) != 2 {
			t.Errorf("there are %v", there)
		}
	})
}

func TestExecCountTellsRows(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		must(t, db.Update(t.Context(), func(tx *Tx) error {
			must(t, tx.exec(testCounter, "a", int64(1)))
			for id, want := range map[string]int64{"a": 1, "b": 0} {
				if n, err := tx.execCount(testWrite, id, int64(2)); n != want || err != nil {
					t.Errorf("%s: %d rows, %v", id, n, err)
				}
			}
			return nil
		}))
	})
}

var (
	testBool     = statement(`SELECT disabled FROM identities WHERE id = $1`)
	testIdentity = statement(`INSERT INTO identities (id, pool, disabled, epoch, created, modified) VALUES ($1, $2, $3, 0, 0, 0)`)
	testAfter    = statement(`SELECT id, pool FROM identities WHERE id > $1 ORDER BY id`)
	testNothing  = statement(`SELECT l.subject FROM identities i LEFT JOIN logins l ON l.identity = i.id WHERE i.id = $1`)
)

func TestValuesComeBack(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		must(t, db.Update(t.Context(), func(tx *Tx) error {
			must(t, tx.exec(testIdentity, []byte{0}, int64(math.MinInt64), true))
			must(t, tx.exec(testIdentity, []byte("it's $1 \x00 \xff"), int64(math.MaxInt64), false))
			return tx.exec(testPut, "empty", []byte{})
		}))
		must(t, db.View(t.Context(), func(tx *Tx) error {
			var disabled bool
			err := tx.row(testBool, []any{[]byte{0}}, &disabled)
			if err == nil && !disabled {
				t.Error("true came back as false")
			}
			return err
		}))
		must(t, db.View(t.Context(), func(tx *Tx) error {
			var got []string
			// The empty key comes before every other.
			err := tx.rows(testAfter, []any{[]byte{}}, func(scan func(...any) error) error {
				var id []byte
				var pool int64
				err := scan(&id, &pool)
				got = append(got, fmt.Sprintf("%q %d", id, pool))
				return err
			})
			want := []string{`"\x00" -9223372036854775808`, `"it's $1 \x00 \xff" 9223372036854775807`}
			if err == nil && fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("got %v, want %v", got, want)
			}
			return err
		}))
		must(t, db.View(t.Context(), func(tx *Tx) error {
			value := []byte("before")
			err := tx.row(testGet, []any{"empty"}, &value)
			if len(value) != 0 {
				t.Errorf("an empty value came back as %q", value)
			}
			return err
		}))
		must(t, db.View(t.Context(), func(tx *Tx) error {
			value := []byte("before")
			err := tx.row(testNothing, []any{[]byte{0}}, &value)
			if value != nil {
				t.Errorf("NULL came back as %q", value)
			}
			return err
		}))
	})
}

func TestNotFoundGoesOn(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		must(t, db.Update(t.Context(), func(tx *Tx) error {
			var value []byte
			if err := tx.row(testGet, []any{"a"}, &value); !errors.Is(err, ErrNotFound) {
				t.Errorf("got %v", err)
			}
			return put("a")(tx)
		}))
		if !names(t, db)["a"] {
			t.Error("nothing was written after ErrNotFound")
		}
	})
}

func TestQueuedViolationIsErrExistsOfUpdate(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		must(t, db.Update(t.Context(), put("a")))
		err := db.Update(t.Context(), func(tx *Tx) error {
			must(t, put("b")(tx))
			must(t, put("a")(tx)) // held back, on either engine
			return nil
		})
		if !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "settings") {
			t.Errorf("got %v", err)
		}
		if names(t, db)["b"] {
			t.Error("half of an Update was committed")
		}
		err = db.Update(t.Context(), func(tx *Tx) error {
			must(t, put("a")(tx))
			var value []byte
			return tx.row(testGet, []any{"a"}, &value) // carries the queue
		})
		if !errors.Is(err, ErrExists) {
			t.Errorf("the reading statement gives %v", err)
		}
	})
}

func TestFailedStatementFailsTheTransaction(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		must(t, db.Update(t.Context(), put("a")))
		err := db.Update(t.Context(), func(tx *Tx) error {
			must(t, put("b")(tx))
			_, first := tx.execCount(testPut, "a", []byte("v"))
			_, second := tx.execCount(testPut, "c", []byte("v"))
			if !errors.Is(first, ErrExists) || second != first {
				t.Errorf("statements after a failed one: %v, then %v", first, second)
			}
			return nil // swallows it
		})
		if !errors.Is(err, ErrExists) {
			t.Errorf("Update returned %v", err)
		}
		if there := names(t, db); len(there) != 1 {
			t.Errorf("there are %v", there)
		}
	})
}

func TestErrorPanicAndGoexitRollBack(t *testing.T) {
	ways := map[string]func(){
		"error":  func() {},
		"panic":  func() { panic(errOwn) },
		"goexit": runtime.Goexit,
	}
	eachEngine(t, func(t *testing.T, db *DB) {
		for way, do := range ways {
			var err error
			var value any
			var stack string
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer func() {
					buf := make([]byte, 64<<10)
					value = recover()
					stack = string(buf[:runtime.Stack(buf, false)])
				}()
				err = db.Update(context.Background(), func(tx *Tx) error {
					must(t, put(way)(tx))
					if _, err := tx.execCount(testPut, way+"2", []byte("v")); err != nil {
						t.Error(err)
					}
					do()
					return errOwn
				})
			}()
			<-done
			if way == "error" && err != errOwn || way == "panic" && value != errOwn || way == "goexit" && (err != nil || value != nil) {
				t.Errorf("%s: Update returned %v, panicked %v", way, err, value)
			}
			if way == "panic" && !strings.Contains(stack, "TestErrorPanicAndGoexitRollBack") {
				t.Errorf("the panic lost its stack:\n%s", stack)
			}
		}
		if there := names(t, db); len(there) != 0 {
			t.Errorf("there are %v", there)
		}
		must(t, db.Update(t.Context(), put("after")))
	})
}

func TestMisuseIsAnError(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		must(t, db.Update(t.Context(), put("a")))
		var kept *Tx
		must(t, db.Update(t.Context(), func(tx *Tx) error { kept = tx; return nil }))
		if err := put("b")(kept); !errors.Is(err, errOver) {
			t.Errorf("a statement after the end: %v", err)
		}
		if err := db.View(t.Context(), put("b")); !errors.Is(err, errReadOnly) {
			t.Errorf("a write in a View: %v", err)
		}
		err := db.Update(t.Context(), func(tx *Tx) error {
			return tx.rows(testNames, nil, func(func(...any) error) error { return put("b")(tx) })
		})
		if !errors.Is(err, errInside) {
			t.Errorf("a statement inside rows: %v", err)
		}
	})
}

func TestErrorOfEachIsTheFunctionsOwn(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		must(t, db.Update(t.Context(), put("a")))
		must(t, db.Update(t.Context(), put("b")))
		must(t, db.Update(t.Context(), func(tx *Tx) error {
			n := 0
			err := tx.rows(testNames, nil, func(func(...any) error) error { n++; return errOwn })
			if err != errOwn || n != 1 {
				t.Errorf("rows returned %v after %d rows", err, n)
			}
			var wrong int64
			if err := tx.rows(testNames, nil, func(scan func(...any) error) error { return scan(&wrong) }); err == nil {
				t.Error("a text was scanned into a number")
			}
			return put("c")(tx)
		}))
		if !names(t, db)["c"] {
			t.Error("the transaction did not go on")
		}
	})
}

func TestOneTransactionHasOneTime(t *testing.T) {
	var ticks atomic.Int64
	clock := func() time.Time {
		return time.Date(2026, 1, 2, 3, 4, 5, 678_999_999, time.FixedZone("", 3600)).Add(time.Duration(ticks.Add(1)) * time.Hour)
	}
	db := openLite(t, Options{Now: clock})
	check := func(tx *Tx) error {
		now := tx.Now()
		if now != tx.Now() || now.Location() != time.UTC || now.Nanosecond() != 678_000_000 {
			t.Errorf("the time is %v, then %v", now, tx.Now())
		}
		return nil
	}
	must(t, db.Update(t.Context(), check))
	must(t, db.View(t.Context(), check))
}

func TestWriteSkewIsPrevented(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		must(t, db.Update(t.Context(), func(tx *Tx) error {
			must(t, tx.exec(testCounter, "a", int64(0)))
			return tx.exec(testCounter, "b", int64(0))
		}))
		for range 200 {
			must(t, db.Update(t.Context(), func(tx *Tx) error {
				must(t, tx.exec(testWrite, "a", int64(0)))
				return tx.exec(testWrite, "b", int64(0))
			}))
			// Each goes on duty off only while the other is on.
			off := func(mine, other string) func() {
				return func() {
					must(t, db.Update(context.Background(), func(tx *Tx) error {
						var n int64
						if err := tx.row(testRead, []any{other}, &n); err != nil || n != 0 {
							return err
						}
						return tx.exec(testWrite, mine, int64(1))
					}))
				}
			}
			var both sync.WaitGroup
			both.Go(off("a", "b"))
			both.Go(off("b", "a"))
			both.Wait()
			if n := counter(t, db, "a") + counter(t, db, "b"); n != 1 {
				t.Fatalf("%d of two went off duty", n)
			}
		}
	})
}

func TestNoUpdateIsLost(t *testing.T) {
	const goroutines, each = 16, 20
	eachEngine(t, func(t *testing.T, db *DB) {
		must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.exec(testCounter, "a", int64(0)) }))
		var all sync.WaitGroup
		var done, refused atomic.Int64
		for range goroutines {
			all.Go(func() {
				for range each {
					err := db.Update(context.Background(), func(tx *Tx) error {
						var n int64
						if err := tx.row(testRead, []any{"a"}, &n); err != nil {
							return err
						}
						return tx.exec(testWrite, "a", n+1)
					})
					switch {
					case err == nil:
						done.Add(1)
					case errors.Is(err, ErrUnavailable): // its tries were used up, and nothing is written
						refused.Add(1)
					default:
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if n := counter(t, db, "a"); n != done.Load() {
			t.Errorf("%d increments, the counter is at %d", done.Load(), n)
		}
		if refused.Load() > goroutines*each/50 {
			t.Errorf("%d of %d were given up", refused.Load(), goroutines*each)
		}
	})
}

// Whatever the moment at which a caller's context ends, what was acknowledged is there and what was refused is not.
func TestContextsThatEnd(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		var all sync.WaitGroup
		var acknowledged, refused sync.Map
		for i := range 64 {
			all.Go(func() {
				for n := range 5 {
					name := fmt.Sprint(i, ".", n)
					ctx, cancel := context.WithTimeout(context.Background(), rand.N(8*time.Millisecond))
					err := db.Update(ctx, put(name))
					cancel()
					switch {
					case err == nil:
						acknowledged.Store(name, true)
					case errors.Is(err, ErrUnknownOutcome): // the server was too slow, and either is right
					case errors.Is(err, context.DeadlineExceeded):
						refused.Store(name, true)
					default:
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		there, yes, no := names(t, db), 0, 0
		acknowledged.Range(func(name, _ any) bool {
			yes++
			if !there[name.(string)] {
				t.Errorf("%s was acknowledged and is not there", name)
			}
			return true
		})
		refused.Range(func(name, _ any) bool {
			no++
			if there[name.(string)] {
				t.Errorf("%s was refused and is there", name)
			}
			return true
		})
		t.Logf("%d acknowledged, %d refused", yes, no)
	})
}

func TestCloseWaitsAndThenRefuses(t *testing.T) {
	engines := map[string]func() *DB{
		"sqlite": func() *DB {
			db, err := Open(t.Context(), filepath.Join(t.TempDir(), "db"), Options{})
			must(t, err)
			return db
		},
		"postgres": func() *DB {
			db, err := Open(t.Context(), pgURL(t), Options{})
			must(t, err)
			return db
		},
	}
	for name, open := range engines {
		db := open()
		running, gate, updated := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			updated <- db.Update(context.Background(), func(tx *Tx) error {
				close(running)
				<-gate
				return put("a")(tx)
			})
		}()
		<-running
		closed := make(chan error, 1)
		go func() { closed <- db.Close() }()
		select {
		case <-closed:
			t.Errorf("%s: Close did not wait", name)
		default:
		}
		close(gate)
		if err := errors.Join(<-updated, <-closed); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := db.Update(t.Context(), put("b")); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: an Update after Close: %v", name, err)
		}
		if err := db.Ping(t.Context()); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: a View after Close: %v", name, err)
		}
	}
}
