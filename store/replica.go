package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// replica is a hot standby of a PostgreSQL database. Whatever it cannot answer the primary can, so it is asked once, and for
// a short time.
type replica struct {
	db   *postgresDB
	log  *slog.Logger
	now  func() time.Time
	rest atomic.Int64 // it is left alone until then, in milliseconds since 1970
}

const (
	replicaPatience = 2 * time.Second // for one View
	replicaRest     = 5 * time.Second // after it did not answer
)

// openReplica does not connect: a node starts, and goes on, without its replica. For the same reason nobody can ask whether a
// pooler stands before it, so statements are sent in the way that passes one.
func openReplica(ctx context.Context, o Options, primary *DB) (*replica, error) {
	kind, url, err := locate(o.Replica)
	if err == nil && kind != postgres {
		err = errReplica
	}
	if err != nil {
		return nil, err
	}
	config, err := parsePg(url)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(url, pgMode) {
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		return limited(ctx, replicaPatience, func(ctx context.Context) error { return isCopy(ctx, conn, primary) })
	}
	pool, err := openPgPool(ctx, config)
	if err != nil {
		return nil, err
	}
	return &replica{db: &postgresDB{pool: pool, now: o.Now, log: o.Log, timeout: replicaPatience}, log: o.Log, now: o.Now}, nil
}

// What a replica is refused for. It may pass: a standby follows, and an address leads elsewhere.
var (
	errNoTables  = errors.New("the replica has no tables yet")
	errNoAccount = errors.New("the replica has no account yet, so nothing tells whether it is a copy of the database")
	errNoCopy    = errors.New("the replica is not a copy of the database: its oldest account is not there")
)

var oldestAccount = byBytes(`SELECT id, created FROM accounts ORDER BY created, id COLLATE BINARY LIMIT 1`)

// isCopy refuses a connection that leads to another deployment's database: its lists would look as if data were lost. An account
// stays for good, and of two deployments no accounts have the same number and the same time in ms. A replica lags behind, so it
// is the one that is asked first.
func isCopy(ctx context.Context, conn *pgx.Conn, primary *DB) error {
	var id string
	var created int64
	err := conn.QueryRow(ctx, oldestAccount.text[postgres]).Scan(&id, &created)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return errNoAccount
	case pgCode(err) == pgUndefinedTable:
		return errNoTables
	case err != nil:
		return err
	}
	var has time.Time
	err = primary.View(ctx, func(tx *Tx) (err error) {
		has, err = tx.AccountCreated(id)
		return err
	})
	if errors.Is(err, ErrNotFound) || err == nil && has.UnixMilli() != created {
		return errNoCopy
	}
	return err
}

func (r *replica) close() { r.db.close() }

// view runs f on the replica, once. Where the replica does not answer it rests.
func (r *replica) view(ctx context.Context, f func(*Tx) error) error {
	now := r.now()
	if now.UnixMilli() < r.rest.Load() {
		return errResting
	}
	err := limited(ctx, r.db.timeout, func(ctx context.Context) error {
		_, err := r.db.viewOnce(ctx, f)
		return err
	})
	if errors.Is(err, ErrUnavailable) && ctx.Err() == nil {
		r.rest.Store(now.Add(replicaRest).UnixMilli())
		what := "the replica does not answer"
		for _, refusal := range []error{errNoTables, errNoAccount, errNoCopy} {
			if errors.Is(err, refusal) {
				what = refusal.Error()
			}
		}
		r.log.WarnContext(ctx, what+"; lists are read from the primary", "for", replicaRest.String(), "error", advised(oneLine{err}).Error())
	}
	return err
}

var errReplica = errors.New("give the postgres:// URL of a hot standby; SQLite has no replica")

var errResting = fmt.Errorf("%w: the replica rests", ErrUnavailable)

// ViewStale is View for what may be a little old: lists and statistics, never what decides. With Options.Replica it reads
// there, in one snapshot, and in all else from the database itself: also when the replica can't be reached, when it cancels
// the query to go on with its replay, and when the function returns an error, since what the replica lacks may be there by now.
// So the function may run once more than with View.
func (db *DB) ViewStale(ctx context.Context, f func(*Tx) error) error {
	if db.replica != nil && db.replica.view(ctx, f) == nil {
		return nil
	}
	return db.View(ctx, f)
}
