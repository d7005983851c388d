package store

import (
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"idpool/internal/pgtest"
)

var (
	onStandby = fixed(`SELECT CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE 'primary' END`)
	isolation = fixed(`SELECT current_setting('transaction_isolation') || ', read only ' || current_setting('transaction_read_only')`)
	sleeps    = fixed(`SELECT 1 FROM pg_sleep(60)`)
)

// pair is a primary with a hot standby, and a DB over both whose clock stands still.
type pair struct {
	primary, standby *pgtest.Own
	url, replica     string
	db               *DB
	now              atomic.Int64 // s since 1970
	log              strings.Builder
}

func startPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{primary: pgtest.NewOwn(t, nil, "max_standby_streaming_delay = 50ms", "hot_standby_feedback = off")}
	p.url = p.primary.Database(t, "idpool")
	change(t, openAt(t, p.url, Options{}), func(tx *Tx) error { return tx.CreateAccount(accountA) })
	p.standby = p.primary.Standby(t)
	p.replica = strings.Replace(p.standby.URL(), "/postgres?", "/idpool?", 1)
	p.now.Store(1e9)
	p.db = openAt(t, p.url, Options{
		Replica: p.replica, Now: func() time.Time { return time.Unix(p.now.Load(), 0) }, Log: slog.New(slog.NewTextHandler(&p.log, nil)),
	})
	p.follow(t)
	until(t, func() bool { // a slow machine may need more than the first look
		p.now.Add(60)
		return p.reads(t) == "standby"
	})
	return p
}

func (p *pair) follow(t *testing.T) {
	t.Helper()
	p.standby.CatchUp(t, p.primary)
}

// reads tells which of the two a ViewStale reads.
func (p *pair) reads(t *testing.T) (server string) {
	t.Helper()
	must(t, p.db.ViewStale(t.Context(), func(tx *Tx) error { return tx.row(onStandby, nil, &server) }))
	return server
}

func TestReplica(t *testing.T) {
	p := startPair(t)
	must(t, p.db.Update(t.Context(), put("old")))
	p.follow(t)

	t.Run("lists come from the replica, all else from the primary", func(t *testing.T) {
		if got := p.reads(t); got != "standby" {
			t.Errorf("ViewStale reads the %s", got)
		}
		var got string
		must(t, p.db.View(t.Context(), func(tx *Tx) error { return tx.row(onStandby, nil, &got) }))
		if got != "primary" {
			t.Errorf("View reads the %s", got)
		}
	})
	t.Run("several statements see one snapshot", func(t *testing.T) {
		var level, where string
		must(t, p.db.ViewStale(t.Context(), func(tx *Tx) error {
			return errors.Join(tx.row(onStandby, nil, &where), tx.row(isolation, nil, &level))
		}))
		if level != "repeatable read, read only on" || where != "standby" {
			t.Errorf("%s, on the %s", level, where)
		}
	})
	t.Run("it may be old, and what it lacks is looked for on the primary", func(t *testing.T) {
		pause := pgDirect(t, p.replica)
		pgExec(t, pause, "SELECT pg_wal_replay_pause()")
		defer pgExec(t, pause, "SELECT pg_wal_replay_resume()")
		must(t, p.db.Update(t.Context(), put("new")))
		var n int
		must(t, p.db.ViewStale(t.Context(), func(tx *Tx) error {
			n = 0
			return tx.rows(testNames, nil, func(func(...any) error) error { n++; return nil })
		}))
		var value []byte
		must(t, p.db.ViewStale(t.Context(), func(tx *Tx) error { return tx.row(testGet, []any{"new"}, &value) }))
		if n != 1 || string(value) != "v" {
			t.Errorf("the list has %d rows, and the new one is %q", n, value)
		}
	})
	t.Run("nothing is written", func(t *testing.T) {
		if err := p.db.ViewStale(t.Context(), put("a")); !errors.Is(err, errReadOnly) {
			t.Errorf("%v", err)
		}
	})
}

// The standby cancels a query whose rows it has to remove: the primary answers.
func TestReplicaConflict(t *testing.T) {
	p := startPair(t)
	must(t, p.db.Update(t.Context(), put("old")))
	p.follow(t)
	direct := pgDirect(t, p.url)
	var ran []string
	err := p.db.ViewStale(t.Context(), func(tx *Tx) error {
		var name, where string
		if err := tx.row(testNames, nil, &name); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if err := tx.row(onStandby, nil, &where); err != nil {
			return err
		}
		ran = append(ran, where)
		if where == "primary" {
			return nil
		}
		pgExec(t, direct, "DELETE FROM settings")
		pgExec(t, direct, "VACUUM settings")
		var n int64
		return tx.row(sleeps, nil, &n)
	})
	if err != nil || strings.Join(ran, " ") != "standby primary" {
		t.Errorf("%v, on %v", err, ran)
	}
	p.now.Add(60)
	if got := p.reads(t); got != "standby" {
		t.Errorf("afterwards the %s is read", got)
	}
}

