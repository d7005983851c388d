package policy_test

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"idpool/policy"
)

func TestExplain(t *testing.T) {
	p := parse(t, policy.Trust, doc(
		`{"Sid": "Guests", "Effect": "Allow", "Principal": {"Federated": "`+cognito+`"}, "Action": "sts:AssumeRoleWithWebIdentity",
		  "Condition": {"StringEquals": {"`+cognito+`:aud": "us-east-1:a"}, "Null": {"`+cognito+`:amr": false}}}`,
		`{"Effect": "Deny", "NotPrincipal": {"AWS": "123456789012", "Federated": "`+cognito+`"}, "Action": "sts:*"}`))
	got := p.Explain(&policy.Request{
		Principal: policy.Principal{Type: policy.Federated, Name: cognito},
		Action:    "sts:AssumeRoleWithWebIdentity",
		Context:   policy.Context{pair(cognito+":aud", "us-east-1:b")},
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
		Context:  policy.Context{pair("aws:username", "alice")},
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

const onObject = ` on "arn:aws:s3:::b/k"`

// A cause is one line for whoever was refused, or wonders why not.
var causes = []struct {
	is   decision
	want string
}{
	{may(user, get, allow, 0, identity(allows("iam:*")), identity(allows("s3:*"))), `Allow: by statement 0 of identity policy "identity policy 1"`},
	{may(user, get, allow, 0, resource(grants(toAll, get), grants(toUser, get))), `Allow: by statement 1 of resource policy "resource policy 0"`},
	{may(user, get, deny, 0, identity(allows("s3:*")), boundary(allows("s3:*"), denies("s3:*"))), `Deny: by statement 1 of permission boundary "permission boundary 0"`},
	{may(user, get, none, 0), `NoMatch: there is no identity policy, so nothing allows s3:GetObject` + onObject},
	{may(user, get, none, 0, identity(allows("iam:*"))), `NoMatch: no statement of identity policy "identity policy 0" allows s3:GetObject` + onObject},
	{may(user, get, none, 0, identity(allows("iam:*")), identity(allows("sqs:*"))), `NoMatch: none of the 2 identity policies allows s3:GetObject` + onObject},
	{
		may(user, get, none, 0, identity(allows("*")), boundary(`{"Sid": "A", "Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::c/*"}`)),
		`NoMatch: no statement of permission boundary "permission boundary 0" allows s3:GetObject` + onObject +
			`; statement 0 ("A") of "permission boundary 0" would, but for resource wants ["arn:aws:s3:::c/*"], request has "arn:aws:s3:::b/k"`,
	},
	{
		may(user, get, none, 0, identity(
			`{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::c", "Condition": {"Null": {"k:a": false}}}`,
			`{"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"Null": {"k:a": false}}}`,
			`{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}`,
		)),
		`NoMatch: no statement of identity policy "identity policy 0" allows s3:GetObject` + onObject +
			`; statement 1 of "identity policy 0" would, but for condition Null k:a wants ["false"], request has no value`,
	},
	{may(assumed, get, none, 0, identity(allows("*")), sessionOf(allows("sqs:*"))), `NoMatch: no statement of session policy "session policy 0" allows s3:GetObject` + onObject},
	{
		may(user, get, none, 0, resource(grants(toAccount, get))),
		`NoMatch: there is no identity policy, so nothing allows s3:GetObject` + onObject +
			`; resource policy "resource policy 0" allows it, but an identity policy has to allow it too`,
	},
	{
		may(login, web, none, 0, trustOf(trusts(`{"Federated": "accounts.google.com"}`))),
		`NoMatch: no statement of trust policy "trust policy 0" allows sts:AssumeRoleWithWebIdentity; statement 0 of "trust policy 0" would, ` +
			`but for principal wants [Federated "accounts.google.com"], request has Federated "cognito-identity.amazonaws.com"`,
	},
}

func TestCause(t *testing.T) {
	for _, row := range causes {
		set := row.is.policies.parse(t)
		if e := set.Explain(&row.is.request); e.Effect != row.is.want || e.Cause() != row.want {
			t.Errorf("got  %s\nwant %s", e.Cause(), row.want)
		}
	}
}

func TestExplainSet(t *testing.T) {
	all := parse(t, policy.Identity, doc(allows("s3:*")))
	for _, row := range []struct {
		set  policy.Set
		want string
	}{
		{
			policy.Set{Identity: []policy.Named{{Name: "Mine", Policy: all}}, Boundary: &policy.Named{Name: "Gone"}, Session: []policy.Named{}},
			`NoMatch: the permission boundary "Gone" is gone, so nothing allows s3:GetObject on "*"
no session policy allows it either
identity policy "Mine": Allow
  statement 0, Allow: applies
  statement 0: action wants ["s3:*"], request has "s3:GetObject": yes
  statement 0: resource wants ["*"], request has "*": yes
permission boundary "Gone": gone, and allows nothing
`,
		},
		{
			policy.Set{Resource: &policy.Named{Name: "Role", Policy: parse(t, policy.Trust, doc(admits(`{}`)))}},
			`NoMatch: no statement of trust policy "Role" allows s3:GetObject
no identity policy allows it either
trust policy "Role": NoMatch
  statement 0, Allow: does not apply
  statement 0: principal wants [Federated "cognito-identity.amazonaws.com"], request has AWS "arn:aws:iam::123456789012:user/alice": no
  statement 0: action wants ["sts:AssumeRoleWithWebIdentity"], request has "s3:GetObject": no
  statement 0: a condition that binds cognito-identity.amazonaws.com:aud is required: no
`,
		},
		{
			policy.Set{Identity: []policy.Named{{Policy: all}}, Resource: &policy.Named{Name: "Gone"}},
			`NoMatch: the resource policy "Gone" is gone, so nothing allows s3:GetObject on "*"
resource policy "Gone": gone, and allows nothing
the identity policy: Allow
  statement 0, Allow: applies
  statement 0: action wants ["s3:*"], request has "s3:GetObject": yes
  statement 0: resource wants ["*"], request has "*": yes
`,
		},
	} {
		r := policy.Request{Principal: user, Action: get, Resource: "*", RequireKey: aud}
		decideSet(t, &row.set, r)
		if diff := cmp.Diff(row.want, row.set.Explain(&r).String()); diff != "" {
			t.Error(diff)
		}
	}
}

// "Troubleshoot access denied error messages", whose words tools look for.
func TestReason(t *testing.T) {
	for _, row := range []struct {
		is   policy.Decision
		want string
	}{
		{policy.Decision{Effect: allow}, ""},
		{policy.Decision{Effect: none, Kind: policy.Identity}, "because no identity-based policy allows the s3:GetObject action"},
		{policy.Decision{Effect: none, Kind: policy.Boundary}, "because no permissions boundary allows the s3:GetObject action"},
		{policy.Decision{Effect: none, Kind: policy.Session}, "because no session policy allows the s3:GetObject action"},
		{policy.Decision{Effect: none, Kind: policy.Resource}, "because no resource-based policy allows the s3:GetObject action"},
		{policy.Decision{Effect: none, Kind: policy.Trust}, "because no role trust policy allows the s3:GetObject action"},
		{policy.Decision{Effect: deny, Kind: policy.Identity}, "with an explicit deny in an identity-based policy"},
		{policy.Decision{Effect: deny, Kind: policy.Boundary}, "with an explicit deny in a permissions boundary"},
		{policy.Decision{Effect: deny, Kind: policy.Session}, "with an explicit deny in a session policy"},
		{policy.Decision{Effect: deny, Kind: policy.Resource}, "with an explicit deny in a resource-based policy"},
	} {
		if got := row.is.Reason(get); got != row.want {
			t.Errorf("%+v: %q, want %q", row.is, got, row.want)
		}
	}
}

// A long value is cut at a character, a long list behind some values, and a long explanation as a whole. What Why has to tell
// is the same.
func TestExplainCuts(t *testing.T) {
	conditions := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, `"k:`+strconv.Itoa(i)+`": ["a", "b", "c", "d", "e", "f", "g", "h", "i"]`)
		}
		return doc(`{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {` + strings.Join(all, ", ") + `}}}`)
	}
	values := make([]string, 100)
	for i := range values {
		values[i] = strings.Repeat("\x00", 2_000)
	}
	const listed = `["a", "b", "c", "d", "e", "f", "g", "h", ...]`
	long := policy.Context{pair("k:0", "x"+strings.Repeat("\u00e9", 200))}
	for _, row := range []struct {
		document string
		context  policy.Context
		cause    string // how it ends
		most     int    // bytes of the explanation
		whole    bool
	}{
		{conditions(1), nil, "k:0 wants " + listed + ", request has no value", 1_000, true},
		{conditions(1), long, `request has ["x` + strings.Repeat("\u00e9", 127) + `..."]`, 2_000, true},
		{onCondition(`{"StringEquals": {"k:1": "` + strings.Repeat("${k:a}", 9) + `"}}`), policy.Context{pair("k:a", "b")}, strings.Repeat(`, where ${k:a} is "b"`, 8) + ", ...", 2_000, true},
		{conditions(10), nil, "k:7 wants " + listed + ", request has no value and 2 more", 4_000, true},
		{conditions(400), everyKey(400, values), `", ...] and 392 more`, 300_000, false},
	} {
		set := policy.Set{Identity: []policy.Named{{Policy: parse(t, policy.Identity, row.document)}}}
		r := policy.Request{Principal: user, Action: get, Resource: "*", Context: row.context}
		e, why := set.Explain(&r), set.Why(&r)
		if e.Cause() != why.Cause() || !strings.HasSuffix(e.Cause(), row.cause) {
			t.Errorf("got %.2000s\nwant %s", e.Cause(), row.cause)
		}
		text := e.String()
		if len(text) > row.most || strings.Contains(text, "  the rest is left out: it is too long\n") == row.whole || !utf8.ValidString(text) {
			t.Errorf("%d bytes: %.2000s", len(text), text)
		}
		for _, test := range why.Policies[0].Statements[0].Tests {
			if test.Matches && test.Text != "" {
				t.Errorf("%s is put into words for nobody", test.Text)
			}
		}
	}
}

// everyKey is a context of k:0, k:1, ... with these values.
func everyKey(n int, values []string) (c policy.Context) {
	for i := range n {
		c = append(c, policy.Pair{Key: "k:" + strconv.Itoa(i), Values: values})
	}
	return c
}

// No part of a secret is left where a value is cut.
func TestExplainSecret(t *testing.T) {
	const secret = "us-east-1:11111111-2222-4333-8444-555555555555"
	set := policy.Set{Identity: []policy.Named{{Policy: parse(t, policy.Identity, onCondition(`{"StringEquals": {"k:a": "`+secret+`"}}`))}}}
	long := strings.Repeat("x", 240) + secret
	r := policy.Request{Principal: user, Action: get, Resource: "arn:aws:s3:::" + long, Context: policy.Context{pair("k:a", long, secret)}, Secret: secret}
	e := set.Explain(&r)
	if text := e.String(); strings.Contains(text, "us-east-1") || !strings.Contains(text, `wants ["(the identity)"]`) {
		t.Error(text)
	}
}
