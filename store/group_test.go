package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// unhurried lets a group take all who wait, however slow the machine is.
var unhurried = Options{groupTime: time.Hour}

func TestGroupSharesOneCommit(t *testing.T) {
	db := openLite(t, unhurried)
	release := hold(t, db)
	wait := queue(t, db, 64, func(i int) error { return db.Update(context.Background(), put(fmt.Sprint(i))) })
	before := db.lite.writer.commits.Load()
	release()
	for i, err := range wait() {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	if n := db.lite.writer.commits.Load() - before; n > 3 {
		t.Errorf("%d commits", n)
	}
	if n := len(names(t, db)); n != 64 {
		t.Errorf("%d of 64 are there", n)
	}
}

func TestGroupIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		o       Options
		commits int64 // of 64 that wait, and of the one that holds the writer
	}{
		"by members": {Options{groupTime: time.Hour, groupSize: 13}, 5},
		"by time":    {Options{groupTime: time.Nanosecond}, 65},
	} {
		db := openLite(t, c.o)
		release := hold(t, db)
		wait := queue(t, db, 64, func(i int) error { return db.Update(context.Background(), put(fmt.Sprint(i))) })
		release()
		if err := errors.Join(wait()...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n := db.lite.writer.commits.Load(); n != c.commits {
			t.Errorf("%s: %d commits, not %d", name, n, c.commits)
		}
	}
}

func TestMembersAreAnsweredAfterTheCommit(t *testing.T) {
	db := openLite(t, unhurried)
	release := hold(t, db)
	answered := make(chan error, 2)
	last := make(chan struct{})
	wait := queue(t, db, 3, func(i int) error {
		err := db.Update(context.Background(), func(tx *Tx) error {
			if i == 0 {
				return errOwn
			}
			if i == 2 { // the others have run, and the transaction is open
				close(last)
				for range 1000 {
					runtime.Gosched()
				}
				select {
				case err := <-answered:
					t.Errorf("a member was answered before the commit: %v", err)
				default:
				}
			}
			return put(fmt.Sprint(i))(tx)
		})
		if i < 2 {
			answered <- err
		}
		return err
	})
	release()
	<-last
	if errs := wait(); errs[0] != errOwn || errs[1] != nil || errs[2] != nil {
		t.Error(errs)
	}
}

func TestCallerLeavesTheQueue(t *testing.T) {
	db := openLite(t, unhurried)
	release := hold(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	wait := queue(t, db, 64, func(i int) error {
		if i != 20 {
			return db.Update(context.Background(), put(fmt.Sprint(i)))
		}
		defer close(gone)
		return db.Update(ctx, func(tx *Tx) error {
			t.Error("the function of a caller who has left was run")
			return put(fmt.Sprint(i))(tx)
		})
	})
	cancel()
	<-gone // while the writer is still held
	release()
	for i, err := range wait() {
		switch {
		case i == 20 && !errors.Is(err, context.Canceled), i != 20 && err != nil:
			t.Errorf("%d: %v", i, err)
		}
	}
	there := names(t, db)
	for i := range 64 {
		if there[fmt.Sprint(i)] != (i != 20) {
			t.Errorf("%d is there: %t", i, there[fmt.Sprint(i)])
		}
	}
}

func TestBegunTurnWaitsForTheCommit(t *testing.T) {
	db := openLite(t, unhurried)
	ctx, cancel := context.WithCancel(t.Context())
	must(t, db.Update(ctx, func(tx *Tx) error {
		cancel()
		return put("a")(tx)
	}))
	if !names(t, db)["a"] {
		t.Error("acknowledged and not there")
	}
	if err := db.Update(ctx, put("b")); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
}

func TestPanicAndGoexitSpareTheNeighbours(t *testing.T) {
	db := openLite(t, unhurried)
	release := hold(t, db)
	var value any
	var stack string
	wait := queue(t, db, 30, func(i int) (err error) {
		if i == 11 {
			defer func() {
				buf := make([]byte, 64<<10)
				value = recover()
				stack = string(buf[:runtime.Stack(buf, false)])
				err = nil
			}()
		}
		return db.Update(context.Background(), func(tx *Tx) error {
			must(t, put(fmt.Sprint(i))(tx))
			switch i {
			case 11:
				explode()
			case 12:
				runtime.Goexit()
			case 13:
				return errOwn
			}
			return nil
		})
	})
	release()
	there := map[string]bool{}
	for i, err := range wait() {
		switch name := fmt.Sprint(i); i {
		case 12: // never returned
			if err == nil || !strings.Contains(err.Error(), "did not return") {
				t.Errorf("%d returned %v", i, err)
			}
		case 13:
			if err != errOwn {
				t.Errorf("%d returned %v", i, err)
			}
		default:
			if err != nil {
				t.Errorf("%d: %v", i, err)
			}
			there[name] = i != 11
		}
	}
	delete(there, "11")
	if got := names(t, db); fmt.Sprint(got) != fmt.Sprint(there) {
		t.Errorf("there are %v, not %v", got, there)
	}
	if value != errOwn || !strings.Contains(stack, "store.explode") {
		t.Errorf("the caller got %v, with the stack\n%s", value, stack)
	}
	must(t, db.Update(t.Context(), put("after")))
}

func explode() { panic(errOwn) }

// fill is an Update that needs much room, and on a full disk swallows the error.
func fill(name string, size int) func(*Tx) error {
	return func(tx *Tx) error {
		if _, err := tx.execCount(testPut, name, make([]byte, size)); err == nil {
			return put(name + " more")(tx)
		}
		_ = put(name + " by itself")(tx)
		return nil
	}
}

func TestFullDiskAmongMany(t *testing.T) {
	db := openLite(t, unhurried)
	limitPages(t, db, 400)
	release := hold(t, db)
	wait := queue(t, db, 64, func(i int) error {
		if i%9 == 4 {
			return db.Update(context.Background(), fill(fmt.Sprint(i), 1<<20))
		}
		return db.Update(context.Background(), put(fmt.Sprint(i)))
	})
	release()
	errs := wait()
	there, full, rows := names(t, db), 0, 0
	for i, err := range errs {
		name := fmt.Sprint(i)
		if there[name] != (err == nil) {
			t.Errorf("%d: answered %v, there: %t", i, err, there[name])
		}
		if there[name+" by itself"] {
			t.Errorf("%d: a statement after the failed one committed by itself", i)
		}
		rows++
		switch {
		case i%9 == 4 && err == nil:
			rows++
		case i%9 == 4 && errors.Is(err, ErrUnavailable):
			full++
			rows--
		case err != nil:
			t.Errorf("%d: %v", i, err)
		}
	}
	if full == 0 || full == 7 || len(there) != rows {
		t.Errorf("%d of 7 found the disk full; %d rows, %d acknowledged", full, len(there), rows)
	}
	limitPages(t, db, 1<<20)
	must(t, db.Update(t.Context(), put("after")))
}

// limitPages lets a database grow by so many pages.
func limitPages(t *testing.T, db *DB, more int64) {
	t.Helper()
	var pages int64
	conn := db.lite.writer.conn.conn // the writer is idle
	must(t, conn.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages))
	must(t, conn.QueryRowContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages+more)).Scan(&pages))
}

