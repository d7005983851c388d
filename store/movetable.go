package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
)

// moveTable is a table as a move reads and writes it.
type moveTable struct {
	name    string
	columns []moveColumn
	key     []int // the columns of the primary key, in its order

	count, all, insert *stmt // of the rows that move
	countAll, clear    *stmt // of all rows, but for SettingMoving's
	otherMaster        *stmt // counts the rows that another master key has sealed; nil: the table has none
}

type moveColumn struct {
	name string
	cell func() any // a place to scan into that holds NULL too
}

// moveCells are the types of the schema.
var moveCells = map[string]func() any{
	"TEXT":    func() any { return new(*string) },
	"BYTEA":   func() any { return new(*[]byte) },
	"BIGINT":  func() any { return new(*int64) },
	"BOOLEAN": func() any { return new(*bool) },
}

var (
	moveNames = fixed(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'
		AND name NOT LIKE 'goose!_%' ESCAPE '!' ORDER BY name`)
	moveColumns = fixed(`SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid`)
)

// moveTables reads the schema of a SQLite database, which both databases of a move have: one of them is it.
func moveTables(ctx context.Context, db *DB) (tables []*moveTable, err error) {
	err = db.View(ctx, func(tx *Tx) error {
		var names []string
		err := tx.rows(moveNames, nil, func(scan func(...any) error) error {
			names = append(names, "")
			return scan(&names[len(names)-1])
		})
		tables = nil
		for _, name := range names {
			t := &moveTable{name: name}
			if err == nil {
				err = t.read(tx)
			}
			tables = append(tables, t)
		}
		return err
	})
	return tables, err
}

// read reads the columns of the table, and writes its statements.
func (t *moveTable) read(tx *Tx) error {
	places := make(map[int]int) // in the key, from 1, to the column's
	err := tx.rows(moveColumns, []any{t.name}, func(scan func(...any) error) error {
		var name, kind string
		var place int
		if err := scan(&name, &kind, &place); err != nil {
			return err
		}
		cell := moveCells[kind]
		if cell == nil {
			return fmt.Errorf("%s.%s has the type %s, which a move does not know", t.name, name, kind)
		}
		if place > 0 {
			places[place] = len(t.columns)
		}
		t.columns = append(t.columns, moveColumn{name, cell})
		return nil
	})
	if err != nil {
		return err
	}
	if len(places) == 0 {
		return fmt.Errorf("%s has no primary key, by which a move could order its rows", t.name)
	}
	for i := range len(places) {
		t.key = append(t.key, places[i+1])
	}
	t.write()
	return nil
}

// write writes the statements. The order is by bytes on both engines.
func (t *moveTable) write() {
	var order, values []string
	for _, i := range t.key {
		column := quote(t.columns[i].name)
		if _, text := t.columns[i].cell().(**string); text {
			column += " COLLATE BINARY"
		}
		order = append(order, column)
	}
	for i := range t.columns {
		values = append(values, fmt.Sprint("$", i+1))
	}
	columns, table, where := t.columnNames(), quote(t.name), ""
	for i, c := range columns {
		columns[i] = quote(c)
	}
	clearAll := "TRUNCATE " + table
	if t.name == "settings" {
		where = fmt.Sprintf(" WHERE name NOT IN ('%s', '%s')", SettingMoving, SettingMasterKey)
		clearAll = fmt.Sprintf("DELETE FROM settings WHERE name <> '%s'", SettingMoving)
	}
	all := "SELECT " + strings.Join(columns, ", ") + " FROM " + table + where + " ORDER BY " + strings.Join(order, ", ")
	t.all = fixed(all).on(postgres, strings.ReplaceAll(all, "COLLATE BINARY", `COLLATE "C"`))
	t.count = fixed("SELECT COUNT(*) FROM " + table + where)
	t.countAll = fixed("SELECT COUNT(*) FROM " + table)
	t.insert = fixed("INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES (" + strings.Join(values, ", ") + ")")
	t.clear = fixed(clearAll).on(sqlite, strings.Replace(clearAll, "TRUNCATE", "DELETE FROM", 1))
	if slices.Contains(t.columnNames(), "master") {
		t.otherMaster = fixed("SELECT COUNT(*) FROM " + table + " WHERE master <> $1")
	}
}

func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func (t *moveTable) columnNames() []string {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	return names
}

// keyOf is the primary key of a row.
func (t *moveTable) keyOf(row []any) []any {
	key := make([]any, len(t.key))
	for i, column := range t.key {
		key[i] = row[column]
	}
	return key
}

// each calls do with the number of every row, from 1, and its values: nil, string, []byte, int64, bool.
func (t *moveTable) each(ctx context.Context, tx *Tx, do func(n int64, row []any) error) error {
	n := int64(0)
	return tx.rows(t.all, nil, func(scan func(...any) error) error {
		if err := ctx.Err(); err != nil { // SQLite's statements run on
			return err
		}
		row := make([]any, len(t.columns))
		for i, c := range t.columns {
			row[i] = c.cell()
		}
		if err := scan(row...); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		for i := range row {
			row[i] = valueOf(row[i])
		}
		n++
		return do(n, row)
	})
}

// valueOf takes the value out of a cell.
func valueOf(cell any) any {
	switch c := cell.(type) {
	case **string:
		return held(*c)
	case **int64:
		return held(*c)
	case **bool:
		return held(*c)
	case **[]byte:
		if *c != nil && **c == nil { // SQLite's driver makes nil of no bytes
			return []byte{}
		}
		return held(*c)
	}
	panic(fmt.Sprintf("store: a cell of type %T", cell))
}

func held[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

// sum reads the whole table. Progress is called now and then.
func (t *moveTable) sum(ctx context.Context, tx *Tx, progress func(n int64)) (MovedTable, error) {
	sum, hash := MovedTable{Name: t.name}, sha256.New()
	var text []byte
	err := t.each(ctx, tx, func(n int64, row []any) error {
		text = text[:0]
		for _, v := range row {
			text = appendValue(text, v)
		}
		_, _ = hash.Write(text) // never fails
		sum.Rows = n
		if n%moveRows == 0 {
			progress(n)
		}
		return nil
	})
	hash.Sum(sum.SHA256[:0])
	return sum, err
}

// appendValue writes a value so that no two rows have the same bytes: a letter for the type, the length of what can have
// several, the value.
func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, 'n')
	case bool:
		if v {
			return append(b, 'b', 1)
		}
		return append(b, 'b', 0)
	case int64:
		return binary.BigEndian.AppendUint64(append(b, 'i'), uint64(v))
	case string:
		return append(binary.BigEndian.AppendUint64(append(b, 't'), uint64(len(v))), v...)
	case []byte:
		return append(binary.BigEndian.AppendUint64(append(b, 'x'), uint64(len(v))), v...)
	}
	panic(fmt.Sprintf("store: a value of type %T", v))
}

// sizeOf is about what a value takes in memory.
func sizeOf(v any) int {
	switch v := v.(type) {
	case string:
		return 32 + len(v)
	case []byte:
		return 40 + len(v)
	}
	return 24
}

// checkVersions refuses what a move would have to migrate first, and what another version has made.
func checkVersions(ctx context.Context, from, to string, patience time.Duration) error {
	own, err := newestVersion()
	if err != nil {
		return err
	}
	source, err := versionOf(ctx, from, patience)
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	target, err := versionOf(ctx, to, patience)
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	switch {
	case source == 0:
		return fmt.Errorf("source: %w: it has none, and so nothing to move", ErrOtherSchema)
	case source < own:
		return fmt.Errorf("source: %w but an earlier one: bring it up to date by idpool migrate, then move", ErrOtherSchema)
	case source > own:
		return fmt.Errorf("source: %w but a later one: move by the idpool that made it", ErrOtherSchema)
	case target != 0 && target != own:
		return fmt.Errorf("target: %w but another one: move into a new database", ErrOtherSchema)
	}
	return nil
}

// newestVersion is the number of the last migration.
func newestVersion() (newest int64, err error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	for _, file := range files {
		n, err := goose.NumericComponent(file)
		if err != nil {
			return 0, err
		}
		newest = max(newest, n)
	}
	return newest, err
}

// versionOf is the number of the last migration that a database has seen, 0 if it has none, or is not there. It changes
// nothing. A SQLite file that another process has open is ErrInUse.
func versionOf(ctx context.Context, url string, patience time.Duration) (int64, error) {
	kind, where, err := locate(url)
	if err != nil {
		return 0, err
	}
	if kind == postgres {
		return postgresVersion(ctx, where, patience)
	}
	return liteVersion(ctx, where)
}

func postgresVersion(ctx context.Context, url string, patience time.Duration) (int64, error) {
	config, err := parsePrimary(url)
	if err != nil {
		return 0, err
	}
	conn, err := connect(ctx, config.ConnConfig)
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	return versionPostgres(ctx, conn, patience)
}

var liteHasVersion = fixed(`SELECT COUNT(*) FROM sqlite_schema WHERE name = '` + goose.DefaultTablename + `'`)

// liteVersion asks for the file for itself alone: whoever has it open holds a lock for as long.
func liteVersion(ctx context.Context, path string) (version int64, err error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	db, err := openPool(path, 1, "_pragma=query_only(1)", "_pragma=busy_timeout(0)", "_pragma=locking_mode(EXCLUSIVE)")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.QueryRowContext(ctx, liteHasVersion.text[sqlite]).Scan(&version)
	if err == nil && version > 0 {
		err = db.QueryRowContext(ctx, schemaVersion.text[sqlite]).Scan(&version)
	}
	if err != nil && isBusy(err) {
		return 0, ErrInUse
	}
	return version, fromSQLite(liteHasVersion, err)
}
