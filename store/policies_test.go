package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

func policyA(name string) *Policy {
	return &Policy{Account: accountA, Name: name, Path: "/", UniqueID: "ANPA" + name, Tags: map[string]string{}}
}

func roleA(name string) *Role {
	return &Role{Account: accountA, Name: name, Path: "/", UniqueID: "AROA" + name, Trust: "{}", MaxSession: time.Hour}
}

func userA(name string) *User {
	return &User{Account: accountA, Name: name, Path: "/", UniqueID: "AIDA" + name, Tags: map[string]string{}}
}

func TestPolicies(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		withPool(t, db)
		sent := &Policy{
			Account: accountA, Name: "Reader", Path: "/team/", UniqueID: "ANPA1", Description: "é\U0001F511",
			Tags: map[string]string{"k": "v"},
		}
		before := versionA(t, db)
		change(t, db, func(tx *Tx) error { return tx.CreatePolicy(sent, "one") })
		read := func() (p *Policy, version int64) {
			t.Helper()
			look(t, db, func(tx *Tx) (err error) {
				if p, err = tx.Policy(accountA, "arn:aws:iam::111111111111:policy/team/Reader"); err != nil {
					return err
				}
				version, err = tx.AccountVersion(accountA)
				return err
			})
			return p, version
		}
		got, version := read()
		if diff := cmp.Diff(sent, got); diff != "" || version == before || got.Default != 1 || got.Created.IsZero() {
			t.Errorf("account version %d; the policy (-sent +read):\n%s", version, diff)
		}

		// The next version acts when it is made the default one; numbers are never used again.
		change(t, db, func(tx *Tx) error { return tx.CreatePolicyVersion(got, "two") })
		second, after := read()
		if second.Default != 1 || second.Latest != 2 || after == version {
			t.Errorf("after a second version: %+v, account version %d", second, after)
		}
		second.Default, second.Tags = 2, map[string]string{}
		change(t, db, func(tx *Tx) error {
			return errors.Join(tx.ChangePolicy(second), tx.DeletePolicyVersion(second, 1), tx.CreatePolicyVersion(second, "three"), tx.DeletePolicyVersion(second, 3), tx.CreatePolicyVersion(second, "four"))
		})
		look(t, db, func(tx *Tx) error {
			p, err := tx.Policy(accountA, sent.ARN())
			versions, err2 := tx.PolicyVersions(p)
			v, err3 := tx.PolicyVersion(p, 4)
			if err := errors.Join(err, err2, err3); err != nil {
				return err
			}
			if p.Default != 2 || p.Latest != 4 || len(p.Tags) != 0 || len(versions) != 2 || versions[0].Number != 2 || versions[1].Number != 4 || v.Document != "four" || v.Created.IsZero() {
				t.Errorf("%+v has the versions %+v, the last of which is %+v", p, versions, v)
			}
			return nil
		})

		twice := policyA("READER")
		if err := db.Update(t.Context(), func(tx *Tx) error { return tx.CreatePolicy(twice, "x") }); !errors.Is(err, ErrExists) {
			t.Errorf("the same name in capitals, under another path: %v, want ErrExists", err)
		}
		absent(t, db, map[string]func(*Tx) error{
			"of another account": func(tx *Tx) error { _, err := tx.Policy(accountB, sent.ARN()); return err },
			"in other letters": func(tx *Tx) error {
				_, err := tx.Policy(accountA, "arn:aws:iam::111111111111:policy/team/reader")
				return err
			},
			"without its path": func(tx *Tx) error {
				_, err := tx.Policy(accountA, "arn:aws:iam::111111111111:policy/Reader")
				return err
			},
			"a version that is gone":  func(tx *Tx) error { _, err := tx.PolicyVersion(sent, 1); return err },
			"a version that is to be": func(tx *Tx) error { _, err := tx.PolicyVersion(sent, 5); return err },
		})

		change(t, db, func(tx *Tx) error { return tx.DeletePolicy(second) })
		absent(t, db, map[string]func(*Tx) error{
			"deleted":                      func(tx *Tx) error { _, err := tx.Policy(accountA, sent.ARN()); return err },
			"a version of the deleted one": func(tx *Tx) error { _, err := tx.PolicyVersion(sent, 2); return err },
		})
	})
}

