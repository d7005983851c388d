package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// SettingMoving is in the settings of a database from the beginning of a move into it to its end.
const SettingMoving = "moving"

// What a move refuses, and what it may find. Their texts say what to do.
var (
	ErrMoving      = errors.New("a move into this database was not finished: repeat idpool move, which starts over, or drop the database")
	ErrNotEmpty    = errors.New("the target is not empty: move into a new database")
	ErrOtherSchema = errors.New("its schema is not the one of this version")
	ErrInUse       = errors.New("another process has the database open: stop every node that serves it")
	ErrDiffers     = errors.New("source and target differ after the move: see that no node runs on either, then repeat it")
)

// Mover moves a whole deployment from SQLite to PostgreSQL or back, while no node runs: first Copy, then Finish. Until
// Finish has succeeded the target is marked by SettingMoving, and nothing of the source is changed at any time.
//
// The master key is no part of the tables that are compared: on SQLite it is in a file, or the operator has it.
type Mover struct {
	// MasterKey is kept in the target's settings; nil: none. Set it before Copy, and only if the target is PostgreSQL.
	MasterKey []byte

	// Progress is told how far a table is, after every batch; nil: nobody is.
	Progress func(MoveProgress)

	from, to *DB
	tables   []*moveTable
	token    []byte // of this move, so that of two moves into one database one fails
}

// MoveProgress is how far a step of a move is with a table.
type MoveProgress struct {
	Step     string // "move", "check source" or "check target"
	Table    string
	Rows, Of int64
	Done     bool // the table's last
}

// MovedTable is what a table has held, read again after the move: in both databases the same.
type MovedTable struct {
	Name   string
	Rows   int64
	SHA256 [32]byte // of all rows, ordered by their primary keys
}

// A batch is one transaction of the target, ended by whichever comes first. SAML metadata has up to 10 MB in a row.
const (
	moveRows  = 5000
	moveBytes = 4 << 20
)

// OpenMove opens both databases, by URLs as Open takes them; one is SQLite and the other PostgreSQL. It makes the schema of
// a target that has none. A source, or a target with a schema, must have that of this version: ErrOtherSchema. A SQLite file that
// another process has open is ErrInUse.
func OpenMove(ctx context.Context, from, to string, o Options) (_ *Mover, err error) {
	if err := checkVersions(ctx, from, to, o.withDefaults().patience); err != nil {
		return nil, err
	}
	m := &Mover{token: make([]byte, 16)}
	_, _ = rand.Read(m.token) // never fails
	defer func() {
		if err != nil {
			_ = m.Close()
		}
	}()
	if m.from, err = Open(ctx, from, o); err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	if m.to, err = Open(ctx, to, o); err != nil {
		return nil, fmt.Errorf("target: %w", err)
	}
	lite := m.from
	if lite.lite == nil {
		lite = m.to
	}
	if lite.lite == nil || m.from.pg == nil && m.to.pg == nil {
		return nil, errors.New("a move goes from SQLite to PostgreSQL, or back")
	}
	m.tables, err = moveTables(ctx, lite)
	return m, err
}

