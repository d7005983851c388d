package policy_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"idpool/policy"
)

const (
	account = "123456789012"
	root    = "arn:aws:iam::123456789012:root"
	alice   = "arn:aws:iam::123456789012:user/alice"
	role    = "arn:aws:iam::123456789012:role/app"
	session = "arn:aws:sts::123456789012:assumed-role/app/web"
	bob     = "arn:aws:iam::999999999999:user/bob"
	cognito = "cognito-identity.amazonaws.com"

	none  = policy.NoMatch
	allow = policy.Allow
	deny  = policy.Deny
)

// tester is a *testing.T or *testing.B, or a *rapid.T, which is no testing.TB.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// parse reads a document that the test knows to be good.
func parse(t tester, kind policy.Kind, document string) *policy.Policy {
	t.Helper()
	p, err := policy.Parse(kind, document)
	if err != nil {
		t.Fatalf("Parse(%s): %v", document, err)
	}
	return p
}

// decide evaluates, and holds Explain to the same decision.
func decide(t tester, p *policy.Policy, r policy.Request) policy.Decision {
	t.Helper()
	d := p.Evaluate(&r)
	if e := p.Explain(&r); e.Decision != d {
		t.Errorf("Explain says %+v, Evaluate %+v", e.Decision, d)
	}
	return d
}

// doc is a document in version 2012-10-17 with these statements.
func doc(statements ...string) string {
	return `{"Version": "2012-10-17", "Statement": [` + strings.Join(statements, ", ") + `]}`
}

// has makes one condition key of a request.
func has(key string, values ...string) policy.Pair { return policy.Pair{Key: key, Values: values} }

