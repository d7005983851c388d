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

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrateSQLite brings the schema up to date. serve locks the data directory, so a second process is there by accident;
// the one that comes second finds the lock or the tables of the first, and looks again.
func migrateSQLite(ctx context.Context, db *sql.DB, log *slog.Logger) error {
	err := whileBusy(ctx, func() error {
		p, err := provider(goose.DialectSQLite3, db) // a new one each time: it looks for its own table only once
		if err != nil {
			return err
		}
		return up(ctx, p, log)
	})
	if err != nil {
		return fmt.Errorf("migrate: %w", fromSQLite(liteOpen, err))
	}
	return nil
}

// migratePostgres does the same among many nodes that start at once. They take turns by a row of a table: advisory locks
// do nothing on engines that only speak PostgreSQL's protocol, and don't pass a pooler. A node that finds nothing to do
// takes no turn.
func migratePostgres(ctx context.Context, pool *pgxpool.Pool, log *slog.Logger) error {
	db := stdlib.OpenDB(*pool.Config().ConnConfig)
	defer db.Close()
	// A turn takes well under a second. A node that dies in its turn is waited for until its lease ends.
	turns, err := lock.NewPostgresTableLocker(lock.WithTableLogger(log),
		lock.WithTableLeaseDuration(30*time.Second), lock.WithTableHeartbeatInterval(5*time.Second),
		lock.WithTableLockTimeout(200*time.Millisecond, 1500), lock.WithTableUnlockTimeout(time.Second, 30))
	if err != nil {
		return err
	}
	p, err := provider(goose.DialectPostgres, db, goose.WithLocker(turns))
	if err != nil {
		return err
	}
	switch pending, err := pendingPostgres(ctx, pool, p); {
	case err != nil:
		return fmt.Errorf("migrate: %w", fromPostgres(ctx, pgVersion, err, true))
	case !pending:
		return nil
	}
	if err := up(ctx, p, log); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

var pgVersion = fixed(`SELECT MAX(version_id) FROM ` + goose.DefaultTablename)

func pendingPostgres(ctx context.Context, pool *pgxpool.Pool, p *goose.Provider) (bool, error) {
	sources := p.ListSources()
	var version *int64
	err := pool.QueryRow(ctx, pgVersion.text[postgres]).Scan(&version)
	var e *pgconn.PgError
	if errors.As(err, &e) && e.Code == pgUndefinedTable {
		return true, nil
	}
	return version == nil || *version < sources[len(sources)-1].Version, err
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
