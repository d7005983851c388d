package cognito_test

import (
	"strings"
	"testing"
	"time"

	"idpool/cognito"
	"idpool/pooltest"
	"idpool/server"
)

// Every quota is the operator's to choose: with a quota of one, or two logins, the next is refused, and nothing has changed.
func TestQuotas(t *testing.T) {
	f := start(t, func(c *server.Config) {
		c.Quotas = cognito.Quotas{Pools: 1, Providers: 1, Rules: 1, Tags: 1, LinkedLogins: 2}
	})
	idp := f.idp.ARN(pooltest.Account)
	rule := pooltest.Object{"Claim": "team", "MatchType": "Equals", "Value": "ops", "RoleARN": roleARN("Auth")}
	pool := func(settings pooltest.Object) pooltest.Object {
		in := pooltest.Object{"IdentityPoolId": f.pool, "IdentityPoolName": "test", "AllowUnauthenticatedIdentities": true}
		for member, value := range settings {
			in[member] = value
		}
		return in
	}
	for _, row := range []struct {
		name, operation string
		in              pooltest.Object
		want            refusal
	}{
		{
			"a second pool", "CreateIdentityPool",
			pooltest.Object{"IdentityPoolName": "more", "AllowUnauthenticatedIdentities": true},
			refusal{"LimitExceededException", "The account has its 1 identity pools in this region."},
		},
		{
			"a second provider", "UpdateIdentityPool", pool(pooltest.Object{"OpenIdConnectProviderARNs": []string{idp, idp + "/2"}}),
			refusal{"LimitExceededException", "An identity pool can have at most 1 providers of a kind."},
		},
		{"a second rule", "SetIdentityPoolRoles", pooltest.Object{"IdentityPoolId": f.pool, "Roles": pooltest.Object{}, "RoleMappings": pooltest.Object{idp: pooltest.Object{
			"Type": "Rules", "AmbiguousRoleResolution": "Deny", "RulesConfiguration": pooltest.Object{"Rules": []pooltest.Object{rule, rule}},
		}}}, invalidParameter("The number of rules in the request exceeded 1.")},
		{
			"a second tag", "UpdateIdentityPool", pool(pooltest.Object{"IdentityPoolTags": pooltest.Object{"a": "1", "b": "2"}}),
			refusal{"LimitExceededException", "An identity pool can have at most 1 tags."},
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := string(f.Signed(t, "DescribeIdentityPool", pooltest.Object{"IdentityPoolId": f.pool}).Must(t).Body)
			row.want.check(t, f.Signed(t, row.operation, row.in))
			if after := string(f.Signed(t, "DescribeIdentityPool", pooltest.Object{"IdentityPoolId": f.pool}).Must(t).Body); after != before {
				t.Errorf("the pool has changed from %s to %s", before, after)
			}
		})
	}
}

// LimitExceededException is an error of GetId; the calls that name an identity know none but InvalidParameterException.
func TestQuotaOfLogins(t *testing.T) {
	f := start(t, func(c *server.Config) { c.Quotas.LinkedLogins = 1 })
	second := pooltest.NewProvider(t)
	f.register(t, second)
	alice, both := f.getID(t, f.logins("alice")), f.logins("alice", f.idp, second)
	refusal{"LimitExceededException", "The identity would have too many logins."}.
		check(t, f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": f.pool, "Logins": both}))
	invalidParameter("The identity would have too many logins.").check(t, f.as(t, "GetOpenIdToken", alice, both))
	if got := f.list(t); strings.Contains(got, second.Name()) {
		t.Errorf("the second login is linked: %s", got)
	}
}

func TestQuotasComplete(t *testing.T) {
	q := cognito.Quotas{Tags: 3}
	want := cognito.DefaultQuotas()
	want.Tags = 3
	if err := q.Complete(); err != nil || q != want {
		t.Errorf("%+v, %v; want %+v", q, err, want)
	}
	for _, q := range []cognito.Quotas{{Pools: -1}, {LinkedLogins: -5}, {Rules: 401}} {
		if err := q.Complete(); err == nil {
			t.Errorf("%+v is taken", q)
		}
	}
}

// The operator says how long GetOpenIdToken's tokens live.
func TestTokenLifetime(t *testing.T) {
	f := start(t, func(c *server.Config) { c.TokenLifetime = time.Hour })
	got := claims(t, f.as(t, "GetOpenIdToken", f.getID(t, nil), nil).Must(t).Object(t)["Token"].(string))
	if lifetime := got["exp"].(float64) - got["iat"].(float64); lifetime != 3600 {
		t.Errorf("a token lives for %v seconds", lifetime)
	}
}