func quote(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func TestAction(t *testing.T) {
	for _, row := range []struct {
		element, action string
		want            policy.Effect
	}{
		// "IAM JSON policy elements: Action": prefix and name are case-insensitive, `*` and `?` are wildcards.
		{`"Action": "s3:GetObject"`, "s3:GetObject", allow},
		{`"Action": "s3:GetObject"`, "S3:getobject", allow},
		{`"Action": "S3:GETOBJECT"`, "s3:GetObject", allow},
		{`"Action": "s3:GetObject"`, "s3:GetObjectAcl", none},
		{`"Action": "s3:GetObject"`, "s3:PutObject", none},
		{`"Action": ["s3:PutObject", "s3:GetObject"]`, "s3:GetObject", allow},
		{`"Action": "s3:*"`, "s3:GetObject", allow},
		{`"Action": "s3:*"`, "s3:", allow},
		{`"Action": "s3:*"`, "s3express:CreateSession", none},
		{`"Action": "*"`, "s3:GetObject", allow},
		{`"Action": "*:*"`, "s3:GetObject", allow},
		{`"Action": "iam:*AccessKey*"`, "iam:CreateAccessKey", allow},
		{`"Action": "iam:*AccessKey*"`, "iam:ListAccessKeys", allow},
		{`"Action": "iam:*accesskey*"`, "iam:ListAccessKeys", allow},
		{`"Action": "iam:*AccessKey*"`, "iam:ListUsers", none},
		{`"Action": "s3:Get*Acl"`, "s3:GetObjectAcl", allow},
		{`"Action": "s3:Get*Acl"`, "s3:GetObjectAclX", none},
		{`"Action": "s3:Get*acl"`, "s3:GetACL", allow},
		{`"Action": "s3:?etObject"`, "s3:GetObject", allow},
		{`"Action": "s3:?etObject"`, "s3:etObject", none},
		{`"Action": "s3:GetObjec?"`, "s3:GetObject", allow},
		{`"Action": "s3:GetObject?"`, "s3:GetObject", none},

		// "IAM JSON policy elements: NotAction": everything except the list.
		{`"NotAction": "s3:GetObject"`, "s3:GetObject", none},
		{`"NotAction": "s3:GetObject"`, "s3:getobject", none},
		{`"NotAction": "s3:GetObject"`, "s3:PutObject", allow},
		{`"NotAction": ["iam:*", "s3:Get*"]`, "s3:GetObject", none},
		{`"NotAction": ["iam:*", "s3:Get*"]`, "sqs:SendMessage", allow},
		{`"NotAction": "*"`, "s3:GetObject", none},
	} {
		p := parse(t, policy.Identity, doc(`{"Effect": "Allow", `+row.element+`, "Resource": "*"}`))
		if got := decide(t, p, policy.Request{Action: row.action, Resource: "*"}).Effect; got != row.want {
			t.Errorf("%s, %s: %v, want %v", row.element, row.action, got, row.want)
		}
	}
}

func TestResource(t *testing.T) {
	for _, row := range []struct {
		element, resource string
		want              policy.Effect
	}{
		// "IAM JSON policy elements: Resource", with its examples of what a wildcard covers.
		{`"Resource": "*"`, "arn:aws:s3:::b/k", allow},
		{`"Resource": "*"`, "*", allow},
		{`"Resource": "arn:aws:s3:::b/k"`, "arn:aws:s3:::b/k", allow},
		{`"Resource": "arn:aws:s3:::b/k"`, "arn:aws:s3:::b/K", none},
		{`"Resource": "arn:aws:s3:::b/k"`, "*", none},
		{`"Resource": "arn:aws:s3:::b"`, "arn:aws:s3:::b/k", none},
		{`"Resource": "arn:aws:s3:::b/*"`, "arn:aws:s3:::b/k", allow},
		{`"Resource": "arn:aws:s3:::b/*"`, "arn:aws:s3:::b/", allow},
		{`"Resource": "arn:aws:s3:::b/*"`, "arn:aws:s3:::b", none},
		{`"Resource": "arn:aws:s3:::b/*/test/*"`, "arn:aws:s3:::b/1/test/object.jpg", allow},
		{`"Resource": "arn:aws:s3:::b/*/test/*"`, "arn:aws:s3:::b/1/2/test/3/object.jpg", allow},
		{`"Resource": "arn:aws:s3:::b/*/test/*"`, "arn:aws:s3:::b/1///test///object.jpg", allow},
		{`"Resource": "arn:aws:s3:::b/*/test/*"`, "arn:aws:s3:::b//test/", allow},
		{`"Resource": "arn:aws:s3:::b/*/test/*"`, "arn:aws:s3:::b/1-test/object.jpg", none},
		{`"Resource": "arn:aws:s3:::b/*/test/*"`, "arn:aws:s3:::b/test/object.jpg", none},
		{`"Resource": "arn:aws:s3:::b/*/test/*"`, "arn:aws:s3:::b/1/2/test.jpg", none},
		{`"Resource": "arn:aws:s3:::b?/k"`, "arn:aws:s3:::b1/k", allow},
		{`"Resource": "arn:aws:s3:::b?/k"`, "arn:aws:s3:::b/k", none},
		{`"Resource": "arn:aws:s3:::b?/k"`, "arn:aws:s3:::bö/k", allow},
		{`"Resource": "arn:aws:s3:*"`, "arn:aws:s3:::b/k", allow},
		{`"Resource": "arn:aws:sqs:*:123456789012:q"`, "arn:aws:sqs:us-east-1:123456789012:q", allow},
		{`"Resource": ["arn:aws:s3:::a", "arn:aws:s3:::b"]`, "arn:aws:s3:::b", allow},

		// "IAM JSON policy elements: NotResource".
		{`"NotResource": "arn:aws:s3:::b/*"`, "arn:aws:s3:::b/k", none},
		{`"NotResource": "arn:aws:s3:::b/*"`, "arn:aws:s3:::c/k", allow},
		{`"NotResource": ["arn:aws:s3:::a", "arn:aws:s3:::b"]`, "arn:aws:s3:::b", none},
		{`"NotResource": "*"`, "arn:aws:s3:::b", none},
	} {
		p := parse(t, policy.Identity, doc(`{"Effect": "Allow", "Action": "*", `+row.element+`}`))
		if got := decide(t, p, policy.Request{Action: "s3:GetObject", Resource: row.resource}).Effect; got != row.want {
			t.Errorf("%s, %s: %v, want %v", row.element, row.resource, got, row.want)
		}
	}
}

var (
	user      = policy.Principal{Type: policy.AWS, Name: alice, Account: account}
	rootUser  = policy.Principal{Type: policy.AWS, Name: root, Account: account}
	stranger  = policy.Principal{Type: policy.AWS, Name: bob, Account: "999999999999"}
	assumed   = policy.Principal{Type: policy.AWS, Name: session, Role: role, Account: account}
	login     = policy.Principal{Type: policy.Federated, Name: cognito}
	lambda    = policy.Principal{Type: policy.Service, Name: "lambda.amazonaws.com"}
	canonical = policy.Principal{Type: policy.CanonicalUser, Name: "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8"}
	anonymous = policy.Principal{}
)

var principals = []struct {
	effect, element string
	who             policy.Principal
	want            policy.Effect
}{
	// "JSON policy elements: Principal", AWS account principals: the account's id and its root ARN mean the same, which is
	// everybody in the account.
	{"Allow", `"Principal": {"AWS": "123456789012"}`, user, allow},
	{"Allow", `"Principal": {"AWS": "123456789012"}`, assumed, allow},
	{"Allow", `"Principal": {"AWS": "123456789012"}`, rootUser, allow},
	{"Allow", `"Principal": {"AWS": "123456789012"}`, stranger, none},
	{"Allow", `"Principal": {"AWS": "123456789012"}`, login, none},
	{"Allow", `"Principal": {"AWS": "123456789012"}`, anonymous, none},
	{"Allow", `"Principal": {"AWS": "arn:aws:iam::123456789012:root"}`, user, allow},
	{"Allow", `"Principal": {"AWS": "arn:aws:iam::123456789012:root"}`, rootUser, allow},
	{"Allow", `"Principal": {"AWS": "arn:aws:iam::123456789012:root"}`, stranger, none},
	{"Allow", `"Principal": {"AWS": ["123456789012", "999999999999"]}`, stranger, allow},

	// IAM users: exact, and in this case.
	{"Allow", `"Principal": {"AWS": "arn:aws:iam::123456789012:user/alice"}`, user, allow},
	{"Allow", `"Principal": {"AWS": "arn:aws:iam::123456789012:user/Alice"}`, user, none},
	{"Allow", `"Principal": {"AWS": "arn:aws:iam::123456789012:user/alice"}`, rootUser, none},

	// IAM roles and role sessions: who names the role means its sessions, who names a session means this one.
	{"Allow", `"Principal": {"AWS": "arn:aws:iam::123456789012:role/app"}`, assumed, allow},
	{"Allow", `"Principal": {"AWS": "arn:aws:iam::123456789012:role/other"}`, assumed, none},
	{"Allow", `"Principal": {"AWS": "arn:aws:sts::123456789012:assumed-role/app/web"}`, assumed, allow},
	{"Allow", `"Principal": {"AWS": "arn:aws:sts::123456789012:assumed-role/app/batch"}`, assumed, none},

	// Web identity and SAML principals, services, canonical users.
	{"Allow", `"Principal": {"Federated": "cognito-identity.amazonaws.com"}`, login, allow},
	{"Allow", `"Principal": {"Federated": "accounts.google.com"}`, login, none},
	{"Allow", `"Principal": {"Federated": ["accounts.google.com", "cognito-identity.amazonaws.com"]}`, login, allow},
	{"Allow", `"Principal": {"Federated": "cognito-identity.amazonaws.com"}`, user, none},
	{"Allow", `"Principal": {"Service": "cognito-identity.amazonaws.com"}`, login, none},
	{"Allow", `"Principal": {"Service": "lambda.amazonaws.com"}`, lambda, allow},
	{"Allow", `"Principal": {"Service": "ec2.amazonaws.com"}`, lambda, none},
	{"Allow", `"Principal": {"CanonicalUser": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8"}`, canonical, allow},
	{"Allow", `"Principal": {"AWS": "999999999999", "Service": "lambda.amazonaws.com"}`, lambda, allow},

	// All principals. {"AWS": "*"} is "*" for anonymous callers; for logins and services an Allow reads it narrowly.
	{"Allow", `"Principal": "*"`, user, allow},
	{"Allow", `"Principal": "*"`, login, allow},
	{"Allow", `"Principal": "*"`, lambda, allow},
	{"Allow", `"Principal": "*"`, anonymous, allow},
	{"Allow", `"Principal": {"AWS": "*"}`, stranger, allow},
	{"Allow", `"Principal": {"AWS": "*"}`, anonymous, allow},
	{"Allow", `"Principal": {"AWS": "*"}`, login, none},
	{"Allow", `"Principal": {"AWS": "*"}`, lambda, none},
	{"Deny", `"Principal": {"AWS": "*"}`, stranger, deny},
	{"Deny", `"Principal": {"AWS": "*"}`, login, deny},
	{"Deny", `"Principal": {"AWS": "*"}`, lambda, deny},

	// "JSON policy elements: NotPrincipal", with Deny.
	{"Deny", `"NotPrincipal": {"AWS": "arn:aws:iam::123456789012:user/alice"}`, user, none},
	{"Deny", `"NotPrincipal": {"AWS": "arn:aws:iam::123456789012:user/alice"}`, stranger, deny},
	{"Deny", `"NotPrincipal": {"AWS": "arn:aws:iam::123456789012:user/alice"}`, anonymous, deny},
	{"Deny", `"NotPrincipal": {"AWS": "123456789012"}`, assumed, deny},
	{"Deny", `"NotPrincipal": {"AWS": "123456789012"}`, user, deny},
	{"Deny", `"NotPrincipal": {"AWS": "123456789012"}`, rootUser, none},
	{"Deny", `"NotPrincipal": {"AWS": "*"}`, user, none},
	{"Deny", `"NotPrincipal": {"AWS": "*"}`, login, deny},
	{"Deny", `"NotPrincipal": "*"`, login, none},
}

func TestPrincipal(t *testing.T) {
	for _, row := range principals {
		p := parse(t, policy.Trust, doc(`{"Effect": "`+row.effect+`", `+row.element+`, "Action": "sts:*"}`))
		if got := decide(t, p, policy.Request{Principal: row.who, Action: "sts:AssumeRole"}).Effect; got != row.want {
			t.Errorf("%s %s, %v: %v, want %v", row.effect, row.element, row.who, got, row.want)
		}
	}
}

// "Policy evaluation logic": a Deny wins, nothing said is a deny too, and the order doesn't matter.
func TestEvaluationLogic(t *testing.T) {
	const (
		all    = `{"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"}`
		read   = `{"Sid": "Read", "Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}`
		noIAM  = `{"Sid": "NoIAM", "Effect": "Deny", "Action": "iam:*", "Resource": "*"}`
		noKeys = `{"Effect": "Deny", "Action": "iam:*AccessKey", "Resource": "*"}`
	)
	is := func(effect policy.Effect, statement int, sid string) policy.Decision {
		return policy.Decision{Effect: effect, Statement: statement, Sid: sid}
	}
	for _, row := range []struct {
		document, action string
		want             policy.Decision
	}{
		{doc(all), "s3:GetObject", is(allow, 0, "All")},
		{doc(read), "s3:GetObject", is(allow, 0, "Read")},
		{doc(read), "s3:PutObject", is(none, -1, "")},
		{doc(noIAM), "s3:GetObject", is(none, -1, "")},
		{doc(noIAM), "iam:GetUser", is(deny, 0, "NoIAM")},
		{doc(all, noIAM), "iam:GetUser", is(deny, 1, "NoIAM")},
		{doc(noIAM, all), "iam:GetUser", is(deny, 0, "NoIAM")},
		{doc(noIAM, all), "s3:GetObject", is(allow, 1, "All")},
		{doc(read, all), "s3:GetObject", is(allow, 0, "Read")},
		{doc(read, all), "s3:PutObject", is(allow, 1, "All")},
		{doc(all, noKeys, noIAM), "iam:CreateAccessKey", is(deny, 1, "")},
		{doc(all, noIAM, noKeys), "iam:CreateAccessKey", is(deny, 1, "NoIAM")},
		{`{"Statement": ` + read + `}`, "s3:GetObject", is(allow, 0, "Read")},
	} {
		p := parse(t, policy.Identity, row.document)
		got := decide(t, p, policy.Request{Action: row.action, Resource: "arn:aws:s3:::b/k"})
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s, %s:\n%s", row.document, row.action, diff)
		}
	}
	if d := new(policy.Policy).Evaluate(&policy.Request{}); d.Effect != none {
		t.Errorf("the empty policy: %v", d.Effect)
	}
	session := parse(t, policy.Session, doc(read))
	if d := decide(t, session, policy.Request{Action: "s3:GetObject", Resource: "*"}); d.Effect != allow {
		t.Errorf("a session policy: %v", d.Effect)
	}
}