// Close closes both databases.
func (m *Mover) Close() error {
	var errs []error
	for _, db := range []*DB{m.from, m.to} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// Setting is what the source has under a name, or ErrNotFound.
func (m *Mover) Setting(ctx context.Context, name string) (value []byte, err error) {
	err = m.from.View(ctx, func(tx *Tx) error {
		value, err = tx.Setting(name)
		return err
	})
	return value, err
}

// CheckMaster returns ErrMaster if the source has rows that another key has sealed.
func (m *Mover) CheckMaster(ctx context.Context, key []byte) error {
	master, err := NewMaster(key)
	if err != nil {
		return err
	}
	return m.from.View(ctx, func(tx *Tx) error {
		for _, t := range m.tables {
			if t.otherMaster == nil {
				continue
			}
			var n int64
			if err := tx.row(t.otherMaster, []any{master.keys[0].name}, &n); err != nil {
				return err
			}
			if n > 0 {
				return fmt.Errorf("%d rows of %s: %w", n, t.name, ErrMaster)
			}
		}
		return nil
	})
}

// Copy empties a target that an interrupted move has left, and copies every row of one snapshot of the source. It returns
// ErrNotEmpty for a target that has rows of its own, and ErrMoving for a source that is itself incomplete.
func (m *Mover) Copy(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	// On a lost connection View runs the function again, which then starts over: begin empties the target.
	return m.from.View(ctx, func(tx *Tx) error {
		counts, err := m.counts(tx)
		if err != nil {
			return err
		}
		if err := m.to.Update(ctx, m.begin); err != nil {
			return fmt.Errorf("target: %w", err)
		}
		for i, t := range m.tables {
			b := &moveBatch{to: m.to, table: t}
			done := func(n int64) { m.report("move", t, n, counts[i], false) }
			// Nobody wants the rest of the rows after a failure.
			err := t.each(ctx, tx, func(n int64, row []any) error {
				if err := b.add(ctx, row, func() { done(n) }); err != nil {
					stop()
					return err
				}
				return nil
			})
			if err != nil {
				return err
			}
			if err := b.write(ctx); err != nil {
				return err
			}
			m.report("move", t, counts[i], counts[i], true)
		}
		return nil
	})
}

func (m *Mover) report(step string, t *moveTable, n, of int64, done bool) {
	if m.Progress != nil {
		m.Progress(MoveProgress{Step: step, Table: t.name, Rows: n, Of: of, Done: done})
	}
}

// An operator's statement_timeout is meant for calls, not for the read of a whole table. It ends with the transaction.
var moveTimeout = fixed(`SELECT set_config('statement_timeout', '0', true)`).on(sqlite, `SELECT '0'`)

// counts counts the rows of the tables of a complete database.
func (m *Mover) counts(tx *Tx) (counts []int64, err error) {
	var zero string
	if err := tx.row(moveTimeout, nil, &zero); err != nil {
		return nil, err
	}
	switch _, err := tx.Setting(SettingMoving); {
	case err == nil:
		return nil, fmt.Errorf("source: %w", ErrMoving)
	case !errors.Is(err, ErrNotFound):
		return nil, err
	}
	counts = make([]int64, len(m.tables))
	for i, t := range m.tables {
		if err := tx.row(t.count, nil, &counts[i]); err != nil {
			return nil, err
		}
	}
	return counts, nil
}

// begin marks an empty target, or empties a marked one.
func (m *Mover) begin(tx *Tx) error {
	switch _, err := tx.Setting(SettingMoving); {
	case errors.Is(err, ErrNotFound):
		for _, t := range m.tables {
			var n int64
			if err := tx.row(t.countAll, nil, &n); err != nil {
				return err
			}
			if n > 0 {
				return fmt.Errorf("%d rows of %s: %w", n, t.name, ErrNotEmpty)
			}
		}
		if err := tx.CreateSetting(SettingMoving, m.token); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		if err := tx.ChangeSetting(SettingMoving, m.token); err != nil {
			return err
		}
	}
	for _, t := range m.tables {
		if err := tx.exec(t.clear); err != nil {
			return err
		}
	}
	if m.MasterKey == nil {
		return nil
	}
	return tx.CreateSetting(SettingMasterKey, m.MasterKey)
}

var finishMove = fixed(`DELETE FROM settings WHERE name = $1`)

// Finish reads both databases again, the source in another snapshot than Copy did, and takes the mark away if every table
// has the same rows in both; else the error is ErrDiffers, with the tables' names, and the mark stays.
func (m *Mover) Finish(ctx context.Context) ([]MovedTable, error) {
	var source, target []MovedTable
	err := m.from.View(ctx, func(tx *Tx) (err error) {
		counts, err := m.counts(tx)
		if err == nil {
			source, err = m.sums(ctx, tx, "check source", counts)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	check := func(again bool) error {
		return m.to.Update(ctx, func(tx *Tx) (err error) {
			if err := m.checkMark(tx, again); err != nil {
				return err
			}
			counts := make([]int64, len(source))
			for i := range source {
				counts[i] = source[i].Rows
			}
			if target, err = m.sums(ctx, tx, "check target", counts); err != nil {
				return err
			}
			if err := compare(source, target); err != nil {
				return err
			}
			return tx.exec(finishMove, SettingMoving)
		})
	}
	err = check(false)
	if errors.Is(err, ErrUnknownOutcome) { // the mark may be gone already
		err = check(true)
	}
	if err != nil {
		return nil, fmt.Errorf("target: %w", err)
	}
	return target, nil
}

// checkMark sees that the target is still this move's, and has the master key.
func (m *Mover) checkMark(tx *Tx, mayBeGone bool) error {
	var zero string
	if err := tx.row(moveTimeout, nil, &zero); err != nil {
		return err
	}
	token, err := tx.Setting(SettingMoving)
	gone := errors.Is(err, ErrNotFound)
	switch {
	case err != nil && !gone:
		return err
	case gone && !mayBeGone, !gone && !bytes.Equal(token, m.token):
		return errors.New("another move into this database has begun")
	}
	key, err := tx.Setting(SettingMasterKey)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if !bytes.Equal(key, m.MasterKey) {
		return fmt.Errorf("the master key in settings: %w", ErrDiffers)
	}
	return nil
}

func (m *Mover) sums(ctx context.Context, tx *Tx, step string, counts []int64) ([]MovedTable, error) {
	sums := make([]MovedTable, len(m.tables))
	for i, t := range m.tables {
		var err error
		sums[i], err = t.sum(ctx, tx, func(n int64) { m.report(step, t, n, counts[i], false) })
		if err != nil {
			return nil, err
		}
		m.report(step, t, sums[i].Rows, counts[i], true)
	}
	return sums, nil
}

func compare(source, target []MovedTable) error {
	var differ []string
	for i, s := range source {
		if t := target[i]; s != t {
			differ = append(differ, fmt.Sprintf("%s (%d rows, SHA-256 %x; in the source %d, %x)", t.Name, t.Rows, t.SHA256, s.Rows, s.SHA256))
		}
	}
	if differ == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", strings.Join(differ, ", "), ErrDiffers)
}

// moveBatch collects rows of a table for the target.
type moveBatch struct {
	to    *DB
	table *moveTable
	rows  [][]any
	bytes int
}

// add takes a row, and writes those that it has, and says so, when they are enough.
func (b *moveBatch) add(ctx context.Context, row []any, written func()) error {
	if b.to.pg != nil && !storable(row) {
		return fmt.Errorf("%s, row %q: PostgreSQL takes no text with NUL or broken UTF-8: change it, then repeat the move",
			b.table.name, b.table.keyOf(row))
	}
	b.rows = append(b.rows, row)
	for _, v := range row {
		b.bytes += sizeOf(v)
	}
	if len(b.rows) < moveRows && b.bytes < moveBytes {
		return nil
	}
	if err := b.write(ctx); err != nil {
		return err
	}
	written()
	return nil
}

func (b *moveBatch) write(ctx context.Context) (err error) {
	if b.to.pg != nil {
		_, err = b.to.pg.pool.CopyFrom(ctx, pgx.Identifier{b.table.name}, b.table.columnNames(), pgx.CopyFromRows(b.rows))
		err = fromPostgres(ctx, b.table.insert, err, false)
	} else {
		err = b.to.Update(ctx, func(tx *Tx) error {
			for _, row := range b.rows {
				if err := tx.exec(b.table.insert, row...); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	b.rows, b.bytes = b.rows[:0], 0
	return nil
}
