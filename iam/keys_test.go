package iam_test

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"idpool/pooltest"
	"idpool/server"
	"idpool/wire"
)

func quota() refusal {
	return refusal{409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2"}
}

// unknownKey is what a call gets that is signed with a key which nobody has.
func unknownKey(t *testing.T, r *pooltest.Reply) {
	t.Helper()
	if r.Status != 403 || r.Code() != "InvalidClientTokenId" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

func TestCreateAccessKey(t *testing.T) {
	f := start(t)
	f.IAM(t, "CreateUser", "UserName", "Alice").Must(t)
	made := day(f.Clock.Now())
	r := f.IAM(t, "CreateAccessKey", "UserName", "ALICE")
	key := keyOf(r)
	answers(t, r, map[string]string{"id": key.Caller.AccessKeyID, "secret": key.Secret}, reply("CreateAccessKey",
		`<AccessKey><UserName>Alice</UserName><AccessKeyId>{id}</AccessKeyId><Status>Active</Status><SecretAccessKey>{secret}</SecretAccessKey><CreateDate>`+made+`</CreateDate></AccessKey>`))
	if !regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`).MatchString(key.Caller.AccessKeyID) || !regexp.MustCompile(`^[0-9A-Za-z+/]{40}$`).MatchString(key.Secret) {
		t.Errorf("the key is %+v", key)
	}
	f.STS(t, key, "", "GetCallerIdentity").Must(t)

	// Its secret is shown this once.
	list := f.IAM(t, "ListAccessKeys", "UserName", "Alice")
	answers(t, list, map[string]string{"id": key.Caller.AccessKeyID}, reply("ListAccessKeys",
		`<AccessKeyMetadata><member><UserName>Alice</UserName><AccessKeyId>{id}</AccessKeyId><Status>Active</Status><CreateDate>`+made+`</CreateDate></member></AccessKeyMetadata><IsTruncated>false</IsTruncated>`))
	others := string(list.Body) + string(f.IAM(t, "GetUser", "UserName", "Alice").Must(t).Body) + f.Log.String()
	if strings.Contains(others, key.Secret) {
		t.Error("the secret is in the log or in another reply")
	}

	f.newKey(t, "Alice")
	f.refuses(t, "CreateAccessKey", []row{
		{"a third one", []string{"UserName", "Alice"}, quota()},
		{"nobody", []string{"UserName", "Nobody"}, noUser("Nobody")},
	})
	if got, pages := f.list(t, "ListAccessKeys", "AccessKeyId", "UserName", "Alice", "MaxItems", "1"); len(got) != 2 || pages != 2 || !slices.IsSorted(got) {
		t.Errorf("keys %v in %d pages", got, pages)
	}
	f.refuses(t, "ListAccessKeys", []row{
		{"nobody", []string{"UserName", "Nobody"}, noUser("Nobody")},
		{"a marker of nobody", []string{"UserName", "Alice", "Marker", "x"}, refusal{400, "ValidationError", "Invalid Marker."}},
	})
}

// A key is of one user. What is done to it is seen by the next call.
func TestUpdateAndDeleteAccessKey(t *testing.T) {
	f := start(t)
	key, bobs := f.newUser(t, "Alice"), f.newUser(t, "Bob")
	id := key.Caller.AccessKeyID
	set := func(status string) {
		t.Helper()
		answers(t, f.IAM(t, "UpdateAccessKey", "UserName", "Alice", "AccessKeyId", id, "Status", status), nil, reply("UpdateAccessKey", ""))
		if got := f.IAM(t, "ListAccessKeys", "UserName", "Alice").Must(t).Element("Status"); got != status {
			t.Errorf("the key is %s, want %s", got, status)
		}
	}
	set("Inactive")
	unknownKey(t, f.STS(t, key, "", "GetCallerIdentity"))
	f.newKey(t, "Alice")
	quota().check(t, f.IAM(t, "CreateAccessKey", "UserName", "Alice")) // inactive keys count
	set("Active")
	f.STS(t, key, "", "GetCallerIdentity").Must(t)
	set("Active")

	update := func(user, id, status string) []string {
		return []string{"UserName", user, "AccessKeyId", id, "Status", status}
	}
	f.refuses(t, "UpdateAccessKey", []row{
		{"another's", update("Alice", bobs.Caller.AccessKeyID, "Inactive"), noKey(bobs.Caller.AccessKeyID)},
		{"nobody's", update("Alice", "AKIAOFNOBODY00000000", "Inactive"), noKey("AKIAOFNOBODY00000000")},
		{"the root's, who has none", []string{"AccessKeyId", id, "Status", "Inactive"}, noKey(id)},
		{"of nobody", update("Nobody", id, "Inactive"), noUser("Nobody")},
		{"another status", update("Alice", id, "inactive"), constraint("inactive", "status", "Member must satisfy enum value set: [Active, Inactive, Expired]")},
		{"a status that is not given", update("Alice", id, "Expired"), refusal{400, "InvalidInput", "Status Expired cannot be set."}},
		{"no status", []string{"UserName", "Alice", "AccessKeyId", id}, missing("status")},
		{"a short id", update("Alice", "AKIA", "Active"), constraint("AKIA", "accessKeyId", "Member must have length greater than or equal to 16")},
	})
	f.refuses(t, "DeleteAccessKey", []row{
		{"another's", []string{"UserName", "Alice", "AccessKeyId", bobs.Caller.AccessKeyID}, noKey(bobs.Caller.AccessKeyID)},
		{"of nobody", []string{"UserName", "Nobody", "AccessKeyId", id}, noUser("Nobody")},
		{"no id", []string{"UserName", "Alice"}, missing("accessKeyId")},
	})
	f.STS(t, bobs, "", "GetCallerIdentity").Must(t)
	answers(t, f.IAM(t, "DeleteAccessKey", "UserName", "alice", "AccessKeyId", id), nil, reply("DeleteAccessKey", ""))
	unknownKey(t, f.STS(t, key, "", "GetCallerIdentity"))
	noKey(id).check(t, f.IAM(t, "DeleteAccessKey", "UserName", "Alice", "AccessKeyId", id))
}

// The root has keys of its own, by no name; the last active one stays, since nothing else would let anybody in again.
func TestRootKeys(t *testing.T) {
	f := start(t)
	first := f.other.Caller.AccessKeyID
	call := func(key wire.Key, action string, params ...string) *pooltest.Reply {
		return f.as(t, key, "", action, params...)
	}
	last := refusal{409, "DeleteConflict", "Cannot delete or deactivate the last active access key of the account's root user."}
	made := day(f.Clock.Now())
	answers(t, call(f.other, "ListAccessKeys"), map[string]string{"id": first}, reply("ListAccessKeys",
		`<AccessKeyMetadata><member><AccessKeyId>{id}</AccessKeyId><Status>Active</Status><CreateDate>`+made+`</CreateDate></member></AccessKeyMetadata><IsTruncated>false</IsTruncated>`))
	last.check(t, call(f.other, "DeleteAccessKey", "AccessKeyId", first))
	last.check(t, call(f.other, "UpdateAccessKey", "AccessKeyId", first, "Status", "Inactive"))
	call(f.other, "UpdateAccessKey", "AccessKeyId", first, "Status", "Active").Must(t)

	r := call(f.other, "CreateAccessKey").Must(t)
	second := keyOf(r)
	if strings.Contains(string(r.Body), "UserName") {
		t.Errorf("the root has a name: %s", r.Body)
	}
	quota().check(t, call(f.other, "CreateAccessKey"))
	if who := f.STS(t, second, "", "GetCallerIdentity").Must(t); who.Element("Arn") != "arn:aws:iam::"+other+":root" {
		t.Errorf("the new key is of %s", who.Body)
	}
	// Once there are two, either may go: a key is changed by a new one.
	call(second, "UpdateAccessKey", "AccessKeyId", first, "Status", "Inactive").Must(t)
	unknownKey(t, call(f.other, "ListAccessKeys"))
	last.check(t, call(second, "DeleteAccessKey", "AccessKeyId", second.Caller.AccessKeyID))
	call(second, "DeleteAccessKey", "AccessKeyId", first).Must(t)
	last.check(t, call(second, "UpdateAccessKey", "AccessKeyId", second.Caller.AccessKeyID, "Status", "Inactive"))
	call(second, "CreateRole", "RoleName", "R", "AssumeRolePolicyDocument", trust).Must(t)
}

// A key that stands in the configuration is stored nowhere: it is not listed, and does not count.
func TestConfiguredRootKeyIsNotListed(t *testing.T) {
	f := start(t) // whose root signs by one
	answers(t, f.IAM(t, "ListAccessKeys"), nil, reply("ListAccessKeys", "<AccessKeyMetadata></AccessKeyMetadata><IsTruncated>false</IsTruncated>"))
	noKey(f.Root.Caller.AccessKeyID).check(t, f.IAM(t, "DeleteAccessKey", "AccessKeyId", f.Root.Caller.AccessKeyID))
	for range 2 {
		f.IAM(t, "CreateAccessKey").Must(t)
	}
	quota().check(t, f.IAM(t, "CreateAccessKey"))
}

// However many keys are asked for at once, there are never more than two.
func TestCreateAccessKeyAtOnce(t *testing.T) {
	f := start(t)
	f.IAM(t, "CreateUser", "UserName", "U").Must(t)
	const n = 8
	var all sync.WaitGroup
	replies := make([]*pooltest.Reply, n)
	for i := range n {
		all.Go(func() { replies[i] = f.IAM(t, "CreateAccessKey", "UserName", "U") })
	}
	all.Wait()
	made := 0
	for _, r := range replies {
		if r.Status == 200 {
			made++
		} else {
			quota().check(t, r)
		}
	}
	if keys, _ := f.list(t, "ListAccessKeys", "AccessKeyId", "UserName", "U"); made != 2 || len(keys) != 2 {
		t.Errorf("%d keys were given, %v are there", made, keys)
	}
}

// A user's keys are the same on every node, and after a restart: nothing but the database holds them.
func TestKeysOutliveTheNode(t *testing.T) {
	data := t.TempDir()
	at := func(c *server.Config) { c.Data, c.SigningAlgorithm = data, "ES256" }
	f := &fixture{Node: pooltest.Start(t, at)}
	key, gone := f.newUser(t, "Alice"), f.newKey(t, "Alice")
	f.IAM(t, "DeleteAccessKey", "UserName", "Alice", "AccessKeyId", gone.Caller.AccessKeyID).Must(t)
	f.Stop()
	f = &fixture{Node: pooltest.Start(t, at)}
	if who := f.STS(t, key, "", "GetCallerIdentity").Must(t); who.Element("Arn") != userARN("/Alice") {
		t.Errorf("the key is of %s", who.Body)
	}
	unknownKey(t, f.STS(t, gone, "", "GetCallerIdentity"))
}
