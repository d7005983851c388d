package iam

import (
	"context"
	"errors"

	"idpool/policy"
	"idpool/store"
	"idpool/wire"
)

// mayRole authorizes an action on a role by its name. The path is part of its ARN, and policies go by it, by its tags and by
// its boundary; one that does not exist is asked for at the root path. Keys come before what is stored.
func (s *Service) mayRole(ctx context.Context, c wire.Caller, action, name string, keys ...policy.Pair) error {
	if c.Root {
		return nil
	}
	role := &store.Role{Account: c.Account, Path: "/", Name: name}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		stored, err := tx.Role(c.Account, name)
		if err == nil {
			role = stored
		}
		return err
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return s.Authorize(ctx, c, action, RoleARN(role), append(keys, entityKeys(role.Tags, role.Boundary)...)...)
}

// mayUser is the same for a user, who without a name is the caller.
func (s *Service) mayUser(ctx context.Context, c wire.Caller, action, name string, keys ...policy.Pair) error {
	if c.Root {
		return nil
	}
	if name == "" {
		name = c.User
	}
	user := &store.User{Account: c.Account, Path: "/", Name: name}
	if name == "" { // a session of a role, which has no user
		user.Name = "*"
	}
	err := s.DB.View(ctx, func(tx *store.Tx) error {
		stored, err := tx.User(c.Account, name)
		if err == nil {
			user = stored
		}
		return err
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return s.Authorize(ctx, c, action, user.ARN(), append(keys, entityKeys(user.Tags, user.Boundary)...)...)
}

// mayPolicy authorizes an action on a managed policy, which policies go by, and by its tags.
func (s *Service) mayPolicy(ctx context.Context, c wire.Caller, action, arn string, keys ...policy.Pair) error {
	return s.mayTagged(ctx, c, action, arn, keys, func(tx *store.Tx) (map[string]string, error) {
		p, err := readPolicy(tx, c.Account, arn)
		if err != nil {
			return nil, err
		}
		return p.Tags, nil
	})
}

// mayOIDC is the same for an OpenID Connect provider.
func (s *Service) mayOIDC(ctx context.Context, c wire.Caller, action, arn string, keys ...policy.Pair) error {
	return s.mayTagged(ctx, c, action, arn, keys, func(tx *store.Tx) (map[string]string, error) {
		p, err := tx.OIDCProvider(c.Account, oidcName(c, arn))
		if err != nil {
			return nil, err
		}
		return p.Tags, nil
	})
}

// maySAML is the same for a SAML provider.
func (s *Service) maySAML(ctx context.Context, c wire.Caller, action, arn string, keys ...policy.Pair) error {
	return s.mayTagged(ctx, c, action, arn, keys, func(tx *store.Tx) (map[string]string, error) {
		p, err := tx.SAMLProvider(c.Account, samlName(c, arn))
		if err != nil {
			return nil, err
		}
		return p.Tags, nil
	})
}

// mayTagged authorizes an action on a resource whose tags are read from the database; one that is not there has none.
func (s *Service) mayTagged(ctx context.Context, c wire.Caller, action, arn string, keys policy.Context, read func(*store.Tx) (map[string]string, error)) error {
	if c.Root {
		return nil
	}
	var tags map[string]string
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		tags, err = read(tx)
		return err
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return s.Authorize(ctx, c, action, arn, append(keys, entityKeys(tags, "")...)...)
}

// mayCreate authorizes the creation of a User, Role, Policy or provider. With tags it needs the action that adds tags as
// well: else who may make something could give it the tags that let others in.
func (s *Service) mayCreate(ctx context.Context, c wire.Caller, kind, arn string, tags []Tag, keys ...policy.Pair) error {
	keys = append(keys, tagMapKeys(tags)...)
	if err := s.Authorize(ctx, c, "iam:Create"+kind, arn, keys...); err != nil || len(tags) == 0 {
		return err
	}
	return s.Authorize(ctx, c, "iam:Tag"+kind, arn, keys...)
}

// entityKeys are the condition keys of a role or user that an action is on.
func entityKeys(tags map[string]string, boundary string) policy.Context {
	keys := append(TagKeys("aws:ResourceTag/", tags), TagKeys("iam:ResourceTag/", tags)...)
	return append(keys, boundaryKey(boundary)...)
}

// boundaryKey is the condition key of a boundary; none is none.
func boundaryKey(arn string) policy.Context {
	if arn == "" {
		return nil
	}
	return policy.Context{{Key: "iam:PermissionsBoundary", Values: []string{arn}}}
}

// attachedKey is the condition key of a managed policy that is attached or detached.
func attachedKey(arn string) policy.Pair {
	return policy.Pair{Key: "iam:PolicyARN", Values: []string{arn}}
}

// tagMapKeys are the condition keys of tags that a call brings.
func tagMapKeys(tags []Tag) policy.Context {
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[t.Key] = t.Value
	}
	return RequestTags(m)
}

func untagKey(keys []string) policy.Pair { return policy.Pair{Key: "aws:TagKeys", Values: keys} }
