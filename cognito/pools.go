package cognito

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"idpool/iam"
	"idpool/identity"
	"idpool/issuer"
	"idpool/store"
	"idpool/wire"
)

// customIDTag is the tag that chooses a new pool's id, a UUID: so that ids in the configuration of apps survive a move.
const customIDTag = "_custom_id_"

// CognitoIdentityProvider is a client of a user pool.
type CognitoIdentityProvider struct {
	ProviderName         string `api:"CognitoIdentityProviderName" json:",omitempty"`
	ClientId             string `api:"CognitoIdentityProviderClientId" json:",omitempty"`
	ServerSideTokenCheck *bool  `json:",omitempty"`
}

// CreateIdentityPoolInput is the input of CreateIdentityPool.
type CreateIdentityPoolInput struct {
	IdentityPoolName               string                    `api:"IdentityPoolName,required"`
	AllowUnauthenticatedIdentities bool                      `api:"IdentityPoolUnauthenticated,required"`
	AllowClassicFlow               *bool                     `api:"ClassicFlow"`
	SupportedLoginProviders        map[string]string         `api:"IdentityProviders"`
	DeveloperProviderName          string                    `api:"DeveloperProviderName"`
	OpenIdConnectProviderARNs      []string                  `api:"OIDCProviderList"`
	CognitoIdentityProviders       []CognitoIdentityProvider `api:"CognitoIdentityProviderList"`
	SamlProviderARNs               []string                  `api:"SAMLProviderList"`
	IdentityPoolTags               map[string]string         `api:"IdentityPoolTagsType"`
}

// IdentityPool is a pool as the API shows it, and the input of UpdateIdentityPool. IdentityPoolTags is never absent in a
// reply; AllowClassicFlow is, if nobody ever said.
type IdentityPool struct {
	IdentityPoolId                 string                    `api:"IdentityPoolId,required"`
	IdentityPoolName               string                    `api:"IdentityPoolName,required"`
	AllowUnauthenticatedIdentities bool                      `api:"IdentityPoolUnauthenticated,required"`
	AllowClassicFlow               *bool                     `api:"ClassicFlow" json:",omitempty"`
	SupportedLoginProviders        map[string]string         `api:"IdentityProviders" json:",omitempty"`
	DeveloperProviderName          string                    `api:"DeveloperProviderName" json:",omitempty"`
	OpenIdConnectProviderARNs      []string                  `api:"OIDCProviderList" json:",omitempty"`
	CognitoIdentityProviders       []CognitoIdentityProvider `api:"CognitoIdentityProviderList" json:",omitempty"`
	SamlProviderARNs               []string                  `api:"SAMLProviderList" json:",omitempty"`
	IdentityPoolTags               map[string]string         `api:"IdentityPoolTagsType"`
}

func describePool(p *identity.Pool) *IdentityPool {
	out := &IdentityPool{
		IdentityPoolId: p.FullID(), IdentityPoolName: p.Name, AllowUnauthenticatedIdentities: p.AllowGuests,
		AllowClassicFlow: p.ClassicFlow, SupportedLoginProviders: p.Social, DeveloperProviderName: p.Developer,
		OpenIdConnectProviderARNs: p.OIDC, SamlProviderARNs: p.SAML, IdentityPoolTags: p.Tags,
	}
	for _, u := range p.UserPools {
		out.CognitoIdentityProviders = append(out.CognitoIdentityProviders,
			CognitoIdentityProvider{ProviderName: u.Provider, ClientId: u.ClientID, ServerSideTokenCheck: u.ServerSideCheck})
	}
	if out.IdentityPoolTags == nil {
		out.IdentityPoolTags = map[string]string{}
	}
	return out
}

