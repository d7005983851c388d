package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Tx is one transaction, or one statement of a View that needs none. The queries are its methods. It is for the one
// goroutine that runs the function, and only until that returns.
//
// Once a statement has failed the transaction has, on both engines: every later statement returns the same error, and so
// does View or Update, even if the function returns nil. ErrNotFound is no failure.
type Tx struct {
	now    time.Time
	kind   kind
	run    runner
	ctx    context.Context // its end stops the statements; nil where they must not be stopped
	asked  bool            // a statement has run
	again  bool            // a View needs more than one statement, and so a snapshot
	inside bool            // rows is calling each
	over   bool
	failed error // of the first statement that failed
}

// kind says what a Tx stands for.
type kind int

const (
	alone    kind = iota // a View's first run: one statement, no transaction
	snapshot             // a View's second run
	update
)

// runner is what the engines differ in: how a statement reaches the database.
type runner interface {
	// write runs a statement that returns no rows. When count is false nobody waits for the result, and it may run later,
	// but before the next statement whose result is wanted and before COMMIT.
	write(q *stmt, args []any, count bool) (int64, error)

	// read calls each for every row until it returns false.
	read(q *stmt, args []any, each func(scan func(...any) error) bool) error
}

// errAgain is what a View's second statement gets in the first run. Whatever the function makes of it, View runs it again.
var errAgain = errors.New("store: a second statement: View runs the function again in a snapshot")

// Now is the time of the transaction: always the same, in UTC, in whole milliseconds.
func (tx *Tx) Now() time.Time { return tx.now }

// timestamp is how a Tx gets its time.
func timestamp(now func() time.Time) time.Time { return now().UTC().Truncate(time.Millisecond) }

// before refuses what must not run.
func (tx *Tx) before(q *stmt) error {
	switch {
	case tx.over:
		return errOver
	case tx.failed != nil:
	case tx.inside:
		tx.failed = fmt.Errorf("%w: %v", errInside, q)
	case tx.kind != update && !q.reads:
		tx.failed = fmt.Errorf("%w: %v", errReadOnly, q)
	case tx.kind == alone && tx.asked:
		tx.again = true
		return errAgain
	case tx.ctx != nil && tx.ctx.Err() != nil:
		tx.failed = tx.ctx.Err()
	}
	tx.asked = true
	return tx.failed
}

// exec writes and wants no result. On PostgreSQL the statement waits for the next one that does, or for COMMIT, so its
// error comes from there; on SQLite it is held back until then, so that no code works on one engine alone. ErrExists is
// thus learnt from Update; where the function itself needs to know, it reads first.
func (tx *Tx) exec(q *stmt, args ...any) error {
	if err := tx.before(q); err != nil {
		return err
	}
	_, tx.failed = tx.run.write(q, args, false)
	return nil
}

// execCount writes and tells how many rows that changed. On PostgreSQL it costs a round trip.
func (tx *Tx) execCount(q *stmt, args ...any) (int64, error) {
	if err := tx.before(q); err != nil {
		return 0, err
	}
	n, err := tx.run.write(q, args, true)
	tx.failed = err
	return n, err
}

// row scans the first row into dest, or returns ErrNotFound.
func (tx *Tx) row(q *stmt, args []any, dest ...any) error {
	if err := tx.before(q); err != nil {
		return err
	}
	if !storable(args) {
		return ErrNotFound
	}
	first := firstRow{dest: dest}
	if tx.failed = tx.run.read(q, args, first.take); tx.failed != nil {
		return tx.failed
	}
	if first.err != nil {
		return fmt.Errorf("%v: %w", q, first.err)
	}
	if !first.found {
		return ErrNotFound
	}
	return nil
}

type firstRow struct {
	dest  []any
	found bool
	err   error
}

func (f *firstRow) take(scan func(...any) error) bool {
	f.found, f.err = true, scan(f.dest...)
	return false
}

// rows calls each for every row, in order, until it returns an error, which rows then returns; that fails the function,
// if it likes, but not the transaction. scan is for that row only. each runs no statement.
func (tx *Tx) rows(q *stmt, args []any, each func(scan func(dest ...any) error) error) error {
	if err := tx.before(q); err != nil {
		return err
	}
	if !storable(args) {
		return nil
	}
	var own error
	tx.inside = true
	err := tx.run.read(q, args, func(scan func(...any) error) bool {
		own = each(scan)
		return own == nil && tx.failed == nil
	})
	tx.inside = false
	if tx.failed == nil { // else each ran a statement
		tx.failed = err
	}
	if tx.failed != nil {
		return tx.failed
	}
	return own
}

// end closes the Tx and gives what its function comes to.
func (tx *Tx) end(err error) error {
	tx.over = true
	if err == nil {
		err = tx.failed
	}
	return err
}

// storable tells whether text can stand in a row at all: PostgreSQL takes no NUL and no broken UTF-8, and refuses even to
// look for it. Strangers name roles, keys and regions, so a read answers as for anything that is not there.
func storable(args []any) bool {
	for _, arg := range args {
		if s, ok := arg.(string); ok && (strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s)) {
			return false
		}
	}
	return true
}
