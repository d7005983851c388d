package iam

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"idpool/provider"
	"idpool/store"
	"idpool/wire"
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

// A SAML provider is served with its metadata read, and a change is seen by whoever knows the account's new version.
func TestSAMLProvider(t *testing.T) {
	const account, other = "123456789012", "999999999999"
	s := newService(t, account)
	s.Now, s.Rand = time.Now, rand.Reader
	root := wire.Caller{Account: account, Root: true}
	ctx := t.Context()
	create := func(entityID string) {
		t.Helper()
		if _, err := s.CreateSAMLProvider(ctx, root, &CreateSAMLProviderInput{Name: "Corp", SAMLMetadataDocument: samlMetadata(t, entityID)}); err != nil {
			t.Fatal(err)
		}
	}
	version := func() (v int64) {
		t.Helper()
		if err := s.DB.View(ctx, func(tx *store.Tx) (err error) { v, err = tx.AccountVersion(account); return err }); err != nil {
			t.Fatal(err)
		}
		return v
	}
	arn := "arn:aws:iam::" + account + ":saml-provider/Corp"
	get := func(v int64) *provider.SAML {
		t.Helper()
		p, err := s.SAMLProvider(ctx, account, v, arn)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	create("https://one.example")
	v := version()
	first := get(v)
	if first.ARN != arn || first.Metadata.EntityID != "https://one.example" || len(first.Metadata.Certificates) != 1 || get(v) != first {
		t.Errorf("the provider is %+v", first)
	}
	if got, least := s.saml.Bytes(), uint64(len(first.Metadata.Certificates[0].Raw)); got < least || got > 64<<10 {
		t.Errorf("it weighs %d bytes; its certificate has %d", got, least)
	}
	_, err := s.UpdateSAMLProvider(ctx, root, &UpdateSAMLProviderInput{SAMLProviderArn: arn, SAMLMetadataDocument: samlMetadata(t, "https://two.example")})
	if err != nil {
		t.Fatal(err)
	}
	second := get(version())
	if second.Metadata.EntityID != "https://two.example" || second.Version == first.Version || get(v) != first {
		t.Errorf("after the update it is %+v", second)
	}
	if _, err := s.DeleteSAMLProvider(ctx, root, &SAMLProviderInput{arn}); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct{ account, arn string }{
		"deleted":            {account, arn},
		"of another account": {other, arn},
		"of another kind":    {account, "arn:aws:iam::" + account + ":oidc-provider/Corp"},
		"no ARN":             {account, "Corp"},
	} {
		if _, err := s.SAMLProvider(ctx, row.account, version(), row.arn); !errors.Is(err, ErrNoProvider) {
			t.Errorf("%s: %v, want ErrNoProvider", name, err)
		}
	}
	create("https://three.example")
	if third := get(version()); third.Version == second.Version {
		t.Errorf("version %d, then, made again, %d", second.Version, third.Version)
	}
}

// Every change of an OpenID Connect provider gives it a new version: caches of verified tokens go by that.
func TestOIDCProviderVersions(t *testing.T) {
	const account = "123456789012"
	s := newService(t, account)
	s.CheckIssuer = func(string) error { return nil }
	root, ctx := wire.Caller{Account: account, Root: true}, t.Context()
	made, err := s.CreateOpenIDConnectProvider(ctx, root, &CreateOpenIDConnectProviderInput{Url: "https://idp.example", ClientIDList: []string{"a"}})
	if err != nil {
		t.Fatal(err)
	}
	arn := made.OpenIDConnectProviderArn
	var last int64
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"made", func() error { return nil }},
		{"AddClientID", func() error {
			_, err := s.AddClientIDToOpenIDConnectProvider(ctx, root, &ClientIDInput{arn, "b"})
			return err
		}},
		{"RemoveClientID", func() error {
			_, err := s.RemoveClientIDFromOpenIDConnectProvider(ctx, root, &ClientIDInput{arn, "b"})
			return err
		}},
		{"UpdateThumbprint", func() error {
			_, err := s.UpdateOpenIDConnectProviderThumbprint(ctx, root, &UpdateOpenIDConnectProviderThumbprintInput{arn, []string{strings.Repeat("a", 40)}})
			return err
		}},
		{"Tag", func() error {
			_, err := s.TagOpenIDConnectProvider(ctx, root, &TagOpenIDConnectProviderInput{arn, []Tag{{"k", "v"}}})
			return err
		}},
		{"Untag", func() error {
			_, err := s.UntagOpenIDConnectProvider(ctx, root, &UntagOpenIDConnectProviderInput{arn, []string{"k"}})
			return err
		}},
	} {
		var version int64
		err := errors.Join(step.do(), s.DB.View(ctx, func(tx *store.Tx) (err error) { version, err = tx.AccountVersion(account); return err }))
		if err != nil {
			t.Fatal(err)
		}
		p, err := s.OIDCProvider(ctx, account, version, arn)
		if err != nil || p.OIDC.Version == last {
			t.Errorf("%s: %+v, %v; the version before was %d", step.name, p, err, last)
			continue
		}
		last = p.OIDC.Version
	}
}

// samlMetadata is the metadata of an identity provider with a key of its own.
func samlMetadata(t *testing.T, entityID string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="` + entityID + `">` +
		`<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#">` +
		`<X509Data><X509Certificate>` + base64.StdEncoding.EncodeToString(der) + `</X509Certificate></X509Data></KeyInfo></KeyDescriptor></IDPSSODescriptor></EntityDescriptor>`
}
