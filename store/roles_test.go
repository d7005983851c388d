package store

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRoles(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		withPool(t, db)
		role := &Role{
			Account: accountA, Name: "Reader", Path: "/team/", UniqueID: "AROA1", Trust: "{}", MaxSession: 2 * time.Hour,
			Tags: map[string]string{"k": "v"},
		}
		before := versionA(t, db)
		change(t, db, func(tx *Tx) error {
			return errors.Join(tx.CreateRole(role), tx.PutRolePolicy(accountA, "READER", "p", "{}"))
		})
		look(t, db, func(tx *Tx) error {
			got, err := tx.Role(accountA, "reader")
			role.Created = got.Created
			if diff := cmp.Diff(role, got); diff != "" {
				t.Errorf("role (-sent +read):\n%s", diff)
			}
			policies, err2 := tx.RolePolicies(accountA, "Reader")
			version, err3 := tx.AccountVersion(accountA)
			if len(policies) != 1 || version == before {
				t.Errorf("%d policies, and the account has version %d as before", len(policies), version)
			}
			s, err4 := tx.SessionOfRole("AROA1")
			if s.Account != accountA || s.RoleName != "Reader" {
				t.Errorf("the role's sessions are %+v", s)
			}
			return errors.Join(err, err2, err3, err4)
		})
		change(t, db, func(tx *Tx) error { return tx.SetRoleTrust(accountA, "READER", `{"changed":true}`) })
		look(t, db, func(tx *Tx) error {
			got, err := tx.Role(accountA, "Reader")
			n, err2 := tx.RoleCount(accountA)
			none, err3 := tx.RoleCount(accountB)
			if got.Trust != `{"changed":true}` || n != 1 || none != 0 {
				t.Errorf("the trust policy is %s, of %d roles, elsewhere %d", got.Trust, n, none)
			}
			return errors.Join(err, err2, err3)
		})
		absent(t, db, map[string]func(*Tx) error{
			"role of another account":        func(tx *Tx) error { _, err := tx.Role(accountB, "Reader"); return err },
			"session of an unknown role":     func(tx *Tx) error { _, err := tx.SessionOfRole("AROA2"); return err },
			"session of an unknown identity": func(tx *Tx) error { _, err := tx.SessionOfIdentity("AROA1", uuid(9)); return err },
		})
		twice := *role
		twice.Name, twice.UniqueID = "READER", "AROA3"
		if err := db.Update(t.Context(), func(tx *Tx) error { return tx.CreateRole(&twice) }); !errors.Is(err, ErrExists) {
			t.Errorf("the same role name in capitals: %v, want ErrExists", err)
		}
	})
}

func TestSessionOfIdentity(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		p := withPool(t, db)
		role := &Role{Account: accountA, Name: "R", Path: "/", UniqueID: "AROA1", Trust: "{}"}
		change(t, db, func(tx *Tx) error {
			return errors.Join(tx.CreateRole(role), tx.CreateIdentity(p.Key, uuid(1)), tx.CreateIdentity(p.Key, uuid(2)))
		})
		read := func(tx *Tx) error { _, err := tx.SessionOfIdentity("AROA1", uuid(1)); return err }
		look(t, db, read)
		change(t, db, func(tx *Tx) error { return tx.Absorb(uuid(1), uuid(2)) })
		if err := db.View(t.Context(), read); !errors.Is(err, ErrNotFound) {
			t.Errorf("of a disabled identity: %v, want ErrNotFound", err)
		}
	})
}
