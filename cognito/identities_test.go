package cognito_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"idpool/pooltest"
)

// deleteAll calls DeleteIdentities, and returns what was not processed.
func (f *front) deleteAll(t *testing.T, ids ...string) []any {
	t.Helper()
	r := f.Signed(t, "DeleteIdentities", pooltest.Object{"IdentityIdsToDelete": ids}).Must(t)
	return r.Object(t)["UnprocessedIdentityIds"].([]any)
}

// A deleted identity is gone at once, with its credentials; whoever had it is somebody new.
func TestDeleteIdentities(t *testing.T) {
	f := startWithDeveloper(t)
	alice, guest := f.getID(t, f.logins("alice")), f.getID(t, nil)
	bob, token := f.vouched(t, "bob", nil)
	kept := f.getID(t, f.logins("carol"))
	ids := []string{alice, guest, bob}
	sessions := []session{
		credentials(t, f.as(t, "GetCredentialsForIdentity", alice, f.logins("alice"))),
		credentials(t, f.as(t, "GetCredentialsForIdentity", guest, nil)),
		credentials(t, f.as(t, "GetCredentialsForIdentity", bob, own(token))),
	}
	if left := f.deleteAll(t, ids...); len(left) != 0 {
		t.Errorf("not processed: %v", left)
	}
	for i, id := range ids {
		if !f.ended(t, sessions[i]) {
			t.Errorf("credentials of %s go on", id)
		}
		unknownIdentity(id).check(t, f.Signed(t, "DescribeIdentity", pooltest.Object{"IdentityId": id}))
		for _, op := range []string{"GetOpenIdToken", "GetCredentialsForIdentity"} {
			for _, logins := range []pooltest.Object{nil, f.logins("alice"), own(token)} {
				unknownIdentity(id).check(t, f.as(t, op, id, logins))
			}
		}
		if strings.Contains(f.list(t), id) {
			t.Errorf("%s is listed", id)
		}
	}
	if again := f.getID(t, f.logins("alice")); again == alice {
		t.Error("alice has the deleted identity")
	}
	if again, _ := f.vouched(t, "bob", nil); again == bob {
		t.Error("bob has the deleted identity")
	}
	if got := f.getID(t, f.logins("carol")); got != kept {
		t.Errorf("carol, who was not deleted, has %s", got)
	}
}

// Identities of any pool of the account in the region may be named, each once or more; what is not there is told id by id.
func TestDeleteIdentitiesOfSeveralPools(t *testing.T) {
	f := start(t)
	here := f.getID(t, nil)
	first := f.pool
	f.pool = f.create(t, pooltest.Object{"AllowUnauthenticatedIdentities": true})
	there := f.getID(t, nil)
	gone := f.getID(t, nil)
	f.deleteAll(t, gone)
	another := session{key: f.NewAccount(t, other)}
	in := pooltest.Object{"IdentityPoolName": "p", "AllowUnauthenticatedIdentities": true}
	f.pool = f.signedBy(t, another, pooltest.Region, "CreateIdentityPool", in).Must(t).Object(t)["IdentityPoolId"].(string)
	theirs := f.getID(t, nil)
	f.pool = f.signedBy(t, session{key: f.Root}, "eu-west-1", "CreateIdentityPool", in).Must(t).Object(t)["IdentityPoolId"].(string)
	elsewhere := f.getID(t, nil)
	denied := map[string]bool{gone: true, theirs: true, elsewhere: true, first: true, "us-east-1:abc": true, "us-east-1:00000000-0000-4000-8000-000000000000": true}
	ids := []string{here, there, here, gone, gone}
	for id := range denied {
		ids = append(ids, id)
	}
	left := f.deleteAll(t, ids...)
	got := map[string]bool{}
	for _, entry := range left {
		o := entry.(pooltest.Object)
		if o["ErrorCode"] != "AccessDenied" || got[o["IdentityId"].(string)] {
			t.Errorf("%v", o)
		}
		got[o["IdentityId"].(string)] = true
	}
	if diff := cmp.Diff(denied, got); diff != "" {
		t.Errorf("not processed (-want +got):\n%s", diff)
	}
	for _, id := range []string{here, there} {
		unknownIdentity(id).check(t, f.as(t, "GetOpenIdToken", id, nil))
	}
	for _, id := range []string{theirs, elsewhere} {
		f.as(t, "GetOpenIdToken", id, nil).Must(t)
	}
	f.Signed(t, "DescribeIdentityPool", pooltest.Object{"IdentityPoolId": first}).Must(t)
}

// 60 at once, and no more.
func TestDeleteManyIdentities(t *testing.T) {
	f := start(t)
	var ids []string
	for range 61 {
		ids = append(ids, f.getID(t, nil))
	}
	r := f.Signed(t, "DeleteIdentities", pooltest.Object{"IdentityIdsToDelete": ids})
	if r.Code() != "ValidationException" || !strings.HasSuffix(r.Message(), "at 'identityIdsToDelete' failed to satisfy constraint: Member must have length less than or equal to 60") {
		t.Errorf("61: %d %s", r.Status, r.Message())
	}
	if left := f.deleteAll(t, ids[:60]...); len(left) != 0 {
		t.Errorf("not processed: %v", left)
	}
	if got, want := f.list(t), fmt.Sprintf(`"IdentityId":"%s"`, ids[60]); strings.Count(got, "IdentityId\"") != 1 || !strings.Contains(got, want) {
		t.Errorf("left: %s", got)
	}
}
