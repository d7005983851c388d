package cognito_test

import (
	"strings"
	"testing"

	"idpool/pooltest"
)

// Credentials that a pool cannot give: the client hears that its roles are wrong, the log why.
func TestNoCredentials(t *testing.T) {
	f := start(t)
	trust := func(pool, amr string) {
		t.Helper()
		f.IAM(t, "UpdateAssumeRolePolicy", "RoleName", "Auth", "PolicyDocument", pooltest.TrustPolicy(pool, amr)).Must(t)
	}
	roles := func(roles pooltest.Object) {
		t.Helper()
		f.Signed(t, "SetIdentityPoolRoles", pooltest.Object{"IdentityPoolId": f.pool, "Roles": roles}).Must(t)
	}
	auth, guest := roleARN("Auth"), roleARN("Guest")
	alice := f.getID(t, f.logins("alice"))
	for _, row := range []struct {
		name   string
		change func()
		cause  string // stands in the log
	}{
		{"a role that trusts another pool", func() { trust("us-east-1:another", "authenticated") }, "the trust policy of " + auth + " does not allow sts:AssumeRoleWithWebIdentity"},
		{"a role that trusts guests", func() { trust(f.pool, "unauthenticated") }, "the trust policy of " + auth + " does not allow sts:AssumeRoleWithWebIdentity"},
		{"the guests' role", func() { roles(pooltest.Object{"authenticated": guest}) }, "the trust policy of " + guest + " does not allow"},
		{"no role", func() { roles(pooltest.Object{"unauthenticated": guest}) }, "the pool has no role for this identity"},
		{"no roles at all", func() { roles(pooltest.Object{}) }, "the pool has no role for this identity"},
		{"a role that is not there", func() { roles(pooltest.Object{"authenticated": roleARN("Nobody")}) }, "account 123456789012 has no role " + roleARN("Nobody")},
		{"a role that is gone", func() { f.IAM(t, "DeleteRole", "RoleName", "Auth").Must(t) }, "account 123456789012 has no role " + auth},
	} {
		t.Run(row.name, func(t *testing.T) {
			f.as(t, "GetCredentialsForIdentity", alice, f.logins("alice")).Must(t)
			row.change()
			seen := len(f.Log.String())
			badRoles.check(t, f.as(t, "GetCredentialsForIdentity", alice, f.logins("alice")))
			if log := f.Log.String()[seen:]; !strings.Contains(log, row.cause) {
				t.Errorf("the log lacks %q: %s", row.cause, log)
			}
			f.as(t, "GetOpenIdToken", alice, f.logins("alice")).Must(t) // which asks for no role
		})
		roles(pooltest.Object{"authenticated": auth, "unauthenticated": guest})
		if row.name != "a role that is gone" {
			trust(f.pool, "authenticated")
		}
	}
}

// A session token has an end: logins that are too long for it together are refused.
func TestNoCredentialsForLongLogins(t *testing.T) {
	f := start(t)
	second, third := pooltest.NewProvider(t), pooltest.NewProvider(t)
	f.register(t, second)
	f.register(t, third)
	f.update(t, f.pool, pooltest.Object{"OpenIdConnectProviderARNs": []string{
		f.idp.ARN(pooltest.Account), second.ARN(pooltest.Account), third.ARN(pooltest.Account),
	}})
	long := strings.Repeat("a", 1024)
	all := f.logins(long, f.idp, second, third)
	id := f.getID(t, all)
	invalidParameter("The logins of this call are too long to stand in a session token together. Show fewer of them.").
		check(t, f.as(t, "GetCredentialsForIdentity", id, all))
	f.as(t, "GetOpenIdToken", id, all).Must(t)
	f.as(t, "GetCredentialsForIdentity", id, f.logins(long, f.idp)).Must(t)
}

// A guest's id is its only secret: a log that explains a refusal does not hold it.
func TestLogHidesGuests(t *testing.T) {
	f := start(t)
	guest := f.getID(t, nil)
	f.IAM(t, "UpdateAssumeRolePolicy", "RoleName", "Guest", "PolicyDocument", pooltest.TrustPolicy("us-east-1:another", "unauthenticated")).Must(t)
	badRoles.check(t, f.as(t, "GetCredentialsForIdentity", guest, nil))
	if strings.Contains(f.Log.String(), guest) {
		t.Error("a guest's id, which is its only secret, is in the log")
	}
}

// A guest of a pool whose roles are for others.
func TestNoCredentialsForGuests(t *testing.T) {
	f := start(t)
	guest := f.getID(t, nil)
	f.as(t, "GetCredentialsForIdentity", guest, nil).Must(t)
	f.Signed(t, "SetIdentityPoolRoles", pooltest.Object{"IdentityPoolId": f.pool, "Roles": pooltest.Object{"authenticated": roleARN("Auth")}}).Must(t)
	badRoles.check(t, f.as(t, "GetCredentialsForIdentity", guest, nil))
}

// mapping is the role mapping of a provider.
func mapping(kind, ambiguous string, rules ...pooltest.Object) pooltest.Object {
	m := pooltest.Object{"Type": kind, "AmbiguousRoleResolution": ambiguous}
	if len(rules) > 0 {
		m["RulesConfiguration"] = pooltest.Object{"Rules": rules}
	}
	return m
}

