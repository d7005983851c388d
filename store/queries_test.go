package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"idpool/identity"
)

// The nouns of the tests of queries: account A has the pool P in the region R.
const (
	accountA = "111111111111"
	accountB = "222222222222"
	regionR  = "us-east-1"
)

func uuid(n byte) identity.ID { return identity.NewID([16]byte{n}) }

func poolP() *identity.Pool {
	return &identity.Pool{
		Key: 7, ID: uuid(7), Account: accountA, Region: regionR,
		Settings: identity.Settings{Name: "p", AllowGuests: true, OIDC: []string{"b", "a"}, Tags: map[string]string{"k": "v"}},
	}
}

func login(subject string) identity.Login {
	return identity.Login{Provider: "login.example.com", Subject: subject}
}

func change(t *testing.T, db *DB, f func(*Tx) error) {
	t.Helper()
	must(t, db.Update(context.Background(), f))
}

// look reads in an Update: a View runs a function of several statements twice, and the first run sees nothing.
func look(t *testing.T, db *DB, f func(*Tx) error) {
	t.Helper()
	must(t, db.Update(context.Background(), f))
}

// withPool makes the accounts and the pool.
func withPool(t *testing.T, db *DB) *identity.Pool {
	t.Helper()
	p := poolP()
	change(t, db, func(tx *Tx) error {
		return errors.Join(tx.CreateAccount(accountA), tx.CreateAccount(accountB), tx.CreatePool(p))
	})
	return p
}

func TestPools(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		p := withPool(t, db)
		look(t, db, func(tx *Tx) error {
			got, err := tx.Pool(Scope{accountA, regionR}, p.ID)
			if diff := cmp.Diff(p, got); diff != "" {
				t.Errorf("the pool came back otherwise (-sent +read):\n%s", diff)
			}
			return err
		})
		for name, read := range map[string]func(*Tx) error{
			"another account": func(tx *Tx) error { _, err := tx.Pool(Scope{accountB, regionR}, p.ID); return err },
			"another region":  func(tx *Tx) error { _, err := tx.Pool(Scope{accountA, "eu-west-1"}, p.ID); return err },
			"another id":      func(tx *Tx) error { _, err := tx.Pool(Scope{accountA, regionR}, uuid(8)); return err },
			"public, another region": func(tx *Tx) error {
				_, _, err := tx.FindPool("eu-west-1", p.ID, nil)
				return err
			},
		} {
			if err := db.View(t.Context(), read); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %v, want ErrNotFound", name, err)
			}
		}

		var before PoolRef
		look(t, db, func(tx *Tx) (err error) { before, _, err = tx.FindPool(regionR, p.ID, nil); return err })
		change(t, db, func(tx *Tx) error {
			p.Name, p.OIDC = "q", nil
			return tx.UpdatePool(p)
		})
		look(t, db, func(tx *Tx) error {
			after, _, err := tx.FindPool(regionR, p.ID, nil)
			if after.Version <= before.Version || after.AccountVersion != before.AccountVersion {
				t.Errorf("versions: %+v, then %+v", before, after)
			}
			return err
		})

		change(t, db, func(tx *Tx) error { return tx.DeletePool(p) })
		for name, read := range map[string]func(*Tx) error{
			"by scope": func(tx *Tx) error { _, err := tx.Pool(Scope{accountA, regionR}, p.ID); return err },
			"public":   func(tx *Tx) error { _, _, err := tx.FindPool(regionR, p.ID, nil); return err },
			"by key":   func(tx *Tx) error { _, err := tx.PoolByKey(p.Key); return err },
		} {
			if err := db.View(t.Context(), read); !errors.Is(err, ErrNotFound) {
				t.Errorf("deleted, %s: %v, want ErrNotFound", name, err)
			}
		}
	})
}

