package server

import (
	"context"
	"errors"
	"fmt"

	"idpool/store"
)

// openDatabase opens the database that a node is told of. Its error says what to do.
func openDatabase(ctx context.Context, c *Config) (*store.DB, error) {
	db, err := store.Open(ctx, c.Database, store.Options{
		Now: c.Now, Log: c.Log, Timeout: c.DatabaseTimeout, Replica: c.DatabaseReplica, NoMigrate: c.NoMigrate,
	})
	if errors.Is(err, store.ErrUnavailable) {
		err = fmt.Errorf("%w; check --database, and that the database runs", err)
	}
	return db, err
}

// Migrate brings the schema of a node's database up to date, without starting the node, and returns the schema's version
// before and after; 0 is a database without tables. Beside a running node it does so on PostgreSQL only: a SQLite file
// belongs to the node that has locked it.
func Migrate(ctx context.Context, c Config) (before, after int64, err error) {
	if err := c.check(); err != nil {
		return 0, 0, err
	}
	if !isPostgres(c.Database) {
		locks, err := lockNode(c.Data, c.Database)
		if err != nil {
			return 0, 0, err
		}
		defer locks.Close()
	}
	db, err := openDatabase(ctx, &c)
	if err != nil {
		return 0, 0, err
	}
	before, after = db.Schema()
	return before, after, db.Close()
}