// mappedLogin is a login whose provider has a role mapping.
type mappedLogin struct {
	name    string
	mapping pooltest.Object
	claims  pooltest.Object
	custom  string
	want    any // a role's name or a refusal
}

// How a login gets its role, from the pool's mappings and the claims of its token.
func TestRoleMappings(t *testing.T) {
	f := start(t)
	for _, name := range []string{"Admin", "Staff"} {
		f.IAM(t, "CreateRole", "RoleName", name, "AssumeRolePolicyDocument", pooltest.TrustPolicy(f.pool, "authenticated")).Must(t)
	}
	alice := f.getID(t, f.logins("alice"))
	byToken := func(ambiguous string) pooltest.Object { return mapping("Token", ambiguous) }
	byRules := func(ambiguous string) pooltest.Object {
		return mapping("Rules", ambiguous,
			pooltest.Object{"Claim": "level", "MatchType": "Equals", "Value": "9", "RoleARN": roleARN("Admin")},
			pooltest.Object{"Claim": "groups", "MatchType": "Contains", "Value": "ops", "RoleARN": roleARN("Staff")})
	}
	denied := notAuthorized("The ambiguous role mapping rules for: " + f.idp.Name() + " denied this request.")
	for _, row := range []mappedLogin{
		{"no mapping", nil, pooltest.Object{"cognito:preferred_role": roleARN("Admin")}, "", "Auth"},
		{"no mapping, a role of choice", nil, pooltest.Object{"cognito:roles": []string{roleARN("Admin")}}, "Admin", invalidParameter("CustomRoleArn can only be used with a provider whose role mapping has the type Token.")},

		{"the preferred role", byToken("Deny"), pooltest.Object{"cognito:preferred_role": roleARN("Admin")}, "", "Admin"},
		{"a role of choice", byToken("Deny"), pooltest.Object{"cognito:preferred_role": roleARN("Admin"), "cognito:roles": []string{roleARN("Admin"), roleARN("Staff")}}, "Staff", "Staff"},
		{"a role of choice that the token does not grant", byToken("Deny"), pooltest.Object{"cognito:roles": []string{roleARN("Staff")}}, "Admin", notAuthorized("The login does not grant the role of CustomRoleArn.")},
		{"no role in the token", byToken("AuthenticatedRole"), nil, "", "Auth"},
		{"no role in the token, Deny", byToken("Deny"), nil, "", denied},
		{"a preferred role that does not trust the pool", byToken("Deny"), pooltest.Object{"cognito:preferred_role": roleARN("Guest")}, "", badRoles},
		{"a preferred role of another account", byToken("Deny"), pooltest.Object{"cognito:preferred_role": "arn:aws:iam::" + other + ":role/Admin"}, "", badRoles},

		{"the first rule", byRules("Deny"), pooltest.Object{"level": 9, "groups": []string{"ops"}}, "", "Admin"},
		{"the second rule", byRules("Deny"), pooltest.Object{"level": 8, "groups": []string{"dev", "devops"}}, "", "Staff"},
		{"no rule", byRules("AuthenticatedRole"), pooltest.Object{"level": 8}, "", "Auth"},
		{"no rule, Deny", byRules("Deny"), pooltest.Object{"level": 8}, "", denied},
		{"a role of choice where rules decide", byRules("Deny"), pooltest.Object{"level": 9}, "Admin", invalidParameter("CustomRoleArn cannot be used with a role mapping of type Rules.")},
	} {
		t.Run(row.name, func(t *testing.T) { f.checkMapped(t, alice, row) })
	}
}

// checkMapped sets the mapping of a login, and asks for its credentials.
func (f *front) checkMapped(t *testing.T, id string, row mappedLogin) {
	t.Helper()
	in := pooltest.Object{"IdentityPoolId": f.pool, "Roles": pooltest.Object{"authenticated": roleARN("Auth"), "unauthenticated": roleARN("Guest")}}
	if row.mapping != nil {
		in["RoleMappings"] = pooltest.Object{f.idp.ARN(pooltest.Account): row.mapping}
	}
	f.Signed(t, "SetIdentityPoolRoles", in).Must(t)
	c := f.idp.Claims("app", "alice")
	for name, value := range row.claims {
		c[name] = value
	}
	call := pooltest.Object{"IdentityId": id, "Logins": pooltest.Object{f.idp.Name(): f.idp.Sign(c)}}
	if row.custom != "" {
		call["CustomRoleArn"] = roleARN(row.custom)
	}
	r := f.Public(t, "GetCredentialsForIdentity", call)
	if want, ok := row.want.(refusal); ok {
		want.check(t, r)
	} else if got := f.role(t, r); got != row.want {
		t.Errorf("the role is %s, want %s", got, row.want)
	}
}

