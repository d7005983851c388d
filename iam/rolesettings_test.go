package iam_test

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"testing"

	"idpool/pooltest"
)

// roleNames reads the names in a reply of ListRoles.
func roleNames(t *testing.T, r *pooltest.Reply) (names []string, marker string) {
	t.Helper()
	r.Must(t)
	var list struct {
		Roles []struct{ RoleName string } `xml:"ListRolesResult>Roles>member"`
	}
	if err := xml.Unmarshal(r.Body, &list); err != nil {
		t.Fatal(err)
	}
	for _, role := range list.Roles {
		names = append(names, role.RoleName)
	}
	return names, r.Element("Marker")
}

func TestListRoles(t *testing.T) {
	f := start(t)
	answers(t, f.IAM(t, "ListRoles"), nil, reply("ListRoles", "<Roles></Roles><IsTruncated>false</IsTruncated>"))
	made := f.IAM(t, "CreateRole", "RoleName", "b", "AssumeRolePolicyDocument", trust, "Path", "/x/y/", "Description", "d",
		"PermissionsBoundary", awsARN("AdministratorAccess"), "Tags.member.1.Key", "k", "Tags.member.1.Value", "v").Must(t)
	now := f.Clock.Now().UTC().Format("2006-01-02T15:04:05Z")
	answers(t, f.IAM(t, "ListRoles"), map[string]string{"role id": made.Element("RoleId")}, reply("ListRoles",
		"<Roles><member><Path>/x/y/</Path><RoleName>b</RoleName><RoleId>{role id}</RoleId><Arn>arn:aws:iam::123456789012:role/x/y/b</Arn><CreateDate>"+now+"</CreateDate>"+
			"<AssumeRolePolicyDocument>"+encoded(trust)+"</AssumeRolePolicyDocument><Description>d</Description><MaxSessionDuration>3600</MaxSessionDuration></member></Roles><IsTruncated>false</IsTruncated>"))
	for _, name := range []string{"C", "a-b", "A", "ab"} {
		f.role(t, name)
	}
	for _, row := range []struct {
		prefix string
		want   []string
	}{
		{"", []string{"A", "a-b", "ab", "b", "C"}},
		{"/", []string{"A", "a-b", "ab", "b", "C"}},
		{"/x", []string{"b"}},
		{"/x/y/", []string{"b"}},
		{"/y/", nil},
	} {
		for size := range 6 {
			var params, got []string
			if row.prefix != "" {
				params = append(params, "PathPrefix", row.prefix)
			}
			if size > 0 {
				params = append(params, "MaxItems", fmt.Sprint(size))
			}
			for more := params; ; {
				page, marker := roleNames(t, f.IAM(t, "ListRoles", more...))
				if got = append(got, page...); marker == "" {
					break
				}
				more = append(slices.Clone(params), "Marker", marker)
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("%q by pages of %d: %v, want %v", row.prefix, size, got, row.want)
			}
		}
	}
	f.refuses(t, "ListRoles", []row{
		{"a marker that is none", []string{"Marker", "x"}, refusal{400, "ValidationError", "Invalid Marker."}},
		{"a prefix without a slash", []string{"PathPrefix", "x"}, constraint("x", "pathPrefix", `Member must satisfy regular expression pattern: \u002F[\u0021-\u007F]*`)},
		{"1001 items", []string{"MaxItems", "1001"}, constraint("1001", "maxItems", "Member must have value less than or equal to 1000")},
	})
}

func TestUpdateRole(t *testing.T) {
	f := start(t)
	f.IAM(t, "CreateRole", "RoleName", "R", "AssumeRolePolicyDocument", trust, "Description", "first", "Tags.member.1.Key", "k", "Tags.member.1.Value", "v").Must(t)
	for _, step := range []struct {
		params            []string
		description, most string
	}{
		{[]string{"MaxSessionDuration", "7200"}, "first", "7200"}, // an absent description stays
		{[]string{"Description", "second"}, "second", "7200"},
		{nil, "second", "7200"},
		{[]string{"Description", "", "MaxSessionDuration", "3600"}, "", "3600"},
	} {
		answers(t, f.IAM(t, "UpdateRole", append([]string{"RoleName", "r"}, step.params...)...), nil,
			strings.Replace(reply("UpdateRole", ""), "<ResponseMetadata>", "<UpdateRoleResult></UpdateRoleResult><ResponseMetadata>", 1))
		r := f.IAM(t, "GetRole", "RoleName", "R").Must(t)
		if r.Element("Description") != step.description || r.Element("MaxSessionDuration") != step.most || r.Element("AssumeRolePolicyDocument") != encoded(trust) || r.Element("Key") != "k" {
			t.Errorf("after %q: %s", step.params, r.Body)
		}
	}
	r := f.IAM(t, "UpdateRoleDescription", "RoleName", "R", "Description", "third").Must(t)
	if got := r.Element("Role"); got != f.IAM(t, "GetRole", "RoleName", "R").Must(t).Element("Role") || r.Element("Description") != "third" {
		t.Errorf("UpdateRoleDescription: %s", r.Body)
	}
	f.refuses(t, "UpdateRole", []row{
		{"no such role", []string{"RoleName", "Nobody"}, noRole("Nobody")},
		{"a session that is too short", []string{"RoleName", "R", "MaxSessionDuration", "3599"}, constraint("3599", "maxSessionDuration", "Member must have value greater than or equal to 3600")},
		{"a description that is too long", []string{"RoleName", "R", "Description", strings.Repeat("a", 1001)}, constraint(strings.Repeat("a", 1001), "description", "Member must have length less than or equal to 1000")},
	})
	f.refuses(t, "UpdateRoleDescription", []row{
		{"no such role", []string{"RoleName", "Nobody", "Description", "d"}, noRole("Nobody")},
		{"no description", []string{"RoleName", "R"}, missing("description")},
	})
}

