package store

import (
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"idpool/identity"
)

func TestSAMLProviders(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		withPool(t, db)
		sent := &SAMLProvider{
			Account: accountA, Name: "Corp", Metadata: "<a>\r\n\té\U0001F511</a>", UUID: "SAMLSP1", Tags: map[string]string{"k": "v"},
			ValidUntil: time.Date(2126, 9, 11, 10, 9, 2, 0, time.UTC),
		}
		second := &SAMLProvider{Account: accountA, Name: "corp", Metadata: "<b/>", UUID: "SAMLSP2", Tags: map[string]string{}}
		change(t, db, func(tx *Tx) error { return errors.Join(tx.CreateSAMLProvider(second), tx.CreateSAMLProvider(sent)) })
		read := func() (got *SAMLProvider, version int64) {
			look(t, db, func(tx *Tx) (err error) {
				if got, err = tx.SAMLProvider(accountA, "Corp"); err != nil {
					return err
				}
				version, err = tx.AccountVersion(accountA)
				return err
			})
			return got, version
		}
		made, version := read()
		sent.Created, sent.Version = made.Created, version // of the last change
		if diff := cmp.Diff(sent, made); diff != "" || made.Created.IsZero() {
			t.Errorf("account version %d; the provider (-sent +read):\n%s", version, diff)
		}
		look(t, db, func(tx *Tx) error {
			all, err := tx.SAMLProviders(accountA)
			n, err2 := tx.SAMLProviderCount(accountA)
			none, err3 := tx.SAMLProviderCount(accountB)
			short := *made
			short.Metadata, short.UUID, short.Tags = "", "", nil
			if n != 2 || none != 0 || len(all) != 2 || !cmp.Equal(all[0], short) && !cmp.Equal(all[1], short) {
				t.Errorf("%d and %d providers, listed as %+v", n, none, all)
			}
			return errors.Join(err, err2, err3)
		})

		// A change changes the versions; it is this provider's alone.
		made.Metadata, made.Tags, made.ValidUntil = "<c/>", map[string]string{}, made.ValidUntil.Add(time.Hour)
		change(t, db, func(tx *Tx) error { return tx.ChangeSAMLProvider(made) })
		before := version
		changed, version := read()
		made.Version = version
		if diff := cmp.Diff(made, changed); diff != "" || version == before {
			t.Errorf("account version %d; the provider (-sent +read):\n%s", version, diff)
		}
		look(t, db, func(tx *Tx) error {
			other, err := tx.SAMLProvider(accountA, "corp")
			if err == nil && (other.Metadata != "<b/>" || other.Version == version) {
				t.Errorf("the other provider: %+v", other)
			}
			return err
		})

		twice := func(tx *Tx) error { return tx.CreateSAMLProvider(sent) }
		if err := db.Update(t.Context(), twice); !errors.Is(err, ErrExists) {
			t.Errorf("the same name: %v, want ErrExists", err)
		}
		for name, read := range map[string]func(*Tx) error{
			"of another account": func(tx *Tx) error { _, err := tx.SAMLProvider(accountB, "Corp"); return err },
			"in other letters":   func(tx *Tx) error { _, err := tx.SAMLProvider(accountA, "CORP"); return err },
			"with NUL":           func(tx *Tx) error { _, err := tx.SAMLProvider(accountA, "Corp\x00"); return err },
		} {
			if err := db.View(t.Context(), read); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %v, want ErrNotFound", name, err)
			}
		}

		// Made again under its name, a provider is another one to every cache.
		change(t, db, func(tx *Tx) error { return tx.DeleteSAMLProvider(accountA, "Corp") })
		change(t, db, func(tx *Tx) error { return tx.CreateSAMLProvider(sent) })
		if again, _ := read(); again.Version == made.Version {
			t.Errorf("version %d of the provider made again, as before", again.Version)
		}
	})
}

// assertion is the hash of one.
func assertion(n byte) [32]byte { return [32]byte{n, 0, 255} }

// bind binds in an Update of its own.
func bind(t *testing.T, db *DB, hash [32]byte, pool int64, id identity.ID, expires time.Time) error {
	t.Helper()
	return db.Update(t.Context(), func(tx *Tx) error { return tx.BindAssertion(hash, pool, id, expires) })
}

// bound is who an assertion is tied to, by a View; nobody: nil.
func bound(t *testing.T, db *DB, hash [32]byte) *Owner {
	t.Helper()
	var owner *Owner
	must(t, db.View(t.Context(), func(tx *Tx) error {
		b, err := tx.Assertion(hash)
		owner = nil
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		owner = &Owner{Hash: hash, Identity: b.Identity}
		return err
	}))
	return owner
}

