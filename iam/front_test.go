package iam_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"idpool/iam"
	"idpool/pooltest"
	"idpool/server"
	"idpool/wire"
)

// other is an account beside pooltest's.
const other = "999999999999"

// fixture is a node and whoever calls it.
type fixture struct {
	*pooltest.Node
	other wire.Key // root of the other account
}

func start(t *testing.T) *fixture {
	t.Helper()
	node := pooltest.Start(t, func(c *server.Config) { c.SigningAlgorithm = "ES256" }) // whose keys are made at once
	return &fixture{node, node.NewAccount(t, other)}
}

// as calls an operation with any key.
func (f *fixture) as(t *testing.T, key wire.Key, session, action string, params ...string) *pooltest.Reply {
	t.Helper()
	r, body := f.Query(t, "2010-05-08", action, params...)
	return f.Send(t, r, body, key, session, "iam")
}

// refusal is an error as it must be answered.
type refusal struct {
	status  int
	code    string
	message string
}

func (want refusal) check(t *testing.T, r *pooltest.Reply) {
	t.Helper()
	if got := (refusal{r.Status, r.Code(), r.Message()}); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func noRole(name string) refusal {
	return refusal{404, "NoSuchEntity", "The role with name " + name + " cannot be found."}
}

func noPolicy(name string) refusal {
	return refusal{404, "NoSuchEntity", "The role policy with name " + name + " cannot be found."}
}

func noProvider(arn string) refusal {
	return refusal{404, "NoSuchEntity", "OpenIDConnect Provider not found for arn " + arn}
}

func noSAMLProvider(arn string) refusal {
	return refusal{404, "NoSuchEntity", "Manifest not found for arn " + arn}
}

func noUser(name string) refusal {
	return refusal{404, "NoSuchEntity", "The user with name " + name + " cannot be found."}
}

func noUserPolicy(name string) refusal {
	return refusal{404, "NoSuchEntity", "The user policy with name " + name + " cannot be found."}
}

func noKey(id string) refusal {
	return refusal{404, "NoSuchEntity", "The Access Key with id " + id + " cannot be found."}
}

func malformed(text string) refusal { return refusal{400, "MalformedPolicyDocument", text} }

func unknownOperator(path, operator string) refusal {
	return malformed(path + ".Condition." + operator + `: Syntax errors in policy: unknown condition operator "` + operator + `"`)
}

func constraint(value, member, text string) refusal {
	return refusal{400, "ValidationError", "1 validation error detected: Value '" + value + "' at '" + member + "' failed to satisfy constraint: " + text}
}

func missing(member string) refusal {
	return refusal{400, "ValidationError", "1 validation error detected: Value null at '" + member + "' failed to satisfy constraint: Member must not be null"}
}

// row is a call that is refused.
type row struct {
	name   string
	params []string
	want   refusal
}

func (f *fixture) refuses(t *testing.T, action string, rows []row) {
	t.Helper()
	for _, row := range rows {
		t.Run(action+"/"+row.name, func(t *testing.T) { row.want.check(t, f.IAM(t, action, row.params...)) })
	}
}

// document is a reply with what differs from call to call replaced by {names}.
func document(r *pooltest.Reply, names map[string]string) string {
	text := string(r.Body)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		text = strings.ReplaceAll(text, names[name], "{"+name+"}")
	}
	return regexp.MustCompile(`<RequestId>[0-9a-f-]{36}</RequestId>`).ReplaceAllString(text, "<RequestId>{id}</RequestId>")
}

// reply is the document of a successful operation; no result is an operation that has none.
func reply(action, result string) string {
	if result != "" {
		result = fmt.Sprintf("<%sResult>%s</%[1]sResult>", action, result)
	}
	return fmt.Sprintf(`<%sResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">%s<ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></%[1]sResponse>`, action, result)
}

// answers holds a reply to its whole document.
func answers(t *testing.T, r *pooltest.Reply, names map[string]string, want string) {
	t.Helper()
	r.Must(t)
	if got := document(r, names); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := r.Header.Get("Content-Type"); got != "text/xml" {
		t.Errorf("content type %s", got)
	}
}

// trust is a trust policy.
var trust = pooltest.TrustPolicy("us-east-1:8942d0d9-2a33-4114-9c1c-664a7a785856", "authenticated")

