package iam_test

import (
	"encoding/xml"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"idpool/pooltest"
)

func awsARN(name string) string { return "arn:aws:iam::aws:policy/" + name }

func noManaged(arn string) refusal {
	return refusal{404, "NoSuchEntity", "Policy " + arn + " was not found."}
}

func notAttachable(arn string) refusal {
	return refusal{404, "NoSuchEntity", "Policy " + arn + " does not exist or is not attachable."}
}

func invalidARN(arn string) refusal {
	return refusal{400, "InvalidInput", "ARN " + arn + " is not valid."}
}

func conflict(text string) refusal { return refusal{409, "DeleteConflict", text} }

func exceeded(text string) refusal { return refusal{409, "LimitExceeded", text} }

// builtin is what everybody who would change a policy that is built in is told.
func builtin(action, name string) refusal {
	return refusal{403, "AccessDenied", "User: arn:aws:iam::123456789012:root is not authorized to perform: iam:" + action + " on resource: policy " + awsARN(name)}
}

// managedDocument is a good document of a managed policy, told from others by its Sid.
func managedDocument(sid string) string {
	return `{"Version":"2012-10-17","Statement":{"Sid":"` + sid + `","Effect":"Allow","Action":"s3:*","Resource":"*"}}`
}

// policy makes a managed policy and returns its ARN.
func (f *fixture) policy(t *testing.T, name string) string {
	t.Helper()
	return f.IAM(t, "CreatePolicy", "PolicyName", name, "PolicyDocument", allow).Must(t).Element("Arn")
}

// role makes a role.
func (f *fixture) role(t *testing.T, name string) {
	t.Helper()
	f.IAM(t, "CreateRole", "RoleName", name, "AssumeRolePolicyDocument", trust).Must(t)
}

// user makes a user.
func (f *fixture) user(t *testing.T, name string) {
	t.Helper()
	f.IAM(t, "CreateUser", "UserName", name).Must(t)
}

func TestCreatePolicy(t *testing.T) {
	f := start(t)
	now := f.Clock.Now().UTC().Format("2006-01-02T15:04:05Z")
	r := f.IAM(t, "CreatePolicy", "PolicyName", "Full", "PolicyDocument", allow, "Path", "/a/b/", "Description", "for <pools>",
		"Tags.member.1.Key", "b", "Tags.member.1.Value", "2", "Tags.member.2.Key", "A", "Tags.member.2.Value", "")
	want := `<Policy><PolicyName>Full</PolicyName><PolicyId>{id of it}</PolicyId><Arn>arn:aws:iam::123456789012:policy/a/b/Full</Arn><Path>/a/b/</Path>` +
		`<DefaultVersionId>v1</DefaultVersionId><AttachmentCount>0</AttachmentCount><PermissionsBoundaryUsageCount>0</PermissionsBoundaryUsageCount>` +
		`<IsAttachable>true</IsAttachable><CreateDate>` + now + `</CreateDate><UpdateDate>` + now + `</UpdateDate><Description>for &lt;pools&gt;</Description>` +
		`<Tags><member><Key>A</Key><Value></Value></member><member><Key>b</Key><Value>2</Value></member></Tags></Policy>`
	names := map[string]string{"id of it": r.Element("PolicyId")}
	answers(t, r, names, reply("CreatePolicy", want))
	if id := r.Element("PolicyId"); !regexp.MustCompile(`^ANPA[A-Z2-7]{17}$`).MatchString(id) {
		t.Errorf("policy id %q", id)
	}
	answers(t, f.IAM(t, "GetPolicy", "PolicyArn", policyARN("a/b/Full")), names, reply("GetPolicy", want))
	answers(t, f.IAM(t, "GetPolicyVersion", "PolicyArn", policyARN("a/b/Full"), "VersionId", "v1"), nil,
		reply("GetPolicyVersion", "<PolicyVersion><Document>"+encoded(allow)+"</Document><VersionId>v1</VersionId><IsDefaultVersion>true</IsDefaultVersion><CreateDate>"+now+"</CreateDate></PolicyVersion>"))
}

