package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"idpool/internal/pgtest"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// pgModes are the ways to ask that an operator may choose in the URL; the first is the default, the others pass poolers.
var pgModes = []string{"cache_statement", "cache_describe", "exec", "simple_protocol"}

// shapes are transactions, and what each may cost.
var shapes = []struct {
	name    string
	flights int
	do      func(db *DB, n int64) error
}{
	{"View of one statement", 1, func(db *DB, n int64) error {
		return db.View(context.Background(), func(tx *Tx) error { return tx.row(testRead, []any{"a"}, &n) })
	}},
	{"View of two statements", 1 + 2 + 1, func(db *DB, n int64) error { // the first run, the snapshot, its end
		return db.View(context.Background(), func(tx *Tx) error {
			if err := tx.row(testRead, []any{"a"}, &n); err != nil {
				return err
			}
			return tx.row(testRead, []any{"b"}, &n)
		})
	}},
	{"Update of one read and two writes", 2, func(db *DB, n int64) error {
		return db.Update(context.Background(), func(tx *Tx) error {
			var old int64
			if err := tx.row(testRead, []any{"a"}, &old); err != nil {
				return err
			}
			return errors.Join(tx.exec(testWrite, "a", n), tx.exec(testWrite, "b", n))
		})
	}},
	{"Update of two writes", 1, func(db *DB, n int64) error {
		return db.Update(context.Background(), func(tx *Tx) error {
			return errors.Join(tx.exec(testWrite, "a", n), tx.exec(testWrite, "b", n))
		})
	}},
	{"Update of a write, a read and a write", 2, func(db *DB, n int64) error {
		return db.Update(context.Background(), func(tx *Tx) error {
			var old int64
			return errors.Join(tx.exec(testWrite, "a", n), tx.row(testRead, []any{"a"}, &old), tx.exec(testWrite, "b", old))
		})
	}},
	{"Update that asks for nothing", 0, func(db *DB, n int64) error {
		return db.Update(context.Background(), func(tx *Tx) error { return nil })
	}},
	{"Update that fails before anything was sent", 0, func(db *DB, n int64) error {
		err := db.Update(context.Background(), func(tx *Tx) error { return errors.Join(tx.exec(testWrite, "a", n), errOwn) })
		if !errors.Is(err, errOwn) {
			return fmt.Errorf("got %v", err)
		}
		return nil
	}},
}

func TestRoundTrips(t *testing.T) {
	base := pgURL(t)
	for _, mode := range pgModes {
		p, url := pgtest.StartProxy(t, base)
		db := openAt(t, url+"&pool_max_conns=1&default_query_exec_mode="+mode, Options{})
		if mode == pgModes[0] {
			must(t, db.Update(t.Context(), func(tx *Tx) error {
				return errors.Join(tx.exec(testCounter, "a", int64(0)), tx.exec(testCounter, "b", int64(0)))
			}))
		}
		for _, shape := range shapes {
			best := 100 // the first time statements are prepared, and a connection that idled for a second is pinged
			for n := range int64(3) {
				best = min(best, p.Count(func() {
					if err := shape.do(db, n); err != nil {
						t.Errorf("%s: %s: %v", mode, shape.name, err)
					}
				}))
			}
			if best != shape.flights {
				t.Errorf("%s: %s: %d round trips, not %d", mode, shape.name, best, shape.flights)
			}
		}
		if n := counter(t, db, "b"); n != 2 {
			t.Errorf("%s: b is %d", mode, n)
		}
	}
}

func TestModesThatPoolersNeed(t *testing.T) {
	base := pgURL(t)
	for i, mode := range pgModes {
		db := openAt(t, base+"&default_query_exec_mode="+mode, Options{})
		name := fmt.Sprint(mode, i)
		must(t, db.Update(t.Context(), func(tx *Tx) error {
			must(t, tx.exec(testPut, name, []byte{0, 255}))
			return tx.exec(testCounter, name, int64(-5))
		}))
		if n := counter(t, db, name); n != -5 {
			t.Errorf("%s: %d", mode, n)
		}
		if err := db.Update(t.Context(), put(name)); !errors.Is(err, ErrExists) {
			t.Errorf("%s: %v", mode, err)
		}
		if got := names(t, db); len(got) != i+1 {
			t.Errorf("%s: %v", mode, got)
		}
		prepared := 0
		must(t, db.pg.pool.AcquireFunc(t.Context(), func(c *pgxpool.Conn) error {
			return c.QueryRow(t.Context(), "SELECT COUNT(*) FROM pg_prepared_statements", pgx.QueryExecModeSimpleProtocol).Scan(&prepared)
		}))
		if mode != pgModes[0] && prepared != 0 {
			t.Errorf("%s: %d prepared statements outlive their transaction", mode, prepared)
		}
		if params := db.pg.pool.Config().ConnConfig.RuntimeParams; len(params) != 0 {
			t.Errorf("start-up parameters: %v", params)
		}
	}
}