// replace sets what an Update replaces: everything but the developer provider's name and the tags. What is not sent is
// cleared.
func replace(s *identity.Settings, in *IdentityPool) {
	s.Name, s.AllowGuests, s.ClassicFlow = in.IdentityPoolName, in.AllowUnauthenticatedIdentities, in.AllowClassicFlow
	s.Social, s.OIDC, s.SAML = in.SupportedLoginProviders, in.OpenIdConnectProviderARNs, in.SamlProviderARNs
	s.UserPools = nil
	for _, p := range in.CognitoIdentityProviders {
		s.UserPools = append(s.UserPools,
			identity.UserPool{Provider: p.ProviderName, ClientID: p.ClientId, ServerSideCheck: p.ServerSideTokenCheck})
	}
}

// publicProviders are the keys that SupportedLoginProviders may have.
func publicProviders() []string {
	return []string{
		"accounts.google.com", "api.twitter.com", "appleid.apple.com", "graph.facebook.com", "www.amazon.com", "www.digits.com",
	}
}

// userPoolName is the form of a user pool's provider name. The part behind the underscore is longer in emulators than in
// the original, and the part before it is no region in some.
var userPoolName = regexp.MustCompile(`^cognito-idp\.[a-z0-9-]+\.amazonaws\.com/[a-z0-9-]+_[A-Za-z0-9]+$`)

var (
	oidcARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::(\d{12}):oidc-provider/(.+)$`)
	samlARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::(\d{12}):saml-provider/(.+)$`)
)

// checkProviders refuses providers that nobody could ever verify.
func (s *Service) checkProviders(c wire.Caller, p *identity.Settings) error {
	if max(len(p.OIDC), len(p.SAML), len(p.UserPools)) > s.Quotas.Providers {
		return limitExceeded("An identity pool can have at most %d providers of a kind.", s.Quotas.Providers)
	}
	for _, u := range p.UserPools {
		if !userPoolName.MatchString(u.Provider) {
			return invalidParameter("Invalid Cognito Identity Provider")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Social)) {
		if !slices.Contains(publicProviders(), name) {
			return invalidParameter("%s is no public provider. The public providers are: %v", name, publicProviders())
		}
	}
	for _, arn := range p.SAML {
		if m := samlARN.FindStringSubmatch(arn); m == nil || m[1] != c.Account {
			return invalidParameter("Identity provider %s is not valid for account %s", arn, c.Account)
		}
	}
	// Those of other accounts are stored and shown, as the original does; only this account's verify logins.
	for _, arn := range p.OIDC {
		m := oidcARN.FindStringSubmatch(arn)
		if m == nil || strings.EqualFold(m[2], issuer.Name) || strings.HasSuffix(s.Issuer.URL, "://"+m[2]) {
			return invalidParameter("Identity provider %s is not valid for account %s", arn, c.Account)
		}
	}
	isOIDC := slices.ContainsFunc(p.OIDC, func(arn string) bool { return strings.HasSuffix(arn, ":oidc-provider/"+p.Developer) })
	if slices.Contains(publicProviders(), p.Developer) || p.Developer == issuer.Name || p.Developer != "" && isOIDC {
		return invalidParameter("%s cannot be the name of a developer provider.", p.Developer)
	}
	return nil
}

// CreateIdentityPool makes a pool in the region that the call was signed for.
func (s *Service) CreateIdentityPool(ctx context.Context, c wire.Caller, in *CreateIdentityPoolInput) (*IdentityPool, error) {
	if err := s.may(ctx, c, "CreateIdentityPool", "*", iam.RequestTags(in.IdentityPoolTags)...); err != nil {
		return nil, err
	}
	if err := s.mayTag(ctx, c, "*", in.IdentityPoolTags); err != nil {
		return nil, err
	}
	pool := &identity.Pool{Account: c.Account, Region: c.Region}
	replace(&pool.Settings, &IdentityPool{
		IdentityPoolName: in.IdentityPoolName, AllowUnauthenticatedIdentities: in.AllowUnauthenticatedIdentities,
		AllowClassicFlow: in.AllowClassicFlow, SupportedLoginProviders: in.SupportedLoginProviders,
		OpenIdConnectProviderARNs: in.OpenIdConnectProviderARNs, CognitoIdentityProviders: in.CognitoIdentityProviders,
		SamlProviderARNs: in.SamlProviderARNs,
	})
	pool.Developer, pool.Tags = in.DeveloperProviderName, in.IdentityPoolTags
	if err := s.checkProviders(c, &pool.Settings); err != nil {
		return nil, err
	}
	if err := s.checkTags(pool.Tags, limitExceeded); err != nil {
		return nil, err
	}
	if err := s.drawPool(pool); err != nil {
		return nil, err
	}
	err := s.DB.Update(ctx, func(tx *store.Tx) error {
		if err := s.checkQuota(tx, c); err != nil {
			return err
		}
		return tx.CreatePool(pool)
	})
	if errors.Is(err, store.ErrExists) {
		return nil, conflict("An identity pool with the id %s exists, or its id is reserved.", pool.FullID())
	}
	if err != nil {
		return nil, err
	}
	return describePool(pool), nil
}

