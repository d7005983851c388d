package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"idpool/identity"

	"github.com/jackc/pgx/v5"
)

// scene is what is there before each change of TestEveryStatementMayFail.
func scene(tx *Tx) error {
	spare := poolP()
	spare.Key, spare.ID = 8, uuid(8)
	policy := &Policy{Account: accountA, Name: "P", Path: "/", UniqueID: "ANPA1"}
	secret := Sealed{Master: []byte("m"), Box: []byte("b")}
	return errors.Join(
		tx.CreateAccount(accountA), tx.CreatePool(poolP()), tx.CreatePool(spare),
		tx.CreateIdentity(7, uuid(1)), tx.CreateIdentity(7, uuid(2)), tx.CreateIdentity(7, uuid(3)),
		tx.Link(7, uuid(1), login("alice")), tx.Link(7, uuid(2), login("bob"), login("bob@work")),
		tx.CreateRole(&Role{Account: accountA, Name: "R", Path: "/", UniqueID: "AROA1", Trust: "{}"}),
		tx.CreateUser(&User{Account: accountA, Name: "U", Path: "/", UniqueID: "AIDA1"}),
		tx.CreatePolicy(policy, "{}"), tx.AttachPolicy(accountA, RoleKind, "AROA1", policy.ARN()),
		tx.CreateAccessKey(&AccessKey{ID: "AKIA1", Account: accountA, User: "AIDA1", Active: true, Secret: secret}),
		tx.CreateOIDCProvider(&OIDCProvider{Account: accountA, Name: "login.example.com", ClientIDs: []string{"a"}}),
		tx.BindAssertion([32]byte{1}, 7, uuid(2), tx.Now().Add(time.Hour)))
}

// withP gives a change the pool P, as it is in its transaction.
func withP(change func(tx *Tx, p *identity.Pool) error) func(*Tx) error {
	return func(tx *Tx) error {
		p, err := tx.Pool(Scope{accountA, regionR}, uuid(7))
		if err != nil {
			return err
		}
		return change(tx, p)
	}
}

func withPolicy(change func(tx *Tx, p *Policy) error) func(*Tx) error {
	return func(tx *Tx) error {
		p, err := tx.Policy(accountA, (&Policy{Account: accountA, Path: "/", Name: "P"}).ARN())
		if err != nil {
			return err
		}
		return change(tx, p)
	}
}

// changes are the Updates of the product, as its services do them: they read what they go by, and write.
var changes = []struct {
	name string
	do   func(*Tx) error
}{
	{"a guest", func(tx *Tx) error { return tx.CreateIdentity(7, uuid(9)) }},
	{"a first sign-in", func(tx *Tx) error {
		ref, owners, err := tx.FindPool(regionR, uuid(7), [][32]byte{login("carol").Hash()})
		if err != nil || len(owners) > 0 {
			return errors.Join(err, errOwn)
		}
		return errors.Join(tx.CreateIdentity(ref.Key, uuid(9)), tx.Link(ref.Key, uuid(9), login("carol"), login("carol@work")))
	}},
	{"a link", func(tx *Tx) error {
		named, err := tx.Identity(7, uuid(1))
		if err != nil || len(named.Logins) != 1 {
			return errors.Join(err, errOwn)
		}
		return errors.Join(tx.Link(7, uuid(1), login("carol")), tx.Touch(uuid(1)))
	}},
	{"a merge", func(tx *Tx) error {
		source, err := tx.Owner(7, login("bob"))
		if err != nil {
			return err
		}
		destination, err := tx.Owner(7, login("alice"))
		if err != nil || destination.ID == source.ID {
			return errors.Join(err, errOwn)
		}
		return errors.Join(tx.Absorb(source.ID, destination.ID), tx.Touch(destination.ID))
	}},
	{"an unlink", func(tx *Tx) error {
		if _, err := tx.Identity(7, uuid(1)); err != nil {
			return err
		}
		return errors.Join(tx.Unlink(7, login("alice")), tx.Disable(uuid(1)))
	}},
	{"a deletion of identities", func(tx *Tx) error {
		for _, n := range []byte{1, 2} {
			if _, err := tx.IdentityOf(Scope{accountA, regionR}, uuid(n)); err != nil {
				return err
			}
			if err := tx.DeleteIdentity(uuid(n)); err != nil {
				return err
			}
		}
		return nil
	}},
	{"an assertion", func(tx *Tx) error { return tx.BindAssertion([32]byte{2}, 7, uuid(1), tx.Now().Add(time.Hour)) }},
	{"a new pool", func(tx *Tx) error {
		if n, err := tx.PoolCount(Scope{accountA, regionR}); err != nil || n != 2 {
			return errors.Join(err, errOwn)
		}
		p := poolP()
		p.Key, p.ID = 9, uuid(9)
		return tx.CreatePool(p)
	}},
	{"a change of a pool", withP(func(tx *Tx, p *identity.Pool) error { p.Name = "q"; return tx.UpdatePool(p) })},
	{"a deletion of a pool", withP(func(tx *Tx, p *identity.Pool) error { return tx.DeletePool(p) })},
	{"a revocation of a pool", withP(func(tx *Tx, p *identity.Pool) error { return tx.RevokePool(p) })},
	{"a revocation of an identity", func(tx *Tx) error { return tx.RevokeIdentity(uuid(1)) }},
	{"a new role", func(tx *Tx) error {
		if n, err := tx.RoleCount(accountA); err != nil || n != 1 {
			return errors.Join(err, errOwn)
		}
		return tx.CreateRole(&Role{Account: accountA, Name: "S", Path: "/", UniqueID: "AROA2", Trust: "{}"})
	}},
	{"a change of a role", func(tx *Tx) error {
		r, err := tx.Role(accountA, "R")
		if err != nil {
			return err
		}
		r.Description = "changed"
		return errors.Join(tx.ChangeRole(r), tx.PutRolePolicy(accountA, "R", "p", "{}"), tx.RevokeRole(accountA, "R"))
	}},
	{"a new version of a policy", withPolicy(func(tx *Tx, p *Policy) error { return tx.CreatePolicyVersion(p, "{2}") })},
	{"a detachment", withPolicy(func(tx *Tx, p *Policy) error { return tx.DetachPolicy(accountA, "AROA1", p.ARN()) })},
	{"a new key of a user", func(tx *Tx) error {
		if keys, err := tx.AccessKeys(accountA, "AIDA1"); err != nil || len(keys) != 1 {
			return errors.Join(err, errOwn)
		}
		return tx.CreateAccessKey(&AccessKey{ID: "AKIA2", Account: accountA, User: "AIDA1", Secret: Sealed{Master: []byte("m"), Box: []byte("b")}})
	}},
	{"a change of a provider", func(tx *Tx) error {
		p, err := tx.OIDCProvider(accountA, "login.example.com")
		if err != nil {
			return err
		}
		p.ClientIDs = append(p.ClientIDs, "b")
		return tx.ChangeOIDCProvider(p)
	}},
}

