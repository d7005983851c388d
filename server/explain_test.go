package server_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"idpool/pooltest"
	"idpool/wire"
)

const (
	signedInRole = "arn:aws:iam::" + pooltest.Account + ":role/Auth"
	guestsRole   = "arn:aws:iam::" + pooltest.Account + ":role/Guest"
	mayAssume    = "sts:AssumeRoleWithWebIdentity"
)

// TestWhyNoCredentials makes the usual mistakes around roles. The client is told what the original tells, and log, audit event
// and ExplainCredentials agree about the cause: with the logins of the call, and with those that the identity has.
func TestWhyNoCredentials(t *testing.T) {
	n := startAudited(t)
	idp := pooltest.NewProvider(t)
	idp.Now = n.Clock.Now
	pool := n.Pool(t, idp)
	alice := meet(t, n.Node, pool, "Auth", pooltest.Object{idp.Name(): idp.Token("app", "alice")})
	guest := meet(t, n.Node, pool, "Guest", nil)
	claims := idp.Claims("app", "alice") // in a token that grants a role
	claims["cognito:preferred_role"] = "arn:aws:iam::222222222222:role/Auth"
	foreign := &person{pool: pool, id: alice.id, in: pooltest.Object{"IdentityId": alice.id, "Logins": pooltest.Object{idp.Name(): idp.Sign(claims)}}}
	trust := func(policy string) func() {
		return func() {
			n.IAM(t, "UpdateAssumeRolePolicy", "RoleName", "Auth", "PolicyDocument", policy).Must(t)
		}
	}
	roles := func(signedIn, guests string) func() {
		return func() {
			in := pooltest.Object{}
			if signedIn != "" {
				in["authenticated"] = signedIn
			}
			if guests != "" {
				in["unauthenticated"] = guests
			}
			n.Signed(t, "SetIdentityPoolRoles", pooltest.Object{"IdentityPoolId": pool, "Roles": in}).Must(t)
		}
	}
	good := trust(pooltest.TrustPolicy(pool, "authenticated"))
	tags := func(set pooltest.Object) func() {
		return func() {
			n.Signed(t, "SetPrincipalTagAttributeMap", pooltest.Object{
				"IdentityPoolId": pool, "IdentityProviderName": idp.ARN(pooltest.Account), "PrincipalTags": set,
			}).Must(t)
		}
	}
	const another = "us-east-1:11111111-2222-4333-8444-555555555555"
	var causes []string
	for _, row := range []struct {
		name       string
		spoil, fix func()
		who        *person
		want       string
	}{
		{"wrong aud", trust(pooltest.TrustPolicy(another, "authenticated")), good, alice, "access denied: the trust policy of " + signedInRole + " does not allow " + mayAssume + `: it trusts aud ["` + another + `"], this pool is ` + pool + " (NoMatch: "},
		{"a guest's role for somebody signed in", roles(guestsRole, guestsRole), roles(signedInRole, guestsRole), alice, "the trust policy of " + guestsRole + " does not allow " + mayAssume + `: it trusts amr ["unauthenticated"], this login is authenticated (`},
		{"a role of people for a guest", roles(signedInRole, signedInRole), roles(signedInRole, guestsRole), guest, "the trust policy of " + signedInRole + " does not allow " + mayAssume + `: it trusts amr ["authenticated"], this login is unauthenticated (`},
		{"both", trust(pooltest.TrustPolicy(another, "unauthenticated")), good, alice, `: it trusts aud ["` + another + `"], this pool is ` + pool + `, and it trusts amr ["unauthenticated"], this login is authenticated (`},
		{"no sts:TagSession", tags(pooltest.Object{"team": "sub"}), tags(pooltest.Object{}), alice, "the trust policy of " + signedInRole + " does not allow sts:TagSession: it lets nobody bring tags, and this login has the principal tags team (NoMatch: "},
		{"another provider", trust(strings.Replace(pooltest.TrustPolicy(pool, "authenticated"), `"cognito-identity.amazonaws.com"`, `"accounts.google.com"`, 1)), good, alice, ": it does not trust cognito-identity.amazonaws.com ("},
		{"a Deny", trust(strings.Replace(pooltest.TrustPolicy(pool, "authenticated"), `[{`, `[{"Effect":"Deny","Principal":"*","Action":"sts:*"},{`, 1)), good, alice, "does not allow " + mayAssume + ": Deny: by statement 0 of "},
		{"no such role", roles("arn:aws:iam::"+pooltest.Account+":role/Nobody", ""), roles(signedInRole, guestsRole), alice, "access denied: account " + pooltest.Account + " has no role arn:aws:iam::" + pooltest.Account + ":role/Nobody"},
		{"a role of another account", func() {
			n.Signed(t, "SetIdentityPoolRoles", pooltest.Object{
				"IdentityPoolId": pool, "Roles": pooltest.Object{"authenticated": signedInRole},
				"RoleMappings": pooltest.Object{idp.ARN(pooltest.Account): pooltest.Object{"Type": "Token", "AmbiguousRoleResolution": "Deny"}},
			}).Must(t)
		}, roles(signedInRole, guestsRole), foreign, "access denied: role arn:aws:iam::222222222222:role/Auth is of account 222222222222, and a pool gives roles of its own account, " + pooltest.Account + ", alone"},
		{"no role for guests", roles(signedInRole, ""), roles(signedInRole, guestsRole), guest, "access denied: the pool has no role for this identity, which is unauthenticated"},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.spoil()
			defer row.fix()
			r := n.Public(t, "GetCredentialsForIdentity", row.who.in)
			if r.Code() != "InvalidIdentityPoolConfigurationException" || r.Message() != "Invalid identity pool configuration. Check assigned IAM roles for this pool." {
				t.Fatalf("%d %s", r.Status, r.Body)
			}
			var line struct{ Cause string }
			logged := strings.Split(strings.TrimSpace(n.Log.String()), "\n")
			if err := json.Unmarshal([]byte(logged[len(logged)-1]), &line); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(line.Cause, row.want) || strings.Contains(line.Cause, row.who.id) {
				t.Errorf("the log says  %s\nit should say %s", line.Cause, row.want)
			}
			for _, in := range []pooltest.Object{row.who.in, {"IdentityId": row.who.id}} {
				if row.who == foreign && in["Logins"] == nil {
					continue // what decides stands in the token
				}
				e := n.Admin(t, "ExplainCredentials", in).Must(t).Object(t)
				if e["Allowed"] != false || e["Reason"] != line.Cause {
					t.Errorf("ExplainCredentials says %v\nthe log says %s", e["Reason"], line.Cause)
				}
			}
			causes = append(causes, line.Cause)
		})
	}
	for _, who := range []*person{alice, guest} {
		n.Public(t, "GetCredentialsForIdentity", who.in).Must(t)
	}
	n.Stop()
	var audited []string
	for _, line := range lines(t, n.path) {
		var e struct {
			EventName           string
			ErrorCode           string
			AdditionalEventData struct{ Cause string }
			ResponseElements    any
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.EventName == "GetCredentialsForIdentity" && e.ErrorCode != "" {
			audited = append(audited, e.AdditionalEventData.Cause)
		}
		if e.EventName == "ExplainCredentials" && e.ResponseElements != nil {
			t.Errorf("an explanation is in the audit: %s", line)
		}
	}
	if a, b := strings.Join(audited, "\n"), strings.Join(causes, "\n"); a != b {
		t.Errorf("the audit has\n%s\nthe log\n%s", a, b)
	}
}

