package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	modernc "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"
)

// The kinds of error that View and Update return beside the function's own and the context's. Anything else is a bug.
var (
	// ErrNotFound says that there is no such row. It is no failure of the transaction, which goes on.
	ErrNotFound = errors.New("not found")

	// ErrExists says that a unique key is taken; the wrapped text names the constraint or the columns.
	ErrExists = errors.New("exists already")

	// ErrAssertionUsed says that a SAML assertion was used before, for another identity or in another pool.
	ErrAssertionUsed = errors.New("the assertion was used before, for another identity")

	// ErrUnavailable says that the database cannot be asked now: it is down, closed, full, or its disk fails. Nothing
	// has changed, unless it is ErrUnknownOutcome. Services answer 5xx.
	ErrUnavailable = errors.New("the database is unavailable")

	// ErrUnknownOutcome says that the connection was lost between COMMIT and its answer: what the Update wrote is there
	// either completely or not at all. It is an ErrUnavailable too. See Update for what to do.
	ErrUnknownOutcome = fmt.Errorf("%w: the outcome of a commit is unknown", ErrUnavailable)

	// ErrContended says that an Update met others at every try, who changed what it read. Nothing has changed; the same call
	// may succeed when there are fewer of them.
	ErrContended = errors.New("too many changes of the same rows at once")

	// ErrSchema says that a database has an older schema than this program needs. Only Open returns it, and only with
	// NoMigrate.
	ErrSchema = errors.New("run idpool migrate first")
)

// What a caller of Tx can do wrong. Each fails the transaction, since it is a bug.
var (
	errOver     = errors.New("store: the transaction is over")
	errInside   = errors.New("store: a statement inside the rows of another")
	errReadOnly = errors.New("store: a write inside View")
)

var errClosed = fmt.Errorf("%w: it is closed", ErrUnavailable)

// fromSQLite sorts an error of the driver.
func fromSQLite(q *stmt, err error) error {
	if err == nil {
		return nil
	}
	var e *modernc.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("%v: %w", q, err)
	}
	switch e.Code() {
	case codes.SQLITE_CONSTRAINT_UNIQUE, codes.SQLITE_CONSTRAINT_PRIMARYKEY, codes.SQLITE_CONSTRAINT_ROWID:
		return fmt.Errorf("%v: %w: %w", q, ErrExists, err)
	}
	switch e.Code() & 0xff {
	case codes.SQLITE_FULL, codes.SQLITE_IOERR, codes.SQLITE_CORRUPT, codes.SQLITE_NOTADB, codes.SQLITE_READONLY,
		codes.SQLITE_CANTOPEN, codes.SQLITE_PERM, codes.SQLITE_BUSY, codes.SQLITE_LOCKED, codes.SQLITE_PROTOCOL,
		codes.SQLITE_NOMEM:
		return fmt.Errorf("%v: %w: %w", q, ErrUnavailable, err)
	}
	return fmt.Errorf("%v: %w", q, err)
}

// isBusy tells whether another process holds a lock that this one needs.
func isBusy(err error) bool {
	var e *modernc.Error
	return errors.As(err, &e) && (e.Code()&0xff == codes.SQLITE_BUSY || e.Code()&0xff == codes.SQLITE_LOCKED)
}

// fromPostgres sorts an error of a statement. lost says that it cost the connection.
func fromPostgres(ctx context.Context, q *stmt, err error, lost bool) error {
	if err == nil {
		return nil
	}
	var e *pgconn.PgError
	switch {
	case errors.As(err, &e) && e.Code == pgUniqueViolation:
		return fmt.Errorf("%v: %w: %w", q, ErrExists, err)
	case e != nil && (lost || pgUnavailable[e.Code] || pgUnavailable[pgClass(err)]):
		return fmt.Errorf("%v: %w: %w", q, ErrUnavailable, err)
	case e == nil && ctx.Err() != nil:
		return fmt.Errorf("%v: %w", q, ctx.Err())
	case e == nil && lost:
		return fmt.Errorf("%v: %w: %w", q, ErrUnavailable, err)
	case e != nil && e.Code == pgNoRights:
		return fmt.Errorf("%v: %w", q, advised(err))
	}
	return fmt.Errorf("%v: %w", q, err)
}

// pgCode is the SQLSTATE, empty if the server has given none.
func pgCode(err error) string {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return ""
	}
	return e.Code
}

// pgClass is the first two characters of the SQLSTATE, empty if the server has given none.
func pgClass(err error) string {
	code := pgCode(err)
	return code[:min(len(code), 2)]
}

// replanned tells whether the server refuses a statement that was prepared on this connection before the schema changed: its
// rows have other types now. Nothing of the transaction is done, and the driver has dropped the statement, so a repeat prepares
// it anew. PostgreSQL may say it in another language, but never by another function; other engines say it in English.
func replanned(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == pgUnsupported &&
		(e.Routine == "RevalidateCachedQuery" || e.Message == "cached plan must not change result type")
}

const (
	pgUniqueViolation      = "23505"
	pgSerializationFailure = "40001"
	pgCompletionUnknown    = "40003" // of COMMIT: a distributed engine does not know whether it was carried out
	pgDeadlock             = "40P01"
	pgUndefinedTable       = "42P01"
	pgUndefinedFunction    = "42883"
	pgUndefinedObject      = "42704"
	pgNoRights             = "42501"
	pgReadOnly             = "25006"
	pgUnsupported          = "0A000"
)

// pgUnavailable are the SQLSTATEs, and classes of them, that blame the server's state and not the statement.
var pgUnavailable = map[string]bool{
	"08":          true, // connection exceptions; poolers use them too
	"28":          true, // the server no longer takes our name or password
	"3D":          true, // the database is gone
	"53":          true, // disk full, out of memory, too many connections
	"57":          true, // cancelled, shutting down, starting up
	"58":          true, // I/O errors of the server
	"XX":          true, // corrupted data or index, internal errors
	pgReadOnly:    true, // a standby, or a server being moved
	pgUnsupported: true, // SERIALIZABLE, by a hot standby; or see replanned
	"55P03":       true, // an operator's lock_timeout
}
