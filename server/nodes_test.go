package server_test

import (
	"strings"
	"testing"

	"idpool/internal/pgtest"
	"idpool/pooltest"
	"idpool/server"
	"idpool/wire"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// Two nodes over one PostgreSQL database are equal: each verifies what the other has issued, and sees what the other has
// changed in the next call.
func TestTwoNodes(t *testing.T) {
	database := pgtest.Start(t)(t)
	on := func(c *server.Config) {
		c.Database, c.IssuerURL = database, "http://127.0.0.1:1" // theirs together
	}
	one, two := pooltest.Start(t, on), pooltest.Start(t, on)
	idp := pooltest.NewProvider(t)
	pool := one.Pool(t, idp)
	logins := pooltest.Object{idp.Name(): idp.Token("app", "alice")}
	getID := pooltest.Object{"IdentityPoolId": pool, "Logins": logins}

	id := one.Public(t, "GetId", getID).Must(t).Object(t)["IdentityId"]
	if other := two.Public(t, "GetId", getID).Must(t).Object(t)["IdentityId"]; other != id {
		t.Errorf("one node says %v, the other %v", id, other)
	}
	given := one.Public(t, "GetCredentialsForIdentity", pooltest.Object{"IdentityId": id, "Logins": logins}).Must(t).Object(t)
	c := given["Credentials"].(pooltest.Object)
	key := wire.Key{Secret: c["SecretKey"].(string), Caller: wire.Caller{AccessKeyID: c["AccessKeyId"].(string)}}
	two.STS(t, key, c["SessionToken"].(string), "GetCallerIdentity").Must(t)

	token := one.Public(t, "GetOpenIdToken", pooltest.Object{"IdentityId": id, "Logins": logins}).Must(t).Object(t)["Token"].(string)
	two.STS(t, wire.Key{}, "", "AssumeRoleWithWebIdentity", "RoleArn", "arn:aws:iam::"+pooltest.Account+":role/Auth",
		"RoleSessionName", "session", "WebIdentityToken", token).Must(t)

	// A trust policy that admits nobody any more.
	one.IAM(t, "UpdateAssumeRolePolicy", "RoleName", "Auth", "PolicyDocument", pooltest.TrustPolicy("nobody", "authenticated")).Must(t)
	refused := two.Public(t, "GetCredentialsForIdentity", pooltest.Object{"IdentityId": id, "Logins": logins})
	if refused.Code() != "InvalidIdentityPoolConfigurationException" {
		t.Errorf("after the other node has changed the role: %d %s", refused.Status, refused.Body)
	}
	one.Signed(t, "UpdateIdentityPool", pooltest.Object{
		"IdentityPoolId": pool, "IdentityPoolName": "test", "AllowUnauthenticatedIdentities": true,
	}).Must(t)
	refused = two.Public(t, "GetId", getID)
	if !strings.HasSuffix(refused.Message(), "does not have identity providers configured.") {
		t.Errorf("after the other node has taken the provider away: %d %s", refused.Status, refused.Body)
	}
	one.Signed(t, "DeleteIdentityPool", pooltest.Object{"IdentityPoolId": pool}).Must(t)
	if gone := two.Public(t, "GetId", getID); gone.Code() != "ResourceNotFoundException" {
		t.Errorf("after the other node has deleted the pool: %d %s", gone.Status, gone.Body)
	}
}