func TestBindAssertion(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		p := withPool(t, db)
		soon := time.Now().Add(time.Minute)
		for _, step := range []struct {
			name string
			hash [32]byte
			pool int64
			id   identity.ID
			want error
		}{
			{"new", assertion(1), p.Key, uuid(1), nil},
			{"the same again", assertion(1), p.Key, uuid(1), nil},
			{"another identity", assertion(1), p.Key, uuid(2), ErrAssertionUsed},
			{"another pool", assertion(1), 8, uuid(1), ErrAssertionUsed},
			{"another pool and identity", assertion(1), 8, uuid(2), ErrAssertionUsed},
			{"another assertion", assertion(2), p.Key, uuid(2), nil},
			{"another assertion of the same identity", assertion(3), p.Key, uuid(1), nil},
			{"the first one yet again", assertion(1), p.Key, uuid(1), nil},
		} {
			if err := bind(t, db, step.hash, step.pool, step.id, soon); !errors.Is(err, step.want) {
				t.Errorf("%s: %v, want %v", step.name, err, step.want)
			}
		}
		must(t, db.View(t.Context(), func(tx *Tx) error {
			b, err := tx.Assertion(assertion(1))
			if b.Pool != p.Key || b.Identity != uuid(1) || b.Expires.UnixMilli() != soon.UnixMilli() {
				t.Errorf("the assertion is tied to %+v", b)
			}
			return err
		}))
		if owner := bound(t, db, assertion(9)); owner != nil {
			t.Errorf("an unknown assertion is tied to %+v", owner)
		}
		// Twice in one transaction, and with an error after it.
		err := db.Update(t.Context(), func(tx *Tx) error {
			return errors.Join(tx.BindAssertion(assertion(4), p.Key, uuid(1), soon), tx.BindAssertion(assertion(4), p.Key, uuid(1), soon), errTest)
		})
		if owner := bound(t, db, assertion(4)); !errors.Is(err, errTest) || owner != nil {
			t.Errorf("%v, and what was rolled back is tied to %+v", err, owner)
		}
	})
}

var errTest = errors.New("the test's own")

// Of many who show one assertion at once, each for an identity of its own, one wins; whoever shows it for the same
// identity wins with it.
func TestBindAssertionAtOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		p := withPool(t, db)
		soon := time.Now().Add(time.Minute)
		for round := range byte(8) {
			const identities, each = 16, 2
			errs := make([]error, identities*each)
			start := make(chan struct{})
			var all sync.WaitGroup
			for i := range errs {
				all.Go(func() {
					<-start
					id := uuid(byte(i/each) + 1)
					errs[i] = db.Update(t.Context(), func(tx *Tx) error {
						// As a sign-in does.
						if _, err := tx.Identity(p.Key, id); err != nil && !errors.Is(err, ErrNotFound) {
							return err
						}
						return tx.BindAssertion(assertion(round), p.Key, id, soon)
					})
				})
			}
			close(start)
			all.Wait()
			winner := bound(t, db, assertion(round))
			if winner == nil {
				t.Fatal("nobody has won")
			}
			for i, err := range errs {
				var want error
				if uuid(byte(i/each)+1) != winner.Identity {
					want = ErrAssertionUsed
				}
				if !errors.Is(err, want) {
					t.Errorf("round %d, caller %d: %v, want %v", round, i, err, want)
				}
			}
		}
	})
}

// When identities merge, what the loser has used is the parent's: GetId, a merge, and GetCredentialsForIdentity with the
// same assertion.
func TestAbsorbMovesAssertions(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		p := withPool(t, db)
		soon := time.Now().Add(time.Minute)
		change(t, db, func(tx *Tx) error {
			return errors.Join(tx.CreateIdentity(p.Key, uuid(1)), tx.CreateIdentity(p.Key, uuid(2)), tx.CreateIdentity(p.Key, uuid(3)),
				tx.BindAssertion(assertion(1), p.Key, uuid(1), soon), tx.BindAssertion(assertion(2), p.Key, uuid(2), soon),
				tx.BindAssertion(assertion(3), p.Key, uuid(3), soon), tx.Absorb(uuid(2), uuid(1)))
		})
		for hash, want := range map[[32]byte]identity.ID{assertion(1): uuid(1), assertion(2): uuid(1), assertion(3): uuid(3)} {
			if owner := bound(t, db, hash); owner == nil || owner.Identity != want {
				t.Errorf("assertion %d is tied to %+v, want %v", hash[0], owner, want)
			}
		}
		must(t, bind(t, db, assertion(2), p.Key, uuid(1), soon))
		if err := bind(t, db, assertion(2), p.Key, uuid(2), soon); !errors.Is(err, ErrAssertionUsed) {
			t.Errorf("for the loser: %v, want ErrAssertionUsed", err)
		}
	})
}