func TestCreatePolicyRefuses(t *testing.T) {
	f := start(t)
	f.policy(t, "Taken")
	policy := func(params ...string) []string {
		return append([]string{"PolicyName", "P", "PolicyDocument", allow}, params...)
	}
	document := func(text string) []string { return []string{"PolicyName", "P", "PolicyDocument", text} }
	sized := func(n int) string {
		document := managedDocument("")
		return strings.Replace(document, "s3:*", "s3:"+strings.Repeat("x", n-len(document))+"*", 1)
	}
	const path = `Member must satisfy regular expression pattern: ((/[A-Za-z0-9\.,\+@=_-]+)*)/`
	taken := func(name string) refusal {
		return refusal{409, "EntityAlreadyExists", "A policy called " + name + " already exists. Duplicate names are not allowed."}
	}
	f.refuses(t, "CreatePolicy", []row{
		{"name taken", []string{"PolicyName", "Taken", "PolicyDocument", allow}, taken("Taken")},
		{"name taken, in another case and path", []string{"PolicyName", "tAKEN", "PolicyDocument", allow, "Path", "/a/"}, taken("tAKEN")},

		{"no statement", document("{}"), malformed("Statement: Syntax errors in policy: a policy needs at least one statement")},
		{"a trust policy", document(trust), malformed("Statement[0]: Policy document should not specify a principal.")},
		{"no version of the language", document(strings.Replace(allow, `"Version":"2012-10-17",`, "", 1)), malformed("Policy document must be version 2012-10-17 or greater.")},
		{"the old version of the language", document(strings.Replace(allow, "2012-10-17", "2008-10-17", 1)), malformed("Policy document must be version 2012-10-17 or greater.")},
		{"too long", document(sized(6145)), exceeded("Cannot exceed quota for PolicySize: 6144")},

		{"no name", []string{"PolicyDocument", allow}, missing("policyName")},
		{"no document", []string{"PolicyName", "P"}, missing("policyDocument")},
		{"a name with a space", []string{"PolicyName", "a b", "PolicyDocument", allow}, constraint("a b", "policyName", `Member must satisfy regular expression pattern: [\w+=,.@-]+`)},
		{"a path without slashes", policy("Path", "a"), constraint("a", "path", path)},
		{"a path that policies cannot have", policy("Path", "/a b/"), constraint("/a b/", "path", path)},
		{"a description that XML cannot hold", policy("Description", "a\x00"), constraint("a\uFFFD", "description", `Member must satisfy regular expression pattern: [\x09\x0A\x0D\x20-\x7E\x{85}\x{A0}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}]*`)},
		{"a description that is too long", policy("Description", strings.Repeat("a", 1001)), constraint(strings.Repeat("a", 1001), "description", "Member must have length less than or equal to 1000")},
		{"a tag twice but for its case", policy("Tags.member.1.Key", "k", "Tags.member.1.Value", "1", "Tags.member.2.Key", "K", "Tags.member.2.Value", "2"), refusal{400, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."}},
	})
	f.IAM(t, "CreatePolicy", document(strings.Replace(sized(6144), ":", " :\n\t"+strings.Repeat(" ", 1000), 1))...).Must(t)
}

// An ARN is exact, and names nothing of another account.
func TestPolicyARNs(t *testing.T) {
	f := start(t)
	f.IAM(t, "CreatePolicy", "PolicyName", "P", "Path", "/a/", "PolicyDocument", allow).Must(t)
	f.role(t, "R")
	rows := []struct {
		name, arn string
		is        func(arn string) refusal // nil: none of the texts for what there is not
	}{
		{"another name", policyARN("a/Q"), nil},
		{"another path", policyARN("P"), nil},
		{"another case", policyARN("a/p"), nil},
		{"another account's", "arn:aws:iam::" + other + ":policy/a/P", nil},
		{"of those that are not built in", awsARN("ReadOnlyAccess"), nil},
		{"built in, with a path", awsARN("a/AdministratorAccess"), nil},
		{"a role's", "arn:aws:iam::" + pooltest.Account + ":role/R", invalidARN},
		{"no name", policyARN(""), invalidARN},
		{"another service's", "arn:aws:s3::" + pooltest.Account + ":policy/a/P", invalidARN},
		{"another partition's", "arn:aws-cn:iam::" + pooltest.Account + ":policy/a/P", invalidARN},
		{"a region", "arn:aws:iam:us-east-1:" + pooltest.Account + ":policy/a/P", invalidARN},
		{"no ARN", "AdministratorAccessToAll", invalidARN},
		{"a space", policyARN("a/P "), invalidARN},
	}
	for action, unknown := range map[string]func(arn string) refusal{
		"GetPolicy": noManaged, "GetPolicyVersion": noManaged, "ListPolicyVersions": noManaged, "ListPolicyTags": noManaged,
		"CreatePolicyVersion": noManaged, "SetDefaultPolicyVersion": noManaged, "DeletePolicyVersion": noManaged, "TagPolicy": noManaged, "UntagPolicy": noManaged,
		"DeletePolicy": notAttachable, "ListEntitiesForPolicy": notAttachable, "AttachRolePolicy": notAttachable,
		"DetachRolePolicy":           noManaged,
		"PutRolePermissionsBoundary": noScope,
	} {
		for _, row := range rows {
			t.Run(action+"/"+row.name, func(t *testing.T) {
				params := slices.Clone(calls()[action])
				member := "PolicyArn"
				if action == "PutRolePermissionsBoundary" {
					member = "PermissionsBoundary"
				}
				params[slices.Index(params, member)+1] = row.arn
				want := unknown(row.arn)
				if row.is != nil {
					want = row.is(row.arn)
				}
				want.check(t, f.IAM(t, action, params...))
			})
		}
	}
	missing("policyArn").check(t, f.IAM(t, "GetPolicy"))
	constraint("P", "policyArn", "Member must have length greater than or equal to 20").check(t, f.IAM(t, "GetPolicy", "PolicyArn", "P"))
}

func TestDeletePolicy(t *testing.T) {
	f := start(t)
	arn := f.policy(t, "P")
	f.role(t, "R")
	f.user(t, "U")
	del := func() *pooltest.Reply { return f.IAM(t, "DeletePolicy", "PolicyArn", arn) }
	inUse := conflict("Cannot delete a policy attached to entities.")

	for _, step := range []struct {
		attach, detach string
		params         []string
	}{
		{"AttachRolePolicy", "DetachRolePolicy", []string{"RoleName", "R", "PolicyArn", arn}},
		{"AttachUserPolicy", "DetachUserPolicy", []string{"UserName", "U", "PolicyArn", arn}},
		{"PutRolePermissionsBoundary", "DeleteRolePermissionsBoundary", []string{"RoleName", "R", "PermissionsBoundary", arn}},
		{"PutUserPermissionsBoundary", "DeleteUserPermissionsBoundary", []string{"UserName", "U", "PermissionsBoundary", arn}},
	} {
		f.IAM(t, step.attach, step.params...).Must(t)
		inUse.check(t, del())
		f.IAM(t, step.detach, step.params...).Must(t)
	}
	f.IAM(t, "CreatePolicyVersion", "PolicyArn", arn, "PolicyDocument", allow).Must(t)
	conflict("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.").check(t, del())
	f.IAM(t, "DeletePolicyVersion", "PolicyArn", arn, "VersionId", "v2").Must(t)
	answers(t, del(), nil, reply("DeletePolicy", ""))
	notAttachable(arn).check(t, del())
	noManaged(arn).check(t, f.IAM(t, "GetPolicyVersion", "PolicyArn", arn, "VersionId", "v1"))

	// Made again, it has another id, and its versions begin anew.
	if again := f.policy(t, "P"); again != arn {
		t.Errorf("made again it is %s", again)
	}
	if got := f.IAM(t, "GetPolicy", "PolicyArn", arn).Must(t).Element("DefaultVersionId"); got != "v1" {
		t.Errorf("its version is %s", got)
	}
}

// policyNames reads the names in a reply with a list of policies.
func policyNames(t *testing.T, r *pooltest.Reply) (names []string, marker string) {
	t.Helper()
	r.Must(t)
	var list struct {
		Result struct {
			Policies []struct {
				PolicyName string
			} `xml:"Policies>member"`
			Attached []struct {
				PolicyName string
			} `xml:"AttachedPolicies>member"`
			IsTruncated bool
			Marker      string
		} `xml:",any"`
	}
	if err := xml.Unmarshal(r.Body, &list); err != nil {
		t.Fatal(err)
	}
	for _, p := range append(list.Result.Policies, list.Result.Attached...) {
		names = append(names, p.PolicyName)
	}
	if list.Result.IsTruncated != (list.Result.Marker != "") {
		t.Errorf("IsTruncated is %v with the marker %q", list.Result.IsTruncated, list.Result.Marker)
	}
	return names, list.Result.Marker
}

func TestListPolicies(t *testing.T) {
	f := start(t)
	aws := []string{"AdministratorAccess", "AmazonCognitoDeveloperAuthenticatedIdentities", "AmazonCognitoPowerUser", "AmazonCognitoReadOnly"}
	for _, name := range []string{"b", "A", "c"} {
		f.policy(t, name)
	}
	f.IAM(t, "CreatePolicy", "PolicyName", "d", "Path", "/x/y/", "PolicyDocument", allow).Must(t)
	f.role(t, "R")
	f.IAM(t, "AttachRolePolicy", "RoleName", "R", "PolicyArn", policyARN("b")).Must(t)
	f.IAM(t, "AttachRolePolicy", "RoleName", "R", "PolicyArn", awsARN(aws[3])).Must(t)
	f.IAM(t, "PutRolePermissionsBoundary", "RoleName", "R", "PermissionsBoundary", policyARN("c")).Must(t)
	for _, row := range []struct {
		name   string
		params []string
		want   []string
	}{
		{"all", nil, append(slices.Clone(aws), "A", "b", "c", "d")},
		{"all, said so", []string{"Scope", "All"}, append(slices.Clone(aws), "A", "b", "c", "d")},
		{"those built in", []string{"Scope", "AWS"}, aws},
		{"the account's", []string{"Scope", "Local"}, []string{"A", "b", "c", "d"}},
		{"under a path", []string{"PathPrefix", "/x/"}, []string{"d"}},
		{"under every path", []string{"PathPrefix", "/", "Scope", "Local"}, []string{"A", "b", "c", "d"}},
		{"used", []string{"OnlyAttached", "true"}, []string{aws[3], "b", "c"}},
		{"used, of the account", []string{"OnlyAttached", "true", "Scope", "Local"}, []string{"b", "c"}},
		{"attached", []string{"PolicyUsageFilter", "PermissionsPolicy"}, []string{aws[3], "b"}},
		{"boundaries", []string{"PolicyUsageFilter", "PermissionsBoundary"}, []string{"c"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got, _ := policyNames(t, f.IAM(t, "ListPolicies", row.params...)); !slices.Equal(got, row.want) {
				t.Errorf("%v, want %v", got, row.want)
			}
			for size := 1; size <= 3; size++ { // the same by page
				var got []string
				params := append(slices.Clone(row.params), "MaxItems", fmt.Sprint(size))
				for {
					page, marker := policyNames(t, f.IAM(t, "ListPolicies", params...))
					got = append(got, page...)
					if marker == "" {
						break
					}
					params = append(slices.Clone(row.params), "MaxItems", fmt.Sprint(size), "Marker", marker)
				}
				if !slices.Equal(got, row.want) {
					t.Errorf("by pages of %d: %v", size, got)
				}
			}
		})
	}
	// A line has neither description nor tags.
	r := f.IAM(t, "ListPolicies", "Scope", "Local", "MaxItems", "2").Must(t)
	if b := string(r.Body); !strings.Contains(b, "<PolicyName>b</PolicyName>") || !strings.Contains(b, "<AttachmentCount>1</AttachmentCount>") || strings.Contains(b, "Tags") || strings.Contains(b, "Description") {
		t.Errorf("%s", b)
	}
	_, marker := policyNames(t, r)
	badMarker := refusal{400, "ValidationError", "Invalid Marker."}
	f.refuses(t, "ListPolicies", []row{
		{"a marker of another list", []string{"Marker", marker}, badMarker},
		{"a marker that is none", []string{"Marker", "x"}, badMarker},
		{"a scope that is none", []string{"Scope", "Mine"}, constraint("Mine", "scope", "Member must satisfy enum value set: [All, AWS, Local]")},
		{"no items", []string{"MaxItems", "0"}, constraint("0", "maxItems", "Member must have value greater than or equal to 1")},
	})
}

func TestPolicyTags(t *testing.T) {
	f := start(t)
	arn := f.policy(t, "P")
	answers(t, f.IAM(t, "TagPolicy", "PolicyArn", arn, "Tags.member.1.Key", "b", "Tags.member.1.Value", "1", "Tags.member.2.Key", "a", "Tags.member.2.Value", "2"), nil, reply("TagPolicy", ""))
	f.IAM(t, "TagPolicy", "PolicyArn", arn, "Tags.member.1.Key", "B", "Tags.member.1.Value", "3").Must(t)
	answers(t, f.IAM(t, "ListPolicyTags", "PolicyArn", arn), nil, reply("ListPolicyTags",
		"<Tags><member><Key>B</Key><Value>3</Value></member><member><Key>a</Key><Value>2</Value></member></Tags><IsTruncated>false</IsTruncated>"))
	answers(t, f.IAM(t, "UntagPolicy", "PolicyArn", arn, "TagKeys.member.1", "A", "TagKeys.member.2", "none"), nil, reply("UntagPolicy", ""))
	if got := f.IAM(t, "GetPolicy", "PolicyArn", arn).Must(t).Element("Tags"); got != "<member><Key>B</Key><Value>3</Value></member>" {
		t.Errorf("the tags are %s", got)
	}
	builtin("TagPolicy", "AdministratorAccess").check(t, f.IAM(t, "TagPolicy", "PolicyArn", awsARN("AdministratorAccess"), "Tags.member.1.Key", "k", "Tags.member.1.Value", "v"))
}

// The policies that are built in are like others to whoever reads or attaches them, and cannot be changed.
func TestAWSPolicies(t *testing.T) {
	f := start(t)
	const name = "AmazonCognitoReadOnly"
	answers(t, f.IAM(t, "GetPolicy", "PolicyArn", awsARN(name)), nil, reply("GetPolicy",
		"<Policy><PolicyName>"+name+"</PolicyName><PolicyId>ANPAJBFTRZD2GQGJHSVQK</PolicyId><Arn>"+awsARN(name)+"</Arn><Path>/</Path><DefaultVersionId>v1</DefaultVersionId>"+
			"<AttachmentCount>0</AttachmentCount><PermissionsBoundaryUsageCount>0</PermissionsBoundaryUsageCount><IsAttachable>true</IsAttachable><CreateDate>2015-03-24T17:06:46Z</CreateDate>"+
			"<UpdateDate>2015-03-24T17:06:46Z</UpdateDate><Description>Provides read only access to Amazon Cognito resources.</Description><Tags></Tags></Policy>"))
	answers(t, f.IAM(t, "ListPolicyVersions", "PolicyArn", awsARN(name)), nil, reply("ListPolicyVersions",
		"<Versions><member><VersionId>v1</VersionId><IsDefaultVersion>true</IsDefaultVersion><CreateDate>2015-03-24T17:06:46Z</CreateDate></member></Versions><IsTruncated>false</IsTruncated>"))
	if got := f.IAM(t, "GetPolicyVersion", "PolicyArn", awsARN(name), "VersionId", "v1").Must(t).Element("Document"); !strings.HasPrefix(got, "%7B%22Version%22%3A%222012-10-17%22") {
		t.Errorf("its document is %s", got)
	}
	noVersion(awsARN(name), "v2").check(t, f.IAM(t, "GetPolicyVersion", "PolicyArn", awsARN(name), "VersionId", "v2"))
	for _, action := range []string{"DeletePolicy", "CreatePolicyVersion", "SetDefaultPolicyVersion", "DeletePolicyVersion", "TagPolicy", "UntagPolicy"} {
		params := slices.Clone(calls()[action])
		params[slices.Index(params, "PolicyArn")+1] = awsARN(name)
		builtin(action, name).check(t, f.IAM(t, action, params...))
	}

	f.role(t, "R")
	f.IAM(t, "AttachRolePolicy", "RoleName", "R", "PolicyArn", awsARN(name)).Must(t)
	f.IAM(t, "PutRolePermissionsBoundary", "RoleName", "R", "PermissionsBoundary", awsARN(name)).Must(t)
	r := f.IAM(t, "GetPolicy", "PolicyArn", awsARN(name)).Must(t)
	if r.Element("AttachmentCount") != "1" || r.Element("PermissionsBoundaryUsageCount") != "1" {
		t.Errorf("%s", r.Body)
	}
	// Each account counts its own.
	r = f.as(t, f.other, "", "GetPolicy", "PolicyArn", awsARN(name)).Must(t)
	if r.Element("AttachmentCount") != "0" || r.Element("PermissionsBoundaryUsageCount") != "0" {
		t.Errorf("to another account: %s", r.Body)
	}
}

func TestPolicyCreationAndUpdate(t *testing.T) {
	f := start(t)
	arn := f.policy(t, "P")
	made := f.IAM(t, "GetPolicy", "PolicyArn", arn).Must(t).Element("CreateDate")
	f.Clock.Advance(time.Minute)
	f.IAM(t, "TagPolicy", "PolicyArn", arn, "Tags.member.1.Key", "k", "Tags.member.1.Value", "v").Must(t)
	if r := f.IAM(t, "GetPolicy", "PolicyArn", arn).Must(t); r.Element("UpdateDate") != made {
		t.Errorf("a tag is an update: %s", r.Body)
	}
	f.IAM(t, "CreatePolicyVersion", "PolicyArn", arn, "PolicyDocument", allow).Must(t)
	if r := f.IAM(t, "GetPolicy", "PolicyArn", arn).Must(t); r.Element("UpdateDate") <= made || r.Element("CreateDate") != made || r.Element("DefaultVersionId") != "v1" {
		t.Errorf("after another version: %s", r.Body)
	}
}
