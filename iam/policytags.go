package iam

import (
	"context"

	"idpool/store"
	"idpool/wire"
)

// TagPolicyInput is the input of TagPolicy.
type TagPolicyInput struct {
	PolicyArn string `api:"arnType,required"`
	Tags      []Tag  `api:"tagListType,required"`
}

// TagPolicy adds tags to a managed policy.
func (s *Service) TagPolicy(ctx context.Context, c wire.Caller, in *TagPolicyInput) (*wire.Nothing, error) {
	if err := s.mayPolicy(ctx, c, "iam:TagPolicy", in.PolicyArn, tagMapKeys(in.Tags)...); err != nil {
		return nil, err
	}
	return nil, s.changePolicy(ctx, c, "iam:TagPolicy", in.PolicyArn, noSuchPolicy, func(tx *store.Tx, p *store.Policy) error {
		if err := addTags(p.Tags, in.Tags); err != nil {
			return err
		}
		return tx.ChangePolicy(p)
	})
}

// UntagPolicyInput is the input of UntagPolicy.
type UntagPolicyInput struct {
	PolicyArn string   `api:"arnType,required"`
	TagKeys   []string `api:"tagKeyListType,required"`
}

// UntagPolicy removes tags; keys that no tag has are no error.
func (s *Service) UntagPolicy(ctx context.Context, c wire.Caller, in *UntagPolicyInput) (*wire.Nothing, error) {
	if err := s.mayPolicy(ctx, c, "iam:UntagPolicy", in.PolicyArn, untagKey(in.TagKeys)); err != nil {
		return nil, err
	}
	return nil, s.changePolicy(ctx, c, "iam:UntagPolicy", in.PolicyArn, noSuchPolicy, func(tx *store.Tx, p *store.Policy) error {
		for _, key := range in.TagKeys {
			removeTag(p.Tags, key)
		}
		return tx.ChangePolicy(p)
	})
}

// ListPolicyTagsInput is the input of ListPolicyTags.
type ListPolicyTagsInput struct {
	PolicyArn string `api:"arnType,required"`
	Marker    string `api:"markerType"`
	MaxItems  int    `api:"maxItemsType"`
}

// ListPolicyTags lists the tags of a managed policy by key.
func (s *Service) ListPolicyTags(ctx context.Context, c wire.Caller, in *ListPolicyTagsInput) (*TagPage, error) {
	if err := s.mayPolicy(ctx, c, "iam:ListPolicyTags", in.PolicyArn); err != nil {
		return nil, err
	}
	page, err := openPage(in.Marker, in.MaxItems, "ListPolicyTags", c.Account, in.PolicyArn)
	if err != nil {
		return nil, err
	}
	var out *TagPage
	err = s.viewPolicy(ctx, c, in.PolicyArn, noSuchPolicy, func(_ *store.Tx, p *store.Policy) (err error) {
		out, err = tagPage(page, p.Tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