// hiccups makes the n-th statement of a kind fail once, the way the server itself fails them. A sequence counts, since it
// is not rolled back.
const hiccups = `
CREATE SEQUENCE calls;
CREATE SEQUENCE target MINVALUE 0;
CREATE FUNCTION hiccup() RETURNS BIGINT LANGUAGE plpgsql AS $$ BEGIN
	IF nextval('calls') = (SELECT last_value FROM target) THEN
		RAISE EXCEPTION 'hiccup' USING ERRCODE = '%s', CONSTRAINT = '%s';
	END IF;
	RETURN 0;
END $$;
CREATE FUNCTION hiccup_row() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN PERFORM hiccup(); RETURN NEW; END $$;
CREATE TRIGGER write_hiccup BEFORE UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION hiccup_row();
CREATE CONSTRAINT TRIGGER commit_hiccup AFTER INSERT ON settings DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION hiccup_row();`

func TestFailuresThatARepeatHeals(t *testing.T) {
	hiccupRead := fixed(`SELECT version + hiccup() FROM accounts WHERE id = $1`)
	for _, c := range []struct {
		state, constraint string
		heals             bool
	}{
		{"40001", "", true},
		{"40P01", "", true},
		{"23505", "logins_pkey", true},
		{"23505", "logins_p12_pkey", true}, // of a partition
		{"23505", "settings_pkey", false},
		{"22012", "", false},
	} {
		url := pgURL(t)
		db, direct := openAt(t, url, Options{}), pgDirect(t, url)
		pgExec(t, direct, fmt.Sprintf(hiccups, c.state, c.constraint))
		must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.exec(testCounter, "a", int64(0)) }))
		done := int64(0)
		for at, where := range []string{"nowhere", "read", "counted write", "queued write", "COMMIT", "nowhere"} {
			pgExec(t, direct, fmt.Sprintf("SELECT setval('calls', 1, false), setval('target', %d)", at))
			runs := 0
			err := db.Update(t.Context(), func(tx *Tx) error {
				runs++
				var n int64
				if err := tx.row(hiccupRead, []any{"a"}, &n); err != nil {
					return errOwn // the function's own words don't hide what happened
				}
				if _, err := tx.execCount(testWrite, "a", n+1); err != nil {
					return err
				}
				must(t, put(fmt.Sprint(at))(tx))
				return tx.exec(testWrite, "a", n+1)
			})
			fails := at >= 1 && at <= 4
			switch {
			case !fails && runs != 1, fails && c.heals && runs != 2, fails && !c.heals && runs != 1:
				t.Errorf("%s at %s: %d runs", c.state, where, runs)
			case fails && !c.heals:
				if err == nil {
					t.Errorf("%s at %s: no error", c.state, where)
				}
				continue
			}
			done++
			if n := counter(t, db, "a"); err != nil || n != done {
				t.Errorf("%s at %s: %v, the counter is at %d, not %d", c.state, where, err, n, done)
			}
		}
		if n := int64(len(names(t, db))); n != done {
			t.Errorf("%s: %d rows, not %d", c.state, n, done)
		}
	}
}

func TestTriesAreBounded(t *testing.T) {
	for state, want := range map[string]struct {
		constraint string
		runs       int
		err        error
	}{
		"40001": {"", pgTriesContended, ErrContended},
		"23505": {"logins_pkey", pgTriesKey, ErrExists},
	} {
		db := openAt(t, pgURL(t), Options{})
		failing := fixed(fmt.Sprintf(`DO $$ BEGIN RAISE EXCEPTION 'always' USING ERRCODE = '%s', CONSTRAINT = '%s'; END $$`,
			state, want.constraint))
		runs := 0
		err := db.Update(t.Context(), func(tx *Tx) error { runs++; return tx.exec(failing) })
		if !errors.Is(err, want.err) || runs != want.runs {
			t.Errorf("%s: %d runs, %v", state, runs, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		err = db.Update(ctx, func(tx *Tx) error { cancel(); return tx.exec(failing) })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: after its context has ended: %v", state, err)
		}
	}
}

var backend = fixed(`SELECT pg_backend_pid()`)

// kill ends the server process of a transaction, and returns when it is gone.
func kill(t *testing.T, direct *pgx.Conn, tx *Tx) {
	t.Helper()
	var pid int64
	must(t, tx.row(backend, nil, &pid))
	pgExec(t, direct, fmt.Sprintf("SELECT pg_terminate_backend(%d, 10000)", pid))
}

func TestConnectionLostBeforeCommitIsRetried(t *testing.T) {
	url := pgURL(t)
	db, direct := openAt(t, url, Options{}), pgDirect(t, url)
	must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.exec(testCounter, "a", int64(0)) }))
	for i, where := range []string{"before a read", "before queued writes and COMMIT", "before COMMIT alone"} {
		runs := 0
		must(t, db.Update(t.Context(), func(tx *Tx) error {
			runs++
			var n int64
			if err := tx.row(testRead, []any{"a"}, &n); err != nil {
				return err
			}
			if where == "before COMMIT alone" {
				if _, err := tx.execCount(testWrite, "a", n+1); err != nil {
					return err
				}
			}
			if runs == 1 {
				kill(t, direct, tx)
			}
			switch where {
			case "before a read":
				if err := tx.row(testRead, []any{"a"}, &n); err != nil {
					return err
				}
				fallthrough
			case "before queued writes and COMMIT":
				return tx.exec(testWrite, "a", n+1)
			}
			return nil
		}))
		if n := counter(t, db, "a"); runs != 2 || n != int64(i+1) {
			t.Errorf("%s: %d runs, the counter is at %d, not %d", where, runs, n, i+1)
		}
	}
}

