package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"
)

// DB is a database, for any number of goroutines.
type DB struct {
	lite *sqliteDB // exactly one of the two is there
	pg   *postgresDB

	replica *replica // nil: none
}

// Options are what a DB may be told; the zero value is good.
type Options struct {
	Now func() time.Time // the clock of transactions; time.Now if nil
	Log *slog.Logger     // retries and lost groups; nothing is logged if nil

	// Readers is how many Views run at once on SQLite, 2 to 8; twice the number of CPUs if 0. On PostgreSQL the URL's
	// pool_max_conns says how many connections there are.
	Readers int

	// Timeout is how long one View or Update may take on PostgreSQL in all, its repeats and the wait for a connection
	// included; longer is ErrUnavailable. Nothing limits it if 0, and nothing does on SQLite, where nobody waits for a network.
	Timeout time.Duration

	// Replica is the postgres:// URL of a hot standby of the database, which ViewStale reads; empty: none. Another deployment's
	// database is found out at each connection, and not read.
	Replica string

	// NoMigrate makes Open fail with ErrSchema where it would change the schema.
	NoMigrate bool

	patience time.Duration // how long a PostgreSQL server may take for each question of a start, 30 s if 0

	fileSystem func(dir string) string // the kind of file system that a folder is on; the kernel's if nil

	groupSize int           // members of one group commit, 128 if 0
	groupTime time.Duration // how long a group takes members, 5 ms if 0
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Readers == 0 {
		o.Readers = 2 * runtime.GOMAXPROCS(0)
	}
	o.Readers = min(max(o.Readers, 2), 8)
	if o.patience == 0 {
		o.patience = pgPatience
	}
	if o.fileSystem == nil {
		o.fileSystem = fileSystem
	}
	if o.groupSize == 0 {
		o.groupSize = 128
	}
	if o.groupTime == 0 {
		o.groupTime = 5 * time.Millisecond
	}
	return o
}

// Open opens a database, makes it if it is a SQLite file that does not exist, and brings its schema up to date. url is a
// file's path, "sqlite:" and a path, or a URL that begins with postgres:// or postgresql:// and may carry the pool's
// settings (pool_max_conns, ...). Many nodes may open one PostgreSQL database at once. A schema that is newer than this
// program stays as it is. The error is ErrUnavailable if the database could not be reached; what a server refuses says what to do.
func Open(ctx context.Context, url string, o Options) (*DB, error) {
	o = o.withDefaults()
	kind, where, err := locate(url)
	if err != nil {
		return nil, err
	}
	db := &DB{}
	if kind == postgres {
		db.pg, err = openPostgres(ctx, where, o)
	} else {
		db.lite, err = openSQLite(ctx, where, o)
	}
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if o.Replica != "" {
		if db.replica, err = openReplica(ctx, o, db); err != nil {
			return nil, errors.Join(fmt.Errorf("open the replica: %w", err), db.Close())
		}
	}
	return db, nil
}

// Close waits for the functions that run, and for Updates that were called before it; later calls get ErrUnavailable.
func (db *DB) Close() error {
	if db.replica != nil {
		db.replica.close()
	}
	if db.pg != nil {
		db.pg.close()
		return nil
	}
	return db.lite.close()
}

// Schema tells the version of the schema as Open has found it, 0 if there were no tables, and as it is since.
func (db *DB) Schema() (before, after int64) {
	v := versions{}
	if db.pg != nil {
		v = db.pg.schema
	} else {
		v = db.lite.schema
	}
	return v.before, v.after
}

// Describe says which database Open has found: "sqlite", "postgres", or "postgres behind a pooler", to which statements are sent
// whole. Where the URL says how they are sent nobody has looked for a pooler.
func (db *DB) Describe() string {
	switch {
	case db.pg == nil:
		return "sqlite"
	case db.pg.pooled:
		return "postgres behind a pooler"
	}
	return "postgres"
}

var ping = statement(`SELECT 1`)

// Ping asks the database for nothing. It returns ErrUnavailable, or ctx's error.
func (db *DB) Ping(ctx context.Context) error {
	return db.View(ctx, func(tx *Tx) error {
		var one int64
		return tx.row(ping, nil, &one)
	})
}

// View runs a function that only reads. If the function asks for one statement, that runs alone, without a transaction:
// one round trip on PostgreSQL. If it asks for a second one, it is run again from the start and sees one snapshot in all
// its statements. So the function may run several times, and must return when a statement gives it an error.
//
// It returns the function's error, ErrUnavailable, or ctx's error when ctx ends first. A function must not call View or
// Update: it would wait for the connection that it holds.
func (db *DB) View(ctx context.Context, f func(*Tx) error) error {
	if db.pg != nil {
		return db.pg.view(ctx, f)
	}
	return db.lite.view(ctx, f)
}

// Update runs a function in a serializable transaction and commits it, or rolls it back when the function returns an
// error, panics or ends its goroutine. The function may run several times: its changes count once, but it must not add up
// anything outside. On SQLite it shares the commit with others, who wait for it: it does no I/O, takes no lock, waits for
// no channel, and calls neither View nor Update.
//
// It returns the function's error, the error of a statement that it queued (ErrExists), ErrUnavailable, on PostgreSQL
// ErrContended, or ctx's error when ctx ends before the commit begins; on SQLite, before the function's turn has come. All
// these mean that nothing has changed. On ErrUnknownOutcome alone either everything has or nothing. Update doesn't repeat
// a function whose first run may count: that would add twice where an epoch rises, and a row that finds itself would be
// ErrExists. A caller for whom a repeat is harmless calls Update again, with the same ids, which it drew before.
func (db *DB) Update(ctx context.Context, f func(*Tx) error) error {
	if db.pg != nil {
		return db.pg.update(ctx, f)
	}
	return db.lite.writer.update(ctx, f)
}
