package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestProviders(t *testing.T) {
	eachEngine(t, func(t *testing.T, db *DB) {
		withPool(t, db)
		provider := &OIDCProvider{
			Account: accountA, Name: "login.example.com", Issuer: "https://login.example.com/", ClientIDs: []string{"b", "a"},
			Thumbprints: []string{"00"}, Tags: map[string]string{},
		}
		change(t, db, func(tx *Tx) error { return tx.CreateOIDCProvider(provider) })
		var first int64
		look(t, db, func(tx *Tx) error {
			got, err := tx.OIDCProvider(accountA, provider.Name)
			first, provider.Version, provider.Created = got.Version, got.Version, got.Created
			if diff := cmp.Diff(provider, got); diff != "" {
				t.Errorf("provider (-sent +read):\n%s", diff)
			}
			return err
		})
		absent(t, db, map[string]func(*Tx) error{
			"provider of another account": func(tx *Tx) error { _, err := tx.OIDCProvider(accountB, provider.Name); return err },
		})
		// All of it can change but account and name.
		changed := *provider
		changed.ClientIDs, changed.Thumbprints, changed.Tags = []string{"c"}, []string{"11", "22"}, map[string]string{"k": "v"}
		change(t, db, func(tx *Tx) error { return tx.ChangeOIDCProvider(&changed) })
		look(t, db, func(tx *Tx) error {
			got, err := tx.OIDCProvider(accountA, provider.Name)
			if got.Version == first {
				t.Errorf("version %d, then %d", first, got.Version)
			}
			changed.Version, first = got.Version, got.Version
			if diff := cmp.Diff(&changed, got); diff != "" {
				t.Errorf("provider (-changed +read):\n%s", diff)
			}
			return err
		})
		// Made again under its name, a provider is another one to every cache.
		change(t, db, func(tx *Tx) error { return tx.DeleteOIDCProvider(accountA, provider.Name) })
		change(t, db, func(tx *Tx) error { return tx.CreateOIDCProvider(provider) })
		look(t, db, func(tx *Tx) error {
			p, err := tx.OIDCProvider(accountA, provider.Name)
			if err == nil && p.Version == first {
				t.Errorf("version %d, then %d", first, p.Version)
			}
			return err
		})
	})
}