const allow = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`

// calls are a good call of every operation, on a role R and a user U, each with a policy P, a provider and a SAML provider
// Corp, and a managed policy M.
func calls() map[string][]string {
	all := map[string][]string{
		"CreateOpenIDConnectProvider": {"Url", "https://idp.example"},
		"DeleteOpenIDConnectProvider": {"OpenIDConnectProviderArn", providerARN("idp.example")},
		"GetOpenIDConnectProvider":    {"OpenIDConnectProviderArn", providerARN("idp.example")},
		"ListOpenIDConnectProviders":  nil,
		"CreateSAMLProvider":          {"Name", "Corp", "SAMLMetadataDocument", metadata},
		"DeleteSAMLProvider":          {"SAMLProviderArn", samlARN("Corp")},
		"GetSAMLProvider":             {"SAMLProviderArn", samlARN("Corp")},
		"ListSAMLProviders":           nil,
		"ListSAMLProviderTags":        {"SAMLProviderArn", samlARN("Corp")},
		"TagSAMLProvider":             {"SAMLProviderArn", samlARN("Corp"), "Tags.member.1.Key", "k", "Tags.member.1.Value", "v"},
		"UntagSAMLProvider":           {"SAMLProviderArn", samlARN("Corp"), "TagKeys.member.1", "k"},
		"UpdateSAMLProvider":          {"SAMLProviderArn", samlARN("Corp"), "SAMLMetadataDocument", metadata},
		"CreateRole":                  {"RoleName", "R", "AssumeRolePolicyDocument", trust},
		"DeleteRole":                  {"RoleName", "R"},
		"DeleteRolePolicy":            {"RoleName", "R", "PolicyName", "P"},
		"GetRole":                     {"RoleName", "R"},
		"GetRolePolicy":               {"RoleName", "R", "PolicyName", "P"},
		"PutRolePolicy":               {"RoleName", "R", "PolicyName", "P", "PolicyDocument", allow},
		"UpdateAssumeRolePolicy":      {"RoleName", "R", "PolicyDocument", trust},

		"CreateAccessKey":               {"UserName", "U"},
		"CreateUser":                    {"UserName", "U"},
		"DeleteAccessKey":               {"UserName", "U", "AccessKeyId", "AKIAOFNOBODY00000000"},
		"DeleteUser":                    {"UserName", "U"},
		"DeleteUserPermissionsBoundary": {"UserName", "U"},
		"DeleteUserPolicy":              {"UserName", "U", "PolicyName", "P"},
		"GetUser":                       {"UserName", "U"},
		"GetUserPolicy":                 {"UserName", "U", "PolicyName", "P"},
		"ListAccessKeys":                {"UserName", "U"},
		"ListUserPolicies":              {"UserName", "U"},
		"ListGroupsForUser":             {"UserName", "U"},
		"ListUserTags":                  {"UserName", "U"},
		"ListUsers":                     nil,
		"PutUserPermissionsBoundary":    {"UserName", "U", "PermissionsBoundary", policyARN("B")},
		"PutUserPolicy":                 {"UserName", "U", "PolicyName", "P", "PolicyDocument", allow},
		"TagUser":                       {"UserName", "U", "Tags.member.1.Key", "k", "Tags.member.1.Value", "v"},
		"UntagUser":                     {"UserName", "U", "TagKeys.member.1", "k"},
		"UpdateAccessKey":               {"UserName", "U", "AccessKeyId", "AKIAOFNOBODY00000000", "Status", "Inactive"},
		"UpdateUser":                    {"UserName", "U", "NewPath", "/new/"},
	}
	maps.Copy(all, managedCalls())
	return all
}

func providerARN(name string) string {
	return "arn:aws:iam::" + pooltest.Account + ":oidc-provider/" + name
}

func policyARN(name string) string { return "arn:aws:iam::" + pooltest.Account + ":policy/" + name }

func userARN(pathAndName string) string {
	return "arn:aws:iam::" + pooltest.Account + ":user" + pathAndName
}

func samlARN(name string) string {
	return "arn:aws:iam::" + pooltest.Account + ":saml-provider/" + name
}

// Nobody who signs nothing is heard.
func TestUnsigned(t *testing.T) {
	f := start(t)
	for _, op := range (&iam.Service{}).API().Operations {
		r, _ := f.Query(t, "2010-05-08", op.Name, calls()[op.Name]...)
		refusal{403, "MissingAuthenticationToken", "Missing Authentication Token"}.check(t, f.Do(t, r))
	}
}

// To another account everything of this one is unknown, and stays as it is.
func TestAnotherAccountSeesNothing(t *testing.T) {
	f := start(t)
	key := f.furnish(t)
	f.IAM(t, "AttachRolePolicy", calls()["AttachRolePolicy"]...).Must(t)
	state := func() string {
		return string(f.IAM(t, "GetRole", "RoleName", "R").Must(t).Element("Role")) + f.IAM(t, "GetRolePolicy", "RoleName", "R", "PolicyName", "P").Must(t).Element("PolicyDocument") +
			f.IAM(t, "GetOpenIDConnectProvider", "OpenIDConnectProviderArn", providerARN("idp.example")).Must(t).Element("GetOpenIDConnectProviderResult") +
			f.IAM(t, "GetSAMLProvider", "SAMLProviderArn", samlARN("Corp")).Must(t).Element("GetSAMLProviderResult") +
			f.IAM(t, "GetUser", "UserName", "U").Must(t).Element("User") + f.IAM(t, "ListUserPolicies", "UserName", "U").Must(t).Element("PolicyNames") +
			f.IAM(t, "ListAccessKeys", "UserName", "U").Must(t).Element("AccessKeyMetadata") +
			f.IAM(t, "GetPolicy", "PolicyArn", policyARN("M")).Must(t).Element("Policy") + f.IAM(t, "ListPolicyVersions", "PolicyArn", policyARN("M")).Must(t).Element("Versions") +
			f.IAM(t, "ListAttachedRolePolicies", "RoleName", "R").Must(t).Element("AttachedPolicies")
	}
	before := state()

	wants := map[string]refusal{
		"GetRole": noRole("R"), "GetRolePolicy": noRole("R"), "UpdateAssumeRolePolicy": noRole("R"), "PutRolePolicy": noRole("R"),
		"DeleteRolePolicy": noRole("R"), "DeleteRole": noRole("R"), "GetOpenIDConnectProvider": noProvider(providerARN("idp.example")),
		"GetSAMLProvider": noSAMLProvider(samlARN("Corp")), "UpdateSAMLProvider": noSAMLProvider(samlARN("Corp")),
		"DeleteSAMLProvider": noSAMLProvider(samlARN("Corp")), "TagSAMLProvider": noSAMLProvider(samlARN("Corp")),
		"UntagSAMLProvider": noSAMLProvider(samlARN("Corp")), "ListSAMLProviderTags": noSAMLProvider(samlARN("Corp")),
		"GetUser": noUser("U"), "UpdateUser": noUser("U"), "DeleteUser": noUser("U"), "TagUser": noUser("U"), "UntagUser": noUser("U"),
		"ListUserTags": noUser("U"), "ListGroupsForUser": noUser("U"), "DeleteUserPermissionsBoundary": noUser("U"), "CreateAccessKey": noUser("U"), "ListAccessKeys": noUser("U"),
		"UpdateAccessKey": noUser("U"), "DeleteAccessKey": noUser("U"), "PutUserPolicy": noUser("U"), "GetUserPolicy": noUser("U"),
		"DeleteUserPolicy": noUser("U"), "ListUserPolicies": noUser("U"), "PutUserPermissionsBoundary": noUser("U"),
	}
	for _, op := range managedOperations() {
		if op.elsewhere != (refusal{}) {
			wants[op.name] = op.elsewhere
		}
	}
	for action, want := range wants {
		t.Run(action, func(t *testing.T) { want.check(t, f.as(t, f.other, "", action, calls()[action]...)) })
	}
	answers(t, f.as(t, f.other, "", "ListOpenIDConnectProviders"), nil, reply("ListOpenIDConnectProviders", "<OpenIDConnectProviderList></OpenIDConnectProviderList>"))
	answers(t, f.as(t, f.other, "", "ListSAMLProviders"), nil, reply("ListSAMLProviders", "<SAMLProviderList></SAMLProviderList>"))
	answers(t, f.as(t, f.other, "", "ListRoles"), nil, reply("ListRoles", "<Roles></Roles><IsTruncated>false</IsTruncated>"))
	answers(t, f.as(t, f.other, "", "ListPolicies", "Scope", "Local"), nil, reply("ListPolicies", "<Policies></Policies><IsTruncated>false</IsTruncated>"))
	answers(t, f.as(t, f.other, "", "ListUsers"), nil, reply("ListUsers", "<Users></Users><IsTruncated>false</IsTruncated>"))
	noKey(key).check(t, f.as(t, f.other, "", "DeleteAccessKey", "AccessKeyId", key))
	// To delete a provider that is not there is no error.
	f.as(t, f.other, "", "DeleteOpenIDConnectProvider", calls()["DeleteOpenIDConnectProvider"]...).Must(t)

	theirs := f.UserOf(t, f.other, "all", pooltest.AdministratorPolicy)
	for action, want := range wants {
		t.Run(action+"/as a user who may everything", func(t *testing.T) { want.check(t, f.as(t, theirs, "", action, calls()[action]...)) })
	}
	for _, op := range (&iam.Service{}).API().Operations {
		if _, ok := wants[op.Name]; !ok && !strings.HasPrefix(op.Name, "List") && !strings.HasPrefix(op.Name, "Create") && op.Name != "DeleteOpenIDConnectProvider" {
			t.Errorf("the test does not know what another account is told by %s", op.Name)
		}
	}

	for _, action := range []string{"CreateRole", "CreateOpenIDConnectProvider", "CreateSAMLProvider", "CreateUser", "CreatePolicy"} {
		r := f.as(t, f.other, "", action, calls()[action]...).Must(t)
		if arn := r.Element("Arn") + r.Element("OpenIDConnectProviderArn") + r.Element("SAMLProviderArn"); !strings.HasPrefix(arn, "arn:aws:iam::"+other+":") {
			t.Errorf("%s in the other account made %s", action, arn)
		}
	}
	if after := state(); after != before {
		t.Errorf("the first account has changed:\nfrom %s\nto   %s", before, after)
	}
}
