package identity

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Claims are what a verified token says. Values are as JSON has them: string, json.Number, bool, []any, map[string]any.
type Claims interface {
	Claim(name string) (value any, ok bool)
}

// RoleRefusal says why no role follows from a login.
type RoleRefusal int

// The refusals of ChooseRole.
const (
	AmbiguousDenied    RoleRefusal = iota + 1 // nothing decides, and the mapping says Deny then
	CustomRoleInRules                         // a role was asked for, and the mapping goes by rules
	CustomRoleMissing                         // a role was asked for that the token does not grant
	CustomRoleUnmapped                        // a role was asked for, and the provider has no mapping
)

func (r RoleRefusal) Error() string {
	switch r {
	case AmbiguousDenied:
		return "the role mapping denies what it cannot decide"
	case CustomRoleInRules:
		return "a custom role cannot be chosen where rules map the role"
	case CustomRoleMissing:
		return "the token does not grant the role asked for"
	case CustomRoleUnmapped:
		return "a custom role can only be chosen where the token maps the role"
	}
	return "refused"
}

// Claims of user pools that carry roles.
const (
	rolesClaim     = "cognito:roles"
	preferredClaim = "cognito:preferred_role"
)

// ChooseRole decides the role ARN of a login, after the developer guide's page on role-based access control. Mapper is nil
// where the login's provider has none; custom is the role that the caller asks for, or empty. It returns a RoleRefusal.
func ChooseRole(authenticated string, mapper *Mapper, claims Claims, custom string) (string, error) {
	switch {
	case mapper == nil && custom != "":
		return "", CustomRoleUnmapped
	case mapper == nil:
		return authenticated, nil
	case mapper.Type == "Rules" && custom != "":
		return "", CustomRoleInRules
	}
	var role string
	if mapper.Type == "Rules" {
		role = roleByRules(mapper.Rules, claims)
	} else {
		roles := rolesOf(claims)
		switch {
		case custom != "" && !slices.Contains(roles, custom):
			return "", CustomRoleMissing
		case custom != "":
			return custom, nil
		}
		role, _ = textClaim(claims, preferredClaim)
	}
	switch {
	case role != "":
		return role, nil
	case mapper.Ambiguous == "Deny":
		return "", AmbiguousDenied
	}
	return authenticated, nil
}

// ChooseGranted is ChooseRole for a login by SAML, whose assertion grants roles by their ARNs: one is taken, of several the
// caller chooses one. Rules of a mapping come before; a mapping by the token says what happens where nobody chose.
func ChooseGranted(authenticated string, mapper *Mapper, claims Claims, granted []string, custom string) (string, error) {
	switch {
	case mapper != nil && mapper.Type == "Rules":
		return ChooseRole(authenticated, mapper, claims, custom)
	case slices.Contains(granted, custom):
		return custom, nil
	case custom != "":
		return "", CustomRoleMissing
	case len(granted) == 1:
		return granted[0], nil
	case mapper == nil && len(granted) == 0, mapper != nil && mapper.Ambiguous == "AuthenticatedRole":
		return authenticated, nil
	}
	return "", AmbiguousDenied
}

// rolesOf reads the roles of a token: documented as text with commas, really a list.
func rolesOf(claims Claims) []string {
	value, _ := claims.Claim(rolesClaim)
	switch value := value.(type) {
	case string:
		return strings.Split(strings.ReplaceAll(value, " ", ""), ",")
	case []any:
		var roles []string
		for _, r := range value {
			if s, ok := r.(string); ok {
				roles = append(roles, s)
			}
		}
		return roles
	}
	return nil
}

func textClaim(claims Claims, name string) (string, bool) {
	value, ok := claims.Claim(name)
	if !ok {
		return "", false
	}
	s, ok := value.(string)
	return s, ok
}

func roleByRules(rules []Rule, claims Claims) string {
	for _, r := range rules {
		if value, _ := claims.Claim(r.Claim); value != nil && r.matches(claimTexts(value)) {
			return r.Role
		}
	}
	return ""
}

// matches tells whether a rule's test holds for a claim that the token has. Of a list any member may match; NotEqual holds
// if none is equal.
func (r *Rule) matches(texts []string) bool {
	switch r.Match {
	case "Equals":
		return slices.Contains(texts, r.Value)
	case "NotEqual":
		return !slices.Contains(texts, r.Value)
	case "StartsWith":
		return slices.ContainsFunc(texts, func(s string) bool { return strings.HasPrefix(s, r.Value) })
	case "Contains":
		return slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(s, r.Value) })
	}
	return false
}

// claimTexts writes a claim's value, or each member of a list, as text.
func claimTexts(value any) []string {
	switch value := value.(type) {
	case string:
		return []string{value}
	case bool:
		return []string{strconv.FormatBool(value)}
	case json.Number:
		return []string{value.String()}
	case []any:
		var texts []string
		for _, member := range value {
			texts = append(texts, claimTexts(member)...)
		}
		return texts
	case nil:
		return nil
	}
	b, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	return []string{string(b)}
}
