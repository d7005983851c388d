package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// faultStage is a database that can be looked at and set back from beside. What it is set back to is in copies of its tables, in
// the schema scene.
type faultStage struct {
	db     *DB // through the striker
	beside *DB
	now    time.Time
	strike *striker
	direct *pgx.Conn
	tables []string
}

func newFaultStage(t *testing.T) *faultStage {
	t.Helper()
	f := &faultStage{}
	url, options := pgURL(t), Options{Now: func() time.Time { return f.now }}
	f.beside, f.direct = openAt(t, url, options), pgDirect(t, url)
	strike, through := startStriker(t, url)
	f.strike, f.db = strike, openAt(t, through, options)
	_, columns := schema(t)
	for name := range columns {
		f.tables = append(f.tables, strings.ToLower(name))
	}
	slices.Sort(f.tables)
	pgExec(t, f.direct, "CREATE SCHEMA scene; "+f.onEach("CREATE TABLE scene.%[1]s AS TABLE %[1]s")+`;
		CREATE FUNCTION scene.reset() RETURNS VOID LANGUAGE plpgsql AS $$ BEGIN `+ // whose plans are kept
		f.onEach("DELETE FROM %s", "INSERT INTO %[1]s SELECT * FROM scene.%[1]s")+`; END $$`)
	return f
}

// onEach makes statements for each table.
func (f *faultStage) onEach(sql ...string) string {
	var all []string
	for _, table := range f.tables {
		for _, text := range sql {
			all = append(all, fmt.Sprintf(text, table))
		}
	}
	return strings.Join(all, "; ")
}

// set sets the scene, with what comes beyond it. It is of the day before, so that a change shows in the times that it writes.
func (f *faultStage) set(t *testing.T, given []func(*Tx) error) {
	t.Helper()
	f.settle(t)
	pgExec(t, f.direct, f.onEach("DELETE FROM %s"))
	f.now = time.UnixMilli(1_800_000_000_000)
	change(t, f.beside, scene)
	for _, do := range given {
		change(t, f.beside, do)
	}
	f.now = f.now.Add(24 * time.Hour)
	pgExec(t, f.direct, f.onEach("DELETE FROM scene.%s", "INSERT INTO scene.%[1]s SELECT * FROM %[1]s"))
}

// reset sets the same scene again.
func (f *faultStage) reset(t *testing.T) {
	t.Helper()
	f.settle(t)
	pgExec(t, f.direct, "SELECT scene.reset()")
}

// busy counts who else has a transaction open. The server rolls back what a lost connection was at when it finds the loss.
const busy = `SELECT COUNT(*) FROM pg_stat_activity
	WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL`

func (f *faultStage) settle(t *testing.T) {
	t.Helper()
	until(t, func() bool {
		var n int
		must(t, f.direct.QueryRow(t.Context(), busy).Scan(&n))
		return n == 0
	})
}

// drawn are the tables whose version is any number that it was not before, with their keys. A dump tells whether it has changed,
// which is what caches go by.
var drawn = map[string]string{"accounts": "id", "pools": "key", "oidc_providers": "name", "saml_providers": "name"}

// dump is all that there is.
func (f *faultStage) dump(t *testing.T) string {
	t.Helper()
	var parts []string
	for _, table := range f.tables {
		row := "CAST(to_jsonb(x) AS TEXT)"
		if key := drawn[table]; key != "" {
			row = fmt.Sprintf(`CAST(to_jsonb(x) - 'version' AS TEXT) || CASE
				WHEN (x.%[2]s, x.version) IN (SELECT %[2]s, version FROM scene.%[1]s) THEN ' as before' ELSE ' changed' END`, table, key)
		}
		parts = append(parts, fmt.Sprintf("SELECT '%[1]s ' || %[2]s AS line FROM %[1]s x", table, row))
	}
	rows, err := f.direct.Query(t.Context(), strings.Join(parts, " UNION ALL "))
	must(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// try makes one change again and again, and lets its first statement be struck, its second one, and so on, and then none. It
// returns the texts of those that were struck.
func (f *faultStage) try(t *testing.T, c *fallible, kind trouble, before, after string) (struck []string) {
	t.Helper()
	for n := 1; ; n++ {
		f.reset(t)
		f.strike.arm(kind, n)
		err := f.db.Update(t.Context(), c.do)
		seen, hit, commit := f.strike.done()
		if !hit {
			if n <= 3 || err != nil { // BEGIN, something, COMMIT
				t.Errorf("%s: %d statements, %v", c.name, n-1, err)
			}
			return struck
		}
		struck = append(struck, seen[n-1])
		want, unknown := after, commit && kind >= lostBefore
		if unknown && kind == lostBefore {
			want = before
		}
		if errors.Is(err, ErrUnknownOutcome) != unknown || !unknown && err != nil {
			t.Errorf("%s: %s statement %d, %s: %v", c.name, kind, n, seen[n-1], err)
		}
		if got := f.dump(t); got != want {
			t.Errorf("%s: %s statement %d, %s (-want +got):\n%s", c.name, kind, n, seen[n-1], cmp.Diff(want, got))
		}
	}
}

// testsOwn are statements that only tests use.
var testsOwn = []*stmt{testPut, testCounter, testWrite, testIdentity, testNoKeys, benchIdentity, benchLogin}

// Whatever statement of a change the server refuses with a failure that a repeat heals, the change is made, once. A connection
// that is lost at a statement heals too, unless COMMIT was under way: then the error says so, and all is there or nothing.
// There is no statement that writes of which this is not known.
func TestEveryStatementMayFail(t *testing.T) { failEveryStatement(t, troubles...) }

func failEveryStatement(t *testing.T, kinds ...trouble) {
	t.Helper()
	f := newFaultStage(t)
	struck := map[trouble][]string{}
	for _, c := range changes {
		f.set(t, c.given)
		before := f.dump(t)
		change(t, f.beside, c.do)
		after := f.dump(t)
		if before == after {
			t.Errorf("%s changes nothing", c.name)
		}
		for _, kind := range kinds {
			struck[kind] = append(struck[kind], f.try(t, &c, kind, before, after)...)
		}
	}
	for _, q := range statements {
		for _, kind := range kinds {
			if !q.reads && !slices.Contains(testsOwn, q) && !slices.Contains(struck[kind], q.text[postgres]) {
				t.Errorf("among the changes is none that meets %s at: %v", kind, q)
			}
		}
	}
}

// A View outlives the same troubles: it changes nothing, so nothing is unknown.
func TestEveryStatementOfAViewMayFail(t *testing.T) {
	f := newFaultStage(t)
	f.set(t, nil)
	for name, statements := range map[string]int{"one": 1, "two": 4} { // the first run's, BEGIN, and two
		for _, kind := range troubles {
			for n := range statements {
				f.strike.arm(kind, n+1)
				var logins int
				err := f.db.View(t.Context(), func(tx *Tx) error {
					_, found, err := tx.FindIdentity(regionR, uuid(2))
					logins = len(found.Logins)
					if err == nil && name == "two" {
						_, err = tx.Pool(Scope{accountA, regionR}, uuid(7))
					}
					return err
				})
				if _, struck, _ := f.strike.done(); !struck || err != nil || logins != 2 {
					t.Errorf("%s statements: %s statement %d: struck %v, %d logins, %v", name, kind, n+1, struck, logins, err)
				}
			}
		}
	}
}