// A deleted pool's id is its account's for ever; a living one's is nobody else's.
func TestPoolIDsAreReserved(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		p := withPool(t, db)
		again := func(account, region string, key int64) error {
			q := poolP()
			q.Account, q.Region, q.Key = account, region, key
			return db.Update(t.Context(), func(tx *Tx) error { return tx.CreatePool(q) })
		}
		if err := again(accountA, regionR, 70); !errors.Is(err, ErrExists) {
			t.Errorf("the same id while the pool lives: %v, want ErrExists", err)
		}
		if err := again(accountB, "eu-west-1", 71); err != nil {
			t.Errorf("the same id in another region: %v", err)
		}
		change(t, db, func(tx *Tx) error { return tx.DeletePool(p) })
		if err := again(accountB, regionR, 72); !errors.Is(err, ErrExists) {
			t.Errorf("another account takes a deleted pool's id: %v, want ErrExists", err)
		}
		if err := again(accountA, regionR, 73); err != nil {
			t.Errorf("the account takes its own pool's id again: %v", err)
		}
	})
}

func TestPoolPages(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		withPool(t, db)
		change(t, db, func(tx *Tx) error {
			var errs []error
			for i := range byte(5) {
				q := poolP()
				q.Key, q.ID, q.Name = int64(100+i), uuid(100+i), fmt.Sprint(i)
				errs = append(errs, tx.CreatePool(q))
			}
			return errors.Join(errs...)
		})
		var all []identity.ID
		var after []byte
		for {
			var page []PoolName
			look(t, db, func(tx *Tx) (err error) { page, err = tx.Pools(Scope{accountA, regionR}, after, 2); return err })
			if len(page) == 0 {
				break
			}
			for _, p := range page {
				all = append(all, p.ID)
			}
			after = all[len(all)-1][:]
		}
		if len(all) != 6 || !slices.IsSortedFunc(all, func(a, b identity.ID) int { return bytes.Compare(a[:], b[:]) }) {
			t.Errorf("the pages held %v", all)
		}
		look(t, db, func(tx *Tx) error {
			n, err := tx.PoolCount(Scope{accountA, regionR})
			regions, err2 := tx.Regions(accountA)
			if n != 6 || !slices.Equal(regions, []string{regionR}) {
				t.Errorf("%d pools in %v", n, regions)
			}
			return errors.Join(err, err2)
		})
	})
}

func TestIdentities(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		p := withPool(t, db)
		// A subject may hold any byte, and be long.
		odd := identity.Login{Provider: "login.example.com", Subject: "a\x00b" + string(bytes.Repeat([]byte("x"), 1024))}
		change(t, db, func(tx *Tx) error {
			return errors.Join(tx.CreateIdentity(p.Key, uuid(1)), tx.Link(p.Key, uuid(1), odd, login("alice")),
				tx.CreateIdentity(p.Key, uuid(2)), tx.CreateIdentity(999, uuid(3)))
		})
		look(t, db, func(tx *Tx) error {
			ref, got, err := tx.FindIdentity(regionR, uuid(1))
			want := PoolRef{Key: p.Key, ID: p.ID, Account: accountA, Region: regionR, Version: 1, AccountVersion: 1}
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
		for name, read := range map[string]func(*Tx) error{
			"another region":            func(tx *Tx) error { _, _, err := tx.FindIdentity("eu-west-1", uuid(1)); return err },
			"another pool":              func(tx *Tx) error { _, err := tx.Identity(8, uuid(1)); return err },
			"put into a pool not there": func(tx *Tx) error { _, _, err := tx.FindIdentity(regionR, uuid(3)); return err },
		} {
			if err := db.View(t.Context(), read); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %v, want ErrNotFound", name, err)
			}
		}
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
			{"one", [][32]byte{alice}, []Owner{{alice, uuid(1)}}},
			{"two", [][32]byte{alice, bob}, []Owner{{alice, uuid(1)}, {bob, uuid(2)}}},
			{"one of two", [][32]byte{nobody, bob}, []Owner{{bob, uuid(2)}}},
			{"one of ten", append(slices.Repeat([][32]byte{nobody}, 9), alice), []Owner{{alice, uuid(1)}}},
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
		for name, read := range map[string]func(*Tx) error{
			"nobody's login": func(tx *Tx) error { _, err := tx.Owner(p.Key, login("nobody")); return err },
			"another pool":   func(tx *Tx) error { _, err := tx.Owner(8, login("alice")); return err },
			"another provider": func(tx *Tx) error {
				_, err := tx.Owner(p.Key, identity.Login{Provider: "x", Subject: "alice"})
				return err
			},
		} {
			if err := db.View(t.Context(), read); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %v, want ErrNotFound", name, err)
			}
		}
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
		for name, read := range map[string]func(*Tx) error{
			"session of the closed one":  func(tx *Tx) error { _, err := tx.SessionOfIdentity("AROA1", uuid(1)); return err },
			"session of the deleted one": func(tx *Tx) error { _, err := tx.SessionOfIdentity("AROA1", uuid(2)); return err },
			"the deleted one":            func(tx *Tx) error { _, err := tx.Identity(p.Key, uuid(2)); return err },
			"owner of its login":         func(tx *Tx) error { _, err := tx.Owner(p.Key, login("bob")); return err },
		} {
			if err := db.View(t.Context(), read); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %v, want ErrNotFound", name, err)
			}
		}
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

