package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
)

func TestStatementsParseOnBothEngines(t *testing.T) {
	lite, pg := openLite(t, Options{}), pgURL(t)
	openAt(t, pg, Options{}) // migrates
	direct := pgDirect(t, pg)
	parameter := regexp.MustCompile(`[$?](\d+)`)
	for _, q := range statements {
		if _, err := lite.lite.writer.conn.prepare(q); err != nil {
			t.Errorf("sqlite: %v\n%s", err, q.text[sqlite])
		}
		if _, err := direct.Prepare(t.Context(), "", q.text[postgres]); err != nil {
			t.Errorf("postgres: %v\n%s", err, q.text[postgres])
		}
		used := [2]map[string]bool{{}, {}}
		for e, text := range q.text {
			for _, m := range parameter.FindAllStringSubmatch(text, -1) {
				used[e][m[1]] = true
			}
		}
		if fmt.Sprint(used[sqlite]) != fmt.Sprint(used[postgres]) {
			t.Errorf("the two texts take different parameters: %v", q)
		}
	}
}

func TestNumbered(t *testing.T) {
	if got := numbered(`SELECT $2, '$1', $10 WHERE a = '''$3' || $1`); got != `SELECT ?2, '$1', ?10 WHERE a = '''$3' || ?1` {
		t.Error(got)
	}
}

func TestOpenManyAtOnce(t *testing.T) {
	urls := map[string]string{"sqlite": filepath.Join(t.TempDir(), "db"), "postgres": pgURL(t)}
	for name, url := range urls {
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				db, err := Open(t.Context(), url, Options{})
				if err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
				if err := errors.Join(db.Ping(t.Context()), db.Close()); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		all.Wait()
	}
}

// toldOf finds a part of the password of TestLocate.
var toldOf = regexp.MustCompile(`sec|ret@`)