// Nothing depends on the replica: a node starts and goes on without it, leaves it alone for a while, and finds it again.
func TestReplicaAway(t *testing.T) {
	p := startPair(t)
	p.standby.Kill(t)
	for range 3 {
		if got := p.reads(t); got != "primary" {
			t.Errorf("without a standby the %s is read", got)
		}
	}
	if n := strings.Count(p.log.String(), "the replica does not answer"); n != 1 {
		t.Errorf("%d warnings:\n%s", n, p.log.String())
	}
	must(t, openAt(t, p.url, Options{Replica: p.replica}).Ping(t.Context()))
	p.standby.Start(t)
	if got := p.reads(t); got != "primary" {
		t.Errorf("while the standby is left alone the %s is read", got)
	}
	p.now.Add(6)
	if got := p.reads(t); got != "standby" {
		t.Errorf("when it is back the %s is read", got)
	}
}

// Lists come from a database that is a copy, and from no other. What is no copy yet may be one later.
func TestReplicaOfAnother(t *testing.T) {
	var now atomic.Int64
	var log strings.Builder
	primary, url := pgURL(t), pgURL(t)
	db := openAt(t, primary, Options{
		Replica: url, Now: func() time.Time { return time.Unix(now.Load(), 0) }, Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	must(t, db.Update(t.Context(), put("primary")))
	account := func(db *DB, created int64) {
		t.Helper()
		change(t, db, func(tx *Tx) error { return tx.exec(insertAccount, accountA, int64(1), created) })
	}
	var replica *DB
	for _, step := range []struct {
		name  string
		do    func()
		warns string // empty: the replica is read
	}{
		{"an empty database", func() {}, "the replica has no tables yet"},
		{"neither has an account", func() {
			replica = openAt(t, url, Options{})
			must(t, replica.Update(t.Context(), put("replica")))
		}, "the replica has no account yet"},
		{"the primary alone has an account", func() { account(db, 5) }, "the replica has no account yet"},
		{"an account of the same number", func() { account(replica, 6) }, "the replica is not a copy of the database"},
		{"the same account", func() {
			pgExec(t, pgDirect(t, url), "UPDATE accounts SET created = 5")
		}, ""},
		{"the address leads to another by now", func() {
			pgExec(t, pgDirect(t, url), "UPDATE accounts SET id = '333333333333'")
			db.replica.db.pool.Reset()
		}, "the replica is not a copy of the database"},
	} {
		step.do()
		now.Add(60)
		log.Reset()
		var got string
		must(t, db.ViewStale(t.Context(), func(tx *Tx) error { return tx.row(testNames, nil, &got) }))
		want := "primary"
		if step.warns == "" {
			want = "replica"
		}
		if got != want || !strings.Contains(log.String(), step.warns) || (log.Len() == 0) != (step.warns == "") {
			t.Errorf("%s: the %s is read, and the log says %s", step.name, got, log.String())
		}
	}
}

// A URL may name several hosts, or take any server. Where a connection has led to a standby, the next one looks again.
func TestStandbyForPrimary(t *testing.T) {
	p := startPair(t)
	alone := openAt(t, p.replica+"&target_session_attrs=any", Options{})
	before := alone.pg.pool.Stat().NewConnsCount()
	if err := alone.Update(t.Context(), put("a")); !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrUnknownOutcome) {
		t.Errorf("an Update on a standby: %v", err)
	}
	if n := alone.pg.pool.Stat().NewConnsCount() - before; n == 0 {
		t.Error("no other connection was tried")
	}
	host := func(url string) string {
		h, _, _ := strings.Cut(strings.TrimPrefix(url, "postgres://postgres@"), "/")
		return h
	}
	both := openAt(t, "postgres://postgres@"+host(p.replica)+","+host(p.url)+"/idpool?sslmode=disable&target_session_attrs=read-write", Options{})
	must(t, both.Update(t.Context(), put("b")))
	p.follow(t)
	p.primary.Kill(t)
	var done bool
	must(t, pgDirect(t, p.replica).QueryRow(t.Context(), "SELECT pg_promote()").Scan(&done))
	for name, db := range map[string]*DB{"one host": alone, "two hosts": both} {
		must(t, db.Update(t.Context(), put(name)))
	}
	if got := names(t, both); !got["b"] || !got["one host"] || !got["two hosts"] || !done {
		t.Errorf("after the promotion there are %v", got)
	}
}

// Without a replica ViewStale is View.
func TestNoReplica(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		must(t, db.Update(t.Context(), put("a")))
		var value []byte
		must(t, db.ViewStale(t.Context(), func(tx *Tx) error { return tx.row(testGet, []any{"a"}, &value) }))
		if string(value) != "v" {
			t.Errorf("%q", value)
		}
	})
}
