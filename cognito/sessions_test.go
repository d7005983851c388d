package cognito_test

import (
	"fmt"
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
		f.IAM(t, "PutRolePolicy", "RoleName", role, "PolicyName", "P", "PolicyDocument", allow("iam:GetRole", "iam:ListRoles", "cognito-identity:*", "idpool:*")).Must(t)
	}
	classic := func(role, id string, logins pooltest.Object) (s session) {
		s.key, s.token = f.Assume(t, roleARN(role), id, logins)
		return s
	}
	iamCall := func(s session, action string, params ...string) *pooltest.Reply {
		r, body := f.Query(t, "2010-05-08", action, params...)
		return f.Send(t, r, body, s.key, s.token, "iam")
	}
	idpool := func(s session, op string, in pooltest.Object) *pooltest.Reply {
		r, body := f.JSON(t, "IdpoolAdmin."+op, in)
		return f.Send(t, r, body, s.key, s.token, "idpool")
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
				{idpool(row.s, "RevokeSessions", pooltest.Object{"IdentityPoolId": f.pool + "0"}), strings.Replace(row.pools, "cognito-identity:ListIdentityPools", "idpool:RevokeSessions", 1)},
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

// abroad is an account beside that of a pool, whose identity alice takes its roles.
type abroad struct {
	*front
	root  session
	alice string
}

func goAbroad(t *testing.T) *abroad {
	t.Helper()
	f := start(t)
	return &abroad{f, session{key: f.NewAccount(t, other)}, f.getID(t, f.logins("alice"))}
}

func (a *abroad) do(t *testing.T, s session, action string, params ...string) *pooltest.Reply {
	t.Helper()
	r, body := a.Query(t, "2010-05-08", action, params...)
	return a.Send(t, r, body, s.key, s.token, "iam")
}

// createRole makes a role of the other account that takes logins of pools on a condition.
func (a *abroad) createRole(t *testing.T, name, condition string) *pooltest.Reply {
	t.Helper()
	return a.do(t, a.root, "CreateRole", "RoleName", name, "AssumeRolePolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},`+
			`"Action":"sts:AssumeRoleWithWebIdentity","Condition":{`+condition+`}}]}`)
}

func (a *abroad) assume(t *testing.T, role string) *pooltest.Reply {
	t.Helper()
	token := a.as(t, "GetOpenIdToken", a.alice, a.logins("alice")).Must(t).Object(t)["Token"].(string)
	return a.STS(t, wire.Key{}, "", "AssumeRoleWithWebIdentity", "RoleArn", "arn:aws:iam::"+other+":role/"+role, "RoleSessionName", "web", "WebIdentityToken", token)
}

const aud = "cognito-identity.amazonaws.com:aud"

// A token of a pool of this account is good for a role of another whose trust policy names the pool, in words that bind. One
// that names none is not even saved.
func TestTrustAcrossAccounts(t *testing.T) {
	a := goAbroad(t)
	amr := `"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"authenticated"}`
	const notSaved, notTaken, taken = "not saved", "not taken", "taken"
	for i, row := range []struct{ condition, want string }{
		{`"StringEquals":{"` + aud + `":"` + a.pool + `"}`, taken},
		{`"StringEquals":{"` + aud + `":"` + a.pool + `"},` + amr, taken},
		{`"StringLike":{"` + aud + `":"` + a.pool + `"}`, taken},
		{`"StringEquals":{"` + aud + `":["us-east-1:other","` + a.pool + `"]}`, taken},
		{`"StringEquals":{"` + aud + `":"us-east-1:other"}`, notTaken},
		{amr, notSaved},
		{`"StringLike":{"` + aud + `":"*"}`, notSaved},
		{`"StringLike":{"` + aud + `":"us-east-1:*"}`, notSaved},
		{`"StringNotEquals":{"` + aud + `":"us-east-1:other"}`, notSaved},
		{`"StringEqualsIfExists":{"` + aud + `":"` + a.pool + `"}`, notSaved},
		{`"StringEquals":{"cognito-identity.amazonaws.com:sub":"` + a.alice + `"}`, notSaved},
	} {
		t.Run(row.condition, func(t *testing.T) {
			name := fmt.Sprint("R", i)
			made := a.createRole(t, name, row.condition)
			if row.want == notSaved {
				if made.Code() != "MalformedPolicyDocument" || !strings.HasPrefix(made.Message(), "Statement[0]") {
					t.Errorf("saving it: %d %s", made.Status, made.Body)
				}
				return
			}
			made.Must(t)
			if got := a.assume(t, name); (got.Status == 200) != (row.want == taken) || row.want == notTaken && got.Code() != "AccessDenied" {
				t.Errorf("taking it: %d %s", got.Status, got.Body)
			}
		})
	}
}

// The session of another account's role is that account's, and is over when the identity or its pool is deleted.
func TestSessionAcrossAccounts(t *testing.T) {
	a := goAbroad(t)
	a.createRole(t, "R", `"StringEquals":{"`+aud+`":"`+a.pool+`"}`).Must(t)
	a.do(t, a.root, "PutRolePolicy", "RoleName", "R", "PolicyName", "P", "PolicyDocument", pooltest.AdministratorPolicy).Must(t)
	assumed := func() session {
		given := a.assume(t, "R").Must(t)
		return session{wire.Key{Secret: given.Element("SecretAccessKey"), Caller: wire.Caller{AccessKeyID: given.Element("AccessKeyId")}}, given.Element("SessionToken")}
	}
	theirs := assumed()
	who := a.STS(t, theirs.key, theirs.token, "GetCallerIdentity").Must(t)
	if got, want := who.Element("Arn"), "arn:aws:sts::"+other+":assumed-role/R/web"; got != want || who.Element("Account") != other {
		t.Errorf("it is %s", who.Body)
	}
	a.do(t, theirs, "GetRole", "RoleName", "R").Must(t)
	if got := a.do(t, theirs, "GetRole", "RoleName", "Auth"); got.Code() != "NoSuchEntity" {
		t.Errorf("a role of the identity's account: %s", got.Body)
	}
	if got := a.signedBy(t, theirs, pooltest.Region, "DescribeIdentityPool", pooltest.Object{"IdentityPoolId": a.pool}); got.Code() != "ResourceNotFoundException" {
		t.Errorf("the identity's own pool: %s", got.Body)
	}
	over := func(s session) {
		t.Helper()
		if got := a.STS(t, s.key, s.token, "GetCallerIdentity"); got.Code() != "InvalidClientTokenId" {
			t.Errorf("it goes on: %s", got.Body)
		}
	}
	a.Signed(t, "DeleteIdentities", pooltest.Object{"IdentityIdsToDelete": []string{a.alice}}).Must(t)
	over(theirs)
	a.alice = a.getID(t, a.logins("alice"))
	theirs = assumed()
	a.Signed(t, "DeleteIdentityPool", pooltest.Object{"IdentityPoolId": a.pool}).Must(t)
	over(theirs)
}
