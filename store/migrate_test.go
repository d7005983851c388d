package store

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"idpool/internal/pgtest"
)

// openVersions opens a database and tells what Schema says of it.
func openVersions(t *testing.T, url string, o Options) (before, after int64, err error) {
	t.Helper()
	db, err := Open(t.Context(), url, o)
	if err != nil {
		return 0, 0, err
	}
	before, after = db.Schema()
	return before, after, db.Close()
}

// What other releases leave behind: an older one no version of ours, a newer one a version that we don't know.
var (
	forget = fixed(`DELETE FROM goose_db_version WHERE version_id > 0`)
	newer  = fixed(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)`)
)

func TestSchema(t *testing.T) {
	for name, url := range map[string]string{"sqlite": filepath.Join(t.TempDir(), "db"), "postgres": pgURL(t)} {
		t.Run(name, func(t *testing.T) {
			_, _, err := openVersions(t, url, Options{NoMigrate: true})
			if !errors.Is(err, ErrSchema) || errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "run idpool migrate") {
				t.Errorf("an empty database with NoMigrate: %v", err)
			}
			before, now, err := openVersions(t, url, Options{})
			if before != 0 || now < 4 || err != nil {
				t.Errorf("the first migration: %d to %d, %v", before, now, err)
			}
			for _, noMigrate := range []bool{false, true} {
				before, after, err := openVersions(t, url, Options{NoMigrate: noMigrate})
				if before != now || after != now || err != nil {
					t.Errorf("with nothing to do, NoMigrate %t: %d to %d, %v", noMigrate, before, after, err)
				}
			}
			db := openAt(t, url, Options{})
			must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.exec(forget) }))
			if _, _, err = openVersions(t, url, Options{NoMigrate: true}); !errors.Is(err, ErrSchema) {
				t.Errorf("an older schema with NoMigrate: %v", err)
			}
			must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.exec(newer) }))
			for _, noMigrate := range []bool{false, true} {
				before, after, err := openVersions(t, url, Options{NoMigrate: noMigrate})
				if before != 9999 || after != 9999 || err != nil {
					t.Errorf("a newer schema, NoMigrate %t: %d to %d, %v", noMigrate, before, after, err)
				}
			}
		})
	}
}

// A start that nobody waits for any more changes nothing.
func TestMigrateForNobody(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, url := range map[string]string{"sqlite": filepath.Join(t.TempDir(), "db"), "postgres": pgURL(t)} {
		if _, err := Open(ctx, url, Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		if before, _, err := openVersions(t, url, Options{}); before != 0 || err != nil {
			t.Errorf("%s: afterwards the schema has version %d, %v", name, before, err)
		}
	}
}

// A node that leaves migrations to others needs no right to change the schema, and to be no superuser.
func TestRoleThatMayChangeRowsOnly(t *testing.T) {
	server := pgtest.NewOwn(t, nil)
	url := server.Database(t, "idpool")
	openAt(t, url, Options{})
	pgExec(t, pgDirect(t, url), "CREATE ROLE node LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO node")
	db := openAt(t, strings.Replace(url, "postgres@", "node@", 1), Options{NoMigrate: true})
	must(t, db.Update(t.Context(), put("a")))
	if err := db.Update(t.Context(), func(tx *Tx) error { return tx.exec(fixed(`DROP TABLE settings`)) }); err == nil {
		t.Error("it may drop a table")
	}
}
