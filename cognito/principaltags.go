package cognito

import (
	"context"
	"maps"
	"slices"

	"idpool/identity"
	"idpool/issuer"
	"idpool/store"
	"idpool/wire"
)

// SetPrincipalTagAttributeMapInput is the input of SetPrincipalTagAttributeMap.
type SetPrincipalTagAttributeMapInput struct {
	IdentityPoolId       string            `api:"IdentityPoolId,required"`
	IdentityProviderName string            `api:"IdentityProviderName,required"`
	UseDefaults          bool              `api:"UseDefaults"`
	PrincipalTags        map[string]string `api:"PrincipalTags"`
}

// PrincipalTagAttributeMap is the output of SetPrincipalTagAttributeMap and GetPrincipalTagAttributeMap: which claims of a
// provider's tokens become session tags. PrincipalTags maps tag keys to claims.
type PrincipalTagAttributeMap struct {
	IdentityPoolId       string
	IdentityProviderName string
	UseDefaults          bool
	PrincipalTags        map[string]string `json:",omitempty"`
}

func describeTags(pool *identity.Pool, provider string, m identity.TagMap) *PrincipalTagAttributeMap {
	return &PrincipalTagAttributeMap{
		IdentityPoolId: pool.FullID(), IdentityProviderName: provider, UseDefaults: m.UseDefaults, PrincipalTags: m.Claims(),
	}
}

// SetPrincipalTagAttributeMap sets a provider's map; without defaults and without tags it is gone.
func (s *Service) SetPrincipalTagAttributeMap(ctx context.Context, c wire.Caller, in *SetPrincipalTagAttributeMapInput) (*PrincipalTagAttributeMap, error) {
	if err := s.may(ctx, c, "SetPrincipalTagAttributeMap", "*"); err != nil {
		return nil, err
	}
	if err := checkTagKeys(in.PrincipalTags); err != nil {
		return nil, err
	}
	set := identity.TagMap{UseDefaults: in.UseDefaults, Tags: in.PrincipalTags}
	if set.UseDefaults {
		set.Tags = nil
	}
	var out *PrincipalTagAttributeMap
	err := s.changePool(ctx, c, in.IdentityPoolId, func(tx *store.Tx, pool *identity.Pool) error {
		provider := in.IdentityProviderName
		if _, known := pool.PrincipalTags[provider]; !known && !pool.HasProvider(provider) {
			return invalidParameter("(%s) is not a configured provider of the identity pool.", provider)
		}
		if set.UseDefaults || len(set.Tags) > 0 {
			if pool.PrincipalTags == nil {
				pool.PrincipalTags = make(map[string]identity.TagMap)
			}
			// Maps of dropped providers would pile up without a bound.
			maps.DeleteFunc(pool.PrincipalTags, func(name string, _ identity.TagMap) bool { return !pool.HasProvider(name) })
			pool.PrincipalTags[provider] = set
		} else {
			delete(pool.PrincipalTags, provider)
		}
		out = describeTags(pool, provider, set)
		return tx.UpdatePool(pool)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// GetPrincipalTagAttributeMapInput is the input of GetPrincipalTagAttributeMap.
type GetPrincipalTagAttributeMapInput struct {
	IdentityPoolId       string `api:"IdentityPoolId,required"`
	IdentityProviderName string `api:"IdentityProviderName,required"`
}

// GetPrincipalTagAttributeMap shows a provider's map, if one was set.
func (s *Service) GetPrincipalTagAttributeMap(ctx context.Context, c wire.Caller, in *GetPrincipalTagAttributeMapInput) (*PrincipalTagAttributeMap, error) {
	if err := s.may(ctx, c, "GetPrincipalTagAttributeMap", in.IdentityPoolId); err != nil {
		return nil, err
	}
	var out *PrincipalTagAttributeMap
	err := s.viewPool(ctx, c, in.IdentityPoolId, func(_ *store.Tx, pool *identity.Pool) error {
		m, set := pool.PrincipalTags[in.IdentityProviderName]
		if !set {
			return notFound("The identity pool has no principal tags for the provider %s.", in.IdentityProviderName)
		}
		out = describeTags(pool, in.IdentityProviderName, m)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// checkTagKeys refuses keys that no STS takes, and such as a policy cannot tell apart. The original's texts are not known.
func checkTagKeys(tags map[string]string) error {
	if !identity.TagKeysDiffer(tags) {
		return invalidParameter("The keys of principal tags must differ in more than the case of their letters.")
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if err := checkTagKey(key); err != nil {
			return err
		}
	}
	return nil
}

// tags are the principal tags of a call: those that came ready, and those that the pool reads from claims. Of two logins
// that give one tag the first decides.
func (v *visit) tags() (map[string]string, error) {
	var tags map[string]string
	add := func(more map[string]string) {
		for key, value := range more {
			if identity.HasTag(tags, key) {
				continue
			}
			if tags == nil {
				tags = make(map[string]string)
			}
			tags[key] = value
		}
	}
	for _, p := range v.logins {
		add(p.tags)
	}
	for _, p := range v.logins {
		if m, set := v.pool.PrincipalTags[p.tagged]; set && p.claims != nil {
			add(m.Read(p.claims))
		}
	}
	if !identity.TagsFit(tags) {
		return nil, invalidParameter("Principal tags can have at most %d bytes together, and %d characters a value, none of them a control character.",
			identity.MaxTagBytes, identity.MaxTagValue)
	}
	return tags, nil
}

// asClaim is how tags stand in a token.
func asClaim(tags map[string]string) *issuer.Tags {
	if len(tags) == 0 {
		return nil
	}
	claim := &issuer.Tags{Principal: make(map[string][]string, len(tags))}
	for key, value := range tags {
		claim.Principal[key] = []string{value}
	}
	return claim
}