func TestLocate(t *testing.T) {
	here, err := os.Getwd()
	must(t, err)
	for _, c := range []struct {
		url  string
		kind engine
		path string // empty: refused
	}{
		{"/data/idpool.db", sqlite, "/data/idpool.db"},
		{"sqlite:/data/idpool.db", sqlite, "/data/idpool.db"},
		{"sqlite:///data/idpool.db", sqlite, "/data/idpool.db"},
		{"/data/odd ?#%20name.db", sqlite, "/data/odd ?#%20name.db"},
		{"postgres://u@h/db", postgres, "postgres://u@h/db"},
		{"postgresql://u@h/db", postgres, "postgresql://u@h/db"},
		{"postgres://u:p%40q@h/db", postgres, "postgres://u:p%40q@h/db"},
		{"postgres://a:1,b:2/db?sslmode=disable&application_name=a@b", postgres, "postgres://a:1,b:2/db?sslmode=disable&application_name=a@b"},
		{"postgres:///db?host=/run/postgresql", postgres, "postgres:///db?host=/run/postgresql"},
		{"postgres://u:p?q@h/db", postgres, "postgres://u:p?q@h/db"}, // the password has a ?
		{"sqlite:host=a", sqlite, filepath.Join(here, "host=a")},
		{"./user=a", sqlite, filepath.Join(here, "user=a")},
		{"./a@b.db", sqlite, filepath.Join(here, "a@b.db")},
		{"/data/u:p@h/idpool.db", sqlite, "/data/u:p@h/idpool.db"},
		{"../u:p@h.db", sqlite, filepath.Join(filepath.Dir(here), "u:p@h.db")},
		{"idpool.db", sqlite, filepath.Join(here, "idpool.db")},
		{"12:30.db", sqlite, filepath.Join(here, "12:30.db")},
		{"a@b.db", sqlite, filepath.Join(here, "a@b.db")},
		{"a@b:c.db", sqlite, filepath.Join(here, "a@b:c.db")},
		{"sqlite:x.db", sqlite, filepath.Join(here, "x.db")},
		{"sqlite:u:p@h.db", sqlite, filepath.Join(here, "u:p@h.db")},
		{"postgres:idpool:secret@h/db", sqlite, ""},
		{"postgres//u:secret@h/db", sqlite, ""},
		{"postgresql//secret@h/db", sqlite, ""},
		{"Postgres/u:secret@h/db", sqlite, ""},
		{"//u:secret@h/db", sqlite, ""},
		{"idpool:secret@host:5432/db", sqlite, ""},
		{"idpool:1/secret@host:5432/db", sqlite, ""},
		{"\tpostgres://u:secret@h/db", sqlite, ""},
		{" idpool:secret@h/db", sqlite, ""},
		{"host=127.0.0.1 user=secret", sqlite, ""},
		{"mysql://u:secret@h/db", sqlite, ""},
		{"u:secret://h/db", sqlite, ""},
		{"file:secret", sqlite, ""},
		{"postgres://u:sec@ret@127.0.0.1/db", sqlite, ""},
		{"postgresql://u:sec@ret@127.0.0.1/db", sqlite, ""},
		{"postgres://u:@secret@h", sqlite, ""},
		{"postgres://u:1/secret@h/db", sqlite, ""},
		{"postgres://u:1?/secret@h/db", sqlite, ""},
		{"postgres://u:1@h?secret@h/db", sqlite, ""},
		{"postgres://u@h/db?password=1&secret", sqlite, ""},
		{"postgres://u@h/db?password=1=secret", sqlite, ""},
		{"postgres:/u:secret@h/db", sqlite, ""},
		{"postgres:u:secret@h/db", sqlite, ""},
		{"PostgreSQL://u:secret@h/db", sqlite, ""},
		{" postgres://u:secret@h/db", sqlite, ""},
		{"host=h password=secret", sqlite, ""},
		{"PASSWORD = 'secret' host=h", sqlite, ""},
		{"user=u password=secret", sqlite, ""},
		{"sslmode=disable password=secret", sqlite, ""},
		{"dbname=d password=secret", sqlite, ""},
		{":memory:", sqlite, ""},
		{"sqlite:", sqlite, ""},
		{"", sqlite, ""},
	} {
		kind, path, err := locate(c.url)
		if path != c.path || kind != c.kind || (err != nil) != (c.path == "") || err != nil && toldOf.MatchString(err.Error()) {
			t.Errorf("%q: %v %q %v", c.url, kind, path, err)
		}
	}
	for _, url := range []string{" postgres://u@h/db", "\n postgresql://u@h/db"} {
		if _, _, err := locate(url); !errors.Is(err, errPgBlank) {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, path, err := locate("relative.db"); err != nil || !filepath.IsAbs(path) {
		t.Errorf("a relative path: %q, %v", path, err)
	}
}

func TestOpenErrors(t *testing.T) {
	for name, url := range map[string]string{
		"no folder": filepath.Join(t.TempDir(), "no", "folder", "db"),
		"no server": "postgres://nobody@127.0.0.1:1/none?connect_timeout=2",
	} {
		if _, err := Open(t.Context(), url, Options{}); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	odd := filepath.Join(t.TempDir(), "odd ?#%20name.db")
	db := openAt(t, odd, Options{})
	must(t, db.Ping(t.Context()))
	if found, _ := filepath.Glob(filepath.Join(filepath.Dir(odd), "odd ?#%20name.db")); len(found) != 1 {
		t.Error("the file has another name than it was given")
	}
}

// A node of the last release starts beside nodes of the next, which have migrated already.
func TestOpenTakesANewerSchema(t *testing.T) {
	newer := fixed(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)`)
	for name, url := range map[string]string{"sqlite": filepath.Join(t.TempDir(), "db"), "postgres": pgURL(t)} {
		db := openAt(t, url, Options{})
		must(t, db.Update(t.Context(), func(tx *Tx) error { return tx.exec(newer) }))
		again, err := Open(t.Context(), url, Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		must(t, again.Close())
	}
}
