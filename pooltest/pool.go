package pooltest

import (
	"strings"
	"testing"
)

// TrustPolicy is the trust policy that lets a pool's identities take a role: amr is authenticated or unauthenticated.
func TrustPolicy(pool, amr string) string {
	return strings.NewReplacer("POOL", pool, "AMR", amr).Replace(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
		`"Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{` +
		`"StringEquals":{"cognito-identity.amazonaws.com:aud":"POOL"},` +
		`"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"AMR"}}}]}`)
}

// Pool makes a pool that takes guests and the provider's logins for the client "app", with the roles Auth and Guest, and
// returns its id.
func (n *Node) Pool(t testing.TB, p *Provider) string {
	t.Helper()
	n.IAM(t, "CreateOpenIDConnectProvider", "Url", p.URL, "ClientIDList.member.1", "app").Must(t)
	created := n.Signed(t, "CreateIdentityPool", Object{
		"IdentityPoolName": "test", "AllowUnauthenticatedIdentities": true,
		"OpenIdConnectProviderARNs": []string{p.ARN(Account)},
	}).Must(t)
	pool := created.Object(t)["IdentityPoolId"].(string)
	roles := Object{}
	for key, name := range map[string]string{"authenticated": "Auth", "unauthenticated": "Guest"} {
		role := n.IAM(t, "CreateRole", "RoleName", name, "AssumeRolePolicyDocument", TrustPolicy(pool, key)).Must(t)
		roles[key] = role.Element("Arn")
	}
	n.Signed(t, "SetIdentityPoolRoles", Object{"IdentityPoolId": pool, "Roles": roles}).Must(t)
	return pool
}
