package cognito

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	"idpool/identity"
	"idpool/store"
	"idpool/wire"
)

// RoleMapping says how a provider's logins get their role.
type RoleMapping struct {
	Type                    string              `api:"RoleMappingType,required"`
	AmbiguousRoleResolution string              `api:"AmbiguousRoleResolutionType" json:",omitempty"`
	RulesConfiguration      *RulesConfiguration `json:",omitempty"`
}

// RulesConfiguration is the rules of a RoleMapping of type Rules.
type RulesConfiguration struct {
	Rules []MappingRule `api:"MappingRulesList,required"`
}

// MappingRule is one rule: the first that matches decides.
type MappingRule struct {
	Claim     string `api:"ClaimName,required"`
	MatchType string `api:"MappingRuleMatchType,required"`
	Value     string `api:"ClaimValue,required"`
	RoleARN   string `api:"ARNString,required"`
}

// SetIdentityPoolRolesInput is the input of SetIdentityPoolRoles.
type SetIdentityPoolRolesInput struct {
	IdentityPoolId string                 `api:"IdentityPoolId,required"`
	Roles          map[string]string      `api:"RolesMap,required"`
	RoleMappings   map[string]RoleMapping `api:"RoleMappingMap"`
}

// SetIdentityPoolRoles replaces all roles and mappings of a pool.
func (s *Service) SetIdentityPoolRoles(ctx context.Context, c wire.Caller, in *SetIdentityPoolRolesInput) (*wire.Nothing, error) {
	if err := s.may(ctx, c, "SetIdentityPoolRoles", "*"); err != nil {
		return nil, err
	}
	for _, arn := range in.roleARNs() {
		if !roleARN.MatchString(arn) || !strings.HasPrefix(arn, "arn:aws:iam::"+c.Account+":role/") {
			return nil, notAuthorized("Access to Role '%s' is forbidden.", arn)
		}
	}
	if err := s.mayPass(ctx, c, slices.Compact(in.roleARNs())); err != nil {
		return nil, err
	}
	mappers, err := in.mappers(s.Quotas.Rules)
	if err != nil {
		return nil, err
	}
	return nil, s.changePool(ctx, c, in.IdentityPoolId, func(tx *store.Tx, pool *identity.Pool) error {
		for _, key := range slices.Sorted(maps.Keys(mappers)) {
			if !hasProvider(&pool.Settings, key) {
				return invalidParameter("(%s) is not a valid RoleMapping ProviderName or is not a configured provider.", key)
			}
		}
		pool.Authenticated, pool.Guest = in.Roles["authenticated"], in.Roles["unauthenticated"]
		pool.RoleMappings = mappers
		return tx.UpdatePool(pool)
	})
}

var roleARN = regexp.MustCompile(`^arn:aws:iam::\d{12}:role/([\x21-\x7e]+/)?[\w+=,.@-]{1,64}$`)

// roleARNs lists all roles that a call names, in a fixed order.
func (in *SetIdentityPoolRolesInput) roleARNs() []string {
	var arns []string
	for _, arn := range in.Roles {
		arns = append(arns, arn)
	}
	for _, m := range in.RoleMappings {
		if m.RulesConfiguration == nil {
			continue
		}
		for _, r := range m.RulesConfiguration.Rules {
			arns = append(arns, r.RoleARN)
		}
	}
	slices.Sort(arns)
	return arns
}

// mappers checks and converts the mappings. Of the texts only that of the number of rules is known of the original.
func (in *SetIdentityPoolRolesInput) mappers(most int) (map[string]identity.Mapper, error) {
	mappers := make(map[string]identity.Mapper, len(in.RoleMappings))
	for _, key := range slices.Sorted(maps.Keys(in.RoleMappings)) {
		m := in.RoleMappings[key]
		switch {
		case m.AmbiguousRoleResolution == "":
			return nil, invalidParameter("AmbiguousRoleResolution is required for the role mapping of %s.", key)
		case m.Type == "Rules" && m.RulesConfiguration == nil:
			return nil, invalidParameter("RulesConfiguration is required for the role mapping of %s, whose type is Rules.", key)
		case m.Type == "Token" && m.RulesConfiguration != nil:
			return nil, invalidParameter("RulesConfiguration is not allowed for the role mapping of %s, whose type is Token.", key)
		}
		mapper := identity.Mapper{Type: m.Type, Ambiguous: m.AmbiguousRoleResolution}
		if m.RulesConfiguration != nil {
			if len(m.RulesConfiguration.Rules) > most {
				return nil, invalidParameter("The number of rules in the request exceeded %d.", most)
			}
			for _, r := range m.RulesConfiguration.Rules {
				mapper.Rules = append(mapper.Rules, identity.Rule{Claim: r.Claim, Match: r.MatchType, Value: r.Value, Role: r.RoleARN})
			}
		}
		mappers[key] = mapper
	}
	return mappers, nil
}

// hasProvider tells whether a mapping's key names a provider of the pool: a user pool with its client, the ARN of an OIDC
// or SAML provider, a public provider's domain.
func hasProvider(p *identity.Settings, key string) bool {
	if slices.Contains(p.OIDC, key) || slices.Contains(p.SAML, key) || p.Social[key] != "" {
		return true
	}
	return slices.ContainsFunc(p.UserPools, func(u identity.UserPool) bool { return key == u.Provider+":"+u.ClientID })
}

// mapsRoles tells whether a provider of the pool has a role mapping. One whose provider the pool has dropped stays, to be
// there when the provider comes back, and means nothing until then.
func mapsRoles(p *identity.Settings) bool {
	for key := range p.RoleMappings {
		if hasProvider(p, key) {
			return true
		}
	}
	return false
}

// GetIdentityPoolRolesOutput is the output of GetIdentityPoolRoles.
type GetIdentityPoolRolesOutput struct {
	IdentityPoolId string
	Roles          map[string]string      `json:",omitempty"`
	RoleMappings   map[string]RoleMapping `json:",omitempty"`
}

// GetIdentityPoolRoles shows a pool's roles and mappings.
func (s *Service) GetIdentityPoolRoles(ctx context.Context, c wire.Caller, in *PoolInput) (*GetIdentityPoolRolesOutput, error) {
	if err := s.may(ctx, c, "GetIdentityPoolRoles", in.IdentityPoolId); err != nil {
		return nil, err
	}
	out := &GetIdentityPoolRolesOutput{IdentityPoolId: in.IdentityPoolId}
	err := s.viewPool(ctx, c, in.IdentityPoolId, func(_ *store.Tx, pool *identity.Pool) error {
		out.Roles = make(map[string]string)
		if pool.Authenticated != "" {
			out.Roles["authenticated"] = pool.Authenticated
		}
		if pool.Guest != "" {
			out.Roles["unauthenticated"] = pool.Guest
		}
		out.RoleMappings = describeMappers(pool.RoleMappings)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func describeMappers(mappers map[string]identity.Mapper) map[string]RoleMapping {
	out := make(map[string]RoleMapping, len(mappers))
	for key, m := range mappers {
		mapping := RoleMapping{Type: m.Type, AmbiguousRoleResolution: m.Ambiguous}
		if len(m.Rules) > 0 {
			mapping.RulesConfiguration = &RulesConfiguration{}
		}
		for _, r := range m.Rules {
			mapping.RulesConfiguration.Rules = append(mapping.RulesConfiguration.Rules,
				MappingRule{Claim: r.Claim, MatchType: r.Match, Value: r.Value, RoleARN: r.Role})
		}
		out[key] = mapping
	}
	return out
}
