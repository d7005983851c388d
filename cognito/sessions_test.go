package cognito_test

import (
	"strings"
	"testing"

	"idpool/pooltest"
	"idpool/server"
	"idpool/wire"
)

// allow is a policy that allows these actions on everything.
func allow(actions ...string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["` + strings.Join(actions, `","`) + `"],"Resource":"*"}]}`
}

// What the role's policy allows, and the flow leaves of it. A guest of the enhanced flow keeps what the developer guide lists,
// and nothing of IAM; who has signed in keeps everything but the operations of pools; the classic flow leaves it all.
func TestFlows(t *testing.T) {
	f := start(t)
	guest, alice := f.getID(t, nil), f.getID(t, f.logins("alice"))
	for _, role := range []string{"Guest", "Auth"} {
		f.IAM(t, "PutRolePolicy", "RoleName", role, "PolicyName", "P", "PolicyDocument", allow("iam:GetRole", "iam:ListRoles", "cognito-identity:*")).Must(t)
	}
	classic := func(role, id string, logins pooltest.Object) (s session) {
		s.key, s.token = f.Assume(t, roleARN(role), id, logins)
		return s
	}
	iamCall := func(s session, action string, params ...string) *pooltest.Reply {
		r, body := f.Query(t, "2010-05-08", action, params...)
		return f.Send(t, r, body, s.key, s.token, "iam")
	}
	const noSession = "because no session policy allows the "
	for _, row := range []struct {
		name            string
		s               session
		iam, pools, all string // how the refusals end; empty: allowed. all is of what the role allows nobody
	}{
		{"guest", credentials(t, f.as(t, "GetCredentialsForIdentity", guest, nil)), noSession + "iam:GetRole action", noSession + "cognito-identity:ListIdentityPools action", noneOf("iam:GetUser")},
		{"signed in", credentials(t, f.as(t, "GetCredentialsForIdentity", alice, f.logins("alice"))), "", noSession + "cognito-identity:ListIdentityPools action", noneOf("iam:GetUser")},
		{"guest, classic flow", classic("Guest", guest, nil), "", "", noneOf("iam:GetUser")},
		{"signed in, classic flow", classic("Auth", alice, f.logins("alice")), "", "", noneOf("iam:GetUser")},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, call := range []struct {
				reply *pooltest.Reply
				want  string
			}{
				{iamCall(row.s, "GetRole", "RoleName", "Auth"), row.iam},
				{f.signedBy(t, row.s, pooltest.Region, "ListIdentityPools", pooltest.Object{"MaxResults": 1}), row.pools},
				{iamCall(row.s, "GetUser", "UserName", "U"), row.all},
			} {
				if got := call.reply; refused(got) != (call.want != "") || !strings.HasSuffix(got.Message(), call.want) {
					t.Errorf("got %d %s, want %q", got.Status, got.Body, call.want)
				}
			}
		})
	}
}

func noneOf(action string) string {
	return "because no identity-based policy allows the " + action + " action"
}

// A role's changed policies act on credentials that were given out before, on every node.
func TestChangedPoliciesActAtOnce(t *testing.T) {
	together := onPostgres(t)
	f := start(t, together)
	second := pooltest.Start(t, together, func(c *server.Config) { c.SigningAlgorithm, c.Now = "ES256", f.Clock.Now })
	alice := f.getID(t, f.logins("alice"))
	s := credentials(t, f.as(t, "GetCredentialsForIdentity", alice, f.logins("alice")))
	getRole, getUser := allow("iam:GetRole"), allow("iam:GetUser")
	const managed = "arn:aws:iam::" + pooltest.Account + ":policy/"
	f.IAM(t, "CreatePolicy", "PolicyName", "M", "PolicyDocument", getRole).Must(t)
	f.IAM(t, "CreatePolicy", "PolicyName", "B", "PolicyDocument", getUser).Must(t)
	for _, step := range []struct {
		action  string
		params  []string
		allowed bool
	}{
		{"TagRole", []string{"Tags.member.1.Key", "k", "Tags.member.1.Value", "v"}, false},
		{"PutRolePolicy", []string{"PolicyName", "P", "PolicyDocument", getRole}, true},
		{"PutRolePolicy", []string{"PolicyName", "P", "PolicyDocument", getUser}, false},
		{"AttachRolePolicy", []string{"PolicyArn", managed + "M"}, true},
		{"CreatePolicyVersion", []string{"PolicyArn", managed + "M", "PolicyDocument", getUser, "SetAsDefault", "true"}, false},
		{"SetDefaultPolicyVersion", []string{"PolicyArn", managed + "M", "VersionId", "v1"}, true},
		{"PutRolePermissionsBoundary", []string{"PermissionsBoundary", managed + "B"}, false},
		{"CreatePolicyVersion", []string{"PolicyArn", managed + "B", "PolicyDocument", getRole, "SetAsDefault", "true"}, true},
		{"SetDefaultPolicyVersion", []string{"PolicyArn", managed + "B", "VersionId", "v1"}, false},
		{"DeleteRolePermissionsBoundary", nil, true},
		{"DetachRolePolicy", []string{"PolicyArn", managed + "M"}, false},
		{"PutRolePolicy", []string{"PolicyName", "P", "PolicyDocument", getRole}, true},
		{"DeleteRolePolicy", []string{"PolicyName", "P"}, false},
	} {
		params := step.params
		if !strings.Contains(step.action, "PolicyVersion") {
			params = append([]string{"RoleName", "Auth"}, params...)
		}
		f.IAM(t, step.action, params...).Must(t)
		for name, node := range map[string]*pooltest.Node{"this node": f.Node, "the other": second} {
			r, body := node.Query(t, "2010-05-08", "GetRole", "RoleName", "Auth")
			if got := node.Send(t, r, body, s.key, s.token, "iam"); refused(got) == step.allowed {
				t.Errorf("after %s %v, %s answers %d %s", step.action, step.params, name, got.Status, got.Body)
			}
		}
	}
}

// A token of a pool of this account is good for a role of another, if that names the pool. The session is the other account's,
// and is over when the identity or its pool is deleted.
func TestRolesOfOtherAccounts(t *testing.T) {
	f := start(t)
	their := f.NewAccount(t, other)
	do := func(key session, action string, params ...string) *pooltest.Reply {
		r, body := f.Query(t, "2010-05-08", action, params...)
		return f.Send(t, r, body, key.key, key.token, "iam")
	}
	root := session{key: their}
	statement := func(condition string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},` +
			`"Action":"sts:AssumeRoleWithWebIdentity","Condition":{` + condition + `}}]}`
	}
	const aud = "cognito-identity.amazonaws.com:aud"
	amr := `"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"authenticated"}`
	alice := f.getID(t, f.logins("alice"))
	token := func() string {
		return f.as(t, "GetOpenIdToken", alice, f.logins("alice")).Must(t).Object(t)["Token"].(string)
	}
	assume := func(role string) *pooltest.Reply {
		return f.STS(t, wire.Key{}, "", "AssumeRoleWithWebIdentity", "RoleArn", "arn:aws:iam::"+other+":role/"+role, "RoleSessionName", "web", "WebIdentityToken", token())
	}
	for i, row := range []struct {
		condition    string
		saved, taken bool
	}{
		{condition: `"StringEquals":{"` + aud + `":"` + f.pool + `"}`, saved: true, taken: true},
		{condition: `"StringEquals":{"` + aud + `":"` + f.pool + `"},` + amr, saved: true, taken: true},
		{condition: `"StringLike":{"` + aud + `":"us-east-1:*"}`, saved: true, taken: true},
		{condition: `"StringEquals":{"` + aud + `":"us-east-1:other"}`, saved: true},
		{condition: `"StringEquals":{"` + aud + `":["us-east-1:other","` + f.pool + `"]}`, saved: true, taken: true},
		{condition: amr},
		{condition: `"StringLike":{"` + aud + `":"*"}`},
		{condition: `"StringNotEquals":{"` + aud + `":"us-east-1:other"}`},
		{condition: `"StringEqualsIfExists":{"` + aud + `":"` + f.pool + `"}`},
		{condition: `"StringEquals":{"cognito-identity.amazonaws.com:sub":"` + alice + `"}`},
	} {
		t.Run(row.condition, func(t *testing.T) {
			name := "R" + string(rune('0'+i))
			made := do(root, "CreateRole", "RoleName", name, "AssumeRolePolicyDocument", statement(row.condition))
			if !row.saved {
				if made.Code() != "MalformedPolicyDocument" || !strings.HasPrefix(made.Message(), "Statement[0]") {
					t.Errorf("saving it: %d %s", made.Status, made.Body)
				}
				return
			}
			made.Must(t)
			if got := assume(name); got.Status == 200 != row.taken || !row.taken && got.Code() != "AccessDenied" {
				t.Errorf("taking it: %d %s", got.Status, got.Body)
			}
		})
	}
	sessionOf := func() session {
		given := assume("R0").Must(t)
		return session{wire.Key{Secret: given.Element("SecretAccessKey"), Caller: wire.Caller{AccessKeyID: given.Element("AccessKeyId")}}, given.Element("SessionToken")}
	}
	theirs := sessionOf()
	who := f.STS(t, theirs.key, theirs.token, "GetCallerIdentity").Must(t)
	if got, want := who.Element("Arn"), "arn:aws:sts::"+other+":assumed-role/R0/web"; got != want || who.Element("Account") != other {
		t.Errorf("it is %s", who.Body)
	}
	do(root, "PutRolePolicy", "RoleName", "R0", "PolicyName", "P", "PolicyDocument", pooltest.AdministratorPolicy).Must(t)
	do(theirs, "GetRole", "RoleName", "R0").Must(t)
	if got := do(theirs, "GetRole", "RoleName", "Auth"); got.Code() != "NoSuchEntity" { // of the identity's account
		t.Errorf("a role of the identity's account: %s", got.Body)
	}
	if got := f.signedBy(t, theirs, pooltest.Region, "DescribeIdentityPool", pooltest.Object{"IdentityPoolId": f.pool}); got.Code() != "ResourceNotFoundException" {
		t.Errorf("the identity's own pool: %s", got.Body)
	}
	over := func(s session) {
		t.Helper()
		if got := f.STS(t, s.key, s.token, "GetCallerIdentity"); got.Code() != "InvalidClientTokenId" {
			t.Errorf("it goes on: %s", got.Body)
		}
	}
	f.Signed(t, "DeleteIdentities", pooltest.Object{"IdentityIdsToDelete": []string{alice}}).Must(t)
	over(theirs)
	alice = f.getID(t, f.logins("alice"))
	theirs = sessionOf()
	f.Signed(t, "DeleteIdentityPool", pooltest.Object{"IdentityPoolId": f.pool}).Must(t)
	over(theirs)
}
