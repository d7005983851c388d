package iam

import (
	"context"
	"slices"

	"idpool/store"
	"idpool/wire"
)

// changeOIDC reads a provider of the caller's account and stores what f makes of it, under a new version.
func (s *Service) changeOIDC(ctx context.Context, c wire.Caller, arn string, f func(*store.OIDCProvider) error) error {
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		p, err := tx.OIDCProvider(c.Account, oidcName(c, arn))
		if err != nil {
			return err
		}
		if err := f(p); err != nil {
			return err
		}
		return tx.ChangeOIDCProvider(p)
	})
	return noOIDCProvider(err, arn)
}

// UpdateOpenIDConnectProviderThumbprintInput is the input of UpdateOpenIDConnectProviderThumbprint.
type UpdateOpenIDConnectProviderThumbprintInput struct {
	OpenIDConnectProviderArn string   `api:"arnType,required"`
	ThumbprintList           []string `api:"thumbprintListType,required"`
}

// UpdateOpenIDConnectProviderThumbprint replaces a provider's thumbprints.
func (s *Service) UpdateOpenIDConnectProviderThumbprint(ctx context.Context, c wire.Caller, in *UpdateOpenIDConnectProviderThumbprintInput) (*wire.Nothing, error) {
	if err := s.mayOIDC(ctx, c, "iam:UpdateOpenIDConnectProviderThumbprint", in.OpenIDConnectProviderArn); err != nil {
		return nil, err
	}
	return nil, s.changeOIDC(ctx, c, in.OpenIDConnectProviderArn, func(p *store.OIDCProvider) error {
		p.Thumbprints = slices.Clone(in.ThumbprintList)
		return checkLists(p)
	})
}

// ClientIDInput is the input of the operations that add and remove a client id.
type ClientIDInput struct {
	OpenIDConnectProviderArn string `api:"arnType,required"`
	ClientID                 string `api:"clientIDType,required"`
}

// AddClientIDToOpenIDConnectProvider adds a client id. To add it again is no error.
func (s *Service) AddClientIDToOpenIDConnectProvider(ctx context.Context, c wire.Caller, in *ClientIDInput) (*wire.Nothing, error) {
	if err := s.mayOIDC(ctx, c, "iam:AddClientIDToOpenIDConnectProvider", in.OpenIDConnectProviderArn); err != nil {
		return nil, err
	}
	return nil, s.changeOIDC(ctx, c, in.OpenIDConnectProviderArn, func(p *store.OIDCProvider) error {
		if !slices.Contains(p.ClientIDs, in.ClientID) {
			p.ClientIDs = append(p.ClientIDs, in.ClientID)
		}
		return checkLists(p)
	})
}

// RemoveClientIDFromOpenIDConnectProvider removes a client id. To remove one that is not there is no error.
func (s *Service) RemoveClientIDFromOpenIDConnectProvider(ctx context.Context, c wire.Caller, in *ClientIDInput) (*wire.Nothing, error) {
	if err := s.mayOIDC(ctx, c, "iam:RemoveClientIDFromOpenIDConnectProvider", in.OpenIDConnectProviderArn); err != nil {
		return nil, err
	}
	return nil, s.changeOIDC(ctx, c, in.OpenIDConnectProviderArn, func(p *store.OIDCProvider) error {
		p.ClientIDs = slices.DeleteFunc(p.ClientIDs, func(id string) bool { return id == in.ClientID })
		return nil
	})
}

// TagOpenIDConnectProviderInput is the input of TagOpenIDConnectProvider.
type TagOpenIDConnectProviderInput struct {
	OpenIDConnectProviderArn string `api:"arnType,required"`
	Tags                     []Tag  `api:"tagListType,required"`
}

// TagOpenIDConnectProvider adds tags to a provider.
func (s *Service) TagOpenIDConnectProvider(ctx context.Context, c wire.Caller, in *TagOpenIDConnectProviderInput) (*wire.Nothing, error) {
	if err := s.mayOIDC(ctx, c, "iam:TagOpenIDConnectProvider", in.OpenIDConnectProviderArn, tagMapKeys(in.Tags)...); err != nil {
		return nil, err
	}
	return nil, s.changeOIDC(ctx, c, in.OpenIDConnectProviderArn, func(p *store.OIDCProvider) error {
		return addTags(p.Tags, in.Tags)
	})
}

// UntagOpenIDConnectProviderInput is the input of UntagOpenIDConnectProvider.
type UntagOpenIDConnectProviderInput struct {
	OpenIDConnectProviderArn string   `api:"arnType,required"`
	TagKeys                  []string `api:"tagKeyListType,required"`
}

// UntagOpenIDConnectProvider removes tags; keys that no tag has are no error.
func (s *Service) UntagOpenIDConnectProvider(ctx context.Context, c wire.Caller, in *UntagOpenIDConnectProviderInput) (*wire.Nothing, error) {
	if err := s.mayOIDC(ctx, c, "iam:UntagOpenIDConnectProvider", in.OpenIDConnectProviderArn, untagKey(in.TagKeys)); err != nil {
		return nil, err
	}
	return nil, s.changeOIDC(ctx, c, in.OpenIDConnectProviderArn, func(p *store.OIDCProvider) error {
		for _, key := range in.TagKeys {
			removeTag(p.Tags, key)
		}
		return nil
	})
}

// ListOpenIDConnectProviderTagsInput is the input of ListOpenIDConnectProviderTags.
type ListOpenIDConnectProviderTagsInput struct {
	OpenIDConnectProviderArn string `api:"arnType,required"`
	Marker                   string `api:"markerType"`
	MaxItems                 int    `api:"maxItemsType"`
}

// ListOpenIDConnectProviderTags lists a provider's tags by key.
func (s *Service) ListOpenIDConnectProviderTags(ctx context.Context, c wire.Caller, in *ListOpenIDConnectProviderTagsInput) (*TagPage, error) {
	if err := s.mayOIDC(ctx, c, "iam:ListOpenIDConnectProviderTags", in.OpenIDConnectProviderArn); err != nil {
		return nil, err
	}
	page, err := openPage(in.Marker, in.MaxItems, "ListOpenIDConnectProviderTags", c.Account, in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, err
	}
	var p *store.OIDCProvider
	err = s.DB.View(ctx, func(tx *store.Tx) (err error) {
		p, err = tx.OIDCProvider(c.Account, oidcName(c, in.OpenIDConnectProviderArn))
		return err
	})
	if err != nil {
		return nil, noOIDCProvider(err, in.OpenIDConnectProviderArn)
	}
	return tagPage(page, p.Tags)
}