// drawPool draws the pool's internal key, and its id unless a tag chooses it.
func (s *Service) drawPool(p *identity.Pool) error {
	var random [24]byte
	if _, err := io.ReadFull(s.Rand, random[:]); err != nil {
		return err
	}
	p.ID = identity.NewID([16]byte(random[:16]))
	p.Key = int64(binary.BigEndian.Uint64(random[16:]) >> 1)
	if custom, ok := p.Tags[customIDTag]; ok {
		id, err := identity.ParseUUID(custom)
		if err != nil {
			return invalidParameter("The tag %s chooses the id of the pool: a UUID in lower case.", customIDTag)
		}
		p.ID = id
	}
	return nil
}

func (s *Service) checkQuota(tx *store.Tx, c wire.Caller) error {
	if len(s.Regions) > 0 && !slices.Contains(s.Regions, c.Region) {
		return invalidParameter("This server keeps no pools in the region %s.", c.Region)
	}
	n, err := tx.PoolCount(scope(c))
	if err != nil {
		return err
	}
	if n >= int64(s.Quotas.Pools) {
		return limitExceeded("The account has its %d identity pools in this region.", s.Quotas.Pools)
	}
	if n > 0 {
		return nil
	}
	regions, err := tx.Regions(c.Account)
	if err == nil && len(regions) >= MaxRegions {
		err = limitExceeded("The account has identity pools in %d regions, which is the most.", MaxRegions)
	}
	return err
}

// PoolInput is the input of operations that take nothing but a pool.
type PoolInput struct {
	IdentityPoolId string `api:"IdentityPoolId,required"`
}

// DescribeIdentityPool shows a pool of the account.
func (s *Service) DescribeIdentityPool(ctx context.Context, c wire.Caller, in *PoolInput) (*IdentityPool, error) {
	if err := s.may(ctx, c, "DescribeIdentityPool", in.IdentityPoolId); err != nil {
		return nil, err
	}
	var out *IdentityPool
	err := s.viewPool(ctx, c, in.IdentityPoolId, func(_ *store.Tx, pool *identity.Pool) error {
		out = describePool(pool)
		return nil
	})
	return out, err
}

// viewPool runs a read on a pool of the caller's.
func (s *Service) viewPool(ctx context.Context, c wire.Caller, fullID string, read func(*store.Tx, *identity.Pool) error) error {
	return s.DB.View(ctx, func(tx *store.Tx) error {
		pool, err := ownPool(tx, c, fullID)
		if err != nil {
			return err
		}
		return read(tx, pool)
	})
}

// changePool runs a change of a pool of the caller's.
func (s *Service) changePool(ctx context.Context, c wire.Caller, fullID string, change func(*store.Tx, *identity.Pool) error) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		pool, err := ownPool(tx, c, fullID)
		if err != nil {
			return err
		}
		return change(tx, pool)
	})
}

// ownPool finds a pool by its id, if it is of the caller's account and region; any other answers as an unknown one.
func ownPool(tx *store.Tx, c wire.Caller, fullID string) (*identity.Pool, error) {
	id, ok := localID(fullID, c.Region)
	if !ok {
		return nil, noPool(fullID)
	}
	pool, err := tx.Pool(scope(c), id)
	if err != nil {
		return nil, orNotFound(err, noPool(fullID))
	}
	return pool, nil
}

