package cognito

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	"idpool/iam"
	"idpool/identity"
	"idpool/policy"
	"idpool/store"
	"idpool/wire"
)

// tagText is what keys and values of tags may hold, after the developer guide's page on tagging.
var tagText = regexp.MustCompile(`^[\p{L}\p{N}\p{Z}_.:/=+\-@]*$`)

// checkTags checks what no constraint of the model says. Too many are refused as the operation's errors allow. The
// original's texts are not known.
func (s *Service) checkTags(tags map[string]string, refuse func(format string, args ...any) error) error {
	if len(tags) > s.Quotas.Tags {
		return refuse("An identity pool can have at most %d tags.", s.Quotas.Tags)
	}
	if !identity.TagKeysDiffer(tags) { // policies take no notice of their case
		return invalidParameter("Tag keys must differ by more than the case of their letters.")
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if err := checkTagKey(key); err != nil {
			return err
		}
		if !tagText.MatchString(tags[key]) {
			return errTagText
		}
	}
	return nil
}

func checkTagKey(key string) error {
	switch {
	case strings.HasPrefix(strings.ToLower(key), "aws:"):
		return invalidParameter("The prefix aws: of tag keys is reserved.")
	case !tagText.MatchString(key):
		return errTagText
	}
	return nil
}

var errTagText = invalidParameter("Tag keys and values hold letters, digits, spaces and _ . : / = + - @ only.")

// TagResourceInput is the input of TagResource.
type TagResourceInput struct {
	ResourceArn string            `api:"ARNString,required"`
	Tags        map[string]string `api:"IdentityPoolTagsType,required"`
}

// Empty is the output of operations that answer {}.
type Empty struct{}

// TagResource adds tags to a pool, or changes them.
func (s *Service) TagResource(ctx context.Context, c wire.Caller, in *TagResourceInput) (*Empty, error) {
	pool := poolOfARN(in.ResourceArn)
	if err := s.may(ctx, c, "TagResource", pool, iam.RequestTags(in.Tags)...); err != nil {
		return nil, err
	}
	return s.changeTags(ctx, c, in.ResourceArn, func(tags map[string]string) error {
		maps.Copy(tags, in.Tags)
		return s.checkTags(tags, invalidParameter)
	})
}

// UntagResourceInput is the input of UntagResource.
type UntagResourceInput struct {
	ResourceArn string   `api:"ARNString,required"`
	TagKeys     []string `api:"IdentityPoolTagsListType,required"`
}

// UntagResource removes tags from a pool. Those that it does not have are none.
func (s *Service) UntagResource(ctx context.Context, c wire.Caller, in *UntagResourceInput) (*Empty, error) {
	pool := poolOfARN(in.ResourceArn)
	keys := policy.Pair{Key: "aws:TagKeys", Values: in.TagKeys}
	if err := s.may(ctx, c, "UntagResource", pool, keys); err != nil {
		return nil, err
	}
	return s.changeTags(ctx, c, in.ResourceArn, func(tags map[string]string) error {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
		return nil
	})
}

func (s *Service) changeTags(ctx context.Context, c wire.Caller, arn string, change func(tags map[string]string) error) (*Empty, error) {
	if err := checkPoolARN(c, arn); err != nil {
		return nil, err
	}
	err := s.changePool(ctx, c, poolOfARN(arn), func(tx *store.Tx, pool *identity.Pool) error {
		if pool.Tags == nil {
			pool.Tags = make(map[string]string)
		}
		if err := change(pool.Tags); err != nil {
			return err
		}
		return tx.UpdatePool(pool)
	})
	if err != nil {
		return nil, err
	}
	return &Empty{}, nil
}

// ListTagsForResourceInput is the input of ListTagsForResource.
type ListTagsForResourceInput struct {
	ResourceArn string `api:"ARNString,required"`
}

// ListTagsForResourceOutput is the output of ListTagsForResource.
type ListTagsForResourceOutput struct {
	Tags map[string]string
}

// ListTagsForResource shows a pool's tags.
func (s *Service) ListTagsForResource(ctx context.Context, c wire.Caller, in *ListTagsForResourceInput) (*ListTagsForResourceOutput, error) {
	id := poolOfARN(in.ResourceArn)
	if err := s.may(ctx, c, "ListTagsForResource", id); err != nil {
		return nil, err
	}
	if err := checkPoolARN(c, in.ResourceArn); err != nil {
		return nil, err
	}
	out := &ListTagsForResourceOutput{Tags: map[string]string{}}
	err := s.viewPool(ctx, c, id, func(_ *store.Tx, pool *identity.Pool) error {
		maps.Copy(out.Tags, pool.Tags)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// poolOfARN is the id of the pool that an ARN names.
func poolOfARN(arn string) string {
	_, id, _ := strings.Cut(arn, ":identitypool/")
	return id
}

var poolARN = regexp.MustCompile(`^arn:aws[a-z-]*:cognito-identity:([^:]*):([^:]*):identitypool/[\w-]+:[0-9a-f-]+$`)

// checkPoolARN refuses an ARN that is no pool's, and answers for one of another account or region as for an unknown one.
func checkPoolARN(c wire.Caller, arn string) error {
	m := poolARN.FindStringSubmatch(arn)
	switch {
	case m == nil:
		return invalidParameter("%s is not the ARN of an identity pool.", arn)
	case m[1] != c.Region || m[2] != c.Account:
		return noPool(poolOfARN(arn))
	}
	return nil
}
