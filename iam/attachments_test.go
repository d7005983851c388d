package iam_test

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"idpool/iam"
)

// atOnce runs calls at the same time and returns what they end with.
func atOnce(n int, call func(i int) string) []string {
	results := make([]string, n)
	begin := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-begin
			results[i] = call(i)
		})
	}
	close(begin)
	all.Wait()
	return results
}

func count(all []string, one string) (n int) {
	for _, s := range all {
		if s == one {
			n++
		}
	}
	return n
}

// What is said of roles here is true of users, and the other way round.
var kinds = []struct {
	attach, detach, list string
	member               string
	make                 func(f *fixture, t *testing.T, name string)
	unknown              func(name string) refusal
	quota                string
}{
	{"AttachRolePolicy", "DetachRolePolicy", "ListAttachedRolePolicies", "RoleName", (*fixture).role, noRole, "PoliciesPerRole"},
	{"AttachUserPolicy", "DetachUserPolicy", "ListAttachedUserPolicies", "UserName", (*fixture).user, noUser, "PoliciesPerUser"},
}

func TestAttachPolicies(t *testing.T) {
	f := start(t)
	for _, kind := range kinds {
		t.Run(kind.attach, func(t *testing.T) {
			kind.make(f, t, "Jo")
			own := f.IAM(t, "CreatePolicy", "PolicyName", kind.member, "Path", "/x/", "PolicyDocument", allow).Must(t).Element("Arn")
			same := f.IAM(t, "CreatePolicy", "PolicyName", "AmazonCognitoPowerUser"+kind.member, "PolicyDocument", allow).Must(t).Element("Arn")
			params := func(arn string) []string { return []string{kind.member, "jO", "PolicyArn", arn} } // in any case
			list := func(params ...string) []string {
				t.Helper()
				names, _ := policyNames(t, f.IAM(t, kind.list, append([]string{kind.member, "Jo"}, params...)...))
				return names
			}
			for _, arn := range []string{own, own, same, awsARN("AmazonCognitoPowerUser")} { // to attach again is no error
				answers(t, f.IAM(t, kind.attach, params(arn)...), nil, reply(kind.attach, ""))
			}
			if got, want := list(), []string{"AmazonCognitoPowerUser", "AmazonCognitoPowerUser" + kind.member, kind.member}; !slices.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
			if got := list("PathPrefix", "/x/"); !slices.Equal(got, []string{kind.member}) {
				t.Errorf("under a path: %v", got)
			}
			if got := f.IAM(t, "GetPolicy", "PolicyArn", own).Must(t).Element("AttachmentCount"); got != "1" {
				t.Errorf("attached %s times", got)
			}
			var paged []string
			for marker := ""; ; {
				more := []string{kind.member, "JO", "MaxItems", "1"}
				if marker != "" {
					more = append(more, "Marker", marker)
				}
				var page []string
				page, marker = policyNames(t, f.IAM(t, kind.list, more...))
				if paged = append(paged, page...); marker == "" {
					break
				}
			}
			if !slices.Equal(paged, list()) {
				t.Errorf("by page %v", paged)
			}

			answers(t, f.IAM(t, kind.detach, params(own)...), nil, reply(kind.detach, ""))
			noManaged(own).check(t, f.IAM(t, kind.detach, params(own)...))
			f.IAM(t, kind.detach, params(same)...).Must(t)
			answers(t, f.IAM(t, kind.list, kind.member, "Jo"), nil, reply(kind.list, "<AttachedPolicies><member><PolicyName>AmazonCognitoPowerUser</PolicyName><PolicyArn>"+awsARN("AmazonCognitoPowerUser")+"</PolicyArn></member></AttachedPolicies><IsTruncated>false</IsTruncated>"))

			for _, action := range []string{kind.attach, kind.detach} {
				f.refuses(t, action, []row{
					{"nobody", []string{kind.member, "Nobody", "PolicyArn", own}, kind.unknown("Nobody")},
					{"no name", []string{"PolicyArn", own}, missing(strings.ToLower(kind.member[:1]) + kind.member[1:])},
					{"no policy", []string{kind.member, "Jo"}, missing("policyArn")},
				})
			}
			notAttachable(policyARN("none")).check(t, f.IAM(t, kind.attach, params(policyARN("none"))...))
			kind.unknown("Nobody").check(t, f.IAM(t, kind.list, kind.member, "Nobody"))
		})
	}
}

// Ten policies is the most; of more that come at once, none gets by.
func TestAttachAtTheQuota(t *testing.T) {
	f := start(t)
	arns := make([]string, iam.MaxAttachedPolicies+5)
	for i := range arns {
		arns[i] = f.policy(t, fmt.Sprint("P", i))
	}
	for _, kind := range kinds {
		kind.make(f, t, "Jo")
		codes := atOnce(len(arns), func(i int) string { return f.IAM(t, kind.attach, kind.member, "Jo", "PolicyArn", arns[i]).Code() })
		names, _ := policyNames(t, f.IAM(t, kind.list, kind.member, "Jo"))
		if count(codes, "") != iam.MaxAttachedPolicies || count(codes, "LimitExceeded") != 5 || len(names) != iam.MaxAttachedPolicies {
			t.Errorf("%s: %q, and attached are %v", kind.attach, codes, names)
		}
		exceeded("Cannot exceed quota for "+kind.quota+": 10").check(t, f.IAM(t, kind.attach, kind.member, "Jo", "PolicyArn", awsARN("AdministratorAccess")))
		f.IAM(t, kind.attach, kind.member, "Jo", "PolicyArn", policyARN(names[0])).Must(t) // one that is there already
	}
}