func TestRolesAndProviders(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		withPool(t, db)
		role := &Role{
			Account: accountA, Name: "Reader", Path: "/team/", UniqueID: "AROA1", Trust: "{}", MaxSession: 2 * time.Hour,
			Tags: map[string]string{"k": "v"},
		}
		provider := &OIDCProvider{
			Account: accountA, Name: "login.example.com", Issuer: "https://login.example.com/", ClientIDs: []string{"b", "a"},
			Thumbprints: []string{"00"}, Tags: map[string]string{},
		}
		change(t, db, func(tx *Tx) error {
			return errors.Join(tx.CreateRole(role), tx.PutRolePolicy(accountA, "READER", "p", "{}"), tx.CreateOIDCProvider(provider))
		})
		var first int64
		look(t, db, func(tx *Tx) error {
			got, err := tx.Role(accountA, "reader")
			role.Created = got.Created
			if diff := cmp.Diff(role, got); diff != "" {
				t.Errorf("role (-sent +read):\n%s", diff)
			}
			policies, err2 := tx.RolePolicies(accountA, "Reader")
			p, err3 := tx.OIDCProvider(accountA, provider.Name)
			first, provider.Version, provider.Created = p.Version, p.Version, p.Created
			if diff := cmp.Diff(provider, p); diff != "" {
				t.Errorf("provider (-sent +read):\n%s", diff)
			}
			version, err4 := tx.AccountVersion(accountA)
			if len(policies) != 1 || version != 4 {
				t.Errorf("%d policies, account version %d after 3 changes", len(policies), version)
			}
			s, err5 := tx.SessionOfRole("AROA1")
			if s.Account != accountA || s.RoleName != "Reader" {
				t.Errorf("the role's sessions are %+v", s)
			}
			return errors.Join(err, err2, err3, err4, err5)
		})
		for name, read := range map[string]func(*Tx) error{
			"role of another account":     func(tx *Tx) error { _, err := tx.Role(accountB, "Reader"); return err },
			"provider of another account": func(tx *Tx) error { _, err := tx.OIDCProvider(accountB, provider.Name); return err },
			"session of an unknown role":  func(tx *Tx) error { _, err := tx.SessionOfRole("AROA2"); return err },
			"session of an unknown identity": func(tx *Tx) error {
				_, err := tx.SessionOfIdentity("AROA1", uuid(9))
				return err
			},
		} {
			if err := db.View(t.Context(), read); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %v, want ErrNotFound", name, err)
			}
		}
		twice := *role
		twice.Name, twice.UniqueID = "READER", "AROA3"
		if err := db.Update(t.Context(), func(tx *Tx) error { return tx.CreateRole(&twice) }); !errors.Is(err, ErrExists) {
			t.Errorf("the same role name in capitals: %v, want ErrExists", err)
		}
		// Made again under its name, a provider is another one to every cache.
		change(t, db, func(tx *Tx) error { return tx.DeleteOIDCProvider(accountA, provider.Name) })
		change(t, db, func(tx *Tx) error { return tx.CreateOIDCProvider(provider) })
		look(t, db, func(tx *Tx) error {
			p, err := tx.OIDCProvider(accountA, provider.Name)
			if err == nil && p.Version <= first {
				t.Errorf("version %d, then %d", first, p.Version)
			}
			return err
		})
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