// explained is what the two operations answer.
func explained(t *testing.T, r *pooltest.Reply) (allowed bool, role, reason, explanation string) {
	t.Helper()
	var e struct {
		Allowed                      bool
		RoleArn, Reason, Explanation string
	}
	if err := json.Unmarshal(r.Must(t).Body, &e); err != nil {
		t.Fatal(err)
	}
	return e.Allowed, e.RoleArn, e.Reason, e.Explanation
}

// What is explained is not done: no login is linked, and nothing is issued. Refusals other than a role's are told as the
// client would be told.
func TestExplainCredentials(t *testing.T) {
	n := startAudited(t)
	idp := pooltest.NewProvider(t)
	idp.Now = n.Clock.Now
	pool := n.Pool(t, idp)
	login := func(user string) pooltest.Object { return pooltest.Object{idp.Name(): idp.Token("app", user)} }
	alice := meet(t, n.Node, pool, "Auth", login("alice"))
	guest := meet(t, n.Node, pool, "Guest", nil)
	for _, row := range []struct {
		name    string
		in      pooltest.Object
		allowed bool
		role    string
		reason  string
		lines   string
	}{
		{"a guest", guest.in, true, guestsRole, "the identity gets credentials of " + guestsRole, "no login is shown: the call is a guest's\n"},
		{"by its logins", pooltest.Object{"IdentityId": alice.id}, true, signedInRole, "the identity gets credentials of " + signedInRole, "a token of each of these logins is taken to be good\n"},
		{"by a token", alice.in, true, signedInRole, "the identity gets credentials of " + signedInRole, "the tokens are good\n"},
		{"a guest who signs in", pooltest.Object{"IdentityId": guest.id, "Logins": login("bob")}, true, signedInRole, "the identity gets credentials of " + signedInRole, "the login of " + idp.Name() + " is new, and would be linked to the identity\n"},
		{"a guest who is somebody", pooltest.Object{"IdentityId": guest.id, "Logins": login("alice")}, true, signedInRole, "the identity gets credentials of " + signedInRole, "the rest is about " + alice.id + "\n"},
		{"somebody else", pooltest.Object{"IdentityId": alice.id, "Logins": login("carl")}, false, "", "Logins don't match. Please include at least one valid login for this identity or identity pool.", "the client is told NotAuthorizedException: "},
		{"a bad token", pooltest.Object{"IdentityId": alice.id, "Logins": pooltest.Object{idp.Name(): "token"}}, false, "", "Invalid login token. Not a valid OpenId Connect identity token.", ""},
		{"a role that cannot be asked for", pooltest.Object{"IdentityId": alice.id, "CustomRoleArn": guestsRole}, false, "", "CustomRoleArn can only be used with a provider whose role mapping has the type Token.", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			allowed, role, reason, lines := explained(t, n.Admin(t, "ExplainCredentials", row.in))
			if allowed != row.allowed || role != row.role || !strings.HasPrefix(reason, row.reason) || !strings.Contains(lines, row.lines) {
				t.Errorf("%v %q %q\n%s", allowed, role, reason, lines)
			}
		})
	}
	if o := n.Signed(t, "DescribeIdentity", pooltest.Object{"IdentityId": guest.id}).Must(t).Object(t); o["Logins"] != nil {
		t.Errorf("the guest has logins: %v", o)
	}
	n.Signed(t, "SetIdentityPoolRoles", pooltest.Object{
		"IdentityPoolId": pool, "Roles": pooltest.Object{"authenticated": signedInRole},
		"RoleMappings": pooltest.Object{idp.ARN(pooltest.Account): pooltest.Object{"Type": "Rules", "AmbiguousRoleResolution": "Deny", "RulesConfiguration": pooltest.Object{
			"Rules": []pooltest.Object{{"Claim": "sub", "MatchType": "Equals", "Value": "alice", "RoleARN": signedInRole}},
		}}},
	}).Must(t)
	if allowed, _, reason, _ := explained(t, n.Admin(t, "ExplainCredentials", pooltest.Object{"IdentityId": alice.id})); allowed || !strings.HasPrefix(reason, "the role is decided by what a token says") {
		t.Errorf("without claims: %v %s", allowed, reason)
	}
	if allowed, role, reason, _ := explained(t, n.Admin(t, "ExplainCredentials", alice.in)); !allowed || role != signedInRole {
		t.Errorf("with a token: %v %s", allowed, reason)
	}
}

