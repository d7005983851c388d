package iam

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"strings"
	"time"

	"idpool/provider/saml"
	"idpool/store"
	"idpool/wire"
)

// Limits of SAML providers.
const (
	MaxSAMLProviders = 100 // in an account
	MaxTags          = 50  // of a provider
)

// samlEncryption are the members of requests that are about encrypted assertions. There are no private keys here, and
// encrypted assertions are refused, so what asks for either is too, and what IAM has as its default says nothing.
type samlEncryption struct {
	mode, addKey, removeKey string
}

func (e samlEncryption) check() error {
	switch {
	case e.addKey != "":
		return invalidInput("Private keys are not supported: this server refuses encrypted assertions.")
	case e.removeKey != "":
		return invalidInput("Failed to remove private key. The provider has no private keys.")
	case e.mode == "Required":
		return invalidInput("Failed to set assertion encryption mode to Required because no private key is present.")
	}
	return nil
}

// setMetadata gives a provider a document that was found to be good.
func setMetadata(p *store.SAMLProvider, document string, now time.Time) error {
	metadata, err := saml.ParseMetadata(document)
	if err != nil {
		return invalidInput("Could not parse metadata: " + err.Error())
	}
	p.Metadata, p.ValidUntil = document, metadata.ValidUntil
	if p.ValidUntil.IsZero() {
		p.ValidUntil = now.AddDate(100, 0, 0) // which is what IAM answers
	}
	return nil
}

// CreateSAMLProviderInput is the input of CreateSAMLProvider.
type CreateSAMLProviderInput struct {
	SAMLMetadataDocument    string `api:"SAMLMetadataDocumentType,required"`
	Name                    string `api:"SAMLProviderNameType,required"`
	Tags                    []Tag  `api:"tagListType"`
	AssertionEncryptionMode string `api:"assertionEncryptionModeType"`
	AddPrivateKey           string `api:"privateKeyType"`
}

// CreateSAMLProviderOutput is the output of CreateSAMLProvider.
type CreateSAMLProviderOutput struct {
	SAMLProviderArn string
	Tags            *TagList // in the order given; nil without tags
}

// TagList is a list that can be left out of a reply.
type TagList struct {
	Tags []Tag `xml:"member"`
}

// CreateSAMLProvider registers an identity provider whose assertions pools may trust.
func (s *Service) CreateSAMLProvider(ctx context.Context, c wire.Caller, in *CreateSAMLProviderInput) (*CreateSAMLProviderOutput, error) {
	p := &store.SAMLProvider{Account: c.Account, Name: in.Name}
	if err := s.mayCreate(ctx, c, "SAMLProvider", p.ARN(), in.Tags); err != nil {
		return nil, err
	}
	if err := (samlEncryption{mode: in.AssertionEncryptionMode, addKey: in.AddPrivateKey}).check(); err != nil {
		return nil, err
	}
	if err := setMetadata(p, in.SAMLMetadataDocument, s.Now()); err != nil {
		return nil, err
	}
	var err error
	if p.Tags, err = tagMap(in.Tags); err != nil {
		return nil, err
	}
	if p.UUID, err = uniqueID(s.Rand, "SAMLSP", 22); err != nil {
		return nil, err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.SAMLProviderCount(c.Account)
		if err != nil {
			return err
		}
		if n >= MaxSAMLProviders {
			return limitExceeded("Cannot exceed quota for SAMLProvidersPerAccount: 100")
		}
		return tx.CreateSAMLProvider(p)
	})
	if errors.Is(err, store.ErrExists) {
		return nil, alreadyExists("Provider with name " + in.Name + " already exists.")
	}
	if err != nil {
		return nil, err
	}
	out := &CreateSAMLProviderOutput{SAMLProviderArn: p.ARN()}
	if len(in.Tags) > 0 {
		out.Tags = &TagList{in.Tags}
	}
	return out, nil
}

// SAMLProviderInput names a provider.
type SAMLProviderInput struct {
	SAMLProviderArn string `api:"arnType,required"`
}

// samlName is the name in an ARN of the caller's account; of any other it is one that no provider has.
func samlName(c wire.Caller, arn string) string {
	name, _ := strings.CutPrefix(arn, "arn:aws:iam::"+c.Account+":saml-provider/")
	return name
}

func noSAMLProvider(err error, arn string) error {
	return orNotFound(err, "Manifest not found for arn "+arn)
}

// samlProvider reads a provider of the caller's account.
func (s *Service) samlProvider(ctx context.Context, c wire.Caller, arn string) (p *store.SAMLProvider, err error) {
	err = s.DB.View(ctx, func(tx *store.Tx) (err error) {
		p, err = tx.SAMLProvider(c.Account, samlName(c, arn))
		return err
	})
	return p, noSAMLProvider(err, arn)
}

