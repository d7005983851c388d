package store

import (
	"context"
	"errors"
	"testing"
	"time"

	"idpool/internal/pgtest"
)

// waitingForStandby is how many sessions wait for a synchronous standby.
const waitingForStandby = "SELECT COUNT(*)::text FROM pg_stat_activity WHERE wait_event = 'SyncRep'"

// COMMIT waits for a synchronous standby that never comes. Whoever gives up waiting must not end the server's wait: then the row
// would be seen, and a repeat acknowledged, while the standby has nothing.
func TestCommitWaitsForItsStandby(t *testing.T) {
	server := pgtest.NewOwn(t, nil, "synchronous_standby_names = 'nobody'")
	alone := server.URL() + "&synchronous_commit=local" // waits for nobody
	reader, operator := openAt(t, alone, Options{}), pgDirect(t, alone)
	waiting := func() (n string) {
		must(t, operator.QueryRow(t.Context(), waitingForStandby).Scan(&n))
		return n
	}
	for name, timeout := range map[string]time.Duration{"the time is over": 2 * time.Second, "the caller hangs up": 0} {
		t.Run(name, func(t *testing.T) {
			p, url := pgtest.StartProxy(t, server.URL())
			db := openAt(t, url+"&default_query_exec_mode=exec", Options{Timeout: timeout, NoMigrate: true})
			ctx, hangUp := context.WithCancel(t.Context())
			defer hangUp()
			done := make(chan error, 1)
			go func() { done <- db.Update(ctx, put(name)) }()
			until(t, func() bool { return waiting() == "1" })
			if timeout == 0 {
				hangUp()
			}
			if err := <-done; !errors.Is(err, ErrUnknownOutcome) {
				t.Errorf("%v", err)
			}
			// A connection that is given up says farewell last, after any request to cancel.
			until(t, func() bool { _, farewells := p.Connections(); return farewells == 1 })
			if dialled, _ := p.Connections(); dialled != 1 {
				t.Errorf("%d connections", dialled)
			}
			if n := waiting(); n != "1" || names(t, reader)[name] {
				t.Errorf("%s sessions wait; the row is seen: %t", n, names(t, reader)[name])
			}
			pgExec(t, operator, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
			until(t, func() bool { return names(t, reader)[name] })
		})
	}
}

// An engine may refuse COMMIT and not know whether it was carried out. Other refusals are sure.
func TestUnknownOutcomeThatTheServerTells(t *testing.T) {
	url := pgURL(t)
	db, direct := openAt(t, url+"&pool_max_conns=1", Options{}), pgDirect(t, url)
	pgExec(t, direct, `CREATE FUNCTION refuse() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = NEW.name; END $$;
		CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON settings DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()`)
	before := db.pg.pool.Stat().NewConnsCount()
	for _, row := range []struct {
		name, code           string
		unknown, unavailable bool
	}{
		{"statement completion unknown", "40003", true, true},
		{"transaction resolution unknown", "08007", true, true},
		{"disk full", "53100", false, true},
		{"check violation", "23514", false, false},
	} {
		runs := 0
		err := db.Update(t.Context(), func(tx *Tx) error { runs++; return put(row.code)(tx) })
		if err == nil || errors.Is(err, ErrUnknownOutcome) != row.unknown || errors.Is(err, ErrUnavailable) != row.unavailable || runs != 1 {
			t.Errorf("%s: %v after %d runs", row.name, err, runs)
		}
	}
	if n := db.pg.pool.Stat().NewConnsCount() - before; n != 0 {
		t.Errorf("%d new connections", n)
	}
}
