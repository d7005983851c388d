package cognito_test

import (
	"testing"

	"idpool/pooltest"
	"idpool/wire"
)

func TestMainCall(t *testing.T) {
	node := pooltest.Start(t)
	idp := pooltest.NewProvider(t)
	pool := node.Pool(t, idp)
	logins := pooltest.Object{idp.Name(): idp.Token("app", "alice")}

	first := node.Public(t, "GetId", pooltest.Object{"IdentityPoolId": pool, "Logins": logins}).Must(t).Object(t)
	second := node.Public(t, "GetId", pooltest.Object{"IdentityPoolId": pool, "Logins": logins}).Must(t).Object(t)
	id := first["IdentityId"].(string)
	if second["IdentityId"] != id {
		t.Fatalf("the same person got %v and %v", id, second["IdentityId"])
	}
	given := node.Public(t, "GetCredentialsForIdentity", pooltest.Object{"IdentityId": id, "Logins": logins}).Must(t).Object(t)
	c := given["Credentials"].(pooltest.Object)
	key := wire.Key{Secret: c["SecretKey"].(string), Caller: wire.Caller{AccessKeyID: c["AccessKeyId"].(string)}}
	who := node.STS(t, key, c["SessionToken"].(string), "GetCallerIdentity").Must(t)
	if got, want := who.Element("Arn"), "arn:aws:sts::123456789012:assumed-role/Auth/CognitoIdentityCredentials"; got != want {
		t.Errorf("GetCallerIdentity says %q, want %q", got, want)
	}
}
