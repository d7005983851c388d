package iam_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"idpool/pooltest"
	"idpool/wire"
)

// newUser makes a user and a key of theirs.
func (f *fixture) newUser(t *testing.T, name string, params ...string) wire.Key {
	t.Helper()
	f.IAM(t, "CreateUser", append([]string{"UserName", name}, params...)...).Must(t)
	return f.newKey(t, name)
}

func (f *fixture) newKey(t *testing.T, user string) wire.Key {
	t.Helper()
	return keyOf(f.IAM(t, "CreateAccessKey", "UserName", user).Must(t))
}

// keyOf is the key in a reply of CreateAccessKey.
func keyOf(r *pooltest.Reply) wire.Key {
	return wire.Key{Secret: r.Element("SecretAccessKey"), Caller: wire.Caller{AccessKeyID: r.Element("AccessKeyId")}}
}

func TestCreateUser(t *testing.T) {
	f := start(t)
	made := day(f.Clock.Now())
	f.newPolicy(t, "B")
	r := f.IAM(t, "CreateUser", "UserName", "Full", "Path", "/a/b/", "PermissionsBoundary", policyARN("B"),
		"Tags.member.1.Key", "b", "Tags.member.1.Value", "2", "Tags.member.2.Key", "A", "Tags.member.2.Value", "")
	user := `<User><Path>/a/b/</Path><UserName>Full</UserName><UserId>{id}</UserId><Arn>arn:aws:iam::123456789012:user/a/b/Full</Arn><CreateDate>` + made + `</CreateDate>` +
		`<PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType><PermissionsBoundaryArn>` + policyARN("B") + `</PermissionsBoundaryArn></PermissionsBoundary>` +
		`<Tags><member><Key>A</Key><Value></Value></member><member><Key>b</Key><Value>2</Value></member></Tags></User>`
	names := map[string]string{"id": r.Element("UserId")}
	answers(t, r, names, reply("CreateUser", user))
	if id := r.Element("UserId"); !regexp.MustCompile(`^AIDA[A-Z2-7]{17}$`).MatchString(id) {
		t.Errorf("user id %q", id)
	}
	answers(t, f.IAM(t, "GetUser", "UserName", "fULL"), names, reply("GetUser", user))

	r = f.IAM(t, "CreateUser", "UserName", "Bare")
	bare := `<User><Path>/</Path><UserName>Bare</UserName><UserId>{id}</UserId><Arn>arn:aws:iam::123456789012:user/Bare</Arn><CreateDate>` + made + `</CreateDate></User>`
	names["id"] = r.Element("UserId")
	answers(t, r, names, reply("CreateUser", bare))
	answers(t, f.IAM(t, "GetUser", "UserName", "Bare"), names, reply("GetUser", bare))
	// They are listed with neither tags nor boundary.
	all := f.IAM(t, "ListUsers").Must(t)
	if got := all.Element("Users"); strings.Contains(got, "Tags") || strings.Contains(got, "Boundary") || strings.Count(got, "<member>") != 2 {
		t.Errorf("listed as %s", got)
	}
}