// UpdateIdentityPool replaces a pool's settings.
func (s *Service) UpdateIdentityPool(ctx context.Context, c wire.Caller, in *IdentityPool) (*IdentityPool, error) {
	if err := s.may(ctx, c, "UpdateIdentityPool", in.IdentityPoolId, iam.RequestTags(in.IdentityPoolTags)...); err != nil {
		return nil, err
	}
	if err := s.mayTag(ctx, c, in.IdentityPoolId, in.IdentityPoolTags); err != nil {
		return nil, err
	}
	if err := s.checkTags(in.IdentityPoolTags, limitExceeded); err != nil {
		return nil, err
	}
	var out *IdentityPool
	err := s.changePool(ctx, c, in.IdentityPoolId, func(tx *store.Tx, pool *identity.Pool) error {
		replace(&pool.Settings, in)
		switch {
		case pool.Developer == "":
			pool.Developer = in.DeveloperProviderName
		case in.DeveloperProviderName != "" && in.DeveloperProviderName != pool.Developer:
			return invalidParameter("The developer provider name of a pool cannot be changed.")
		}
		if in.IdentityPoolTags != nil {
			pool.Tags = in.IdentityPoolTags
		}
		if err := s.checkProviders(c, &pool.Settings); err != nil {
			return err
		}
		out = describePool(pool)
		return tx.UpdatePool(pool)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeleteIdentityPool removes a pool and everything in it. Nobody gets in from this moment on; what it leaves behind is
// swept away later.
func (s *Service) DeleteIdentityPool(ctx context.Context, c wire.Caller, in *PoolInput) (*wire.Nothing, error) {
	if err := s.may(ctx, c, "DeleteIdentityPool", in.IdentityPoolId); err != nil {
		return nil, err
	}
	err := s.changePool(ctx, c, in.IdentityPoolId, func(tx *store.Tx, pool *identity.Pool) error { return tx.DeletePool(pool) })
	if err == nil {
		s.Sweep()
	}
	return nil, err
}

// ListIdentityPoolsInput is the input of ListIdentityPools.
type ListIdentityPoolsInput struct {
	MaxResults int    `api:"QueryLimit,required"`
	NextToken  string `api:"PaginationKey"`
}

// IdentityPoolShortDescription is one line of a list of pools.
type IdentityPoolShortDescription struct {
	IdentityPoolId   string
	IdentityPoolName string
}

// ListIdentityPoolsOutput is the output of ListIdentityPools.
type ListIdentityPoolsOutput struct {
	IdentityPools []IdentityPoolShortDescription
	NextToken     string `json:",omitempty"`
}

// ListIdentityPools shows the account's pools in the call's region by pages, in the order of their ids.
func (s *Service) ListIdentityPools(ctx context.Context, c wire.Caller, in *ListIdentityPoolsInput) (*ListIdentityPoolsOutput, error) {
	if err := s.may(ctx, c, "ListIdentityPools", ""); err != nil {
		return nil, err
	}
	book := s.book(c, "ListIdentityPools", "")
	after, err := book.open(ctx, in.NextToken)
	if err != nil {
		return nil, err
	}
	var page []store.PoolName
	err = s.DB.ViewStale(ctx, func(tx *store.Tx) (err error) {
		page, err = tx.Pools(scope(c), after, in.MaxResults+1)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &ListIdentityPoolsOutput{IdentityPools: []IdentityPoolShortDescription{}}
	if len(page) > in.MaxResults {
		page = page[:in.MaxResults]
		if out.NextToken, err = book.seal(page[len(page)-1].ID[:]); err != nil {
			return nil, err
		}
	}
	for _, p := range page {
		out.IdentityPools = append(out.IdentityPools,
			IdentityPoolShortDescription{IdentityPoolId: p.ID.In(c.Region), IdentityPoolName: p.Name})
	}
	return out, nil
}
