package store

import (
	"errors"
	"slices"
	"testing"
)

// Lists go by bytes on every engine. By the language of the tests' PostgreSQL, English, it would be a, B, c-d, ce.
func TestListsGoByBytes(t *testing.T) {
	want := []string{"B", "a", "c-d", "ce"}
	given := []string{"ce", "a", "c-d", "B"}
	secret := Sealed{Master: []byte("m"), Box: []byte("b")}
	eachEngine(t, func(t *testing.T, db *DB) {
		withPool(t, db)
		change(t, db, func(tx *Tx) error {
			var errs []error
			for _, name := range given {
				errs = append(errs, tx.CreateOIDCProvider(&OIDCProvider{Account: accountA, Name: name}),
					tx.CreateSAMLProvider(&SAMLProvider{Account: accountA, Name: name}), tx.CreateAccessKey(&AccessKey{ID: name, Account: accountA, Secret: secret}))
			}
			return errors.Join(errs...)
		})
		look(t, db, func(tx *Tx) error {
			var got [3][]string
			oidc, err := tx.OIDCProviders(accountA)
			for _, p := range oidc {
				got[0] = append(got[0], p.Name)
			}
			saml, err2 := tx.SAMLProviders(accountA)
			for _, p := range saml {
				got[1] = append(got[1], p.Name)
			}
			keys, err3 := tx.AccessKeys(accountA, "")
			for _, k := range keys {
				got[2] = append(got[2], k.ID)
			}
			for _, list := range got {
				if !slices.Equal(list, want) {
					t.Errorf("the order is %q", list)
				}
			}
			return errors.Join(err, err2, err3)
		})
	})
}
