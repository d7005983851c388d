package cognito_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"idpool/pooltest"
)

// settings are a pool's optional settings, all of them.
func settings() pooltest.Object {
	return pooltest.Object{
		"AllowClassicFlow":          true,
		"SupportedLoginProviders":   pooltest.Object{"accounts.google.com": "app"},
		"DeveloperProviderName":     "login.example",
		"OpenIdConnectProviderARNs": []any{"arn:aws:iam::123456789012:oidc-provider/b.example", "arn:aws:iam::123456789012:oidc-provider/a.example"},
		"CognitoIdentityProviders": []any{
			pooltest.Object{"ProviderName": "cognito-idp.us-east-1.amazonaws.com/us-east-1_b", "ClientId": "app", "ServerSideTokenCheck": false},
			pooltest.Object{"ProviderName": "cognito-idp.us-east-1.amazonaws.com/us-east-1_a", "ClientId": "app"},
		},
		"SamlProviderARNs": []any{"arn:aws:iam::123456789012:saml-provider/b", "arn:aws:iam::123456789012:saml-provider/a"},
		"IdentityPoolTags": pooltest.Object{"team": "ops"},
	}
}

// What becomes of each field when an Update does not send it, sends it empty, and sends another value. Absent is nil.
func TestUpdateIdentityPool(t *testing.T) {
	f := start(t)
	empty, none := pooltest.Object{}, []any{}
	for _, row := range []struct {
		field   string
		absent  any // after an Update that does not send it
		empty   any // what Terraform sends for nothing; nil where that cannot be said
		cleared any // after an Update that sends that
		other   any
		after   any // after an Update that sends the other value
	}{
		{"AllowClassicFlow", nil, nil, nil, false, false},
		{"SupportedLoginProviders", nil, empty, nil, pooltest.Object{"www.amazon.com": "app"}, pooltest.Object{"www.amazon.com": "app"}},
		{"DeveloperProviderName", "login.example", nil, nil, "login.example", "login.example"},
		{"OpenIdConnectProviderARNs", nil, none, nil, []any{"arn:aws:iam::123456789012:oidc-provider/c.example"}, []any{"arn:aws:iam::123456789012:oidc-provider/c.example"}},
		{"CognitoIdentityProviders", nil, none, nil, settings()["CognitoIdentityProviders"].([]any)[1:], settings()["CognitoIdentityProviders"].([]any)[1:]},
		{"SamlProviderARNs", nil, none, nil, []any{"arn:aws:iam::123456789012:saml-provider/c"}, []any{"arn:aws:iam::123456789012:saml-provider/c"}},
		{"IdentityPoolTags", pooltest.Object{"team": "ops"}, empty, empty, pooltest.Object{"a": ""}, pooltest.Object{"a": ""}},
	} {
		t.Run(row.field, func(t *testing.T) {
			update := func(sent, want any) {
				t.Helper()
				pool := f.create(t, settings())
				in, expected := settings(), settings()
				in["IdentityPoolId"], in["IdentityPoolName"], in["AllowUnauthenticatedIdentities"] = pool, "test", false
				expected["IdentityPoolId"], expected["IdentityPoolName"], expected["AllowUnauthenticatedIdentities"] = pool, "test", false
				in[row.field], expected[row.field] = sent, want
				for _, o := range []pooltest.Object{in, expected} {
					if o[row.field] == nil {
						delete(o, row.field)
					}
				}
				answered := f.Signed(t, "UpdateIdentityPool", in).Must(t).Object(t)
				stored := f.Signed(t, "DescribeIdentityPool", pooltest.Object{"IdentityPoolId": pool}).Must(t).Object(t)
				if diff := cmp.Diff(expected, answered); diff != "" {
					t.Errorf("sent %v, answer (-want +got):\n%s", sent, diff)
				}
				if diff := cmp.Diff(expected, stored); diff != "" {
					t.Errorf("sent %v, stored (-want +got):\n%s", sent, diff)
				}
			}
			update(nil, row.absent)
			if row.empty != nil {
				update(row.empty, row.cleared)
			}
			update(row.other, row.after)
		})
	}
}

// A developer provider's name is set once: at the start, or by an Update.
func TestDeveloperProviderName(t *testing.T) {
	f := start(t)
	pool := f.create(t, nil)
	update := func(name any) *pooltest.Reply {
		in := pooltest.Object{"IdentityPoolId": pool, "IdentityPoolName": "test", "AllowUnauthenticatedIdentities": false, "DeveloperProviderName": name}
		return f.Signed(t, "UpdateIdentityPool", in)
	}
	shown := func(want any) {
		t.Helper()
		if got := f.Signed(t, "DescribeIdentityPool", pooltest.Object{"IdentityPoolId": pool}).Must(t).Object(t)["DeveloperProviderName"]; got != want {
			t.Errorf("the name is %v, want %v", got, want)
		}
	}
	changed := invalidParameter("The developer provider name of a pool cannot be changed.")
	shown(nil)
	update("login.example").Must(t)
	shown("login.example")
	changed.check(t, update("login.other"))
	changed.check(t, update("LOGIN.example"))
	update(nil).Must(t)
	shown("login.example")
}

// An Update that is refused has changed nothing.
func TestUpdateRefusedChangesNothing(t *testing.T) {
	f := start(t)
	pool := f.create(t, settings())
	before := string(f.Signed(t, "DescribeIdentityPool", pooltest.Object{"IdentityPoolId": pool}).Must(t).Body)
	for _, bad := range []pooltest.Object{
		{"DeveloperProviderName": "login.other"},
		{"SamlProviderARNs": []string{"arn:aws:iam::999999999999:saml-provider/a"}},
		{"CognitoIdentityProviders": []pooltest.Object{{"ProviderName": "us-east-1_a", "ClientId": "app"}}},
		{"CognitoIdentityProviders": []pooltest.Object{{"ClientId": "app"}}},
		{"SupportedLoginProviders": pooltest.Object{"idp.example": "app"}},
		{"OpenIdConnectProviderARNs": []string{"arn:aws:iam::123456789012:user/alice"}},
		{"IdentityPoolTags": pooltest.Object{"aws:team": "dev"}},
	} {
		bad["IdentityPoolId"], bad["IdentityPoolName"], bad["AllowUnauthenticatedIdentities"] = pool, "changed", true
		if r := f.Signed(t, "UpdateIdentityPool", bad); r.Status != 400 || r.Code() != "InvalidParameterException" {
			t.Errorf("%v: %d %s", bad, r.Status, r.Body)
		}
	}
	if after := string(f.Signed(t, "DescribeIdentityPool", pooltest.Object{"IdentityPoolId": pool}).Must(t).Body); after != before {
		t.Errorf("from %s\nto   %s", before, after)
	}
}

// Roles are no part of what an Update replaces.
func TestUpdateKeepsRoles(t *testing.T) {
	f := start(t)
	roles := func() string {
		return string(f.Signed(t, "GetIdentityPoolRoles", pooltest.Object{"IdentityPoolId": f.pool}).Must(t).Body)
	}
	before := roles()
	f.update(t, f.pool, nil)
	if after := roles(); after != before {
		t.Errorf("from %s\nto   %s", before, after)
	}
}
