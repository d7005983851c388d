package store

import (
	"errors"
	"fmt"
	"testing"
)

// The schema changes under a DB that has prepared its statements: the server refuses those whose rows have another type now.
func TestPreparedStatementsOutliveTheSchema(t *testing.T) {
	one := fixed(`SELECT n FROM things WHERE id = 'a'`)
	other := fixed(`SELECT n, n FROM things WHERE id = 'a'`)
	change := fixed(`UPDATE things SET n = n + 1 WHERE id = 'a' RETURNING n`)
	add := fixed(`INSERT INTO runs (id) VALUES ($1)`)
	read := func(q *stmt, cells ...any) func(*Tx) error {
		return func(tx *Tx) error { return tx.row(q, nil, cells...) }
	}
	var n, m int64
	url := pgURL(t)
	db, direct := openAt(t, url+"&pool_max_conns=1&default_query_exec_mode=cache_statement", Options{}), pgDirect(t, url)
	pgExec(t, direct, "CREATE TABLE things (id TEXT, n INTEGER); CREATE TABLE runs (id TEXT); INSERT INTO things VALUES ('a', 0)")
	conns := db.pg.pool.Stat().NewConnsCount()
	for _, row := range []struct {
		name    string
		repeats int64 // one for each statement that is refused
		do      func() error
	}{
		{"a View of one statement", 1, func() error { return db.View(t.Context(), read(one, &n)) }},
		{"a View of two", 2, func() error {
			return db.View(t.Context(), func(tx *Tx) error { return errors.Join(read(one, &n)(tx), read(other, &n, &m)(tx)) })
		}},
		{"an Update that reads", 2, func() error {
			return db.Update(t.Context(), func(tx *Tx) error {
				return errors.Join(read(one, &n)(tx), read(other, &n, &m)(tx), tx.exec(add, "a"))
			})
		}},
		{"an Update whose change tells rows", 1, func() error {
			return db.Update(t.Context(), func(tx *Tx) error { return errors.Join(tx.exec(add, "b"), read(change, &n)(tx)) })
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			must(t, row.do()) // prepares
			for i, kind := range []string{"BIGINT", "INTEGER"} {
				pgExec(t, direct, "ALTER TABLE things ALTER n TYPE "+kind)
				before := db.pg.repeats.Load()
				if err := row.do(); err != nil {
					t.Errorf("%d: %v", i, err)
				}
				if got := db.pg.repeats.Load() - before; got != row.repeats {
					t.Errorf("%d: %d repeats, not %d", i, got, row.repeats)
				}
			}
		})
	}
	var counts string
	must(t, direct.QueryRow(t.Context(), "SELECT (SELECT COUNT(*) FROM runs) || ' ' || (SELECT n FROM things)").Scan(&counts))
	if want := fmt.Sprint(6, " ", 3); counts != want { // each Update counts once
		t.Errorf("runs and n are %s, not %s", counts, want)
	}
	if got := db.pg.pool.Stat().NewConnsCount(); got != conns {
		t.Errorf("%d new connections", got-conns)
	}
}
