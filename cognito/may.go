package cognito

import (
	"context"
	"errors"
	"maps"
	"slices"

	"idpool/iam"
	"idpool/identity"
	"idpool/policy"
	"idpool/store"
	"idpool/wire"
)

// may asks whether a caller may do an operation on a pool, named by its id, or on "*", for which ListIdentityPools has
// nothing at all in the texts that the original has been seen to answer. Keys are condition keys of the operation, beside the
// tags of the pool.
func (s *Service) may(ctx context.Context, c wire.Caller, operation, pool string, keys ...policy.Pair) error {
	return s.mayDo(ctx, c, "cognito-identity:"+operation, pool, keys...)
}

// mayDo is may for an action that is named in full.
func (s *Service) mayDo(ctx context.Context, c wire.Caller, action, pool string, keys ...policy.Pair) error {
	if c.Root {
		return nil
	}
	tags, err := s.poolTags(ctx, c, pool)
	if err != nil {
		return err
	}
	keys = append(keys, iam.TagKeys("aws:ResourceTag/", tags)...)
	return s.IAM.Authorize(ctx, c, action, arnOfPool(c.Region, c.Account, pool), keys...)
}

func arnOfPool(region, account, pool string) string {
	return "arn:aws:cognito-identity:" + region + ":" + account + ":identitypool/" + pool
}

// poolTags are the tags of a pool of the caller's; of what is no such pool there are none.
func (s *Service) poolTags(ctx context.Context, c wire.Caller, fullID string) (tags map[string]string, err error) {
	id, ok := localID(fullID, c.Region)
	if !ok {
		return nil, nil
	}
	var pool *identity.Pool
	err = s.DB.View(ctx, func(tx *store.Tx) (err error) {
		pool, err = tx.Pool(scope(c), id)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return pool.Tags, nil
}

// mayTag asks for what a call with tags needs beside: TagResource on the pool that the tags go to.
func (s *Service) mayTag(ctx context.Context, c wire.Caller, pool string, tags map[string]string) error {
	if len(tags) == 0 {
		return nil
	}
	return s.may(ctx, c, "TagResource", pool, iam.RequestTags(tags)...)
}

// mayRetag is mayTag for tags that take the place of a pool's, nil for none that do: it asks about those that go as well.
func (s *Service) mayRetag(ctx context.Context, c wire.Caller, pool string, tags map[string]string) error {
	if tags == nil || c.Root {
		return nil
	}
	if err := s.mayTag(ctx, c, pool, tags); err != nil {
		return err
	}
	before, err := s.poolTags(ctx, c, pool)
	if err != nil {
		return err
	}
	gone := slices.Sorted(maps.Keys(before))
	gone = slices.DeleteFunc(gone, func(key string) bool { _, stays := tags[key]; return stays })
	if len(gone) == 0 {
		return nil
	}
	return s.may(ctx, c, "UntagResource", pool, policy.Pair{Key: "aws:TagKeys", Values: gone})
}

// mayIdentity asks whether a caller may do an operation that names an identity: on no resource, but with the identity's pool
// among the condition keys. An identity that is not the caller's has none.
func (s *Service) mayIdentity(ctx context.Context, c wire.Caller, operation, fullID string) error {
	return s.mayDoWithIdentity(ctx, c, "cognito-identity:"+operation, fullID)
}

// mayDoWithIdentity is mayIdentity for an action that is named in full.
func (s *Service) mayDoWithIdentity(ctx context.Context, c wire.Caller, action, fullID string) error {
	if c.Root {
		return nil
	}
	var keys policy.Context
	if id, ok := localID(fullID, c.Region); ok {
		var ref store.PoolRef
		err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
			ref, _, err = tx.FindIdentity(c.Region, id)
			return err
		})
		switch {
		case errors.Is(err, store.ErrNotFound), err == nil && ref.Account != c.Account:
		case err != nil:
			return err
		default:
			keys = policy.Context{{Key: "cognito-identity:IdentityPoolArn", Values: []string{arnOfPool(c.Region, c.Account, ref.ID.In(c.Region))}}}
		}
	}
	return s.mayDo(ctx, c, action, "*", keys...)
}

// mayPass asks whether a caller may hand roles to a pool.
func (s *Service) mayPass(ctx context.Context, c wire.Caller, roles []string) error {
	for _, arn := range roles {
		key := policy.Pair{Key: "iam:PassedToService", Values: []string{"cognito-identity.amazonaws.com"}}
		if err := s.IAM.Authorize(ctx, c, "iam:PassRole", arn, key); err != nil {
			return err
		}
	}
	return nil
}
