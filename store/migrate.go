package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// versions are a schema's when the database was opened, and after the migrations that this has run; 0 is a database without
// tables. A schema that is newer than this program stays as it is.
type versions struct{ before, after int64 }

// schemaVersion is what both engines tell of a schema: the number of the last migration. It fails where there are no tables.
var schemaVersion = fixed(`SELECT MAX(version_id) FROM ` + goose.DefaultTablename)

// newest is the version that this program's migrations lead to.
func newest(p *goose.Provider) int64 {
	sources := p.ListSources()
	return sources[len(sources)-1].Version
}

// oldSchema is the error of NoMigrate.
func oldSchema(has, needs int64) error {
	return fmt.Errorf("the schema has version %d and this idpool needs %d: %w", has, needs, ErrSchema)
}

// migrateSQLite brings the schema up to date. serve locks the data directory, so a second process is there by accident;
// the one that comes second finds the lock or the tables of the first, and looks again.
func migrateSQLite(ctx context.Context, db *sql.DB, o Options) (v versions, err error) {
	err = whileBusy(ctx, func() error {
		p, err := provider(goose.DialectSQLite3, db) // a new one each time: it looks for its own table only once
		if err != nil {
			return err
		}
		has, err := versionSQLite(ctx, db)
		switch {
		case err != nil:
			return err
		case has >= newest(p):
			v = versions{has, has}
			return nil
		case o.NoMigrate:
			return oldSchema(has, newest(p))
		}
		v = versions{has, newest(p)}
		return up(ctx, p, o.Log)
	})
	if err != nil {
		return v, fmt.Errorf("migrate: %w", fromSQLite(liteOpen, err))
	}
	return v, nil
}

func versionSQLite(ctx context.Context, db *sql.DB) (int64, error) {
	var version sql.NullInt64
	err := db.QueryRowContext(ctx, schemaVersion.text[sqlite]).Scan(&version)
	if err != nil && strings.Contains(err.Error(), "no such table") {
		err = nil
	}
	return version.Int64, err
}

// migrate does the same among many nodes that start at once. They take turns by a row of a table: advisory locks do nothing
// on engines that only speak PostgreSQL's protocol, and don't pass a pooler. A node that finds nothing to do takes no turn.
func (p *postgresDB) migrate(ctx context.Context, o Options) (v versions, err error) {
	db := stdlib.OpenDB(*p.pool.Config().ConnConfig)
	defer db.Close()
	// A turn takes well under a second. A node that dies in its turn is waited for until its lease ends.
	turns, err := lock.NewPostgresTableLocker(lock.WithTableLogger(o.Log),
		lock.WithTableLeaseDuration(30*time.Second), lock.WithTableHeartbeatInterval(5*time.Second),
		lock.WithTableLockTimeout(200*time.Millisecond, 1500), lock.WithTableUnlockTimeout(time.Second, 30))
	if err != nil {
		return v, err
	}
	source, err := provider(goose.DialectPostgres, db, goose.WithLocker(turns))
	if err != nil {
		return v, err
	}
	has, err := p.version(ctx, o.patience)
	switch {
	case err != nil:
		return v, fmt.Errorf("migrate: %w", err)
	case has >= newest(source):
		return versions{has, has}, nil
	case o.NoMigrate:
		return v, oldSchema(has, newest(source))
	}
	if err := up(ctx, source, o.Log); err != nil {
		return v, fmt.Errorf("migrate: %w", advised(err))
	}
	return versions{has, newest(source)}, nil
}

// version is the number of the last migration, 0 if there are no tables.
func (p *postgresDB) version(ctx context.Context, patience time.Duration) (int64, error) {
	conn, err := p.pool.Acquire(ctx)
	if err != nil {
		return 0, fromStart(ctx, pgConnect, err)
	}
	defer release(conn)
	return versionPostgres(ctx, conn.Conn(), patience)
}

func versionPostgres(ctx context.Context, conn *pgx.Conn, patience time.Duration) (int64, error) {
	var version *int64
	err := limited(ctx, patience, func(ctx context.Context) error {
		err := conn.QueryRow(ctx, schemaVersion.text[postgres], pgx.QueryExecModeSimpleProtocol).Scan(&version)
		if pgCode(err) == pgUndefinedTable {
			return nil
		}
		return fromStart(ctx, schemaVersion, err)
	})
	if err != nil || version == nil {
		return 0, err
	}
	return *version, nil
}

func provider(dialect goose.Dialect, db *sql.DB, more ...goose.ProviderOption) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(dialect, db, files, append(more, goose.WithDisableGlobalRegistry(true))...)
}

func up(ctx context.Context, p *goose.Provider, log *slog.Logger) error {
	done, err := p.Up(ctx)
	for _, m := range done {
		log.InfoContext(ctx, "migrated", "file", m.Source.Path, "duration", m.Duration)
	}
	return err
}

// whileBusy tries for some ten seconds to get past another process that opens or migrates the same SQLite file.
func whileBusy(ctx context.Context, try func() error) error {
	patience := time.Now().Add(10 * time.Second)
	for {
		err := try()
		inTheWay := err != nil && (isBusy(err) || strings.Contains(err.Error(), "already exists"))
		if !inTheWay || time.Now().After(patience) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(rand.N(100 * time.Millisecond)):
		}
	}
}
