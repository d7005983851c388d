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
		absent(t, db, map[string]func(*Tx) error{
			"another account": func(tx *Tx) error { _, err := tx.Pool(Scope{accountB, regionR}, p.ID); return err },
			"another region":  func(tx *Tx) error { _, err := tx.Pool(Scope{accountA, "eu-west-1"}, p.ID); return err },
			"another id":      func(tx *Tx) error { _, err := tx.Pool(Scope{accountA, regionR}, uuid(8)); return err },
			"public, another region": func(tx *Tx) error {
				_, _, err := tx.FindPool("eu-west-1", p.ID, nil)
				return err
			},
		})

		var before PoolRef
		look(t, db, func(tx *Tx) (err error) { before, _, err = tx.FindPool(regionR, p.ID, nil); return err })
		change(t, db, func(tx *Tx) error {
			p.Name, p.OIDC = "q", nil
			return tx.UpdatePool(p)
		})
		look(t, db, func(tx *Tx) error {
			after, _, err := tx.FindPool(regionR, p.ID, nil)
			if after.Version == before.Version || after.AccountVersion != before.AccountVersion {
				t.Errorf("versions: %+v, then %+v", before, after)
			}
			return err
		})

		change(t, db, func(tx *Tx) error { return tx.DeletePool(p) })
		absent(t, db, map[string]func(*Tx) error{
			"deleted, by scope": func(tx *Tx) error { _, err := tx.Pool(Scope{accountA, regionR}, p.ID); return err },
			"deleted, public":   func(tx *Tx) error { _, _, err := tx.FindPool(regionR, p.ID, nil); return err },
			"deleted, by key":   func(tx *Tx) error { _, err := tx.PoolByKey(p.Key); return err },
		})
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