// A used assertion stays used when its identity is gone, its pool, or its provider, until nobody takes it any more.
func TestUsedAssertionsStayUsed(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		p := withPool(t, db)
		soon := time.Now().Add(time.Minute)
		provider := &SAMLProvider{Account: accountA, Name: "Corp"}
		change(t, db, func(tx *Tx) error {
			return errors.Join(tx.CreateSAMLProvider(provider), tx.CreateIdentity(p.Key, uuid(1)), tx.CreateIdentity(p.Key, uuid(2)),
				tx.BindAssertion(assertion(1), p.Key, uuid(1), soon), tx.BindAssertion(assertion(2), p.Key, uuid(2), soon))
		})
		again := func(when string) {
			t.Helper()
			for n := range byte(2) {
				if err := bind(t, db, assertion(n+1), p.Key, uuid(3), soon); !errors.Is(err, ErrAssertionUsed) {
					t.Errorf("%s: %v, want ErrAssertionUsed", when, err)
				}
				if err := bind(t, db, assertion(n+1), 8, uuid(n+1), soon); !errors.Is(err, ErrAssertionUsed) {
					t.Errorf("%s, in another pool: %v, want ErrAssertionUsed", when, err)
				}
			}
		}
		again("while all is there")
		change(t, db, func(tx *Tx) error { return tx.DeleteIdentity(uuid(1)) })
		again("its identity is deleted")
		change(t, db, func(tx *Tx) error { return tx.DeleteSAMLProvider(accountA, "Corp") })
		again("its provider is deleted")
		change(t, db, func(tx *Tx) error { return tx.DeletePool(p) })
		must(t, db.Sweep(t.Context()))
		again("its pool is swept")
	})
}

// Sweep removes bindings, in batches, well after the last node has ceased to take their assertions.
func TestSweepAssertions(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		p := withPool(t, db)
		now := time.Now()
		long := now.Add(-assertionGrace - time.Minute)
		change(t, db, func(tx *Tx) error {
			errs := []error{
				tx.BindAssertion(assertion(1), p.Key, uuid(1), now.Add(time.Minute)),
				tx.BindAssertion(assertion(2), p.Key, uuid(1), now.Add(-assertionGrace+time.Minute)),
				tx.BindAssertion(assertion(3), p.Key, uuid(1), long),
				// An ID that was given a second time counts until the later expiry, in whichever order they come.
				tx.BindAssertion(assertion(4), p.Key, uuid(1), long), tx.BindAssertion(assertion(4), p.Key, uuid(1), now),
				tx.BindAssertion(assertion(5), p.Key, uuid(1), now), tx.BindAssertion(assertion(5), p.Key, uuid(1), long),
			}
			for i := range 2 * SweepBatch {
				errs = append(errs, tx.exec(insertAssertion, []byte{byte(i), byte(i >> 8)}, p.Key, []byte("i"), long.UnixMilli()))
			}
			return errors.Join(errs...)
		})
		must(t, db.Sweep(t.Context()))
		var n int64
		must(t, db.View(t.Context(), func(tx *Tx) error { return tx.row(testAssertions, nil, &n) }))
		if n != 4 {
			t.Errorf("%d bindings are left, want 4", n)
		}
		for hash, kept := range map[[32]byte]bool{assertion(1): true, assertion(2): true, assertion(3): false, assertion(4): true, assertion(5): true} {
			if owner := bound(t, db, hash); (owner != nil) != kept {
				t.Errorf("assertion %d is tied to %+v, want it kept: %v", hash[0], owner, kept)
			}
		}
	})
}

var testAssertions = statement(`SELECT COUNT(*) FROM saml_assertions`)

// A database of part 2, with rows in it, becomes one of part 3.
func TestMigrateToSAML(t *testing.T) {
	migrate := func(dialect goose.Dialect, db *sql.DB) {
		t.Helper()
		p, err := provider(dialect, db)
		must(t, err)
		_, err = p.UpTo(t.Context(), 1)
		must(t, err)
		_, err = db.ExecContext(t.Context(), `INSERT INTO accounts (id, version, created) VALUES ('111111111111', 7, 0)`)
		must(t, errors.Join(err, db.Close()))
	}
	file := filepath.Join(t.TempDir(), "idpool.db")
	lite, err := sql.Open("sqlite", file)
	must(t, err)
	migrate(goose.DialectSQLite3, lite)
	url := pgURL(t)
	config, err := pgx.ParseConfig(url)
	must(t, err)
	migrate(goose.DialectPostgres, stdlib.OpenDB(*config))
	for _, where := range []string{file, url} {
		db := openAt(t, where, Options{})
		change(t, db, func(tx *Tx) error {
			return errors.Join(tx.CreateSAMLProvider(&SAMLProvider{Account: accountA, Name: "Corp"}), tx.BindAssertion(assertion(1), 7, uuid(1), time.Now()))
		})
		if got := counter(t, db, accountA); got == 7 {
			t.Errorf("the account's version is %d, as before", got)
		}
	}
}
