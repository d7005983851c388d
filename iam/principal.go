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

// ErrNoPolicy says that there is no such managed policy.
var ErrNoPolicy = errors.New("no such managed policy in this account")

// Principal is what a role or a user may do by its own policies.
type Principal struct {
	Identity []policy.Named // inline, by name, and managed, by ARN; always in the same order
	Boundary *policy.Named  // nil: none
	Tags     map[string]string
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
	p := &Principal{Tags: stored.Tags}
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
func parseNamed(d store.Document) (*policy.Named, error) {
	if builtin := findAWSPolicy(d.Name); d.Text == "" && builtin != nil {
		d.Text = builtin.document
	}
	parsed, err := policy.Parse(policy.Identity, d.Text)
	if err != nil {
		return nil, fmt.Errorf("policy %s: %w", d.Name, err)
	}
	return &policy.Named{Name: d.Name, Policy: parsed}, nil
}

// ManagedPolicy returns the default version of a managed policy, one of the account's or one that is built in, as of the
// account's version or later. It returns ErrNoPolicy.
func (s *Service) ManagedPolicy(ctx context.Context, account string, version int64, arn string) (*policy.Policy, error) {
	return s.managed.Get(ctx, cacheKey{account, version, arn}, func() (*policy.Policy, error) {
		var document string
		err := s.DB.View(ctx, func(tx *store.Tx) error {
			p, err := readPolicy(tx, account, arn)
			if err != nil {
				return err
			}
			v, err := readVersion(tx, p, p.Default)
			if err == nil {
				document = v.Document
			}
			return err
		})
		if errors.Is(err, store.ErrNotFound) {
			return nil, ErrNoPolicy
		}
		if err != nil {
			return nil, err
		}
		return policy.Parse(policy.Identity, document)
	})
}