// What a role, a user and an identity may do, and how a variable of the identity's resolves.
func TestExplainAccess(t *testing.T) {
	n := startAudited(t)
	idp := pooltest.NewProvider(t)
	idp.Now = n.Clock.Now
	pool := n.Pool(t, idp)
	alice := meet(t, n.Node, pool, "Auth", pooltest.Object{idp.Name(): idp.Token("app", "alice")})
	guest := meet(t, n.Node, pool, "Guest", nil)
	own := allow(`"Action":["s3:*","sqs:*","ec2:*"],"Resource":"arn:aws:s3:::b/${cognito-identity.amazonaws.com:sub}/*"`)
	for _, role := range []string{"Auth", "Guest"} {
		n.IAM(t, "PutRolePolicy", "RoleName", role, "PolicyName", "own", "PolicyDocument", own).Must(t)
	}
	n.IAM(t, "CreateUser", "UserName", "Ann").Must(t)
	n.IAM(t, "PutUserPolicy", "UserName", "Ann", "PolicyName", "home", "PolicyDocument",
		allow(`"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${aws:username}/*","Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`)).Must(t)
	with := func(who pooltest.Object, action, resource string, from ...string) pooltest.Object {
		in := pooltest.Object{"Action": action, "Resource": "arn:aws:s3:::b/" + resource}
		for key, value := range who {
			in[key] = value
		}
		if from != nil {
			in["Context"] = pooltest.Object{"aws:SourceIp": from}
		}
		return in
	}
	role, user := pooltest.Object{"RoleName": "Auth"}, pooltest.Object{"UserName": "ann"}
	for _, row := range []struct {
		name    string
		in      pooltest.Object
		allowed bool
		why     string
	}{
		{"an identity's own", with(alice.in, "s3:GetObject", alice.id+"/f"), true, "Allow: "},
		{"without tokens", with(pooltest.Object{"IdentityId": alice.id}, "s3:GetObject", alice.id+"/f"), true, "Allow: "},
		{"another's", with(alice.in, "s3:GetObject", guest.id+"/f"), false, `where ${cognito-identity.amazonaws.com:sub} is "` + alice.id + `"`},
		{"what a guest may", with(guest.in, "s3:GetObject", guest.id+"/f"), true, "Allow: "},
		{"what no guest may", with(guest.in, "ec2:RunInstances", guest.id+"/f"), false, "session policies allows ec2:RunInstances"},
		{"what who has signed in may", with(alice.in, "ec2:RunInstances", alice.id+"/f"), true, "Allow: "},
		{"a role alone", with(role, "s3:GetObject", alice.id+"/f"), false, "${cognito-identity.amazonaws.com:sub} has no value"},
		{"a user", with(user, "s3:GetObject", "Ann/f", "10.1.2.3"), true, "Allow: "},
		{"a user from elsewhere", with(user, "s3:GetObject", "Ann/f", "11.1.2.3"), false, `condition IpAddress aws:SourceIp wants ["10.0.0.0/8"], request has ["11.1.2.3"]`},
		{"a user from nowhere", with(user, "s3:GetObject", "Ann/f"), false, "request has no value"},
	} {
		t.Run(row.name, func(t *testing.T) {
			allowed, _, reason, lines := explained(t, n.Admin(t, "ExplainAccess", row.in))
			if allowed != row.allowed || !strings.Contains(reason, row.why) || !strings.Contains(lines, reason) {
				t.Errorf("%v, %s\n%s", allowed, reason, lines)
			}
		})
	}
	made := n.IAM(t, "CreateAccessKey", "UserName", "Ann").Must(t)
	ann := wire.Key{Secret: made.Element("SecretAccessKey"), Caller: wire.Caller{AccessKeyID: made.Element("AccessKeyId")}}
	other := n.NewAccount(t, "222222222222")
	for _, who := range []pooltest.Object{role, user, {"IdentityId": alice.id}} {
		in := with(who, "s3:GetObject", "x")
		if r := n.AdminAs(t, ann, "", "ExplainAccess", in); r.Code() != "AccessDenied" {
			t.Errorf("who may not ask about %v: %d %s", who, r.Status, r.Body)
		}
		if r := n.AdminAs(t, other, "", "ExplainAccess", in); r.Code() != "ResourceNotFoundException" {
			t.Errorf("another account asks about %v: %d %s", who, r.Status, r.Body)
		}
	}
	in := pooltest.Object{"IdentityId": alice.id}
	if r := n.AdminAs(t, ann, "", "ExplainCredentials", in); r.Code() != "AccessDenied" {
		t.Errorf("who may not ask for credentials: %d %s", r.Status, r.Body)
	}
	if r := n.AdminAs(t, other, "", "ExplainCredentials", in); r.Code() != "ResourceNotFoundException" {
		t.Errorf("another account asks for credentials: %d %s", r.Status, r.Body)
	}
	if strings.Contains(n.Log.String(), guest.id) {
		t.Error("the log names a guest")
	}
}