// changeSAML reads a provider of the caller's account and stores what f makes of it.
func (s *Service) changeSAML(ctx context.Context, c wire.Caller, arn string, f func(*store.SAMLProvider) error) error {
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		p, err := tx.SAMLProvider(c.Account, samlName(c, arn))
		if err != nil {
			return err
		}
		if err := f(p); err != nil {
			return err
		}
		return tx.ChangeSAMLProvider(p)
	})
	return noSAMLProvider(err, arn)
}

// GetSAMLProviderOutput is the output of GetSAMLProvider.
type GetSAMLProviderOutput struct {
	SAMLProviderUUID        string
	SAMLMetadataDocument    string
	CreateDate              wire.Time
	ValidUntil              wire.Time
	Tags                    []Tag    `xml:"Tags>member"`
	AssertionEncryptionMode string   // always Allowed, as IAM answers for a provider without private keys
	PrivateKeyList          struct{} // always empty
}

// GetSAMLProvider describes a provider.
func (s *Service) GetSAMLProvider(ctx context.Context, c wire.Caller, in *SAMLProviderInput) (*GetSAMLProviderOutput, error) {
	if err := s.maySAML(ctx, c, "iam:GetSAMLProvider", in.SAMLProviderArn); err != nil {
		return nil, err
	}
	p, err := s.samlProvider(ctx, c, in.SAMLProviderArn)
	if err != nil {
		return nil, err
	}
	return &GetSAMLProviderOutput{
		SAMLProviderUUID: p.UUID, SAMLMetadataDocument: p.Metadata, CreateDate: wire.Time{Time: p.Created},
		ValidUntil: wire.Time{Time: p.ValidUntil}, Tags: sortedTags(p.Tags), AssertionEncryptionMode: "Allowed",
	}, nil
}

// ListSAMLProvidersInput is empty.
type ListSAMLProvidersInput struct{}

// ListSAMLProvidersOutput is the output of ListSAMLProviders.
type ListSAMLProvidersOutput struct {
	SAMLProviderList []SAMLProviderListEntry `xml:"SAMLProviderList>member"`
}

// SAMLProviderListEntry is one line of a list of SAML providers.
type SAMLProviderListEntry struct {
	Arn        string
	ValidUntil wire.Time
	CreateDate wire.Time
}