// faultStage is a database that can be looked at and set back from beside.
type faultStage struct {
	db     *DB // through the striker
	beside *DB
	strike *striker
	direct *pgx.Conn
	tables []string
}

func newFaultStage(t *testing.T) *faultStage {
	t.Helper()
	clock := func() time.Time { return time.UnixMilli(1_800_000_000_000) }
	url := pgURL(t)
	f := &faultStage{beside: openAt(t, url, Options{Now: clock}), direct: pgDirect(t, url)}
	strike, through := startStriker(t, url)
	f.strike, f.db = strike, openAt(t, through, Options{Now: clock})
	_, columns := schema(t)
	for name := range columns {
		f.tables = append(f.tables, strings.ToLower(name))
	}
	return f
}

// busy counts who else has a transaction open. The server rolls back what a lost connection was at when it finds the loss.
const busy = `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL`

// reset sets the scene.
func (f *faultStage) reset(t *testing.T) {
	t.Helper()
	until(t, func() bool {
		var n int
		must(t, f.direct.QueryRow(t.Context(), busy).Scan(&n))
		return n == 0
	})
	pgExec(t, f.direct, "DELETE FROM "+strings.Join(f.tables, "; DELETE FROM "))
	change(t, f.beside, scene)
}

// dump is all that there is.
func (f *faultStage) dump(t *testing.T) string {
	t.Helper()
	var parts []string
	for _, table := range f.tables {
		parts = append(parts, fmt.Sprintf(`SELECT '%s ' || CAST(x AS TEXT) AS line FROM %s x`, table, table))
	}
	rows, err := f.direct.Query(t.Context(), strings.Join(parts, " UNION ALL "))
	must(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// Whatever statement of a change the server refuses with a failure that a repeat heals, the change is made, once. A connection
// that is lost at a statement heals too, unless COMMIT was under way: then the error says so, and all is there or nothing.
func TestEveryStatementMayFail(t *testing.T) {
	f := newFaultStage(t)
	for _, c := range changes {
		f.reset(t)
		before := f.dump(t)
		change(t, f.beside, c.do)
		after := f.dump(t)
		if before == after {
			t.Errorf("%s changes nothing", c.name)
		}
		for _, kind := range []trouble{serialization, deadlock, lostBefore, lostAfter} {
			for n := 1; ; n++ {
				f.reset(t)
				f.strike.arm(kind, n)
				err := f.db.Update(t.Context(), c.do)
				seen, struck, commit := f.strike.done()
				if !struck {
					if n < 3 || err != nil { // BEGIN, something, COMMIT
						t.Errorf("%s: %d statements, %v", c.name, n-1, err)
					}
					break
				}
				want, unknown := after, commit && kind >= lostBefore
				if unknown && kind == lostBefore {
					want = before
				}
				if errors.Is(err, ErrUnknownOutcome) != unknown || !unknown && err != nil {
					t.Errorf("%s: %s statement %d, %s: %v", c.name, kind, n, seen[n-1], err)
				}
				if got := f.dump(t); got != want {
					t.Errorf("%s: %s statement %d, %s: there is\n%s\nnot\n%s", c.name, kind, n, seen[n-1], got, want)
				}
			}
		}
	}
}

// A View outlives the same troubles: it changes nothing, so nothing is unknown.
func TestEveryStatementOfAViewMayFail(t *testing.T) {
	f := newFaultStage(t)
	f.reset(t)
	for name, statements := range map[string]int{"one": 1, "two": 4} { // the first run's, BEGIN, and two
		for _, kind := range []trouble{serialization, deadlock, lostBefore, lostAfter} {
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