// A member that fails only because of a neighbour's row must not be told so when that row is rolled back.
func TestErrorThatRestsOnALostNeighbour(t *testing.T) {
	db := openLite(t, unhurried)
	limitPages(t, db, 300)
	release := hold(t, db)
	firstRun := true
	wait := queue(t, db, 3, func(i int) error {
		switch i {
		case 0: // takes the name in the group's transaction, and withdraws when it runs again
			return db.Update(context.Background(), func(tx *Tx) error {
				if firstRun {
					firstRun = false
					return put("name")(tx)
				}
				return errOwn
			})
		case 1:
			return db.Update(context.Background(), put("name"))
		default: // ends the transaction
			return db.Update(context.Background(), fill("big", 8<<20))
		}
	})
	release()
	errs := wait()
	if errs[0] != errOwn || errs[1] != nil || !errors.Is(errs[2], ErrUnavailable) {
		t.Errorf("answered %v", errs)
	}
	if there := names(t, db); len(there) != 1 || !there["name"] {
		t.Errorf("there are %v", there)
	}
}

func TestPanicWhenTheTransactionIsLost(t *testing.T) {
	db := openLite(t, unhurried)
	limitPages(t, db, 300)
	release := hold(t, db)
	var value any
	wait := queue(t, db, 3, func(i int) (err error) {
		if i != 1 {
			return db.Update(context.Background(), put(fmt.Sprint(i)))
		}
		defer func() { value, err = recover(), nil }()
		return db.Update(context.Background(), func(tx *Tx) error {
			_ = fill("big", 8<<20)(tx)
			panic(errOwn)
		})
	})
	release()
	if err := errors.Join(wait()...); err != nil {
		t.Error(err)
	}
	if value != errOwn {
		t.Errorf("the caller got %v", value)
	}
	if there := names(t, db); len(there) != 2 {
		t.Errorf("there are %v", there)
	}
}

func TestUpdatesWhileAnotherProcessWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	db := openAt(t, path, unhurried)
	must(t, db.Update(t.Context(), put("before")))
	_, err := db.lite.writer.conn.conn.ExecContext(t.Context(), "PRAGMA busy_timeout = 1")
	must(t, err)

	other, err := openPool(path, 1)
	must(t, err)
	defer other.Close()
	conn, err := other.Conn(t.Context())
	must(t, err)
	defer conn.Close()
	_, err = conn.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	must(t, err)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if err := db.Update(context.Background(), put(fmt.Sprint(i))); !errors.Is(err, ErrUnavailable) {
				t.Errorf("while another writes: %v", err)
			}
		})
	}
	all.Wait()
	if !names(t, db)["before"] {
		t.Error("a writer stops readers")
	}
	_, err = conn.ExecContext(t.Context(), "ROLLBACK")
	must(t, err)
	must(t, db.Update(t.Context(), put("after")))
	if n := len(names(t, db)); n != 2 {
		t.Errorf("%d rows", n)
	}
}

func TestSQLiteIsSetUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	db := openAt(t, path, Options{})
	must(t, db.Update(t.Context(), put("a")))
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if info, err := os.Stat(path + suffix); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", suffix, info.Mode(), err)
		}
	}
	reader := <-db.lite.readers
	defer func() { db.lite.readers <- reader }()
	for pragma, want := range map[string][2]string{ // of the writer, of a reader
		"journal_mode":       {"wal", "wal"},
		"synchronous":        {"2", "2"},
		"busy_timeout":       {"5000", "5000"},
		"foreign_keys":       {"0", "0"},
		"mmap_size":          {"1073741824", "1073741824"},
		"cache_size":         {"-65536", "-8192"},
		"query_only":         {"0", "1"},
		"journal_size_limit": {"-1", "-1"},
	} {
		for i, c := range []*liteConn{db.lite.writer.conn, reader} {
			var got string
			must(t, c.conn.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got))
			if got != want[i] {
				t.Errorf("connection %d: %s is %s, not %s", i, pragma, got, want[i])
			}
		}
	}
}