// Of two logins in one call the one whose provider has a mapping decides; whom a Deny concerns is told by all names.
func TestRoleMappingOfOneOfTwo(t *testing.T) {
	f := start(t)
	second := pooltest.NewProvider(t)
	f.register(t, second)
	f.IAM(t, "CreateRole", "RoleName", "Admin", "AssumeRolePolicyDocument", pooltest.TrustPolicy(f.pool, "authenticated")).Must(t)
	both := f.logins("alice", f.idp, second)
	alice := f.getID(t, both)
	for _, mapped := range []*pooltest.Provider{f.idp, second} {
		f.Signed(t, "SetIdentityPoolRoles", pooltest.Object{
			"IdentityPoolId": f.pool, "Roles": pooltest.Object{"authenticated": roleARN("Auth")},
			"RoleMappings": pooltest.Object{mapped.ARN(pooltest.Account): pooltest.Object{"Type": "Token", "AmbiguousRoleResolution": "Deny"}},
		}).Must(t)
		names := []string{min(f.idp.Name(), second.Name()), max(f.idp.Name(), second.Name())}
		notAuthorized("The ambiguous role mapping rules for: "+strings.Join(names, ", ")+" denied this request.").
			check(t, f.as(t, "GetCredentialsForIdentity", alice, both))
		c := mapped.Claims("app", "alice")
		c["cognito:preferred_role"] = roleARN("Admin")
		chosen := pooltest.Object{f.idp.Name(): both[f.idp.Name()], second.Name(): both[second.Name()]}
		chosen[mapped.Name()] = mapped.Sign(c)
		if got := f.role(t, f.as(t, "GetCredentialsForIdentity", alice, chosen)); got != "Admin" {
			t.Errorf("with a mapping for %s the role is %s", mapped.Name(), got)
		}
	}
}

// A role mapping whose provider the pool has dropped has no effect, and has it again when the provider comes back.
func TestRoleMappingOfDroppedProvider(t *testing.T) {
	f := start(t)
	second := pooltest.NewProvider(t)
	f.register(t, second)
	mapped, other := f.idp.ARN(pooltest.Account), second.ARN(pooltest.Account)
	f.Signed(t, "SetIdentityPoolRoles", pooltest.Object{
		"IdentityPoolId": f.pool, "Roles": pooltest.Object{"authenticated": roleARN("Auth")},
		"RoleMappings": pooltest.Object{mapped: pooltest.Object{"Type": "Token", "AmbiguousRoleResolution": "Deny"}},
	}).Must(t)
	both := f.getID(t, f.logins("alice", f.idp, second))
	described := string(f.Signed(t, "GetIdentityPoolRoles", pooltest.Object{"IdentityPoolId": f.pool}).Must(t).Body)
	noClassicFlow := invalidParameter("Basic (classic) flow is not supported with RoleMappings, please use enhanced flow.")
	denied := notAuthorized("The ambiguous role mapping rules for: " + f.idp.Name() + " denied this request.")
	unsupported := notAuthorized("Token is not from a supported provider of this identity pool.")
	ok := refusal{}
	for _, row := range []struct {
		name          string
		providers     []string
		login         *pooltest.Provider
		token, choice refusal // of GetOpenIdToken, of GetCredentialsForIdentity
	}{
		{"both there, the mapped one", []string{mapped, other}, f.idp, noClassicFlow, denied},
		{"both there, the other", []string{mapped, other}, second, noClassicFlow, ok},
		{"dropped, the mapped one", []string{other}, f.idp, unsupported, unsupported},
		{"dropped, the other", []string{other}, second, ok, ok},
		{"back, the mapped one", []string{mapped, other}, f.idp, noClassicFlow, denied},
	} {
		t.Run(row.name, func(t *testing.T) {
			f.update(t, f.pool, pooltest.Object{"OpenIdConnectProviderARNs": row.providers})
			for operation, want := range map[string]refusal{"GetOpenIdToken": row.token, "GetCredentialsForIdentity": row.choice} {
				r := f.as(t, operation, both, f.logins("alice", row.login))
				if want == ok {
					r.Must(t)
				} else {
					want.check(t, r)
				}
			}
			if got := string(f.Signed(t, "GetIdentityPoolRoles", pooltest.Object{"IdentityPoolId": f.pool}).Must(t).Body); got != described {
				t.Errorf("the roles are %s, were %s", got, described)
			}
		})
	}
}

// The number of rules that the original enforces is less than its model says.
func TestTooManyRules(t *testing.T) {
	f := start(t)
	mapping := func(n int) pooltest.Object {
		rules := make([]pooltest.Object, n)
		for i := range rules {
			rules[i] = pooltest.Object{"Claim": "level", "MatchType": "Equals", "Value": "9", "RoleARN": roleARN("Auth")}
		}
		return pooltest.Object{"IdentityPoolId": f.pool, "Roles": pooltest.Object{}, "RoleMappings": pooltest.Object{
			f.idp.ARN(pooltest.Account): pooltest.Object{"Type": "Rules", "AmbiguousRoleResolution": "Deny", "RulesConfiguration": pooltest.Object{"Rules": rules}},
		}}
	}
	f.Signed(t, "SetIdentityPoolRoles", mapping(25)).Must(t)
	invalidParameter("The number of rules in the request exceeded 25.").check(t, f.Signed(t, "SetIdentityPoolRoles", mapping(26)))
}
