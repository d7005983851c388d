package iam

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"idpool/policy"
	"idpool/provider"
	"idpool/provider/saml"
	"idpool/store"
)

// Errors of Role, OIDCProvider and SAMLProvider.
var (
	ErrNoRole     = errors.New("no such role in this account")
	ErrNoProvider = errors.New("no such identity provider in this account")
)

// Role is a role with its trust policy parsed.
type Role struct {
	store.Role
	Trust *policy.Policy
}

// Provider is an OIDC provider as the verifier takes it, with the name that stands in its ARN and in Logins maps.
type Provider struct {
	Name string
	OIDC provider.OIDC
}

// cacheKey is what the caches go by: the version is the account's.
type cacheKey struct {
	account string
	version int64
	name    string
}

// RoleARN is arn:aws:iam::ACCOUNT:role/PATH/NAME.
func RoleARN(r *store.Role) string { return "arn:aws:iam::" + r.Account + ":role" + r.Path + r.Name }

// AccountOfRole is the account in the ARN of a role.
func AccountOfRole(arn string) (account string, ok bool) {
	rest, ok := strings.CutPrefix(arn, "arn:aws:iam::")
	account, _, isRole := strings.Cut(rest, ":role/")
	return account, ok && isRole
}

// roleName is the name in an ARN of a role of this account.
func roleName(account, arn string) (name string, ok bool) {
	rest, ok := strings.CutPrefix(arn, "arn:aws:iam::"+account+":role/")
	return rest[strings.LastIndexByte(rest, '/')+1:], ok
}

// Role returns a role of an account by its ARN, as of the account's version or later. It returns ErrNoRole.
func (s *Service) Role(ctx context.Context, account string, version int64, arn string) (*Role, error) {
	return s.roles.Get(ctx, cacheKey{account, version, arn}, func() (*Role, error) {
		name, ok := roleName(account, arn)
		if !ok {
			return nil, ErrNoRole
		}
		var stored *store.Role
		err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
			stored, err = tx.Role(account, name)
			return err
		})
		switch {
		case errors.Is(err, store.ErrNotFound) || err == nil && RoleARN(stored) != arn:
			// Roles are found in any case, but an ARN is exact: else each spelling would be an entry of its own.
			return nil, ErrNoRole
		case err != nil:
			return nil, err
		}
		trust, err := policy.Parse(policy.Trust, stored.Trust)
		if err != nil {
			return nil, fmt.Errorf("trust policy of %s: %w", arn, err)
		}
		return &Role{Role: *stored, Trust: trust}, nil
	})
}

// OIDCProvider returns a provider of an account by its ARN, as of the account's version or later. It returns
// ErrNoProvider.
func (s *Service) OIDCProvider(ctx context.Context, account string, version int64, arn string) (*Provider, error) {
	return s.providers.Get(ctx, cacheKey{account, version, arn}, func() (*Provider, error) {
		stored, err := findProvider(ctx, s.DB, account, arn, "oidc-provider", (*store.Tx).OIDCProvider)
		if err != nil {
			return nil, err
		}
		return &Provider{Name: stored.Name, OIDC: provider.OIDC{
			ARN: arn, Version: stored.Version, Issuer: stored.Issuer,
			ClientIDs: stored.ClientIDs, Thumbprints: stored.Thumbprints,
		}}, nil
	})
}

// SAMLProvider returns a SAML provider of an account by its ARN, as of the account's version or later. It returns
// ErrNoProvider.
func (s *Service) SAMLProvider(ctx context.Context, account string, version int64, arn string) (*provider.SAML, error) {
	return s.saml.Get(ctx, cacheKey{account, version, arn}, func() (*provider.SAML, error) {
		stored, err := findProvider(ctx, s.DB, account, arn, "saml-provider", (*store.Tx).SAMLProvider)
		if err != nil {
			return nil, err
		}
		metadata, err := saml.ParseMetadata(stored.Metadata)
		if err != nil {
			return nil, fmt.Errorf("metadata of %s: %w", arn, err)
		}
		return &provider.SAML{ARN: arn, Version: stored.Version, Metadata: metadata}, nil
	})
}

// findProvider reads a provider of a kind by its ARN. It returns ErrNoProvider.
func findProvider[P any](ctx context.Context, db *store.DB, account, arn, kind string,
	read func(tx *store.Tx, account, name string) (P, error),
) (stored P, err error) {
	name, ok := strings.CutPrefix(arn, "arn:aws:iam::"+account+":"+kind+"/")
	if !ok {
		return stored, ErrNoProvider
	}
	err = db.View(ctx, func(tx *store.Tx) (err error) {
		stored, err = read(tx, account, name)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		err = ErrNoProvider
	}
	return stored, err
}
