package store

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

// waitingForLocks is how many of the database's sessions wait for a lock.
const waitingForLocks = "SELECT COUNT(*)::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

func TestTimeout(t *testing.T) {
	url := pgURL(t)
	// One connection at a time: the first has answered a COMMIT, and is cancelled none the less.
	db, direct, watch := openAt(t, url+"&pool_max_conns=1", Options{Timeout: 300 * time.Millisecond}), pgDirect(t, url), pgDirect(t, url)
	patient := openAt(t, url, Options{})
	must(t, patient.Update(t.Context(), func(tx *Tx) error { return tx.exec(testCounter, "a", int64(1)) }))
	// COMMIT waits for whoever holds the lock 7.
	pgExec(t, direct, `CREATE FUNCTION hold() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NEW; END $$;
		CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON settings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold()`)
	count := func(tx *Tx) error { _, err := tx.execCount(testWrite, "a", int64(2)); return err }
	locked := fixed(`SELECT 1 FROM pg_advisory_xact_lock(7)`)
	for _, row := range []struct {
		name, lock string
		unknown    bool
		do         func(ctx context.Context) error
	}{
		{
			"a row that another session has changed", "UPDATE accounts SET version = 5", false,
			func(ctx context.Context) error { return db.Update(ctx, count) },
		},
		{"a View of one statement", "SELECT pg_advisory_xact_lock(7)", false, func(ctx context.Context) error {
			return db.View(ctx, func(tx *Tx) error { var n int64; return tx.row(locked, nil, &n) })
		}},
		{"COMMIT", "SELECT pg_advisory_xact_lock(7)", true, func(ctx context.Context) error { return db.Update(ctx, put("b")) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			pgExec(t, direct, "BEGIN; "+row.lock)
			err := row.do(t.Context())
			if !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrUnknownOutcome) != row.unknown || errors.Is(err, context.DeadlineExceeded) && !row.unknown {
				t.Errorf("%v", err)
			}
			if !row.unknown && !strings.Contains(err.Error(), "no answer within 300ms") {
				t.Errorf("it says %v", err)
			}
			// The server was asked to give up, so nothing waits there although the lock is still held; but COMMIT is left alone.
			until(t, func() bool {
				var n string
				must(t, watch.QueryRow(t.Context(), waitingForLocks).Scan(&n))
				return (n == "0") != row.unknown
			})
			// The caller's own deadline is the caller's.
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			if err := row.do(ctx); !row.unknown && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("with a deadline of the caller: %v", err)
			}
			pgExec(t, direct, "ROLLBACK")
			until(t, func() bool {
				return row.unknown && names(t, patient)["b"] || !row.unknown && row.do(t.Context()) == nil
			})
		})
	}
	if n := counter(t, patient, "a"); n != 2 {
		t.Errorf("the counter is at %d", n)
	}
}

// The wait for a connection counts.
func TestTimeoutWithoutAConnection(t *testing.T) {
	db := openAt(t, pgURL(t)+"&pool_max_conns=1", Options{Timeout: 300 * time.Millisecond})
	conn, err := db.pg.pool.Acquire(t.Context())
	must(t, err)
	for name, err := range map[string]error{"Ping": db.Ping(t.Context()), "Update": db.Update(t.Context(), put("a"))} {
		if !errors.Is(err, ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
	}
	conn.Release()
	until(t, func() bool { return db.Ping(t.Context()) == nil })
}

// A host that takes connections, and says nothing.
func TestServerThatSaysNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	_, err = Open(t.Context(), "postgres://u:hush@"+l.Addr().String()+"/db?sslmode=disable&connect_timeout=1", Options{})
	if !errors.Is(err, ErrUnavailable) || strings.Contains(err.Error(), "hush") {
		t.Errorf("%v", err)
	}
}

// Sizes of the pool stand in the URL; what it leaves open has bounds.
func TestPoolSettings(t *testing.T) {
	url := pgURL(t)
	c := openAt(t, url+"&pool_max_conns=3&pool_min_conns=1&pool_max_conn_lifetime=5m&connect_timeout=7&pool_ping_timeout=9s", Options{}).pg.pool.Config()
	if c.MaxConns != 3 || c.MinConns != 1 || c.MaxConnLifetime != 5*time.Minute || c.ConnConfig.ConnectTimeout != 7*time.Second || c.PingTimeout != 9*time.Second {
		t.Errorf("the URL's: %+v", c)
	}
	c = openAt(t, url, Options{}).pg.pool.Config()
	if c.MaxConns < 4 || c.ConnConfig.ConnectTimeout != pgConnectTimeout || c.PingTimeout != pgPingTimeout {
		t.Errorf("ours: %+v", c)
	}
	if _, err := Open(t.Context(), "postgres://u:hush@h/db?pool_max_conns=many", Options{}); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("no number: %v", err)
	}
}