// Pages go by the bytes of names in lower case, and every filter is kept to.
func TestPolicyPages(t *testing.T) {
	const builtin = "arn:aws:iam::aws:policy/AdministratorAccess"
	eachEngine(t, func(t *testing.T, db *DB) {
		withPool(t, db)
		role, user, bounded := roleA("R"), userA("U"), userA("V")
		bounded.Boundary = "arn:aws:iam::111111111111:policy/b_c"
		change(t, db, func(tx *Tx) error {
			errs := []error{tx.CreateRole(role), tx.CreateUser(user), tx.CreateUser(bounded)}
			for _, name := range []string{"b", "a-b", "A", "ab", "b_c", "B-C"} {
				p := policyA(name)
				if name == "ab" {
					p.Path = "/x_y/"
				}
				errs = append(errs, tx.CreatePolicy(p, "{}"))
			}
			other := policyA("theirs")
			other.Account = accountB
			return errors.Join(append(errs, tx.CreatePolicy(other, "{}"),
				tx.AttachPolicy(accountA, RoleKind, role.UniqueID, policyA("b").ARN()), tx.AttachPolicy(accountA, UserKind, user.UniqueID, policyA("b").ARN()),
				tx.AttachPolicy(accountA, RoleKind, role.UniqueID, policyA("A").ARN()), tx.AttachPolicy(accountA, RoleKind, role.UniqueID, builtin))...)
		})
		for _, row := range []struct {
			name   string
			filter PolicyFilter
			after  string
			limit  int
			want   []string
		}{
			{"all", PolicyFilter{}, "", 10, []string{"A", "a-b", "ab", "b", "B-C", "b_c"}},
			{"the first two", PolicyFilter{}, "", 2, []string{"A", "a-b"}},
			{"the next two", PolicyFilter{}, "a-b", 2, []string{"ab", "b"}},
			{"after one that is gone", PolicyFilter{}, "b-", 2, []string{"B-C", "b_c"}},
			{"a path", PolicyFilter{PathPrefix: "/x_y/"}, "", 10, []string{"ab"}},
			{"a path with what LIKE would take for a letter", PolicyFilter{PathPrefix: "/x__/"}, "", 10, nil},
			{"a path in capitals", PolicyFilter{PathPrefix: "/X_Y/"}, "", 10, nil},
			{"used", PolicyFilter{Uses: 1}, "", 10, []string{"A", "b", "b_c"}},
			{"attached", PolicyFilter{Attachments: 1}, "", 10, []string{"A", "b"}},
			{"attached, by page", PolicyFilter{Attachments: 1}, "a", 1, []string{"b"}},
			{"boundaries", PolicyFilter{Boundaries: 1}, "", 10, []string{"b_c"}},
		} {
			var got []string
			look(t, db, func(tx *Tx) error {
				page, err := tx.Policies(accountA, row.filter, row.after, row.limit)
				for i := range page {
					got = append(got, page[i].Name)
				}
				return err
			})
			if !slices.Equal(got, row.want) {
				t.Errorf("%s: %v, want %v", row.name, got, row.want)
			}
		}
		look(t, db, func(tx *Tx) error {
			n, err := tx.PolicyCount(accountA)
			p, err2 := tx.Policy(accountA, policyA("b").ARN())
			attachments, boundaries, err3 := tx.PolicyUses(accountA, builtin)
			elsewhere, _, err4 := tx.PolicyUses(accountB, builtin)
			if err := errors.Join(err, err2, err3, err4); err != nil {
				return err
			}
			if n != 6 || p.Attachments != 2 || p.Boundaries != 0 || attachments != 1 || boundaries != 0 || elsewhere != 0 {
				t.Errorf("%d policies, %+v, the one built in is attached %d times, in another account %d", n, p, attachments, elsewhere)
			}
			return nil
		})
	})
}