func TestRoleTags(t *testing.T) {
	f := start(t)
	f.role(t, "R")
	answers(t, f.IAM(t, "TagRole", "RoleName", "r", "Tags.member.1.Key", "b", "Tags.member.1.Value", "1", "Tags.member.2.Key", "a", "Tags.member.2.Value", ""), nil, reply("TagRole", ""))
	f.IAM(t, "TagRole", "RoleName", "R", "Tags.member.1.Key", "B", "Tags.member.1.Value", "2").Must(t)
	answers(t, f.IAM(t, "ListRoleTags", "RoleName", "R"), nil, reply("ListRoleTags",
		"<Tags><member><Key>B</Key><Value>2</Value></member><member><Key>a</Key><Value></Value></member></Tags><IsTruncated>false</IsTruncated>"))
	r := f.IAM(t, "ListRoleTags", "RoleName", "R", "MaxItems", "1").Must(t)
	r = f.IAM(t, "ListRoleTags", "RoleName", "R", "MaxItems", "1", "Marker", r.Element("Marker")).Must(t)
	if r.Element("Key") != "a" || r.Element("IsTruncated") != "false" {
		t.Errorf("the second page: %s", r.Body)
	}
	answers(t, f.IAM(t, "UntagRole", "RoleName", "R", "TagKeys.member.1", "A", "TagKeys.member.2", "none"), nil, reply("UntagRole", ""))
	if got := f.IAM(t, "GetRole", "RoleName", "R").Must(t).Element("Tags"); got != "<member><Key>B</Key><Value>2</Value></member>" {
		t.Errorf("the tags are %s", got)
	}
	full := []string{"RoleName", "R"}
	for i := range 50 {
		full = append(full, fmt.Sprintf("Tags.member.%d.Key", i+1), fmt.Sprint("k", i), fmt.Sprintf("Tags.member.%d.Value", i+1), "v")
	}
	exceeded("The number of tags has reached the maximum limit.").check(t, f.IAM(t, "TagRole", full...))
	f.refuses(t, "TagRole", []row{
		{"no such role", []string{"RoleName", "Nobody", "Tags.member.1.Key", "k", "Tags.member.1.Value", "v"}, noRole("Nobody")},
		{"no tags", []string{"RoleName", "R"}, missing("tags")},
	})
	noRole("Nobody").check(t, f.IAM(t, "UntagRole", "RoleName", "Nobody", "TagKeys.member.1", "k"))
	noRole("Nobody").check(t, f.IAM(t, "ListRoleTags", "RoleName", "Nobody"))
}

func TestListRolePolicies(t *testing.T) {
	f := start(t)
	f.role(t, "R")
	answers(t, f.IAM(t, "ListRolePolicies", "RoleName", "R"), nil, reply("ListRolePolicies", "<PolicyNames></PolicyNames><IsTruncated>false</IsTruncated>"))
	for _, name := range []string{"b", "A", "a"} { // unlike names of roles they are told apart by case
		f.IAM(t, "PutRolePolicy", "RoleName", "R", "PolicyName", name, "PolicyDocument", allow).Must(t)
	}
	answers(t, f.IAM(t, "ListRolePolicies", "RoleName", "r"), nil, reply("ListRolePolicies", "<PolicyNames><member>A</member><member>a</member><member>b</member></PolicyNames><IsTruncated>false</IsTruncated>"))
	r := f.IAM(t, "ListRolePolicies", "RoleName", "R", "MaxItems", "2").Must(t)
	answers(t, f.IAM(t, "ListRolePolicies", "RoleName", "r", "MaxItems", "2", "Marker", r.Element("Marker")), nil,
		reply("ListRolePolicies", "<PolicyNames><member>b</member></PolicyNames><IsTruncated>false</IsTruncated>"))
	noRole("Nobody").check(t, f.IAM(t, "ListRolePolicies", "RoleName", "Nobody"))
}