// However much is given, an explanation is of a size that its reader takes.
func TestExplainAccessIsBounded(t *testing.T) {
	n := startAudited(t)
	n.IAM(t, "CreateUser", "UserName", "Ann").Must(t)
	var conditions []string
	for i := range 105 {
		conditions = append(conditions, `"k:a`+strconv.Itoa(i)+`":"${k:b}"`)
	}
	n.IAM(t, "PutUserPolicy", "UserName", "Ann", "PolicyName", "many", "PolicyDocument",
		allow(`"Action":"*","Resource":"*","Condition":{"StringLike":{`+strings.Join(conditions, ",")+`}}`)).Must(t)
	ask := func(size int) *pooltest.Reply {
		context := pooltest.Object{"k:b": []string{strings.Repeat("\x01", size)}}
		for i := range 99 {
			context["k:a"+strconv.Itoa(i)] = []string{strings.Repeat("\x01", size/2), strings.Repeat("\x02", size/2)}
		}
		return n.Admin(t, "ExplainAccess", pooltest.Object{"UserName": "Ann", "Action": "s3:GetObject", "Resource": "*", "Context": context})
	}
	r := ask(600)
	if _, _, _, lines := explained(t, r); len(r.Body) > 1<<20 || !strings.HasSuffix(lines, "the rest is left out: it is too long\n") {
		t.Errorf("%d bytes: ...%s", len(r.Body), lines[max(0, len(lines)-1000):])
	}
	if r := ask(700); r.Code() != "InvalidParameterException" || r.Message() != "Context has 70488 bytes, and may have 65536 at most." {
		t.Errorf("%d %.1000s", r.Status, r.Body)
	}
}
