package iam

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"idpool/store"
)

// What the caches keep of roles and providers weighs as much as their documents: they are bounded by that.
func TestCachesWeighDocuments(t *testing.T) {
	const account = "123456789012"
	s := newService(t, account)
	trust := `{"Statement":{"Effect":"Allow","Principal":"*","Action":["sts:a"` + strings.Repeat(`,"sts:*"`, 400) + `]}}`
	role := &store.Role{Account: account, Name: "R", Path: "/", UniqueID: "AROAR", Trust: trust}
	idp := &store.OIDCProvider{Account: account, Name: "idp.example", Issuer: "https://idp.example"}
	for n := range MaxClientIDs {
		idp.ClientIDs = append(idp.ClientIDs, fmt.Sprintf("%0255d", n))
	}
	err := s.DB.Update(t.Context(), func(tx *store.Tx) error { return errors.Join(tx.CreateRole(role), tx.CreateOIDCProvider(idp)) })
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		if _, err := s.Role(t.Context(), account, int64(n), RoleARN(role)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.OIDCProvider(t.Context(), account, int64(n), idp.ARN()); err != nil {
			t.Fatal(err)
		}
		// At least as long as the document: what is parsed of it keeps more, how much is the compiler's affair.
		if got, want := s.roles.Bytes(), uint64((n+1)*len(trust)); got < want {
			t.Errorf("%d roles weigh %d bytes, want at least %d", n+1, got, want)
		}
		if got, want := s.providers.Bytes(), uint64((n+1)*MaxClientIDs*255); got < want {
			t.Errorf("%d providers weigh %d bytes, want at least %d", n+1, got, want)
		}
	}
	before := s.roles.Bytes()
	if _, err := s.Role(t.Context(), account, 9, RoleARN(role)+"x"); !errors.Is(err, ErrNoRole) || s.roles.Bytes() != before {
		t.Errorf("a role that is not there: %v, and the cache went from %d to %d bytes", err, before, s.roles.Bytes())
	}
}

// However many large roles are asked for, the cache stays within its bytes.
func TestCacheOfRolesIsBounded(t *testing.T) {
	s := newService(t, "123456789012")
	role := &Role{Role: store.Role{Description: strings.Repeat("x", 1<<20)}} // one text for all
	for n := range 200 {
		_, err := s.roles.Get(t.Context(), cacheKey{version: int64(n)}, func() (*Role, error) { return role, nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := s.roles.Bytes(); got > store.CacheBytes || got < store.CacheBytes/2 {
		t.Errorf("200 roles of a megabyte: %d bytes are kept, of %d", got, store.CacheBytes)
	}
}

// newService makes a service on a new database with one account.
func newService(t *testing.T, account string) *Service {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "idpool.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s := &Service{DB: db}
	create := func(tx *store.Tx) error { return tx.CreateAccount(account) }
	if err := errors.Join(s.Init(), db.Update(t.Context(), create)); err != nil {
		t.Fatal(err)
	}
	return s
}
