package policy_test

import (
	"encoding/json"
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

func quote(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
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

// The case of letters doesn't make another key, but a look-alike does; of two entries for one key the first counts.
func TestContextKeys(t *testing.T) {
	for _, row := range []struct {
		key     string
		context policy.Context
		want    policy.Effect
	}{
		{"aws:RequestTag/Key", policy.Context{pair("aws:RequestTag/Key", "a")}, allow},
		{"aws:RequestTag/Key", policy.Context{pair("AWS:requesttag/KEY", "a")}, allow},
		{"aws:RequestTag/Key", policy.Context{pair("aws:RequestTag/Kez", "a")}, none},
		{"aws:RequestTag/Key", policy.Context{pair("aws:RequestTag/\u212aey", "a")}, none}, // the Kelvin sign
		{"aws:RequestTag/caf\u0113", policy.Context{pair("aws:RequestTag/CAF\u0112", "a")}, allow},
		{"aws:RequestTag/k]", policy.Context{pair("aws:RequestTag/k}", "a")}, none},
		{"aws:RequestTag/Key", policy.Context{pair("", "a")}, none},
		{"aws:RequestTag/Key", policy.Context{pair("aws:RequestTag/Key", "b"), pair("aws:RequestTag/key", "a")}, none},
		{"aws:RequestTag/Key", policy.Context{pair("aws:RequestTag/key", "a"), pair("aws:RequestTag/Key", "b")}, allow},
	} {
		p := parse(t, policy.Identity, onCondition(`{"StringEquals": {"`+row.key+`": "a"}}`))
		if got := decide(t, p, policy.Request{Action: get, Resource: "*", Context: row.context}).Effect; got != row.want {
			t.Errorf("%s, %v: %v, want %v", row.key, row.context, got, row.want)
		}
	}
}

// A pattern may have any number of variables, before and behind wildcards. What they stand for is looked up once: with a
// look-up at every place of the text the last rows would take minutes.
func TestManyVariables(t *testing.T) {
	few := policy.Context{pair("k:a", "a"), pair("k:b", "b"), pair("k:star", "*")}
	crowd := make(policy.Context, 100_000, 100_001)
	crowd = append(crowd, pair("k:a", "a"))
	abc, as := strings.Repeat("${k:a}${k:b}c", 20), strings.Repeat("${k:a}", 20)
	for _, row := range []struct {
		pattern, text string
		context       policy.Context
		want          policy.Effect
	}{
		{abc, strings.Repeat("abc", 20), few, allow},
		{abc, strings.Repeat("abc", 19) + "acb", few, none},
		{"x*" + abc + "*${k:a}", "xyz" + strings.Repeat("abc", 21) + "a", few, allow},
		{"x*" + abc + "*${k:a}", "xyz" + strings.Repeat("abc", 19) + "a", few, none},
		{"*${k:b}?${k:a}*${k:star}", "aba_bxa_*", few, allow},
		{"*${k:b}?${k:a}*${k:star}", "aba_bxa_x", few, none},
		{abc + "${k:gone}", strings.Repeat("abc", 20), few, none},
		{abc + "${k:gone, 'd'}", strings.Repeat("abc", 20) + "d", few, allow},
		{"*" + as + "b*", strings.Repeat("a", 1<<14), crowd, none},
		{"*" + as + "b*", strings.Repeat("a", 1<<14) + "b", crowd, allow},
	} {
		p := parse(t, policy.Identity, onCondition(`{"StringLike": {"k:s": "`+row.pattern+`"}}`))
		context := append(policy.Context{pair("k:s", row.text)}, row.context...)
		if got := decide(t, p, policy.Request{Action: get, Resource: "*", Context: context}).Effect; got != row.want {
			t.Errorf("%.40s, %.40s: %v, want %v", row.pattern, row.text, got, row.want)
		}
	}
}
