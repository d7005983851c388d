package iam_test

import (
	"encoding/xml"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// trustOf is a trust policy of one statement with these elements beside Effect and Action.
func trustOf(elements string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity",` + elements + `}]}`
}

const everybody = `"Principal":{"Federated":"accounts.google.com"}`

func TestCreateRole(t *testing.T) {
	f := start(t)
	now := f.Clock.Now().UTC().Format("2006-01-02T15:04:05Z")
	r := f.IAM(t, "CreateRole", "RoleName", "Full", "AssumeRolePolicyDocument", trust, "Path", "/a/b/", "Description", "for <pools>",
		"MaxSessionDuration", "43200", "Tags.member.1.Key", "b", "Tags.member.1.Value", "2", "Tags.member.2.Key", "A", "Tags.member.2.Value", "")
	want := `<Role><Path>/a/b/</Path><RoleName>Full</RoleName><RoleId>{role id}</RoleId><Arn>arn:aws:iam::123456789012:role/a/b/Full</Arn>` +
		`<CreateDate>` + now + `</CreateDate><AssumeRolePolicyDocument>{trust}</AssumeRolePolicyDocument><Description>for &lt;pools&gt;</Description>` +
		`<MaxSessionDuration>43200</MaxSessionDuration><Tags><member><Key>A</Key><Value></Value></member><member><Key>b</Key><Value>2</Value></member></Tags></Role>`
	names := map[string]string{"role id": r.Element("RoleId"), "trust": encoded(trust)}
	answers(t, r, names, reply("CreateRole", want))
	if id := r.Element("RoleId"); !regexp.MustCompile(`^AROA[A-Z2-7]{17}$`).MatchString(id) {
		t.Errorf("role id %q", id)
	}
	answers(t, f.IAM(t, "GetRole", "RoleName", "Full"), names, reply("GetRole", want))

	r = f.IAM(t, "CreateRole", "RoleName", "Bare", "AssumeRolePolicyDocument", trust)
	want = `<Role><Path>/</Path><RoleName>Bare</RoleName><RoleId>{role id}</RoleId><Arn>arn:aws:iam::123456789012:role/Bare</Arn>` +
		`<CreateDate>` + now + `</CreateDate><AssumeRolePolicyDocument>{trust}</AssumeRolePolicyDocument><MaxSessionDuration>3600</MaxSessionDuration><Tags></Tags></Role>`
	names["role id"] = r.Element("RoleId")
	answers(t, r, names, reply("CreateRole", want))
	answers(t, f.IAM(t, "GetRole", "RoleName", "Bare"), names, reply("GetRole", want))
}

// encoded is a document as RFC 3986 has it: all but the unreserved characters escaped.
func encoded(document string) string {
	var b strings.Builder
	for i := range len(document) {
		c := document[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

func TestCreateRoleRefuses(t *testing.T) {
	f := start(t)
	f.IAM(t, "CreateRole", "RoleName", "Taken", "AssumeRolePolicyDocument", trust).Must(t)
	role := func(params ...string) []string {
		return append([]string{"RoleName", "R", "AssumeRolePolicyDocument", trust}, params...)
	}
	document := func(text string) []string { return []string{"RoleName", "R", "AssumeRolePolicyDocument", text} }
	tags := func(n int) []string {
		var params []string
		for i := range n {
			params = append(params, fmt.Sprintf("Tags.member.%d.Key", i+1), fmt.Sprint("k", i), fmt.Sprintf("Tags.member.%d.Value", i+1), "v")
		}
		return role(params...)
	}
	const name = `Member must satisfy regular expression pattern: [\w+=,.@-]+`
	f.refuses(t, "CreateRole", []row{
		{"name taken", []string{"RoleName", "Taken", "AssumeRolePolicyDocument", trust}, refusal{409, "EntityAlreadyExists", "Role with name Taken already exists."}},
		{"name taken in another case", []string{"RoleName", "tAKEN", "AssumeRolePolicyDocument", trust}, refusal{409, "EntityAlreadyExists", "Role with name tAKEN already exists."}},

		{"no JSON", document("trust"), malformed("Syntax errors in policy: an object is expected here")},
		{"no statement", document("{}"), malformed("Statement: Syntax errors in policy: a policy needs at least one statement")},
		{"an operator that is not known", document(trustOf(everybody + `,"Condition":{"StringMatches":{"a:b":"c"}}`)), unknownOperator("Statement[0]", "StringMatches")},
		{"an operator in another case", document(trustOf(everybody + `,"Condition":{"stringequals":{"a:b":"c"}}`)), unknownOperator("Statement[0]", "stringequals")},
		{"no principal", document(trustOf(`"Sid":"a"`)), malformed("Statement[0]: Missing required field Principal")},
		{"a resource", document(trustOf(everybody + `,"Resource":"*"`)), malformed("Statement[0].Resource: Has prohibited field Resource")},
		{"another service's action", document(strings.Replace(trustOf(everybody), "sts:AssumeRoleWithWebIdentity", "s3:GetObject", 1)), malformed("Statement[0].Action: AssumeRole policy may only specify STS AssumeRole actions.")},

		{"no name", []string{"AssumeRolePolicyDocument", trust}, missing("roleName")},
		{"no document", []string{"RoleName", "R"}, missing("assumeRolePolicyDocument")},
		{"a name with a space", []string{"RoleName", "a b", "AssumeRolePolicyDocument", trust}, constraint("a b", "roleName", name)},
		{"a name with a slash", []string{"RoleName", "a/b", "AssumeRolePolicyDocument", trust}, constraint("a/b", "roleName", name)},
		{"a name that is too long", []string{"RoleName", strings.Repeat("a", 65), "AssumeRolePolicyDocument", trust}, constraint(strings.Repeat("a", 65), "roleName", "Member must have length less than or equal to 64")},
		{"a path without slashes", role("Path", "a"), constraint("a", "path", `Member must satisfy regular expression pattern: (/)|(/[\x21-\x7F]+/)`)},
		{"a session that is too short", role("MaxSessionDuration", "3599"), constraint("3599", "maxSessionDuration", "Member must have value greater than or equal to 3600")},
		{"a session that is too long", role("MaxSessionDuration", "43201"), constraint("43201", "maxSessionDuration", "Member must have value less than or equal to 43200")},
		{"a description that is too long", role("Description", strings.Repeat("a", 1001)), constraint(strings.Repeat("a", 1001), "description", "Member must have length less than or equal to 1000")},
		{"a tag without a value", role("Tags.member.1.Key", "k"), missing("tags.1.member.value")},
		{"a tag of odd characters", role("Tags.member.1.Key", "k!", "Tags.member.1.Value", "v"), constraint("k!", "tags.1.member.key", `Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+`)},
		{"a tag twice", role("Tags.member.1.Key", "k", "Tags.member.1.Value", "1", "Tags.member.2.Key", "k", "Tags.member.2.Value", "2"), refusal{400, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."}},
		{"a tag twice but for its case", role("Tags.member.1.Key", "Équipe", "Tags.member.1.Value", "1", "Tags.member.2.Key", "éQUIPE", "Tags.member.2.Value", "2"), refusal{400, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."}},
	})
	f.IAM(t, "CreateRole", tags(50)...).Must(t)
	if r := f.IAM(t, "CreateRole", tags(51)...); r.Code() != "ValidationError" || !strings.Contains(r.Message(), "'tags' failed to satisfy constraint: Member must have length less than or equal to 50") {
		t.Errorf("51 tags: %d %s", r.Status, r.Body)
	}
}

// Role names are equal whatever their case; what was said first is what is shown.
func TestRoleNameCase(t *testing.T) {
	f := start(t)
	made := f.IAM(t, "CreateRole", "RoleName", "MyRole", "AssumeRolePolicyDocument", trust).Must(t)
	f.IAM(t, "PutRolePolicy", "RoleName", "MYROLE", "PolicyName", "P", "PolicyDocument", allow).Must(t)
	f.IAM(t, "UpdateAssumeRolePolicy", "RoleName", "myrole", "PolicyDocument", trustOf(everybody)).Must(t)
	got := f.IAM(t, "GetRole", "RoleName", "mYrOLE").Must(t)
	if got.Element("RoleName") != "MyRole" || got.Element("RoleId") != made.Element("RoleId") || got.Element("AssumeRolePolicyDocument") != encoded(trustOf(everybody)) {
		t.Errorf("GetRole: %s", got.Body)
	}
	if got := f.IAM(t, "GetRolePolicy", "RoleName", "myrole", "PolicyName", "P").Must(t); got.Element("RoleName") != "MyRole" || got.Element("PolicyDocument") != encoded(allow) {
		t.Errorf("GetRolePolicy: %s", got.Body)
	}
	f.IAM(t, "DeleteRolePolicy", "RoleName", "MyROLE", "PolicyName", "P").Must(t)
	f.IAM(t, "DeleteRole", "RoleName", "MYROLE").Must(t)
	noRole("MyRole").check(t, f.IAM(t, "GetRole", "RoleName", "MyRole"))
}

func TestGetRoleRefuses(t *testing.T) {
	f := start(t)
	f.refuses(t, "GetRole", []row{
		{"no such role", []string{"RoleName", "Nobody"}, noRole("Nobody")},
		{"no name", nil, missing("roleName")},
		{"an empty name", []string{"RoleName", ""}, refusal{400, "ValidationError", `2 validation errors detected: Value '' at 'roleName' failed to satisfy constraint: Member must have length greater than or equal to 1; Value '' at 'roleName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]+`}},
	})
}

func TestDeleteRole(t *testing.T) {
	f := start(t)
	f.IAM(t, "CreateRole", "RoleName", "R", "AssumeRolePolicyDocument", trust).Must(t)
	f.IAM(t, "PutRolePolicy", "RoleName", "R", "PolicyName", "P", "PolicyDocument", allow).Must(t)
	f.refuses(t, "DeleteRole", []row{
		{"no such role", []string{"RoleName", "Nobody"}, noRole("Nobody")},
		{"no name", nil, missing("roleName")},
		{"with a policy", []string{"RoleName", "R"}, refusal{409, "DeleteConflict", "Cannot delete entity, must delete policies first."}},
	})
	f.IAM(t, "DeleteRolePolicy", "RoleName", "R", "PolicyName", "P").Must(t)
	answers(t, f.IAM(t, "DeleteRole", "RoleName", "R"), nil, reply("DeleteRole", ""))
	noRole("R").check(t, f.IAM(t, "DeleteRole", "RoleName", "R"))

	// A role that is made again has another id, and nothing of the old one.
	f.IAM(t, "CreateRole", "RoleName", "R", "AssumeRolePolicyDocument", trust).Must(t)
	noPolicy("P").check(t, f.IAM(t, "GetRolePolicy", "RoleName", "R", "PolicyName", "P"))
}

func TestUpdateAssumeRolePolicy(t *testing.T) {
	f := start(t)
	f.IAM(t, "CreateRole", "RoleName", "R", "AssumeRolePolicyDocument", trust).Must(t)
	answers(t, f.IAM(t, "UpdateAssumeRolePolicy", "RoleName", "R", "PolicyDocument", trustOf(everybody)), nil, reply("UpdateAssumeRolePolicy", ""))
	f.refuses(t, "UpdateAssumeRolePolicy", []row{
		{"no such role", []string{"RoleName", "Nobody", "PolicyDocument", trust}, noRole("Nobody")},
		{"no document", []string{"RoleName", "R"}, missing("policyDocument")},
		{"an operator that is not known", []string{"RoleName", "R", "PolicyDocument", trustOf(everybody + `,"Condition":{"StringEqulas":{"a:b":"c"}}`)}, unknownOperator("Statement[0]", "StringEqulas")},
		{"an identity policy", []string{"RoleName", "R", "PolicyDocument", allow}, malformed("Statement.Action: AssumeRole policy may only specify STS AssumeRole actions.")},
	})
	if got := f.IAM(t, "GetRole", "RoleName", "R").Must(t).Element("AssumeRolePolicyDocument"); got != encoded(trustOf(everybody)) {
		t.Errorf("the trust policy is %s", got)
	}
}

func TestRolePolicies(t *testing.T) {
	f := start(t)
	f.IAM(t, "CreateRole", "RoleName", "R", "AssumeRolePolicyDocument", trust).Must(t)
	for _, document := range []string{
		allow,
		"{\n\t\"Statement\": [{\"Sid\": \"Aa09\", \"Effect\": \"Deny\", \"NotAction\": \"a:B?\", \"Resource\": \"arn:aws:s3:::b/é+*~ (x)'&%20;=<>\"}]}",
	} {
		answers(t, f.IAM(t, "PutRolePolicy", "RoleName", "R", "PolicyName", "P", "PolicyDocument", document), nil, reply("PutRolePolicy", ""))
		r := f.IAM(t, "GetRolePolicy", "RoleName", "R", "PolicyName", "P")
		answers(t, r, nil, reply("GetRolePolicy", "<RoleName>R</RoleName><PolicyName>P</PolicyName><PolicyDocument>"+encoded(document)+"</PolicyDocument>"))
		if got, err := url.PathUnescape(r.Element("PolicyDocument")); err != nil || got != document {
			t.Errorf("a client reads %q, %v; want %q", got, err, document)
		}
	}
	answers(t, f.IAM(t, "DeleteRolePolicy", "RoleName", "R", "PolicyName", "P"), nil, reply("DeleteRolePolicy", ""))

	put := func(role, document string) []string {
		return []string{"RoleName", role, "PolicyName", "P", "PolicyDocument", document}
	}
	f.refuses(t, "PutRolePolicy", []row{
		{"no such role", put("Nobody", allow), noRole("Nobody")},
		{"no document", []string{"RoleName", "R", "PolicyName", "P"}, missing("policyDocument")},
		{"no policy name", []string{"RoleName", "R", "PolicyDocument", allow}, missing("policyName")},
		{"a policy name with a space", []string{"RoleName", "R", "PolicyName", "a b", "PolicyDocument", allow}, constraint("a b", "policyName", `Member must satisfy regular expression pattern: [\w+=,.@-]+`)},
		{"an operator that is not known", put("R", strings.Replace(allow, `"Resource"`, `"Condition":{"IpAdress":{"aws:SourceIp":"10.0.0.0/8"}},"Resource"`, 1)), unknownOperator("Statement", "IpAdress")},
		{"a trust policy", put("R", trust), malformed("Statement[0]: Policy document should not specify a principal.")},
	})
	f.refuses(t, "GetRolePolicy", []row{
		{"no such role", []string{"RoleName", "Nobody", "PolicyName", "P"}, noRole("Nobody")},
		{"no such policy", []string{"RoleName", "R", "PolicyName", "P"}, noPolicy("P")},
		{"no policy name", []string{"RoleName", "R"}, missing("policyName")},
	})
	f.refuses(t, "DeleteRolePolicy", []row{
		{"no such role", []string{"RoleName", "Nobody", "PolicyName", "P"}, noRole("Nobody")},
		{"no such policy", []string{"RoleName", "R", "PolicyName", "P"}, noPolicy("P")},
	})
}

// All inline policies of a role have 10,240 characters together, white space aside.
func TestRolePoliciesTooLarge(t *testing.T) {
	f := start(t)
	f.IAM(t, "CreateRole", "RoleName", "R", "AssumeRolePolicyDocument", trust).Must(t)
	sized := func(n int) string {
		document := `{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::*"}}`
		return strings.Replace(document, "*\"}}", strings.Repeat("x", n-len(document))+"*\"}}", 1)
	}
	put := func(name, document string) []string {
		return []string{"RoleName", "R", "PolicyName", name, "PolicyDocument", document}
	}
	f.IAM(t, "PutRolePolicy", put("A", sized(10_000))...).Must(t)
	f.IAM(t, "PutRolePolicy", put("B", strings.Replace(sized(240), ":", " : \n\t"+strings.Repeat(" ", 1000), 1))...).Must(t)
	tooLarge := refusal{409, "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role R"}
	tooLarge.check(t, f.IAM(t, "PutRolePolicy", put("C", sized(100))...))
	tooLarge.check(t, f.IAM(t, "PutRolePolicy", put("B", sized(241))...))
	f.IAM(t, "PutRolePolicy", put("A", sized(9000))...).Must(t)
	f.IAM(t, "PutRolePolicy", put("C", sized(1000))...).Must(t)
}

// A reply is well-formed whatever stands in it.
func TestReplyIsXML(t *testing.T) {
	f := start(t)
	description := `<&>"'` + "\u00ff"
	f.IAM(t, "CreateRole", "RoleName", "R", "AssumeRolePolicyDocument", trust, "Description", description).Must(t)
	r := f.IAM(t, "GetRole", "RoleName", "R").Must(t)
	var parsed struct {
		GetRoleResult struct{ Role struct{ Description string } }
	}
	if err := xml.Unmarshal(r.Body, &parsed); err != nil || parsed.GetRoleResult.Role.Description != description {
		t.Errorf("%q, %v", parsed.GetRoleResult.Role.Description, err)
	}
}