func TestKeysAndSettings(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		withPool(t, db)
		secret := Sealed{Master: []byte("m"), Box: []byte{0, 1, 255}}
		change(t, db, func(tx *Tx) error {
			return errors.Join(
				tx.CreateSetting("a", []byte("1")), tx.ChangeSetting("a", []byte{0, 255}),
				tx.CreateAccessKey(&AccessKey{ID: "AKIA1", Account: accountA, Active: true, Secret: secret}),
				tx.CreateSigningKey(&SigningKey{ID: "k1", Algorithm: "RS512", State: Current, Private: secret, Certificate: []byte("c")}),
				tx.CreateSigningKey(&SigningKey{ID: "k2", Algorithm: "ES256", State: Next, Private: secret, Certificate: []byte("c")}),
				tx.CreateSealingKey(&SealingKey{ID: 5, State: Current, Key: secret}))
		})
		// Of two nodes that make a key at once one gets it.
		for name, f := range map[string]func(*Tx) error{
			"second current signing key": func(tx *Tx) error {
				return tx.CreateSigningKey(&SigningKey{ID: "k3", State: Current, Private: secret, Certificate: []byte("c")})
			},
			"second current sealing key": func(tx *Tx) error { return tx.CreateSealingKey(&SealingKey{ID: 6, State: Current, Key: secret}) },
			"setting that is there":      func(tx *Tx) error { return tx.CreateSetting("a", []byte("2")) },
		} {
			if err := db.Update(t.Context(), f); !errors.Is(err, ErrExists) {
				t.Errorf("%s: %v, want ErrExists", name, err)
			}
		}
		change(t, db, func(tx *Tx) error {
			return errors.Join(tx.MoveSigningKey("k1", Retired), tx.MoveSigningKey("k2", Current))
		})
		look(t, db, func(tx *Tx) error {
			value, err := tx.Setting("a")
			key, err2 := tx.AccessKey("AKIA1")
			keys, err3 := tx.SigningKeys()
			sealing, err4 := tx.SealingKeys()
			if !bytes.Equal(value, []byte{0, 255}) || !key.Active || key.Account != accountA || key.User != "" {
				t.Errorf("setting %v, key %+v", value, key)
			}
			if len(keys) != 2 || keys[0].State != Retired || keys[1].State != Current || len(sealing) != 1 {
				t.Errorf("signing keys %+v, sealing keys %+v", keys, sealing)
			}
			if diff := cmp.Diff(secret, sealing[0].Key); diff != "" {
				t.Errorf("sealed (-sent +read):\n%s", diff)
			}
			return errors.Join(err, err2, err3, err4)
		})
	})
}

func TestMasterKeys(t *testing.T) {
	one, two := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	old, err := NewMaster(one)
	must(t, err)
	moved, err := NewMaster(two, one)
	must(t, err)
	other, err := NewMaster(two)
	must(t, err)
	sealed := old.Seal("row 1", []byte("secret"))
	for _, tt := range []struct {
		name    string
		master  *Master
		context string
		ok      bool
		is      error
	}{
		{"its own key", old, "row 1", true, nil},
		{"as an earlier key", moved, "row 1", true, nil},
		{"another key", other, "row 1", false, ErrMaster},
		{"another row", old, "row 2", false, nil},
	} {
		got, err := tt.master.Open(tt.context, sealed)
		if (err == nil) != tt.ok || tt.ok && string(got) != "secret" || tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
	}
	if _, err := NewMaster([]byte("short")); err == nil {
		t.Error("a master key of 5 bytes was taken")
	}
}
