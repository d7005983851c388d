package store

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"idpool/identity"
)

func TestIdentities(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		p := withPool(t, db)
		// A subject may hold any byte, and be long.
		odd := identity.Login{Provider: "login.example.com", Subject: "a\x00b" + string(bytes.Repeat([]byte("x"), 1024))}
		change(t, db, func(tx *Tx) error {
			return errors.Join(tx.CreateIdentity(p.Key, uuid(1)), tx.Link(p.Key, uuid(1), odd, login("alice")),
				tx.CreateIdentity(p.Key, uuid(2)), tx.CreateIdentity(999, uuid(3)))
		})
		version := versionA(t, db)
		look(t, db, func(tx *Tx) error {
			ref, got, err := tx.FindIdentity(regionR, uuid(1))
			want := PoolRef{Key: p.Key, ID: p.ID, Account: accountA, Region: regionR, Version: p.Version, AccountVersion: version}
			if ref != want {
				t.Errorf("the pool is %+v, want %+v", ref, want)
			}
			if diff := cmp.Diff([]identity.Login{odd, login("alice")}, got.Logins); diff != "" {
				t.Errorf("logins (-sent +read):\n%s", diff)
			}
			if got.Created.IsZero() || !got.Created.Equal(got.Modified) {
				t.Errorf("created %v, modified %v", got.Created, got.Modified)
			}
			return err
		})
		absent(t, db, map[string]func(*Tx) error{
			"another region":            func(tx *Tx) error { _, _, err := tx.FindIdentity("eu-west-1", uuid(1)); return err },
			"another pool":              func(tx *Tx) error { _, err := tx.Identity(8, uuid(1)); return err },
			"put into a pool not there": func(tx *Tx) error { _, _, err := tx.FindIdentity(regionR, uuid(3)); return err },
		})
		err := db.Update(t.Context(), func(tx *Tx) error { return tx.Link(p.Key, uuid(2), login("alice")) })
		if !errors.Is(err, ErrExists) {
			t.Errorf("a login for two identities: %v, want ErrExists", err)
		}
	})
}

func TestOwners(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		p := withPool(t, db)
		change(t, db, func(tx *Tx) error {
			return errors.Join(tx.CreateIdentity(p.Key, uuid(1)), tx.CreateIdentity(p.Key, uuid(2)),
				tx.Link(p.Key, uuid(1), login("alice")), tx.Link(p.Key, uuid(2), login("bob")))
		})
		alice, bob, nobody := login("alice").Hash(), login("bob").Hash(), login("nobody").Hash()
		for _, tt := range []struct {
			name   string
			hashes [][32]byte
			want   []Owner
		}{
			{"none asked", nil, nil},
			{"unknown", [][32]byte{nobody}, nil},
			{"one", [][32]byte{alice}, []Owner{{alice, uuid(1), 0}}},
			{"two", [][32]byte{alice, bob}, []Owner{{alice, uuid(1), 0}, {bob, uuid(2), 0}}},
			{"one of two", [][32]byte{nobody, bob}, []Owner{{bob, uuid(2), 0}}},
			{"one of ten", append(slices.Repeat([][32]byte{nobody}, 9), alice), []Owner{{alice, uuid(1), 0}}},
		} {
			look(t, db, func(tx *Tx) error {
				_, owners, err := tx.FindPool(regionR, p.ID, tt.hashes)
				slices.SortFunc(owners, func(a, b Owner) int { return bytes.Compare(a.Identity[:], b.Identity[:]) })
				if !slices.Equal(owners, tt.want) {
					t.Errorf("%s: owners %v, want %v", tt.name, owners, tt.want)
				}
				return err
			})
		}
	})
}

func TestAbsorb(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		p := withPool(t, db)
		change(t, db, func(tx *Tx) error {
			return errors.Join(tx.CreateIdentity(p.Key, uuid(1)), tx.CreateIdentity(p.Key, uuid(2)),
				tx.Link(p.Key, uuid(1), login("alice")), tx.Link(p.Key, uuid(2), login("bob")))
		})
		change(t, db, func(tx *Tx) error { return errors.Join(tx.Absorb(uuid(2), uuid(1)), tx.Touch(uuid(1))) })
		look(t, db, func(tx *Tx) error {
			parent, err := tx.Identity(p.Key, uuid(1))
			loser, err2 := tx.Identity(p.Key, uuid(2))
			if len(parent.Logins) != 2 || len(loser.Logins) != 0 || !loser.Disabled || loser.Epoch != 1 {
				t.Errorf("the parent is %+v, the loser %+v", parent, loser)
			}
			visible, err3 := tx.Identities(p.Key, nil, true, 10)
			all, err4 := tx.Identities(p.Key, nil, false, 10)
			if len(visible) != 1 || len(all) != 2 {
				t.Errorf("%d identities without the disabled, %d with", len(visible), len(all))
			}
			return errors.Join(err, err2, err3, err4)
		})
	})
}

func TestOwner(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		p := withPool(t, db)
		odd := identity.Login{Provider: "login.example.com", Subject: "a\x00" + string(bytes.Repeat([]byte("x"), 1024))}
		change(t, db, func(tx *Tx) error {
			return errors.Join(tx.CreateIdentity(p.Key, uuid(1)), tx.CreateIdentity(p.Key, uuid(2)),
				tx.Link(p.Key, uuid(1), login("alice"), odd), tx.Link(p.Key, uuid(2), login("bob")))
		})
		for _, l := range []identity.Login{login("alice"), odd} {
			var owner *identity.Identity
			must(t, db.View(t.Context(), func(tx *Tx) (err error) { owner, err = tx.Owner(p.Key, l); return err }))
			if owner.ID != uuid(1) || owner.Pool != p.Key || len(owner.Logins) != 2 || owner.Created.IsZero() {
				t.Errorf("the owner is %+v", owner)
			}
		}
		absent(t, db, map[string]func(*Tx) error{
			"nobody's login": func(tx *Tx) error { _, err := tx.Owner(p.Key, login("nobody")); return err },
			"another pool":   func(tx *Tx) error { _, err := tx.Owner(8, login("alice")); return err },
			"another provider": func(tx *Tx) error {
				_, err := tx.Owner(p.Key, identity.Login{Provider: "x", Subject: "alice"})
				return err
			},
		})
	})
}