func TestRolePages(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		withPool(t, db)
		change(t, db, func(tx *Tx) error {
			var errs []error
			for _, name := range []string{"b", "a-b", "A", "ab", "a_b"} {
				r := roleA(name)
				if name == "a_b" {
					r.Path = "/x/"
				}
				errs = append(errs, tx.CreateRole(r))
			}
			return errors.Join(errs...)
		})
		for _, row := range []struct {
			prefix, after string
			limit         int
			want          []string
		}{
			{"/", "", 10, []string{"A", "a-b", "a_b", "ab", "b"}},
			{"/", "a-b", 2, []string{"a_b", "ab"}},
			{"/x", "", 10, []string{"a_b"}},
			{"/y", "", 10, nil},
		} {
			var got []string
			look(t, db, func(tx *Tx) error {
				page, err := tx.Roles(accountA, row.prefix, row.after, row.limit)
				for i := range page {
					got = append(got, page[i].Name)
				}
				return err
			})
			if !slices.Equal(got, row.want) {
				t.Errorf("%+v: %v", row, got)
			}
		}
		role := roleA("ab")
		role.Description, role.MaxSession, role.Tags, role.Boundary = "d", 2*time.Hour, map[string]string{"k": "v"}, "arn"
		change(t, db, func(tx *Tx) error { return tx.ChangeRole(role) })
		look(t, db, func(tx *Tx) error {
			got, err := tx.Role(accountA, "AB")
			if err == nil {
				role.Created = got.Created
			}
			if diff := cmp.Diff(role, got); diff != "" {
				t.Errorf("role (-sent +read):\n%s", diff)
			}
			return err
		})
	})
}

func TestPolicyEntities(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		withPool(t, db)
		arn := policyA("P").ARN()
		change(t, db, func(tx *Tx) error {
			errs := []error{tx.CreatePolicy(policyA("P"), "{}")}
			for i, name := range []string{"c", "A", "b", "d"} { // b and d have it as their boundary; A both ways
				r, u := roleA(name), userA(name)
				if i%2 == 0 {
					u.Path = "/x/"
				}
				if i > 0 {
					r.Boundary, u.Boundary = arn, arn
				}
				errs = append(errs, tx.CreateRole(r), tx.CreateUser(u))
				if i < 2 {
					errs = append(errs, tx.AttachPolicy(accountA, RoleKind, r.UniqueID, arn), tx.AttachPolicy(accountA, UserKind, u.UniqueID, arn))
				}
			}
			return errors.Join(errs...)
		})
		both := EntityFilter{Attached: true, AsBoundary: true}
		for _, row := range []struct {
			name   string
			filter EntityFilter
			after  string
			limit  int
			want   []string
		}{
			{"all", both, "", 10, []string{"role A", "role b", "role c", "role d", "user A", "user b", "user c", "user d"}},
			{"by page", both, "role/d", 2, []string{"user A", "user b"}},
			{"attached", EntityFilter{Attached: true}, "", 10, []string{"role A", "role c", "user A", "user c"}},
			{"boundary", EntityFilter{AsBoundary: true, Kind: UserKind}, "", 10, []string{"user A", "user b", "user d"}},
			{"roles", EntityFilter{Attached: true, AsBoundary: true, Kind: RoleKind}, "role/b", 1, []string{"role c"}},
			{"a path", EntityFilter{Attached: true, AsBoundary: true, PathPrefix: "/x/"}, "", 10, []string{"user b", "user c"}},
			{"none", EntityFilter{}, "", 10, nil},
		} {
			var got []string
			look(t, db, func(tx *Tx) error {
				page, err := tx.PolicyEntities(accountA, arn, row.filter, row.after, row.limit)
				for _, e := range page {
					got = append(got, string(e.Kind)+" "+e.Name)
				}
				return err
			})
			if !slices.Equal(got, row.want) {
				t.Errorf("%s: %v, want %v", row.name, got, row.want)
			}
		}
		look(t, db, func(tx *Tx) error {
			page, err := tx.PolicyEntities(accountB, arn, both, "", 10)
			if len(page) != 0 {
				t.Errorf("to another account: %v", page)
			}
			return err
		})
	})
}

