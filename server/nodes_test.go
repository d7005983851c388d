package server_test

import (
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"idpool/internal/pgtest"
	"idpool/pooltest"
	"idpool/server"
	"idpool/store"
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

// What is done to a user's key on one node is seen by the next call on every other.
func TestTwoNodesKnowKeys(t *testing.T) {
	database := pgtest.Start(t)(t)
	on := func(c *server.Config) {
		c.Database, c.IssuerURL, c.SigningAlgorithm = database, "http://127.0.0.1:1", "ES256"
	}
	one, two := pooltest.Start(t, on), pooltest.Start(t, on)
	one.IAM(t, "CreateUser", "UserName", "Alice").Must(t)
	made := one.IAM(t, "CreateAccessKey", "UserName", "Alice").Must(t)
	id := made.Element("AccessKeyId")
	key := wire.Key{Secret: made.Element("SecretAccessKey"), Caller: wire.Caller{AccessKeyID: id}}
	arn := func() string { return two.STS(t, key, "", "GetCallerIdentity").Element("Arn") }
	for _, step := range []struct {
		action string
		params []string
		want   string // how the other node names the caller; empty: not at all
	}{
		{"GetUser", []string{"UserName", "Alice"}, "arn:aws:iam::" + pooltest.Account + ":user/Alice"},
		{"UpdateUser", []string{"UserName", "Alice", "NewUserName", "Bob", "NewPath", "/b/"}, "arn:aws:iam::" + pooltest.Account + ":user/b/Bob"},
		{"UpdateAccessKey", []string{"UserName", "Bob", "AccessKeyId", id, "Status", "Inactive"}, ""},
		{"UpdateAccessKey", []string{"UserName", "Bob", "AccessKeyId", id, "Status", "Active"}, "arn:aws:iam::" + pooltest.Account + ":user/b/Bob"},
		{"DeleteAccessKey", []string{"UserName", "Bob", "AccessKeyId", id}, ""},
	} {
		one.IAM(t, step.action, step.params...).Must(t)
		if got := arn(); got != step.want {
			t.Errorf("after %s %v the other node knows %q, want %q", step.action, step.params, got, step.want)
		}
	}
}

// Nodes over one database that each took its own address for the issuer would refuse each other's tokens.
func TestPostgresNeedsAnIssuer(t *testing.T) {
	c := server.Config{
		Listen: "127.0.0.1:0", Data: t.TempDir(), Database: pgtest.Start(t)(t), Log: slog.New(slog.DiscardHandler),
		Out: io.Discard, Now: time.Now, Rand: rand.Reader,
	}
	var usage *server.UsageError
	if _, err := server.Open(t.Context(), c); !errors.As(err, &usage) || !strings.Contains(err.Error(), "--issuer-url") {
		t.Fatalf("without an issuer: %v", err)
	}
	hasNoMasterKey(t, c.Database)
	for _, issuer := range []string{"https://id.example.com", ""} { // the second takes the stored one
		c.IssuerURL, c.Data = issuer, t.TempDir()
		node, err := server.Open(t.Context(), c)
		if err != nil {
			t.Fatalf("issuer %q: %v", issuer, err)
		}
		node.Close()
	}
}

// hasNoMasterKey is what a start that is refused leaves.
func hasNoMasterKey(t *testing.T, database string) {
	t.Helper()
	db, err := store.Open(t.Context(), database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Setting(store.SettingMasterKey)
		return err
	})
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the database has a master key: %v", err)
	}
}

// What PostgreSQL cannot even be asked for (NUL, broken UTF-8) is a client's mistake like any other, on a node over it too.
func TestTextThatNoRowCanHold(t *testing.T) {
	node := pooltest.Start(t, func(c *server.Config) { c.Database, c.IssuerURL = pgtest.Start(t)(t), "http://127.0.0.1:1" })
	idp := pooltest.NewProvider(t)
	pool := node.Pool(t, idp)
	guest := node.Public(t, "GetId", pooltest.Object{"IdentityPoolId": pool}).Must(t).Object(t)["IdentityId"]
	token := node.Public(t, "GetOpenIdToken", pooltest.Object{"IdentityId": guest}).Must(t).Object(t)["Token"].(string)
	badKey := func(id string) *pooltest.Reply {
		r, _ := node.JSON(t, "AWSCognitoIdentityService.ListIdentityPools", `{"MaxResults":1}`)
		r.Header.Set("X-Amz-Date", "20260101T000000Z")
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+id+"/20260101/us-east-1/cognito-identity/aws4_request, "+
			"SignedHeaders=host;x-amz-date;x-amz-target, Signature=00")
		return node.Do(t, r)
	}
	presigned := "/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=%00%2F20260101%2Fus-east-1" +
		"%2Fsts%2Faws4_request&X-Amz-Date=20260101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=00"
	arn := "arn:aws:iam::" + pooltest.Account
	for name, reply := range map[string]*pooltest.Reply{
		"access key id, broken UTF-8": badKey("\xff"),
		"access key id, NUL":          get(t, node, "GET", presigned),
		"role to assume": node.STS(t, wire.Key{}, "", "AssumeRoleWithWebIdentity", "RoleArn", arn+":role/a\x00b",
			"RoleSessionName", "session", "WebIdentityToken", token),
		"provider's ARN":     node.IAM(t, "GetOpenIDConnectProvider", "OpenIDConnectProviderArn", arn+":oidc-provider/a\x00b"),
		"role's description": node.IAM(t, "CreateRole", "RoleName", "R", "AssumeRolePolicyDocument", pooltest.TrustPolicy(pool, "x"), "Description", "a\x00b"),
		"login's key":        node.Public(t, "GetId", pooltest.Object{"IdentityPoolId": pool, "Logins": pooltest.Object{"a\x00b": token}}),
		"pool's provider": node.Signed(t, "CreateIdentityPool", pooltest.Object{
			"IdentityPoolName": "p", "AllowUnauthenticatedIdentities": true, "OpenIdConnectProviderARNs": []string{arn + ":oidc-provider/a\x00b"},
		}),
	} {
		if reply.Status >= 500 {
			t.Errorf("%s: %d %s", name, reply.Status, reply.Body)
		}
	}
}