func TestCreateUserRefuses(t *testing.T) {
	f := start(t)
	f.IAM(t, "CreateUser", "UserName", "Taken").Must(t)
	user := func(params ...string) []string { return append([]string{"UserName", "U"}, params...) }
	long := strings.Repeat("n", 65)
	noScope := func(arn string) refusal {
		return refusal{404, "NoSuchEntity", "Scope ARN: " + arn + " does not exist or is not attachable."}
	}
	f.refuses(t, "CreateUser", []row{
		{"taken", []string{"UserName", "Taken"}, refusal{409, "EntityAlreadyExists", "User with name Taken already exists."}},
		{"taken, in other letters", []string{"UserName", "tAKEN"}, refusal{409, "EntityAlreadyExists", "User with name tAKEN already exists."}},
		{"no name", nil, missing("userName")},
		{"a name with a space", []string{"UserName", "a b"}, constraint("a b", "userName", `Member must satisfy regular expression pattern: [\w+=,.@-]+`)},
		{"a name of 65", []string{"UserName", long}, constraint(long, "userName", "Member must have length less than or equal to 64")},
		{"a path without its end", user("Path", "/a"), constraint("/a", "path", `Member must satisfy regular expression pattern: (/)|(/[\x21-\x7F]+/)`)},
		{"a tag twice", user("Tags.member.1.Key", "k", "Tags.member.1.Value", "1", "Tags.member.2.Key", "K", "Tags.member.2.Value", "2"), refusal{400, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."}},
		{"a boundary that is a role", user("PermissionsBoundary", "arn:aws:iam::123456789012:role/R"), refusal{400, "InvalidInput", "ARN arn:aws:iam::123456789012:role/R is not valid."}},
		{"a boundary of another account", user("PermissionsBoundary", "arn:aws:iam::999999999999:policy/B"), noScope("arn:aws:iam::999999999999:policy/B")},
	})
	noUser("U").check(t, f.IAM(t, "GetUser", "UserName", "U"))
}

// GetUser without a name is about who calls.
func TestGetUserOfCaller(t *testing.T) {
	f := start(t)
	made := day(f.Clock.Now())
	answers(t, f.IAM(t, "GetUser"), nil, reply("GetUser", `<User><UserId>123456789012</UserId><Arn>arn:aws:iam::123456789012:root</Arn><CreateDate>`+made+`</CreateDate></User>`))
	f.refuses(t, "GetUser", []row{
		{"nobody", []string{"UserName", "Nobody"}, noUser("Nobody")},
		{"an empty name", []string{"UserName", ""}, refusal{400, "ValidationError", `2 validation errors detected: Value '' at 'userName' failed to satisfy constraint: Member must have length greater than or equal to 1; Value '' at 'userName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+`}},
		{"the root by a name", []string{"UserName", "root"}, noUser("root")},
	})
}

// A user is who they are to GetCallerIdentity, and to whoever refuses them; the resource is the user's ARN, path and all.
func TestUserIsTheCaller(t *testing.T) {
	f := start(t)
	key := f.newUser(t, "Alice", "Path", "/team/")
	id := f.IAM(t, "GetUser", "UserName", "Alice").Must(t).Element("UserId")
	who := f.STS(t, key, "", "GetCallerIdentity").Must(t)
	if who.Element("Arn") != userARN("/team/Alice") || who.Element("UserId") != id || who.Element("Account") != pooltest.Account {
		t.Errorf("GetCallerIdentity says %s", who.Body)
	}
	denied := func(action, resource string) refusal {
		return refusal{403, "AccessDenied", "User: " + userARN("/team/Alice") + " is not authorized to perform: " + action + " on resource: " + resource +
			" because no identity-based policy allows the " + action + " action"}
	}
	f.IAM(t, "CreateUser", "UserName", "Bob", "Path", "/admins/").Must(t)
	for _, row := range []struct {
		action, resource string
		params           []string
	}{
		{"GetUser", userARN("/team/Alice"), nil},
		{"GetUser", userARN("/admins/Bob"), []string{"UserName", "bob"}},
		{"GetUser", userARN("/Nobody"), []string{"UserName", "Nobody"}},
		{"CreateAccessKey", userARN("/team/Alice"), nil},
		{"CreateAccessKey", userARN("/admins/Bob"), []string{"UserName", "Bob"}},
		{"CreateUser", userARN("/x/New"), []string{"UserName", "New", "Path", "/x/"}},
		{"ListUsers", userARN("/adm"), []string{"PathPrefix", "/adm"}},
		{"UpdateUser", userARN("/admins/Bob"), []string{"UserName", "Bob", "NewPath", "/team/"}},
	} {
		denied("iam:"+row.action, row.resource).check(t, f.as(t, key, "", row.action, row.params...))
	}
	// Nor may a user what no policy allows elsewhere.
	pools := f.SignedAs(t, key, pooltest.Region, "ListIdentityPools", pooltest.Object{"MaxResults": 1})
	if want := "User: " + userARN("/team/Alice") + " is not authorized to perform: cognito-identity:ListIdentityPools"; pools.Status == 200 || !strings.HasPrefix(pools.Message(), want) {
		t.Errorf("ListIdentityPools: %d %s", pools.Status, pools.Body)
	}
	if r := f.create(t, key, "", pooltest.Object{"AccountId": "111122223333"}); r.Status != 403 {
		t.Errorf("CreateAccount: %d %s", r.Status, r.Body)
	}
}

// list reads a list page by page, and returns the texts of an element.
func (f *fixture) list(t *testing.T, action, element string, params ...string) (all []string, pages int) {
	t.Helper()
	marker := ""
	for {
		more := params
		if marker != "" {
			more = append(slices.Clone(params), "Marker", marker)
		}
		r := f.IAM(t, action, more...).Must(t)
		for _, found := range regexp.MustCompile("<"+element+">([^<]+)</"+element+">").FindAllStringSubmatch(string(r.Body), -1) {
			all = append(all, found[1])
		}
		pages++
		marker = r.Element("Marker")
		if (r.Element("IsTruncated") == "true") != (marker != "") {
			t.Fatalf("a page ends with %s", r.Body)
		}
		if marker == "" {
			return all, pages
		}
	}
}

func TestListUsers(t *testing.T) {
	f := start(t)
	answers(t, f.IAM(t, "ListUsers"), nil, reply("ListUsers", "<Users></Users><IsTruncated>false</IsTruncated>"))
	for name, path := range map[string]string{"b": "/", "A": "/x/", "a-b": "/x/", "Ab": "/x/y/", "_": "/xy/", "0": "/X/"} {
		f.IAM(t, "CreateUser", "UserName", name, "Path", path).Must(t)
	}
	for _, row := range []struct {
		prefix, size string
		want         string
		pages        int
	}{
		{"", "", "0 _ A a-b Ab b", 1}, // by the bytes of the names in lower case
		{"", "6", "0 _ A a-b Ab b", 1},
		{"", "2", "0 _ A a-b Ab b", 3},
		{"", "1", "0 _ A a-b Ab b", 6},
		{"/", "5", "0 _ A a-b Ab b", 2},
		{"/x/", "", "A a-b Ab", 1},
		{"/x/", "2", "A a-b Ab", 2},
		{"/x", "1", "_ A a-b Ab", 4},
		{"/x/y/", "1", "Ab", 1},
		{"/%", "", "", 1},
	} {
		var params []string
		if row.prefix != "" {
			params = append(params, "PathPrefix", row.prefix)
		}
		if row.size != "" {
			params = append(params, "MaxItems", row.size)
		}
		if got, pages := f.list(t, "ListUsers", "UserName", params...); strings.Join(got, " ") != row.want || pages != row.pages {
			t.Errorf("prefix %q, %q a page: %v in %d pages, want %s in %d", row.prefix, row.size, got, pages, row.want, row.pages)
		}
	}
	marker := f.IAM(t, "ListUsers", "MaxItems", "1").Must(t).Element("Marker")
	invalid := refusal{400, "ValidationError", "Invalid Marker."}
	f.refuses(t, "ListUsers", []row{
		{"of nobody", []string{"Marker", "x"}, invalid},
		{"of another prefix", []string{"Marker", marker, "PathPrefix", "/x/"}, invalid},
		{"no items", []string{"MaxItems", "0"}, constraint("0", "maxItems", "Member must have value greater than or equal to 1")},
		{"1001 items", []string{"MaxItems", "1001"}, constraint("1001", "maxItems", "Member must have value less than or equal to 1000")},
		{"a prefix without a slash", []string{"PathPrefix", "x"}, constraint("x", "pathPrefix", `Member must satisfy regular expression pattern: \u002F[\u0021-\u007F]*`)},
	})
	invalid.check(t, f.as(t, f.other, "", "ListUsers", "Marker", marker))
}

// Whoever is renamed keeps id, keys, policies, boundary and tags. The old name is free.
func TestUpdateUser(t *testing.T) {
	f := start(t)
	f.newPolicy(t, "B")
	key := f.newUser(t, "Alice", "PermissionsBoundary", policyARN("B"), "Tags.member.1.Key", "k", "Tags.member.1.Value", "v")
	f.IAM(t, "PutUserPolicy", "UserName", "Alice", "PolicyName", "P", "PolicyDocument", allow).Must(t)
	before := f.IAM(t, "GetUser", "UserName", "Alice").Must(t).Element("User")
	f.Clock.Advance(1e9)
	answers(t, f.IAM(t, "UpdateUser", "UserName", "alice", "NewUserName", "Bob", "NewPath", "/new/"), nil, reply("UpdateUser", ""))

	after := f.IAM(t, "GetUser", "UserName", "Bob").Must(t).Element("User")
	want := strings.NewReplacer("<Path>/</Path>", "<Path>/new/</Path>", ">Alice<", ">Bob<", ":user/Alice", ":user/new/Bob").Replace(before)
	if after != want {
		t.Errorf("after the renaming: %s\nwant %s", after, want)
	}
	noUser("Alice").check(t, f.IAM(t, "GetUser", "UserName", "Alice"))
	if got := f.STS(t, key, "", "GetCallerIdentity").Must(t).Element("Arn"); got != userARN("/new/Bob") {
		t.Errorf("the key is of %s", got)
	}
	if got := f.IAM(t, "ListAccessKeys", "UserName", "Bob").Must(t); got.Element("UserName") != "Bob" || got.Element("AccessKeyId") != key.Caller.AccessKeyID {
		t.Errorf("keys: %s", got.Body)
	}
	if got := f.IAM(t, "GetUserPolicy", "UserName", "Bob", "PolicyName", "P").Must(t).Element("PolicyDocument"); got != encoded(allow) {
		t.Errorf("the policy is %s", got)
	}

	f.IAM(t, "UpdateUser", "UserName", "Bob", "NewUserName", "bOB").Must(t) // its own name in other letters
	f.IAM(t, "UpdateUser", "UserName", "Bob").Must(t)
	if got := f.IAM(t, "GetUser", "UserName", "Bob").Must(t); got.Element("UserName") != "bOB" || got.Element("Path") != "/new/" {
		t.Errorf("the user is %s", got.Body)
	}

	// A new Alice has nothing of the old one.
	f.IAM(t, "CreateUser", "UserName", "Alice").Must(t)
	if got := f.IAM(t, "ListAccessKeys", "UserName", "Alice").Must(t).Element("AccessKeyMetadata"); got != "" {
		t.Errorf("keys of the new user: %s", got)
	}
	f.refuses(t, "UpdateUser", []row{
		{"nobody", []string{"UserName", "Nobody", "NewUserName", "X"}, noUser("Nobody")},
		{"another's name", []string{"UserName", "Alice", "NewUserName", "BOB"}, refusal{409, "EntityAlreadyExists", "User with name BOB already exists."}},
		{"no name", []string{"NewUserName", "X"}, missing("userName")},
		{"a name with a slash", []string{"UserName", "Alice", "NewUserName", "a/b"}, constraint("a/b", "newUserName", `Member must satisfy regular expression pattern: [\w+=,.@-]+`)},
	})
}

func TestDeleteUser(t *testing.T) {
	f := start(t)
	key := f.newUser(t, "U")
	id := f.IAM(t, "GetUser", "UserName", "U").Must(t).Element("UserId")
	f.IAM(t, "PutUserPolicy", "UserName", "U", "PolicyName", "P", "PolicyDocument", allow).Must(t)
	f.newPolicy(t, "B")
	f.IAM(t, "PutUserPermissionsBoundary", "UserName", "U", "PermissionsBoundary", policyARN("B")).Must(t)
	f.IAM(t, "AttachUserPolicy", "UserName", "U", "PolicyArn", policyARN("B")).Must(t)
	conflict := func(what string) refusal {
		return refusal{409, "DeleteConflict", "Cannot delete entity, must delete " + what + " first."}
	}
	f.refuses(t, "DeleteUser", []row{
		{"nobody", []string{"UserName", "Nobody"}, noUser("Nobody")},
		{"no name", nil, missing("userName")},
		{"with a managed policy", []string{"UserName", "U"}, refusal{409, "DeleteConflict", "Cannot delete entity, must detach all policies first."}},
	})
	f.IAM(t, "DetachUserPolicy", "UserName", "U", "PolicyArn", policyARN("B")).Must(t)
	conflict("access keys").check(t, f.IAM(t, "DeleteUser", "UserName", "U"))
	f.IAM(t, "UpdateAccessKey", "UserName", "U", "AccessKeyId", key.Caller.AccessKeyID, "Status", "Inactive").Must(t)
	conflict("access keys").check(t, f.IAM(t, "DeleteUser", "UserName", "U"))
	f.IAM(t, "DeleteAccessKey", "UserName", "U", "AccessKeyId", key.Caller.AccessKeyID).Must(t)
	conflict("policies").check(t, f.IAM(t, "DeleteUser", "UserName", "U"))
	f.IAM(t, "DeleteUserPolicy", "UserName", "U", "PolicyName", "P").Must(t)
	answers(t, f.IAM(t, "DeleteUser", "UserName", "u"), nil, reply("DeleteUser", "")) // the boundary is in nobody's way
	noUser("U").check(t, f.IAM(t, "DeleteUser", "UserName", "U"))
	if again := f.IAM(t, "CreateUser", "UserName", "U").Must(t).Element("UserId"); again == id {
		t.Errorf("the id %s was given again", id)
	}
}

func TestUserBoundary(t *testing.T) {
	f := start(t)
	f.IAM(t, "CreateUser", "UserName", "U").Must(t)
	boundary := func() string {
		return f.IAM(t, "GetUser", "UserName", "U").Must(t).Element("PermissionsBoundaryArn")
	}
	const amazons = "arn:aws:iam::aws:policy/AmazonCognitoReadOnly"
	f.newPolicy(t, "B")
	for _, arn := range []string{policyARN("B"), amazons} {
		answers(t, f.IAM(t, "PutUserPermissionsBoundary", "UserName", "U", "PermissionsBoundary", arn), nil, reply("PutUserPermissionsBoundary", ""))
		if got := boundary(); got != arn {
			t.Errorf("the boundary is %s, want %s", got, arn)
		}
	}
	f.refuses(t, "PutUserPermissionsBoundary", []row{
		{"nobody", []string{"UserName", "Nobody", "PermissionsBoundary", policyARN("B")}, noUser("Nobody")},
		{"no policy", []string{"UserName", "U"}, missing("permissionsBoundary")},
		{"a user", []string{"UserName", "U", "PermissionsBoundary", userARN("/U")}, refusal{400, "InvalidInput", "ARN " + userARN("/U") + " is not valid."}},
		{"one that is not there", []string{"UserName", "U", "PermissionsBoundary", policyARN("C")}, refusal{404, "NoSuchEntity", "Scope ARN: " + policyARN("C") + " does not exist or is not attachable."}},
		{"another account's", []string{"UserName", "U", "PermissionsBoundary", "arn:aws:iam::999999999999:policy/B"}, refusal{404, "NoSuchEntity", "Scope ARN: arn:aws:iam::999999999999:policy/B does not exist or is not attachable."}},
	})
	if got := boundary(); got != amazons {
		t.Errorf("after what was refused the boundary is %s", got)
	}
	for range 2 {
		answers(t, f.IAM(t, "DeleteUserPermissionsBoundary", "UserName", "U"), nil, reply("DeleteUserPermissionsBoundary", ""))
	}
	if got := boundary(); got != "" {
		t.Errorf("the boundary is %s, want none", got)
	}
	noUser("Nobody").check(t, f.IAM(t, "DeleteUserPermissionsBoundary", "UserName", "Nobody"))
}

func TestUserTags(t *testing.T) {
	f := start(t)
	f.IAM(t, "CreateUser", "UserName", "U", "Tags.member.1.Key", "Team", "Tags.member.1.Value", "a").Must(t)
	tag := func(user string, keys ...string) []string {
		params := []string{"UserName", user}
		for i, key := range keys {
			n := fmt.Sprint(i + 1)
			params = append(params, "Tags.member."+n+".Key", key, "Tags.member."+n+".Value", "v")
		}
		return params
	}
	want := func(keys ...string) {
		t.Helper()
		if got, _ := f.list(t, "ListUserTags", "Key", "UserName", "U"); !slices.Equal(got, keys) {
			t.Errorf("tags %v, want %v", got, keys)
		}
	}
	want("Team")
	answers(t, f.IAM(t, "TagUser", tag("U", "z", "TEAM")...), nil, reply("TagUser", ""))
	want("TEAM", "z")
	answers(t, f.IAM(t, "UntagUser", "UserName", "U", "TagKeys.member.1", "team", "TagKeys.member.2", "nothing"), nil, reply("UntagUser", ""))
	answers(t, f.IAM(t, "ListUserTags", "UserName", "U"), nil, reply("ListUserTags", "<Tags><member><Key>z</Key><Value>v</Value></member></Tags><IsTruncated>false</IsTruncated>"))

	var keys []string
	for i := range 49 {
		keys = append(keys, fmt.Sprintf("k%02d", i))
	}
	f.IAM(t, "TagUser", tag("U", keys...)...).Must(t)
	want(append(keys, "z")...)
	if got, pages := f.list(t, "ListUserTags", "Key", "UserName", "U", "MaxItems", "20"); len(got) != 50 || pages != 3 || !slices.IsSorted(got) {
		t.Errorf("%v in %d pages", got, pages)
	}
	f.refuses(t, "TagUser", []row{
		{"a 51st", tag("U", "one-more"), refusal{409, "LimitExceeded", "The number of tags has reached the maximum limit."}},
		{"nobody", tag("Nobody", "k"), noUser("Nobody")},
		{"no tags", []string{"UserName", "U"}, missing("tags")},
		{"a key twice", tag("U", "k", "K"), refusal{400, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."}},
	})
	noUser("Nobody").check(t, f.IAM(t, "UntagUser", "UserName", "Nobody", "TagKeys.member.1", "k"))
	f.refuses(t, "ListUserTags", []row{
		{"nobody", []string{"UserName", "Nobody"}, noUser("Nobody")},
		{"a marker of nobody", []string{"UserName", "U", "Marker", "20"}, refusal{400, "ValidationError", "Invalid Marker."}},
	})
}

// Of many who make a user of one name at once, one does.
func TestCreateUserAtOnce(t *testing.T) {
	f := start(t)
	const n = 8
	var all sync.WaitGroup
	replies := make([]*pooltest.Reply, n)
	for i := range n {
		name := []string{"u", "U"}[i%2]
		all.Go(func() { replies[i] = f.IAM(t, "CreateUser", "UserName", name) })
	}
	all.Wait()
	won := 0
	for _, r := range replies {
		if r.Status == 200 {
			won++
		} else if r.Code() != "EntityAlreadyExists" {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d made the user", won, n)
	}
}

// newPolicy makes a managed policy.
func (f *fixture) newPolicy(t *testing.T, name string) {
	t.Helper()
	f.IAM(t, "CreatePolicy", "PolicyName", name, "PolicyDocument", allow).Must(t)
}