// cognitoTrust is the trust policy that the Cognito console makes for a role (Amazon Cognito developer guide, "IAM roles").
func cognitoTrust(amr string) string {
	return fmt.Sprintf(`{
		"Version": "2012-10-17",
		"Statement": [{
			"Sid": "Pool",
			"Effect": "Allow",
			"Principal": {"Federated": "cognito-identity.amazonaws.com"},
			"Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
			"Condition": {
				"StringEquals": {"cognito-identity.amazonaws.com:aud": "us-east-1:a"},
				"ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": %q}
			}
		}]
	}`, amr)
}

func TestCognitoTrustPolicy(t *testing.T) {
	var (
		aud   = has(cognito+":aud", "us-east-1:a")
		sub   = has(cognito+":sub", "us-east-1:11111111-2222-3333-4444-555555555555")
		login = has(cognito+":amr", "authenticated", "accounts.google.com", "accounts.google.com:app:123")
		guest = has(cognito+":amr", "unauthenticated")
	)
	for _, row := range []struct {
		name, amr, action string
		federated         string
		context           policy.Context
		want              policy.Effect
	}{
		{"login", "authenticated", "sts:AssumeRoleWithWebIdentity", cognito, policy.Context{aud, sub, login}, allow},
		{"login with tags", "authenticated", "sts:TagSession", cognito, policy.Context{aud, sub, login}, allow},
		{"guest", "unauthenticated", "sts:AssumeRoleWithWebIdentity", cognito, policy.Context{aud, sub, guest}, allow},
		{"guest for the role of logins", "authenticated", "sts:AssumeRoleWithWebIdentity", cognito, policy.Context{aud, sub, guest}, none},
		{"login for the role of guests", "unauthenticated", "sts:AssumeRoleWithWebIdentity", cognito, policy.Context{aud, sub, login}, none},
		{"any amr", "*", "sts:AssumeRoleWithWebIdentity", cognito, policy.Context{aud, sub, guest}, allow},
		{"one provider", "accounts.google.com*", "sts:AssumeRoleWithWebIdentity", cognito, policy.Context{aud, sub, login}, allow},
		{"another provider", "graph.facebook.com*", "sts:AssumeRoleWithWebIdentity", cognito, policy.Context{aud, sub, login}, none},
		{"another pool", "authenticated", "sts:AssumeRoleWithWebIdentity", cognito, policy.Context{has(cognito+":aud", "us-east-1:b"), login}, none},
		{"pool in other case", "authenticated", "sts:AssumeRoleWithWebIdentity", cognito, policy.Context{has(cognito+":aud", "us-east-1:A"), login}, none},
		{"key in other case", "authenticated", "sts:AssumeRoleWithWebIdentity", cognito, policy.Context{has("Cognito-Identity.amazonaws.com:AUD", "us-east-1:a"), login}, allow},
		{"no aud", "authenticated", "sts:AssumeRoleWithWebIdentity", cognito, policy.Context{login}, none},
		{"no amr", "authenticated", "sts:AssumeRoleWithWebIdentity", cognito, policy.Context{aud}, none},
		{"empty amr", "*", "sts:AssumeRoleWithWebIdentity", cognito, policy.Context{aud, has(cognito + ":amr")}, none},
		{"another issuer", "authenticated", "sts:AssumeRoleWithWebIdentity", "accounts.google.com", policy.Context{aud, login}, none},
		{"another action", "authenticated", "sts:AssumeRole", cognito, policy.Context{aud, login}, none},
	} {
		p := parse(t, policy.Trust, cognitoTrust(row.amr))
		who := policy.Principal{Type: policy.Federated, Name: row.federated}
		if got := decide(t, p, policy.Request{Principal: who, Action: row.action, Context: row.context}); got.Effect != row.want {
			t.Errorf("%s: %v, want %v", row.name, got.Effect, row.want)
		}
	}
}

