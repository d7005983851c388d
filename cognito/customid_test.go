package cognito_test

import (
	"testing"

	"idpool/pooltest"
)

// The tag _custom_id_ chooses a pool's id, so that ids in the configuration of apps survive a move.
func TestCustomID(t *testing.T) {
	node := pooltest.Start(t)
	const id = "8942d0d9-2a33-4114-9c1c-664a7a785856"
	create := func(id string) *pooltest.Reply {
		return node.Signed(t, "CreateIdentityPool", pooltest.Object{
			"IdentityPoolName": "p", "AllowUnauthenticatedIdentities": true, "IdentityPoolTags": pooltest.Object{"_custom_id_": id},
		})
	}
	made := create(id).Must(t).Object(t)
	if made["IdentityPoolId"] != "us-east-1:"+id {
		t.Errorf("the pool's id is %v", made["IdentityPoolId"])
	}
	if again := create(id); again.Code() != "ResourceConflictException" {
		t.Errorf("a taken id: %d %s", again.Status, again.Body)
	}
	for _, bad := range []string{"", "x", "us-east-1:" + id, "8942D0D9-2A33-4114-9C1C-664A7A785856"} {
		if reply := create(bad); reply.Code() != "InvalidParameterException" {
			t.Errorf("%q: %d %s", bad, reply.Status, reply.Body)
		}
	}
	// A deleted pool's id is its account's alone.
	node.Signed(t, "DeleteIdentityPool", pooltest.Object{"IdentityPoolId": "us-east-1:" + id}).Must(t)
	create(id).Must(t)
}
