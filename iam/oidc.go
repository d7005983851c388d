package iam

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"

	"idpool/store"
	"idpool/wire"
)

// Limits of OpenID Connect providers.
const (
	MaxProviders   = 100 // in an account
	MaxClientIDs   = 100 // of a provider
	MaxThumbprints = 5   // of a provider
)

// CreateOpenIDConnectProviderInput is the input of CreateOpenIDConnectProvider.
type CreateOpenIDConnectProviderInput struct {
	Url            string   `api:"OpenIDConnectProviderUrlType,required"`
	ClientIDList   []string `api:"clientIDListType"`
	ThumbprintList []string `api:"thumbprintListType"`
	Tags           []Tag    `api:"tagListType"`
}

// CreateOpenIDConnectProviderOutput is the output of CreateOpenIDConnectProvider.
type CreateOpenIDConnectProviderOutput struct {
	OpenIDConnectProviderArn string
	Tags                     []Tag `xml:"Tags>member"`
}

// CreateOpenIDConnectProvider registers an issuer whose tokens pools may trust.
func (s *Service) CreateOpenIDConnectProvider(ctx context.Context, c wire.Caller, in *CreateOpenIDConnectProviderInput) (*CreateOpenIDConnectProviderOutput, error) {
	p := &store.OIDCProvider{Account: c.Account, Issuer: in.Url, ClientIDs: in.ClientIDList, Thumbprints: in.ThumbprintList}
	_, name, _ := strings.Cut(in.Url, "://")
	p.Name = strings.TrimSuffix(name, "/")
	if err := s.mayCreate(ctx, c, "OpenIDConnectProvider", p.ARN(), in.Tags); err != nil {
		return nil, err
	}
	if err := s.checkProvider(p); err != nil {
		return nil, err
	}
	var err error
	if p.Tags, err = tagMap(in.Tags); err != nil {
		return nil, err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		all, err := tx.OIDCProviders(c.Account)
		if err != nil {
			return err
		}
		if len(all) >= MaxProviders {
			return limitExceeded("Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100")
		}
		return tx.CreateOIDCProvider(p)
	})
	if errors.Is(err, store.ErrExists) {
		return nil, alreadyExists("Provider with url " + in.Url + " already exists.")
	}
	if err != nil {
		return nil, err
	}
	return &CreateOpenIDConnectProviderOutput{OpenIDConnectProviderArn: p.ARN(), Tags: in.Tags}, nil
}

func (s *Service) checkProvider(p *store.OIDCProvider) error {
	if err := s.CheckIssuer(p.Issuer); err != nil {
		return invalidInput("Invalid Open ID Connect Provider URL: " + err.Error())
	}
	return checkLists(p)
}

// checkLists checks the client ids and the thumbprints of a provider, and writes these in lower case.
func checkLists(p *store.OIDCProvider) error {
	switch {
	case len(p.ClientIDs) > MaxClientIDs:
		return limitExceeded("Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100")
	case len(p.Thumbprints) > MaxThumbprints:
		return invalidInput("Thumbprint list must contain fewer than 5 entries.")
	}
	for i, t := range p.Thumbprints {
		if _, err := hex.DecodeString(t); err != nil {
			return invalidInput("A thumbprint is the SHA-1 of a certificate, 40 hexadecimal digits.")
		}
		p.Thumbprints[i] = strings.ToLower(t)
	}
	return nil
}

// OpenIDConnectProviderInput names a provider.
type OpenIDConnectProviderInput struct {
	OpenIDConnectProviderArn string `api:"arnType,required"`
}

// oidcName is the name in an ARN of the caller's account; of any other it is one that no provider has.
func oidcName(c wire.Caller, arn string) string {
	name, _ := strings.CutPrefix(arn, "arn:aws:iam::"+c.Account+":oidc-provider/")
	return name
}

func noOIDCProvider(err error, arn string) error {
	return orNotFound(err, "OpenIDConnect Provider not found for arn "+arn)
}

// GetOpenIDConnectProviderOutput is the output of GetOpenIDConnectProvider. Url has no scheme.
type GetOpenIDConnectProviderOutput struct {
	Url            string
	ClientIDList   []string  `xml:"ClientIDList>member"`
	ThumbprintList []string  `xml:"ThumbprintList>member"`
	CreateDate     wire.Time `xml:"CreateDate"`
	Tags           []Tag     `xml:"Tags>member"`
}

// GetOpenIDConnectProvider describes a provider.
func (s *Service) GetOpenIDConnectProvider(ctx context.Context, c wire.Caller, in *OpenIDConnectProviderInput) (*GetOpenIDConnectProviderOutput, error) {
	if err := s.mayOIDC(ctx, c, "iam:GetOpenIDConnectProvider", in.OpenIDConnectProviderArn); err != nil {
		return nil, err
	}
	var p *store.OIDCProvider
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		p, err = tx.OIDCProvider(c.Account, oidcName(c, in.OpenIDConnectProviderArn))
		return err
	})
	if err != nil {
		return nil, noOIDCProvider(err, in.OpenIDConnectProviderArn)
	}
	out := &GetOpenIDConnectProviderOutput{
		Url: p.Name, ClientIDList: p.ClientIDs, ThumbprintList: p.Thumbprints, CreateDate: wire.Time{Time: p.Created},
	}
	out.Tags = sortedTags(p.Tags)
	return out, nil
}

// ListOpenIDConnectProvidersInput is empty.
type ListOpenIDConnectProvidersInput struct{}

// ListOpenIDConnectProvidersOutput is the output of ListOpenIDConnectProviders.
type ListOpenIDConnectProvidersOutput struct {
	OpenIDConnectProviderList []ProviderARN `xml:"OpenIDConnectProviderList>member"`
}

// ProviderARN is one line of a list of providers.
type ProviderARN struct {
	Arn string
}

// ListOpenIDConnectProviders lists the providers of the account.
func (s *Service) ListOpenIDConnectProviders(ctx context.Context, c wire.Caller, _ *ListOpenIDConnectProvidersInput) (*ListOpenIDConnectProvidersOutput, error) {
	if err := s.Authorize(ctx, c, "iam:ListOpenIDConnectProviders", "arn:aws:iam::"+c.Account+":oidc-provider/*"); err != nil {
		return nil, err
	}
	out := &ListOpenIDConnectProvidersOutput{}
	err := s.DB.ViewStale(ctx, func(tx *store.Tx) error {
		all, err := tx.OIDCProviders(c.Account)
		out.OpenIDConnectProviderList = nil
		for i := range all {
			out.OpenIDConnectProviderList = append(out.OpenIDConnectProviderList, ProviderARN{all[i].ARN()})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeleteOpenIDConnectProvider removes a provider. To remove one that is not there is no error, as IAM documents it.
func (s *Service) DeleteOpenIDConnectProvider(ctx context.Context, c wire.Caller, in *OpenIDConnectProviderInput) (*wire.Nothing, error) {
	if err := s.mayOIDC(ctx, c, "iam:DeleteOpenIDConnectProvider", in.OpenIDConnectProviderArn); err != nil {
		return nil, err
	}
	return nil, s.DB.Update(ctx, func(tx *store.Tx) error {
		return tx.DeleteOIDCProvider(c.Account, oidcName(c, in.OpenIDConnectProviderArn))
	})
}