// Whoever deletes a policy, or a role, while the two are joined: one of the two calls is refused.
func TestDeleteAgainstAttach(t *testing.T) {
	f := start(t)
	for round := range 10 {
		name := fmt.Sprint("N", round)
		for _, deletion := range []struct {
			action, member, conflict string
		}{
			{"DeletePolicy", "PolicyArn", "DeleteConflict"},
			{"DeleteRole", "RoleName", "DeleteConflict"},
		} {
			arn := f.policy(t, deletion.action+name)
			f.role(t, deletion.action+name)
			params := []string{"RoleName", deletion.action + name, "PolicyArn", arn}
			remove := []string{deletion.member, params[slices.Index(params, deletion.member)+1]}
			codes := atOnce(2, func(i int) string {
				if i == 0 {
					return f.IAM(t, "AttachRolePolicy", params...).Code()
				}
				return f.IAM(t, deletion.action, remove...).Code()
			})
			if !slices.Equal(codes, []string{"", "DeleteConflict"}) && !slices.Equal(codes, []string{"NoSuchEntity", ""}) {
				t.Errorf("%s: attach and delete end with %q", deletion.action, codes)
			}
			if codes[1] == "" && deletion.action == "DeleteRole" { // the policy has lost the attachment, or never had it
				f.IAM(t, "DeletePolicy", "PolicyArn", arn).Must(t)
			}
		}
	}
}

// entities lists who has a policy, as "role R".
func entities(t *testing.T, f *fixture, params ...string) (names []string, marker string) {
	t.Helper()
	r := f.IAM(t, "ListEntitiesForPolicy", params...).Must(t)
	var list struct {
		Result struct {
			Roles []struct{ RoleName, RoleId string } `xml:"PolicyRoles>member"`
			Users []struct{ UserName, UserId string } `xml:"PolicyUsers>member"`
		} `xml:"ListEntitiesForPolicyResult"`
	}
	if err := xml.Unmarshal(r.Body, &list); err != nil {
		t.Fatal(err)
	}
	for _, e := range list.Result.Roles {
		if !strings.HasPrefix(e.RoleId, "AROA") {
			t.Errorf("%+v", e)
		}
		names = append(names, "role "+e.RoleName)
	}
	for _, e := range list.Result.Users {
		if !strings.HasPrefix(e.UserId, "AIDA") {
			t.Errorf("%+v", e)
		}
		names = append(names, "user "+e.UserName)
	}
	return names, r.Element("Marker")
}

func TestListEntitiesForPolicy(t *testing.T) {
	f := start(t)
	arn := f.policy(t, "P")
	answers(t, f.IAM(t, "ListEntitiesForPolicy", "PolicyArn", arn), nil, reply("ListEntitiesForPolicy",
		"<PolicyGroups></PolicyGroups><PolicyUsers></PolicyUsers><PolicyRoles></PolicyRoles><IsTruncated>false</IsTruncated>"))
	f.role(t, "A")
	f.IAM(t, "CreateRole", "RoleName", "B", "Path", "/x/", "AssumeRolePolicyDocument", trust, "PermissionsBoundary", arn).Must(t)
	f.role(t, "C")
	f.IAM(t, "CreateUser", "UserName", "D", "Path", "/x/", "PermissionsBoundary", arn).Must(t)
	f.user(t, "E")
	f.IAM(t, "AttachRolePolicy", "RoleName", "A", "PolicyArn", arn).Must(t)
	f.IAM(t, "AttachRolePolicy", "RoleName", "B", "PolicyArn", arn).Must(t)
	f.IAM(t, "AttachUserPolicy", "UserName", "E", "PolicyArn", arn).Must(t)
	f.IAM(t, "UpdateUser", "UserName", "E", "NewUserName", "F").Must(t) // a policy follows a user who is renamed
	for _, row := range []struct {
		name   string
		params []string
		want   []string
	}{
		{"all", nil, []string{"role A", "role B", "user D", "user F"}},
		{"roles", []string{"EntityFilter", "Role"}, []string{"role A", "role B"}},
		{"users", []string{"EntityFilter", "User"}, []string{"user D", "user F"}},
		{"groups", []string{"EntityFilter", "Group"}, nil},
		{"under a path", []string{"PathPrefix", "/x/"}, []string{"role B", "user D"}},
		{"attached", []string{"PolicyUsageFilter", "PermissionsPolicy"}, []string{"role A", "role B", "user F"}},
		{"boundary", []string{"PolicyUsageFilter", "PermissionsBoundary"}, []string{"role B", "user D"}},
	} {
		params := append([]string{"PolicyArn", arn}, row.params...)
		if got, _ := entities(t, f, params...); !slices.Equal(got, row.want) {
			t.Errorf("%s: %v, want %v", row.name, got, row.want)
		}
		var paged []string
		for marker := ""; ; {
			more := append(slices.Clone(params), "MaxItems", "1")
			if marker != "" {
				more = append(more, "Marker", marker)
			}
			var page []string
			page, marker = entities(t, f, more...)
			if paged = append(paged, page...); marker == "" {
				break
			}
		}
		if !slices.Equal(paged, row.want) {
			t.Errorf("%s, by page: %v", row.name, paged)
		}
	}
}
