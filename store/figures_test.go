package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"idpool/identity"

	"github.com/jackc/pgx/v5"
)

// figures measures the hot calls of the store, one caller at a time, and logs what docs/scale.md has. It asserts nothing about
// time.
func (c crowd) figures(t *testing.T, db *DB, conn *pgx.Conn) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	view := func(f func(tx *Tx, n int) error) func(n int) error {
		return func(n int) error { return db.View(t.Context(), func(tx *Tx) error { return f(tx, n) }) }
	}
	for _, call := range []struct {
		name string
		do   func(n int) error
	}{
		{"login to identity", view(func(tx *Tx, n int) error {
			_, owners, err := tx.FindPool(regionR, c.poolID(c.poolOf(n)), [][32]byte{c.logins(n)[0].Hash()})
			if err == nil && (len(owners) != 1 || owners[0].Identity != c.identity(n)) {
				return fmt.Errorf("the owners of %d are %v", n, owners)
			}
			return err
		})},
		{"identity with its logins and pool", view(func(tx *Tx, n int) error {
			_, found, err := tx.FindIdentity(regionR, c.identity(n))
			if err == nil && len(found.Logins) != len(c.logins(n)) {
				return fmt.Errorf("%d has %v", n, found.Logins)
			}
			return err
		})},
		{"developer look-up", view(func(tx *Tx, n int) error {
			_, err := tx.Owner(c.poolKey(c.poolOf(n)), identity.Login{Provider: developer, Subject: fmt.Sprintf("user-%d@example.com", n)})
			return err
		})},
		{"page of a pool", view(func(tx *Tx, n int) error {
			after := c.identity(n)
			_, err := tx.Identities(c.poolKey(0), after[:], true, 61)
			return err
		})},
		{"new identity", func(n int) error {
			login := identity.Login{Provider: developer, Subject: fmt.Sprint("new ", r.Int64())}
			id := identity.NewID([16]byte(fmt.Appendf(nil, "%016x", r.Uint64())))
			return db.Update(t.Context(), func(tx *Tx) error {
				ref, owners, err := tx.FindPool(regionR, c.poolID(c.poolOf(n)), [][32]byte{login.Hash()})
				if err != nil || len(owners) > 0 {
					return errors.Join(err, ErrExists)
				}
				return errors.Join(tx.CreateIdentity(ref.Key, id), tx.Link(ref.Key, id, login))
			})
		}},
	} {
		const times = 20_000
		took := make([]time.Duration, 0, times)
		for i := range times + times/10 {
			n := c.with(r)
			start := time.Now()
			must(t, call.do(n))
			if i >= times/10 { // warm
				took = append(took, time.Since(start))
			}
		}
		slices.Sort(took)
		t.Logf("| %s | %v | %v |", call.name, took[times/2].Round(time.Microsecond), took[times*99/100].Round(time.Microsecond))
	}
	logSizes(t, conn)
}

// logSizes logs how large the tables and indexes are, with their partitions.
func logSizes(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	rows, err := conn.Query(t.Context(), `SELECT regexp_replace(relname, '_p\d+', '') AS name, SUM(pg_relation_size(oid)) / 1000000
		FROM pg_class WHERE relkind IN ('r', 'i') AND (relname LIKE 'identities%' OR relname LIKE 'logins%') GROUP BY name ORDER BY name`)
	must(t, err)
	for rows.Next() {
		var name string
		var size float64
		must(t, rows.Scan(&name, &size))
		t.Logf("| %s | %.0f MB |", strings.ReplaceAll(name, "_id_idx", ""), size)
	}
	must(t, rows.Err())
}