// ListSAMLProviders lists the providers of the account.
func (s *Service) ListSAMLProviders(ctx context.Context, c wire.Caller, _ *ListSAMLProvidersInput) (*ListSAMLProvidersOutput, error) {
	if err := s.Authorize(ctx, c, "iam:ListSAMLProviders", "arn:aws:iam::"+c.Account+":saml-provider/*"); err != nil {
		return nil, err
	}
	out := &ListSAMLProvidersOutput{}
	err := s.DB.ViewStale(ctx, func(tx *store.Tx) error {
		all, err := tx.SAMLProviders(c.Account)
		out.SAMLProviderList = nil
		for i := range all {
			out.SAMLProviderList = append(out.SAMLProviderList, SAMLProviderListEntry{
				Arn: all[i].ARN(), ValidUntil: wire.Time{Time: all[i].ValidUntil}, CreateDate: wire.Time{Time: all[i].Created},
			})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// UpdateSAMLProviderInput is the input of UpdateSAMLProvider.
type UpdateSAMLProviderInput struct {
	SAMLMetadataDocument    string `api:"SAMLMetadataDocumentType"`
	SAMLProviderArn         string `api:"arnType,required"`
	AssertionEncryptionMode string `api:"assertionEncryptionModeType"`
	AddPrivateKey           string `api:"privateKeyType"`
	RemovePrivateKey        string `api:"privateKeyIdType"`
}

// UpdateSAMLProviderOutput is the output of UpdateSAMLProvider.
type UpdateSAMLProviderOutput struct {
	SAMLProviderArn string
}

// UpdateSAMLProvider replaces a provider's metadata. CreateDate and SAMLProviderUUID stay.
func (s *Service) UpdateSAMLProvider(ctx context.Context, c wire.Caller, in *UpdateSAMLProviderInput) (*UpdateSAMLProviderOutput, error) {
	if err := s.maySAML(ctx, c, "iam:UpdateSAMLProvider", in.SAMLProviderArn); err != nil {
		return nil, err
	}
	encryption := samlEncryption{in.AssertionEncryptionMode, in.AddPrivateKey, in.RemovePrivateKey}
	if in.SAMLMetadataDocument == "" && encryption == (samlEncryption{}) {
		return nil, invalidMember("Unable to update identity provider. No updates are defined for metadata or encryption assertion.")
	}
	if err := encryption.check(); err != nil {
		return nil, err
	}
	var fresh store.SAMLProvider
	if in.SAMLMetadataDocument != "" {
		if err := setMetadata(&fresh, in.SAMLMetadataDocument, s.Now()); err != nil {
			return nil, err
		}
	}
	err := s.changeSAML(ctx, c, in.SAMLProviderArn, func(p *store.SAMLProvider) error {
		if fresh.Metadata != "" {
			p.Metadata, p.ValidUntil = fresh.Metadata, fresh.ValidUntil
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &UpdateSAMLProviderOutput{SAMLProviderArn: in.SAMLProviderArn}, nil
}

// DeleteSAMLProvider removes a provider. Unlike an OpenID Connect provider, it must be there.
func (s *Service) DeleteSAMLProvider(ctx context.Context, c wire.Caller, in *SAMLProviderInput) (*wire.Nothing, error) {
	if err := s.maySAML(ctx, c, "iam:DeleteSAMLProvider", in.SAMLProviderArn); err != nil {
		return nil, err
	}
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		name := samlName(c, in.SAMLProviderArn)
		if _, err := tx.SAMLProvider(c.Account, name); err != nil {
			return err
		}
		return tx.DeleteSAMLProvider(c.Account, name)
	})
	return nil, noSAMLProvider(err, in.SAMLProviderArn)
}

// TagSAMLProviderInput is the input of TagSAMLProvider.
type TagSAMLProviderInput struct {
	SAMLProviderArn string `api:"arnType,required"`
	Tags            []Tag  `api:"tagListType,required"`
}

// TagSAMLProvider adds tags. One whose key differs by case alone from an older one's takes its place.
func (s *Service) TagSAMLProvider(ctx context.Context, c wire.Caller, in *TagSAMLProviderInput) (*wire.Nothing, error) {
	if err := s.maySAML(ctx, c, "iam:TagSAMLProvider", in.SAMLProviderArn, tagMapKeys(in.Tags)...); err != nil {
		return nil, err
	}
	added, err := tagMap(in.Tags)
	if err != nil {
		return nil, err
	}
	return nil, s.changeSAML(ctx, c, in.SAMLProviderArn, func(p *store.SAMLProvider) error {
		for key := range added {
			removeTag(p.Tags, key)
		}
		maps.Copy(p.Tags, added)
		if len(p.Tags) > MaxTags {
			return limitExceeded("The number of tags has reached the maximum limit.")
		}
		return nil
	})
}

// UntagSAMLProviderInput is the input of UntagSAMLProvider.
type UntagSAMLProviderInput struct {
	SAMLProviderArn string   `api:"arnType,required"`
	TagKeys         []string `api:"tagKeyListType,required"`
}

// UntagSAMLProvider removes tags; keys that no tag has are no error.
func (s *Service) UntagSAMLProvider(ctx context.Context, c wire.Caller, in *UntagSAMLProviderInput) (*wire.Nothing, error) {
	if err := s.maySAML(ctx, c, "iam:UntagSAMLProvider", in.SAMLProviderArn, untagKey(in.TagKeys)); err != nil {
		return nil, err
	}
	return nil, s.changeSAML(ctx, c, in.SAMLProviderArn, func(p *store.SAMLProvider) error {
		for _, key := range in.TagKeys {
			removeTag(p.Tags, key)
		}
		return nil
	})
}

// removeTag removes the tag with a key, in any case: no two differ in nothing else.
func removeTag(tags map[string]string, key string) {
	key = strings.ToLower(key)
	maps.DeleteFunc(tags, func(other, _ string) bool { return strings.ToLower(other) == key })
}

// ListSAMLProviderTagsInput is the input of ListSAMLProviderTags.
type ListSAMLProviderTagsInput struct {
	SAMLProviderArn string `api:"arnType,required"`
	Marker          string `api:"markerType"`
	MaxItems        int    `api:"maxItemsType"`
}

// ListSAMLProviderTagsOutput is the output of ListSAMLProviderTags.
type ListSAMLProviderTagsOutput struct {
	Tags        []Tag `xml:"Tags>member"`
	IsTruncated bool
	Marker      string `xml:",omitempty"` // how many tags the pages so far had
}

// ListSAMLProviderTags lists a provider's tags by key.
func (s *Service) ListSAMLProviderTags(ctx context.Context, c wire.Caller, in *ListSAMLProviderTagsInput) (*ListSAMLProviderTagsOutput, error) {
	if err := s.maySAML(ctx, c, "iam:ListSAMLProviderTags", in.SAMLProviderArn); err != nil {
		return nil, err
	}
	from := 0
	if in.Marker != "" {
		var err error
		if from, err = strconv.Atoi(in.Marker); err != nil || from < 0 {
			return nil, invalidMember("Invalid Marker.")
		}
	}
	p, err := s.samlProvider(ctx, c, in.SAMLProviderArn)
	if err != nil {
		return nil, err
	}
	out := &ListSAMLProviderTagsOutput{Tags: sortedTags(p.Tags)}
	out.Tags = out.Tags[min(from, len(out.Tags)):]
	if in.MaxItems > 0 && in.MaxItems < len(out.Tags) {
		out.Tags, out.IsTruncated, out.Marker = out.Tags[:in.MaxItems], true, strconv.Itoa(from+in.MaxItems)
	}
	return out, nil
}