// One statement has everything of a principal, as of the default versions.
func TestPrincipalPolicies(t *testing.T) {
	const builtin = "arn:aws:iam::aws:policy/AdministratorAccess"
	eachEngine(t, func(t *testing.T, db *DB) {
		withPool(t, db)
		p, b := policyA("P"), policyA("B")
		role, user, bare := roleA("R"), userA("U"), roleA("Bare")
		role.Boundary, user.Boundary = b.ARN(), builtin
		change(t, db, func(tx *Tx) error {
			return errors.Join(tx.CreatePolicy(p, "p1"), tx.CreatePolicy(b, "b1"), tx.CreatePolicyVersion(p, "p2"), tx.CreatePolicyVersion(b, "b2"),
				tx.CreateRole(role), tx.CreateUser(user), tx.CreateRole(bare),
				tx.PutRolePolicy(accountA, "r", "one", "i1"), tx.PutRolePolicy(accountA, "R", "two", "i2"), tx.PutUserPolicy(user, "three", "i3"), tx.PutRolePolicy(accountA, "other", "four", "i4"),
				tx.AttachPolicy(accountA, RoleKind, role.UniqueID, p.ARN()), tx.AttachPolicy(accountA, RoleKind, role.UniqueID, builtin), tx.AttachPolicy(accountA, UserKind, user.UniqueID, p.ARN()))
		})
		of := func(kind PrincipalKind, id string) *PrincipalPolicies {
			t.Helper()
			var got *PrincipalPolicies
			asked := 0
			must(t, db.View(t.Context(), func(tx *Tx) (err error) {
				asked++
				got, err = tx.PrincipalPolicies(accountA, kind, id)
				return err
			}))
			if asked != 1 {
				t.Errorf("the function ran %d times: more than one statement", asked)
			}
			return got
		}
		wantRole := &PrincipalPolicies{
			Inline:   []Document{{"one", "i1"}, {"two", "i2"}},
			Attached: []Document{{p.ARN(), "p1"}, {builtin, ""}},
			Boundary: &Document{b.ARN(), "b1"},
		}
		if diff := cmp.Diff(wantRole, of(RoleKind, role.UniqueID)); diff != "" {
			t.Errorf("the role (-want +got):\n%s", diff)
		}
		wantUser := &PrincipalPolicies{
			Inline: []Document{{"three", "i3"}}, Attached: []Document{{p.ARN(), "p1"}}, Boundary: &Document{builtin, ""},
			Tags: map[string]string{},
		}
		if diff := cmp.Diff(wantUser, of(UserKind, user.UniqueID)); diff != "" {
			t.Errorf("the user (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(&PrincipalPolicies{}, of(RoleKind, bare.UniqueID)); diff != "" {
			t.Errorf("a role without policies (-want +got):\n%s", diff)
		}

		p.Default, role.Boundary = 2, p.ARN()
		change(t, db, func(tx *Tx) error {
			return errors.Join(tx.ChangePolicy(p), tx.ChangeRole(role), tx.DetachPolicy(accountA, role.UniqueID, builtin), tx.DeleteRolePolicy(accountA, "R", "one"))
		})
		wantRole = &PrincipalPolicies{
			Inline: []Document{{"two", "i2"}}, Attached: []Document{{p.ARN(), "p2"}}, Boundary: &Document{p.ARN(), "p2"},
		}
		if diff := cmp.Diff(wantRole, of(RoleKind, role.UniqueID)); diff != "" {
			t.Errorf("the role, changed (-want +got):\n%s", diff)
		}
		absent(t, db, map[string]func(*Tx) error{
			"of another account": func(tx *Tx) error { _, err := tx.PrincipalPolicies(accountB, RoleKind, role.UniqueID); return err },
			"of another kind":    func(tx *Tx) error { _, err := tx.PrincipalPolicies(accountA, UserKind, role.UniqueID); return err },
			"of nobody":          func(tx *Tx) error { _, err := tx.PrincipalPolicies(accountA, RoleKind, "AROANOBODY"); return err },
		})
	})
}

// Of many who attach at the quota's edge as many win as there is room, and whoever loses has seen the others.
func TestAttachAtTheQuota(t *testing.T) {
	const quota, callers = 3, 8
	errFull := errors.New("full")
	eachEngine(t, func(t *testing.T, db *DB) {
		withPool(t, db)
		role := roleA("R")
		change(t, db, func(tx *Tx) error { return tx.CreateRole(role) })
		errs := atOnce(callers, func(i int) error {
			return db.Update(t.Context(), func(tx *Tx) error {
				has, err := tx.AttachedPolicies(role.UniqueID)
				if err != nil {
					return err
				}
				if len(has) >= quota {
					return errFull
				}
				return tx.AttachPolicy(accountA, RoleKind, role.UniqueID, fmt.Sprint("arn", i))
			})
		})
		won := 0
		for i, err := range errs {
			if err == nil {
				won++
			} else if !errors.Is(err, errFull) {
				t.Errorf("caller %d: %v", i, err)
			}
		}
		look(t, db, func(tx *Tx) error {
			has, err := tx.AttachedPolicies(role.UniqueID)
			if won != quota || len(has) != quota {
				t.Errorf("%d have won, %d are attached", won, len(has))
			}
			return err
		})
	})
}

// atOnce runs a function so often at the same time.
func atOnce(n int, f func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	all.Wait()
	return errs
}

// A policy that is deleted while it is attached is either gone and attached to nobody, or there and attached.
func TestDeletePolicyAgainstAttach(t *testing.T) {
	errInUse := errors.New("in use")
	eachEngine(t, func(t *testing.T, db *DB) {
		withPool(t, db)
		role := roleA("R")
		change(t, db, func(tx *Tx) error { return tx.CreateRole(role) })
		for round := range 20 {
			p := policyA(fmt.Sprint("P", round))
			change(t, db, func(tx *Tx) error { return tx.CreatePolicy(p, "{}") })
			errs := atOnce(2, func(i int) error {
				return db.Update(context.Background(), func(tx *Tx) error {
					found, err := tx.Policy(accountA, p.ARN())
					switch {
					case err != nil:
						return err
					case i == 0:
						return tx.AttachPolicy(accountA, RoleKind, role.UniqueID, p.ARN())
					case found.Attachments > 0:
						return errInUse
					}
					return tx.DeletePolicy(found)
				})
			})
			attached, deleted := errs[0], errs[1]
			if !(attached == nil && errors.Is(deleted, errInUse) || deleted == nil && errors.Is(attached, ErrNotFound)) {
				t.Errorf("round %d: attached: %v, deleted: %v", round, attached, deleted)
			}
		}
	})
}

// A database with roles in it gets boundaries, and can be taken back.
func TestMigrateToPolicies(t *testing.T) {
	const role = `INSERT INTO roles (account, name_key, name, path, unique_id, trust, description, max_session, tags, epoch, created)
		VALUES ('111111111111', 'old', 'Old', '/', 'AROAOLD', '{}', '', 3600, '{}', 0, 0)`
	file, url := filepath.Join(t.TempDir(), "idpool.db"), pgURL(t)
	lite, err := sql.Open("sqlite", file)
	must(t, err)
	config, err := pgx.ParseConfig(url)
	must(t, err)
	for dialect, db := range map[goose.Dialect]*sql.DB{goose.DialectSQLite3: lite, goose.DialectPostgres: stdlib.OpenDB(*config)} {
		p, err := provider(dialect, db)
		must(t, err)
		_, err = p.UpTo(t.Context(), 3)
		must(t, err)
		_, err = db.ExecContext(t.Context(), role)
		must(t, err)
		_, err = p.UpTo(t.Context(), 4)
		must(t, err)
		_, err = p.DownTo(t.Context(), 3)
		must(t, errors.Join(err, db.Close()))
	}
	for _, where := range []string{file, url} {
		db := openAt(t, where, Options{})
		look(t, db, func(tx *Tx) error {
			got, err := tx.Role(accountA, "old")
			if err == nil && got.Boundary != "" {
				t.Errorf("%+v", got)
			}
			return err
		})
	}
}