func TestViewOutlivesItsConnection(t *testing.T) {
	url := pgURL(t)
	db, direct := openAt(t, url, Options{}), pgDirect(t, url)
	must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.exec(testCounter, "a", int64(7)) }))
	var pid int64
	must(t, db.View(t.Context(), func(tx *Tx) error { return tx.row(backend, nil, &pid) }))
	pgExec(t, direct, fmt.Sprintf("SELECT pg_terminate_backend(%d, 10000)", pid))
	if n := counter(t, db, "a"); n != 7 {
		t.Errorf("read %d", n)
	}
	runs := 0
	must(t, db.View(t.Context(), func(tx *Tx) error {
		runs++
		var n int64
		if err := tx.row(testRead, []any{"a"}, &n); err != nil {
			return err
		}
		if runs == 2 { // in the snapshot
			kill(t, direct, tx)
		}
		return tx.row(testRead, []any{"a"}, &n)
	}))
	if runs != 4 {
		t.Errorf("%d runs", runs)
	}
}

func TestUnknownOutcome(t *testing.T) {
	base := pgURL(t)
	p, url := pgtest.StartProxy(t, base)
	db := openAt(t, url+"&default_query_exec_mode=exec", Options{}) // shows the text of every statement
	for _, arrives := range []bool{false, true} {
		name := fmt.Sprint("arrives ", arrives)
		p.Cut("COMMIT", arrives)
		runs := 0
		err := db.Update(t.Context(), func(tx *Tx) error { runs++; return put(name)(tx) })
		if !errors.Is(err, ErrUnknownOutcome) || !errors.Is(err, ErrUnavailable) || runs != 1 {
			t.Errorf("%s: %v after %d runs", name, err, runs)
		}
		until(t, func() bool { return names(t, db)[name] == arrives })
	}
	// A refusal that reaches us before the line is cut is an answer.
	must(t, db.Update(t.Context(), put("again")))
	if err := db.Update(t.Context(), put("again")); !errors.Is(err, ErrExists) || errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestCallerWhoHangsUpCostsNoConnection(t *testing.T) {
	db := openAt(t, pgURL(t)+"&pool_max_conns=1", Options{})
	slow := fixed(`SELECT 1 FROM pg_sleep(0.05)`)
	before := db.pg.pool.Stat().NewConnsCount()
	for range 5 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_ = db.View(ctx, func(tx *Tx) error { var one int64; return tx.row(slow, nil, &one) })
		err := db.Update(ctx, put("a"))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("an Update whose context has ended: %v", err)
		}
		cancel()
	}
	if n := db.pg.pool.Stat().NewConnsCount() - before; n != 0 {
		t.Errorf("%d new connections", n)
	}
	if there := names(t, db); len(there) != 0 {
		t.Errorf("there are %v", there)
	}
}

func TestQueuedArgumentsAreKept(t *testing.T) {
	db := openAt(t, pgURL(t), Options{})
	must(t, db.Update(t.Context(), func(tx *Tx) error {
		value := []byte("first")
		must(t, tx.exec(testPut, "a", value))
		copy(value, "other")
		return tx.exec(testPut, "b", value)
	}))
	var value []byte
	must(t, db.View(t.Context(), func(tx *Tx) error { return tx.row(testGet, []any{"a"}, &value) }))
	if string(value) != "first" {
		t.Errorf("a was stored as %q", value)
	}
}

// The collation of the tests' server is English; what the store orders by is bytes.
func TestTwoNodesTakeOneLogin(t *testing.T) {
	url := pgURL(t)
	nodes := []*DB{openAt(t, url, Options{}), openAt(t, url, Options{})}
	login := fixed(`INSERT INTO logins (pool, hash, identity, provider, subject, linked) VALUES (1, $1, $2, $1, $1, 0)`)
	owner := fixed(`SELECT identity FROM logins WHERE pool = 1 AND hash = $1`)
	for round := range 50 {
		hash := []byte(fmt.Sprint("hash", round))
		got := make([]string, 8)
		var all sync.WaitGroup
		for i := range got {
			all.Go(func() {
				must(t, nodes[i%2].Update(context.Background(), func(tx *Tx) error {
					var id []byte
					err := tx.row(owner, []any{hash}, &id)
					if errors.Is(err, ErrNotFound) {
						id = []byte(fmt.Sprint(i))
						err = tx.exec(login, hash, id)
					}
					got[i] = string(id)
					return err
				}))
			})
		}
		all.Wait()
		if len(slices.Compact(got)) != 1 {
			t.Fatalf("one login, several identities: %s", strings.Join(got, " "))
		}
	}
}