// Logins that are taken away can be given anew, in the same transaction too; others stay.
func TestUnlink(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		p := withPool(t, db)
		other := poolP()
		other.Key, other.ID = 8, uuid(8)
		change(t, db, func(tx *Tx) error {
			return errors.Join(tx.CreatePool(other), tx.CreateIdentity(p.Key, uuid(1)), tx.CreateIdentity(p.Key, uuid(2)), tx.CreateIdentity(other.Key, uuid(3)),
				tx.Link(p.Key, uuid(1), login("alice"), login("bob"), login("carol")), tx.Link(other.Key, uuid(3), login("alice")))
		})
		change(t, db, func(tx *Tx) error {
			return errors.Join(tx.Unlink(p.Key, login("alice"), login("bob"), login("nobody")), tx.Link(p.Key, uuid(2), login("alice")), tx.Unlink(p.Key))
		})
		for l, want := range map[identity.Login]identity.ID{login("alice"): uuid(2), login("carol"): uuid(1)} {
			look(t, db, func(tx *Tx) error {
				owner, err := tx.Owner(p.Key, l)
				if err == nil && (owner.ID != want || len(owner.Logins) != 1) {
					t.Errorf("%s is %+v's", l.Subject, owner)
				}
				return err
			})
		}
		look(t, db, func(tx *Tx) error {
			if _, err := tx.Owner(p.Key, login("bob")); !errors.Is(err, ErrNotFound) {
				t.Errorf("bob: %v, want ErrNotFound", err)
			}
			_, err := tx.Owner(other.Key, login("alice"))
			return err
		})
	})
}

// A closed identity stays, with a higher epoch; a deleted one is gone with its logins, which are free.
func TestDisableAndDeleteIdentity(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		p := withPool(t, db)
		role := &Role{Account: accountA, Name: "R", Path: "/", UniqueID: "AROA1", Trust: "{}"}
		change(t, db, func(tx *Tx) error {
			return errors.Join(tx.CreateRole(role), tx.CreateIdentity(p.Key, uuid(1)), tx.CreateIdentity(p.Key, uuid(2)), tx.CreateIdentity(p.Key, uuid(3)),
				tx.Link(p.Key, uuid(1), login("alice")), tx.Link(p.Key, uuid(2), login("bob")), tx.Link(p.Key, uuid(3), login("carol")))
		})
		change(t, db, func(tx *Tx) error {
			return errors.Join(tx.Disable(uuid(1)), tx.DeleteIdentity(uuid(2)), tx.DeleteIdentity(uuid(9)))
		})
		look(t, db, func(tx *Tx) error {
			closed, err := tx.Identity(p.Key, uuid(1))
			if err == nil && (!closed.Disabled || closed.Epoch != 1 || len(closed.Logins) != 1) {
				t.Errorf("closed: %+v", closed)
			}
			return err
		})
		absent(t, db, map[string]func(*Tx) error{
			"session of the closed one":  func(tx *Tx) error { _, err := tx.SessionOfIdentity("AROA1", uuid(1)); return err },
			"session of the deleted one": func(tx *Tx) error { _, err := tx.SessionOfIdentity("AROA1", uuid(2)); return err },
			"the deleted one":            func(tx *Tx) error { _, err := tx.Identity(p.Key, uuid(2)); return err },
			"owner of its login":         func(tx *Tx) error { _, err := tx.Owner(p.Key, login("bob")); return err },
		})
		change(t, db, func(tx *Tx) error { return tx.Link(p.Key, uuid(3), login("bob")) })
		look(t, db, func(tx *Tx) error {
			owner, err := tx.Owner(p.Key, login("bob"))
			if err == nil && (owner.ID != uuid(3) || len(owner.Logins) != 2) {
				t.Errorf("bob is %+v's", owner)
			}
			return err
		})
	})
}

// Sweep removes what a deleted pool has left, in batches, and nothing else.
func TestSweep(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		p := withPool(t, db)
		other := poolP()
		other.Key, other.ID = 8, uuid(8)
		change(t, db, func(tx *Tx) error {
			errs := []error{tx.CreatePool(other), tx.CreateIdentity(other.Key, uuid(200)), tx.Link(other.Key, uuid(200), login("alice"))}
			for i := range SweepBatch + 1 {
				id := identity.NewID([16]byte{1, byte(i), byte(i >> 8)})
				errs = append(errs, tx.CreateIdentity(p.Key, id), tx.Link(p.Key, id, login(fmt.Sprint(i))))
			}
			return errors.Join(append(errs, tx.DeletePool(p))...)
		})
		must(t, db.Sweep(t.Context()))
		look(t, db, func(tx *Tx) error {
			left, err := tx.Identities(p.Key, nil, false, 10)
			kept, err2 := tx.Identities(other.Key, nil, false, 10)
			_, owners, err3 := tx.FindPool(regionR, other.ID, [][32]byte{login("alice").Hash()})
			if len(left) != 0 || len(kept) != 1 || len(owners) != 1 {
				t.Errorf("%d identities left of the deleted pool, %d and %d logins of the other", len(left), len(kept), len(owners))
			}
			return errors.Join(err, err2, err3)
		})
		must(t, db.Sweep(t.Context()))
	})
}