func TestListInstanceProfilesForRole(t *testing.T) {
	f := start(t)
	f.role(t, "R")
	answers(t, f.IAM(t, "ListInstanceProfilesForRole", "RoleName", "R"), nil, reply("ListInstanceProfilesForRole", "<InstanceProfiles></InstanceProfiles><IsTruncated>false</IsTruncated>"))
	noRole("Nobody").check(t, f.IAM(t, "ListInstanceProfilesForRole", "RoleName", "Nobody"))
}

func TestListGroupsForUser(t *testing.T) {
	f := start(t)
	f.User(t, "U")
	answers(t, f.IAM(t, "ListGroupsForUser", "UserName", "U"), nil, reply("ListGroupsForUser", "<Groups></Groups><IsTruncated>false</IsTruncated>"))
	noUser("Nobody").check(t, f.IAM(t, "ListGroupsForUser", "UserName", "Nobody"))
}

// What a role still has keeps it from being deleted: first managed policies, then inline ones. A boundary does not.
func TestDeleteRoleConflicts(t *testing.T) {
	f := start(t)
	arn := f.policy(t, "P")
	f.IAM(t, "CreateRole", "RoleName", "R", "AssumeRolePolicyDocument", trust, "PermissionsBoundary", arn).Must(t)
	f.IAM(t, "PutRolePolicy", "RoleName", "R", "PolicyName", "P", "PolicyDocument", allow).Must(t)
	f.IAM(t, "AttachRolePolicy", "RoleName", "R", "PolicyArn", arn).Must(t)
	conflict("Cannot delete entity, must detach all policies first.").check(t, f.IAM(t, "DeleteRole", "RoleName", "R"))
	f.IAM(t, "DetachRolePolicy", "RoleName", "R", "PolicyArn", arn).Must(t)
	conflict("Cannot delete entity, must delete policies first.").check(t, f.IAM(t, "DeleteRole", "RoleName", "R"))
	f.IAM(t, "DeleteRolePolicy", "RoleName", "R", "PolicyName", "P").Must(t)
	f.IAM(t, "DeleteRole", "RoleName", "R").Must(t)
	f.IAM(t, "DeletePolicy", "PolicyArn", arn).Must(t)
}

func noScope(arn string) refusal {
	return refusal{404, "NoSuchEntity", "Scope ARN: " + arn + " does not exist or is not attachable."}
}

func TestRolePermissionsBoundary(t *testing.T) {
	f := start(t)
	arn := f.policy(t, "P")
	boundary := func(arn string) string {
		return "<PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType><PermissionsBoundaryArn>" + arn + "</PermissionsBoundaryArn></PermissionsBoundary>"
	}
	shows := func(want string) {
		t.Helper()
		if r := f.IAM(t, "GetRole", "RoleName", "R").Must(t); !strings.Contains(string(r.Body), "</MaxSessionDuration>"+want+"<Tags>") {
			t.Errorf("want %s in %s", want, r.Body)
		}
	}
	r := f.IAM(t, "CreateRole", "RoleName", "R", "AssumeRolePolicyDocument", trust, "PermissionsBoundary", arn).Must(t)
	if !strings.Contains(string(r.Body), boundary(arn)) {
		t.Errorf("CreateRole: %s", r.Body)
	}
	shows(boundary(arn))
	answers(t, f.IAM(t, "PutRolePermissionsBoundary", "RoleName", "r", "PermissionsBoundary", awsARN("AmazonCognitoPowerUser")), nil, reply("PutRolePermissionsBoundary", ""))
	shows(boundary(awsARN("AmazonCognitoPowerUser")))
	for range 2 { // the second time there is none, which is no error
		answers(t, f.IAM(t, "DeleteRolePermissionsBoundary", "RoleName", "R"), nil, reply("DeleteRolePermissionsBoundary", ""))
		shows("")
	}
	gone := policyARN("gone")
	f.refuses(t, "CreateRole", []row{
		{"a boundary that is not there", []string{"RoleName", "Q", "AssumeRolePolicyDocument", trust, "PermissionsBoundary", gone}, noScope(gone)},
		{"a boundary that is no policy", []string{"RoleName", "Q", "AssumeRolePolicyDocument", trust, "PermissionsBoundary", "arn:aws:iam::123456789012:role/R"}, invalidARN("arn:aws:iam::123456789012:role/R")},
	})
	noRole("Q").check(t, f.IAM(t, "GetRole", "RoleName", "Q"))
	f.refuses(t, "PutRolePermissionsBoundary", []row{
		{"no such role", []string{"RoleName", "Nobody", "PermissionsBoundary", arn}, noRole("Nobody")},
		{"a boundary that is not there", []string{"RoleName", "R", "PermissionsBoundary", gone}, noScope(gone)},
		{"no boundary", []string{"RoleName", "R"}, missing("permissionsBoundary")},
	})
	noRole("Nobody").check(t, f.IAM(t, "DeleteRolePermissionsBoundary", "RoleName", "Nobody"))
}
