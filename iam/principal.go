package iam

import (
	"context"
	"errors"
	"fmt"

	"idpool/policy"
	"idpool/store"
)

// ErrNoPrincipal says that there is no such role or user in the account.
var ErrNoPrincipal = errors.New("no such role or user in this account")

// NamedPolicy is a parsed policy, with the name that explanations call it by: that of an inline policy, or the ARN of a
// managed one.
type NamedPolicy struct {
	Name   string
	Policy *policy.Policy
}

// Principal is what a role or a user may do by its own policies.
type Principal struct {
	Identity []NamedPolicy // inline and managed, always in the same order
	Boundary *NamedPolicy  // nil: none
}

// principalKey is what the cache of principals goes by: the version is the account's, so that a changed policy acts at once.
type principalKey struct {
	account string
	version int64
	kind    store.PrincipalKind
	id      string
}

// Principal returns the policies of a role or a user of an account by its unique id, as of the account's version or later.
// It returns ErrNoPrincipal.
func (s *Service) Principal(ctx context.Context, account string, version int64, kind store.PrincipalKind, id string) (*Principal, error) {
	return s.principals.Get(ctx, principalKey{account, version, kind, id}, func() (*Principal, error) {
		var stored *store.PrincipalPolicies
		err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
			stored, err = tx.PrincipalPolicies(account, kind, id)
			return err
		})
		if errors.Is(err, store.ErrNotFound) {
			return nil, ErrNoPrincipal
		}
		if err != nil {
			return nil, err
		}
		return parsePrincipal(stored)
	})
}

func parsePrincipal(stored *store.PrincipalPolicies) (*Principal, error) {
	p := &Principal{}
	for _, documents := range [][]store.Document{stored.Inline, stored.Attached} {
		for _, d := range documents {
			named, err := parseNamed(d)
			if err != nil {
				return nil, err
			}
			p.Identity = append(p.Identity, *named)
		}
	}
	if stored.Boundary == nil {
		return p, nil
	}
	var err error
	p.Boundary, err = parseNamed(*stored.Boundary)
	return p, err
}

// parseNamed parses a document of the database, or the one that is built in under its name. What cannot be read is an error
// and never left out: it could be a boundary, or deny something.
func parseNamed(d store.Document) (*NamedPolicy, error) {
	if builtin := findAWSPolicy(d.Name); d.Text == "" && builtin != nil {
		d.Text = builtin.document
	}
	parsed, err := policy.Parse(policy.Identity, d.Text)
	if err != nil {
		return nil, fmt.Errorf("policy %s: %w", d.Name, err)
	}
	return &NamedPolicy{d.Name, parsed}, nil
}