func TestExplain(t *testing.T) {
	p := parse(t, policy.Trust, doc(
		`{"Sid": "Guests", "Effect": "Allow", "Principal": {"Federated": "`+cognito+`"}, "Action": "sts:AssumeRoleWithWebIdentity",
		  "Condition": {"StringEquals": {"`+cognito+`:aud": "us-east-1:a"}, "Null": {"`+cognito+`:amr": false}}}`,
		`{"Effect": "Deny", "NotPrincipal": {"AWS": "123456789012", "Federated": "`+cognito+`"}, "Action": "sts:*"}`))
	got := p.Explain(&policy.Request{
		Principal: policy.Principal{Type: policy.Federated, Name: cognito},
		Action:    "sts:AssumeRoleWithWebIdentity",
		Context:   policy.Context{has(cognito+":aud", "us-east-1:b")},
	}).String()
	want := `NoMatch: no statement of the trust policy allows sts:AssumeRoleWithWebIdentity; statement 0 ("Guests") would, but for ` +
		`condition StringEquals cognito-identity.amazonaws.com:aud wants ["us-east-1:a"], request has ["us-east-1:b"] and ` +
		`condition Null cognito-identity.amazonaws.com:amr wants ["false"], request has no value
the trust policy: NoMatch
  statement 0 ("Guests"), Allow: does not apply
  statement 0 ("Guests"): principal wants [Federated "cognito-identity.amazonaws.com"], request has Federated "cognito-identity.amazonaws.com": yes
  statement 0 ("Guests"): action wants ["sts:AssumeRoleWithWebIdentity"], request has "sts:AssumeRoleWithWebIdentity": yes
  statement 0 ("Guests"): condition StringEquals cognito-identity.amazonaws.com:aud wants ["us-east-1:a"], request has ["us-east-1:b"]: no
  statement 0 ("Guests"): condition Null cognito-identity.amazonaws.com:amr wants ["false"], request has no value: no
  statement 1, Deny: does not apply
  statement 1: principal wants none of [AWS "123456789012", Federated "cognito-identity.amazonaws.com"], request has Federated "cognito-identity.amazonaws.com": no
  statement 1: action wants ["sts:*"], request has "sts:AssumeRoleWithWebIdentity": yes
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	p = parse(t, policy.Identity, doc(`{"Sid": "Mine", "Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::b/${aws:username}/*",
		"Condition": {"StringNotEquals": {"k:a": "${k:b}"}}}`))
	got = p.Explain(&policy.Request{
		Action:   "s3:GetObject",
		Resource: "arn:aws:s3:::c/k",
		Context:  policy.Context{has("aws:username", "alice")},
	}).String()
	want = `Allow: by statement 0 ("Mine") of the identity policy
the identity policy: Allow
  statement 0 ("Mine"), Allow: applies
  statement 0 ("Mine"): action wants ["s3:*"], request has "s3:GetObject": yes
  statement 0 ("Mine"): resource wants none of ["arn:aws:s3:::b/${aws:username}/*"], request has "arn:aws:s3:::c/k", where ${aws:username} is "alice": yes
  statement 0 ("Mine"): condition StringNotEquals k:a wants ["${k:b}"], request has no value, where ${k:b} has no value, or several: yes
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
