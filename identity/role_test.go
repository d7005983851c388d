package identity_test

import (
	"encoding/json"
	"errors"
	"testing"

	"idpool/identity"
)

// The roles of the tables.
const (
	base  = "arn:aws:iam::123456789012:role/Base" // the pool's authenticated role
	admin = "arn:aws:iam::123456789012:role/Admin"
	staff = "arn:aws:iam::123456789012:role/Staff"
)

// claims is a token's claims, as provider.Claims gives them.
type claims map[string]any

func (c claims) Claim(name string) (any, bool) {
	value, ok := c[name]
	return value, ok
}

// list is an array claim.
func list(members ...any) []any { return members }

func TestChooseRole(t *testing.T) {
	byToken := func(ambiguous string) *identity.Mapper { return &identity.Mapper{Type: "Token", Ambiguous: ambiguous} }
	byRules := func(ambiguous string, rules ...identity.Rule) *identity.Mapper {
		return &identity.Mapper{Type: "Rules", Ambiguous: ambiguous, Rules: rules}
	}
	rule := func(claim, match, value, role string) identity.Rule {
		return identity.Rule{Claim: claim, Match: match, Value: value, Role: role}
	}
	const toBase, deny = "AuthenticatedRole", "Deny"
	isAdmin := rule("team", "Equals", "ops", admin)

	for _, row := range []struct {
		name   string
		mapper *identity.Mapper
		claims claims
		custom string
		want   any // a role, or a RoleRefusal
	}{
		// Without a mapping.
		{"no mapping", nil, claims{}, "", base},
		{"no mapping, whatever the token says", nil, claims{"cognito:preferred_role": admin}, "", base},
		{"no mapping, a custom role", nil, claims{"cognito:roles": list(admin)}, admin, identity.CustomRoleUnmapped},

		// Type Token.
		{"preferred role", byToken(deny), claims{"cognito:preferred_role": admin, "cognito:roles": list(staff, admin)}, "", admin},
		{"preferred role alone", byToken(deny), claims{"cognito:preferred_role": admin}, "", admin},
		{"custom role before preferred role", byToken(deny), claims{"cognito:preferred_role": admin, "cognito:roles": list(staff, admin)}, staff, staff},
		{"custom role, roles as text", byToken(deny), claims{"cognito:roles": staff + "," + admin}, admin, admin},
		{"custom role, roles as text with spaces", byToken(deny), claims{"cognito:roles": staff + ", " + admin}, admin, admin},
		{"custom role, one role as text", byToken(deny), claims{"cognito:roles": admin}, admin, admin},
		{"custom role not granted", byToken(toBase), claims{"cognito:roles": list(staff)}, admin, identity.CustomRoleMissing},
		{"custom role that is preferred and not granted", byToken(toBase), claims{"cognito:preferred_role": admin}, admin, identity.CustomRoleMissing},
		{"custom role that is the pool's", byToken(toBase), claims{"cognito:roles": list(staff)}, base, identity.CustomRoleMissing},
		{"custom role, roles of another type", byToken(toBase), claims{"cognito:roles": json.Number("1")}, admin, identity.CustomRoleMissing},
		{"custom role among members of another type", byToken(toBase), claims{"cognito:roles": list(true, admin)}, admin, admin},
		{"roles without a preference", byToken(toBase), claims{"cognito:roles": list(staff, admin)}, "", base},
		{"one role without a preference", byToken(toBase), claims{"cognito:roles": list(admin)}, "", base},
		{"roles without a preference, Deny", byToken(deny), claims{"cognito:roles": list(staff, admin)}, "", identity.AmbiguousDenied},
		{"a user in no group", byToken(toBase), claims{}, "", base},
		{"a user in no group, Deny", byToken(deny), claims{}, "", identity.AmbiguousDenied},
		{"preferred role of another type, Deny", byToken(deny), claims{"cognito:preferred_role": list(admin)}, "", identity.AmbiguousDenied},
		{"preferred role empty, Deny", byToken(deny), claims{"cognito:preferred_role": ""}, "", identity.AmbiguousDenied},

		// Type Rules.
		{"a rule matches", byRules(deny, isAdmin), claims{"team": "ops"}, "", admin},
		{"the first that matches", byRules(deny, rule("team", "Equals", "dev", base), isAdmin, rule("team", "StartsWith", "o", staff)), claims{"team": "ops"}, "", admin},
		{"none matches", byRules(toBase, isAdmin), claims{"team": "dev"}, "", base},
		{"none matches, Deny", byRules(deny, isAdmin), claims{"team": "dev"}, "", identity.AmbiguousDenied},
		{"no such claim, Deny", byRules(deny, isAdmin), claims{}, "", identity.AmbiguousDenied},
		{"rules do not look at preferred roles", byRules(deny, isAdmin), claims{"cognito:preferred_role": admin}, "", identity.AmbiguousDenied},
		{"a custom role, as captured in 2026", byRules(deny, isAdmin), claims{"team": "ops"}, admin, identity.CustomRoleInRules},
		{"a custom role that no rule has", byRules(deny, isAdmin), claims{"team": "ops"}, staff, identity.CustomRoleInRules},

		// Match types.
		{"Equals is exact", byRules(deny, rule("team", "Equals", "ops", admin)), claims{"team": "Ops"}, "", identity.AmbiguousDenied},
		{"Equals knows no wildcards", byRules(deny, rule("team", "Equals", "o*", admin)), claims{"team": "ops"}, "", identity.AmbiguousDenied},
		{"NotEqual", byRules(deny, rule("team", "NotEqual", "ops", admin)), claims{"team": "dev"}, "", admin},
		{"NotEqual, equal", byRules(deny, rule("team", "NotEqual", "ops", admin)), claims{"team": "ops"}, "", identity.AmbiguousDenied},
		{"NotEqual, no such claim", byRules(deny, rule("team", "NotEqual", "ops", admin)), claims{}, "", identity.AmbiguousDenied},
		{"NotEqual, null is no claim", byRules(deny, rule("team", "NotEqual", "ops", admin)), claims{"team": nil}, "", identity.AmbiguousDenied},
		{"StartsWith", byRules(deny, rule("team", "StartsWith", "op", admin)), claims{"team": "ops"}, "", admin},
		{"StartsWith, elsewhere", byRules(deny, rule("team", "StartsWith", "ps", admin)), claims{"team": "ops"}, "", identity.AmbiguousDenied},
		{"Contains", byRules(deny, rule("team", "Contains", "p", admin)), claims{"team": "ops"}, "", admin},
		{"Contains, not", byRules(deny, rule("team", "Contains", "x", admin)), claims{"team": "ops"}, "", identity.AmbiguousDenied},
		{"a match type of a later version matches nothing", byRules(deny, rule("team", "EndsWith", "ops", admin)), claims{"team": "ops"}, "", identity.AmbiguousDenied},

		// Claims that are no text. Contains in an array is as captured in 2026.
		{"Contains in an array", byRules(deny, rule("cognito:groups", "Contains", "ops", admin)), claims{"cognito:groups": list("dev", "ops")}, "", admin},
		{"Contains in a member of an array", byRules(deny, rule("cognito:groups", "Contains", "ops", admin)), claims{"cognito:groups": list("devops")}, "", admin},
		{"Contains in no member of an array", byRules(deny, rule("cognito:groups", "Contains", "ops", admin)), claims{"cognito:groups": list("dev")}, "", identity.AmbiguousDenied},
		{"Equals a member of an array", byRules(deny, rule("groups", "Equals", "ops", admin)), claims{"groups": list("dev", "ops")}, "", admin},
		{"NotEqual to every member of an array", byRules(deny, rule("groups", "NotEqual", "ops", admin)), claims{"groups": list("dev", "web")}, "", admin},
		{"NotEqual, but to one member of an array", byRules(deny, rule("groups", "NotEqual", "ops", admin)), claims{"groups": list("dev", "ops")}, "", identity.AmbiguousDenied},
		{"a number", byRules(deny, rule("level", "Equals", "12345678901234567890", admin)), claims{"level": json.Number("12345678901234567890")}, "", admin},
		{"a boolean", byRules(deny, rule("email_verified", "Equals", "true", admin)), claims{"email_verified": true}, "", admin},
		{"an object, as JSON", byRules(deny, rule("address", "Contains", `"DE"`, admin)), claims{"address": map[string]any{"country": "DE"}}, "", admin},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := identity.ChooseRole(base, row.mapper, row.claims, row.custom)
			if refusal, ok := row.want.(identity.RoleRefusal); ok {
				if !errors.Is(err, refusal) || got != "" {
					t.Errorf("%q, error %v; want the refusal: %v", got, err, refusal)
				}
				return
			}
			if err != nil || got != row.want {
				t.Errorf("%q, error %v; want %q", got, err, row.want)
			}
		})
	}
}

// A pool without an authenticated role gives none; who asked decides what that means.
func TestChooseRoleOfNone(t *testing.T) {
	if got, err := identity.ChooseRole("", nil, claims{}, ""); got != "" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestRoleRefusalTexts(t *testing.T) {
	seen := make(map[string]bool)
	for r := identity.AmbiguousDenied; r <= identity.CustomRoleUnmapped; r++ {
		if text := r.Error(); seen[text] || text == "refused" {
			t.Errorf("refusal %d says %q", r, text)
		} else {
			seen[text] = true
		}
	}
}
