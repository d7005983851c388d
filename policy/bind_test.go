package policy_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"idpool/policy"
)

const aud = cognito + ":aud"

// admits is an Allow for logins through cognito with this Condition.
func admits(condition string) string {
	return `{"Effect": "Allow", "Principal": {"Federated": "` + cognito + `"}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": ` + condition + `}`
}

// What binds an audience and what doesn't: "a condition that verifies cognito-identity.amazonaws.com:aud".
var bindings = []struct {
	condition string
	binds     bool
}{
	{`{"StringEquals": {"` + aud + `": "us-east-1:a"}}`, yes},
	{`{"StringEquals": {"COGNITO-identity.amazonaws.com:AUD": "us-east-1:a"}}`, yes},
	{`{"StringEquals": {"` + aud + `": ["us-east-1:a", "us-east-1:b"]}}`, yes},
	{`{"StringEqualsIgnoreCase": {"` + aud + `": "us-east-1:a"}}`, yes},
	{`{"StringLike": {"` + aud + `": "us-east-1:a"}}`, yes},
	{`{"StringLike": {"` + aud + `": "us-east-1:${*}"}}`, yes},
	{`{"StringEquals": {"` + aud + `": "us-east-1:*"}}`, yes}, // which is the name of no pool
	{`{"ForAnyValue:StringEquals": {"` + aud + `": "us-east-1:a"}}`, yes},
	{`{"ForAnyValue:StringLike": {"` + cognito + `:amr": "authenticated"}, "StringEquals": {"` + aud + `": "us-east-1:a"}}`, yes},
	{`{}`, no},
	{`{"ForAnyValue:StringLike": {"` + cognito + `:amr": "authenticated"}}`, no},
	{`{"StringEquals": {"` + cognito + `:sub": "us-east-1:a"}}`, no},
	{`{"StringNotEquals": {"` + aud + `": "us-east-1:b"}}`, no},
	{`{"StringNotLike": {"` + aud + `": "us-east-1:b"}}`, no},
	{`{"StringEqualsIfExists": {"` + aud + `": "us-east-1:a"}}`, no},
	{`{"StringLikeIfExists": {"` + aud + `": "us-east-1:a"}}`, no},
	{`{"ForAllValues:StringEquals": {"` + aud + `": "us-east-1:a"}}`, no},
	{`{"Null": {"` + aud + `": "false"}}`, no},
	{`{"StringLike": {"` + aud + `": "*"}}`, no},
	{`{"StringLike": {"` + aud + `": "?*?"}}`, no},
	{`{"StringLike": {"` + aud + `": "*:*"}}`, no},
	{`{"StringLike": {"` + aud + `": "*-*"}}`, no},
	{`{"StringLike": {"` + aud + `": "us-east-1:*"}}`, no},
	{`{"StringLike": {"` + aud + `": "us-east-1:?"}}`, no},
	{`{"ForAnyValue:StringLike": {"` + aud + `": "us-east-1:*"}}`, no},
	{`{"StringLike": {"` + aud + `": ["us-east-1:a", "us-east-1:*"]}}`, no},
	{`{"StringLike": {"` + aud + `": ["us-east-1:a", "*"]}}`, no},
	{`{"StringEquals": {"` + aud + `": ""}}`, no},
	{`{"StringEquals": {"` + aud + `": "${` + aud + `}"}}`, no},
	{`{"StringLike": {"` + aud + `": "us-east-1:${aws:username}"}}`, no},
	{`{"StringEquals": {"` + aud + `": "${aws:RequestTag/pool, 'us-east-1:a'}"}}`, no},
	{`{"ForAnyValue:StringEqualsIfExists": {"` + aud + `": "us-east-1:a"}}`, no},
	{`{"StringEquals": {"accounts.google.com:aud": "us-east-1:a"}}`, no},
}

func TestUnbound(t *testing.T) {
	for _, row := range bindings {
		p := parse(t, policy.Trust, doc(admits(row.condition)))
		if got := p.Unbound(cognito, web, aud) == nil; got != row.binds {
			t.Errorf("%s binds: %v, want %v", row.condition, got, row.binds)
		}
	}
	const loose = `"Action": "sts:AssumeRoleWithWebIdentity"}`
	for _, row := range []struct {
		document string
		want     []string
	}{
		{one(`"Effect": "Allow", "Principal": ` + toLogin + `, ` + loose[:len(loose)-1]), []string{"Statement"}},
		{doc(admits(bindings[0].condition), admits(`{}`), `{"Effect": "Allow", "Principal": "*", `+loose), []string{"Statement[1]", "Statement[2]"}},
		{doc(`{"Effect": "Allow", "Principal": {"Federated": ["accounts.google.com", "` + cognito + `"]}, "Action": "sts:*"}`), []string{"Statement[0]"}},
		{doc(`{"Effect": "Allow", "Principal": ` + toLogin + `, "NotAction": "sts:TagSession"}`), []string{"Statement[0]"}},
		{doc(`{"Effect": "Allow", "Principal": ` + toLogin + `, "Action": "sts:TagSession"}`), nil},
		{doc(`{"Effect": "Allow", "Principal": {"Federated": "accounts.google.com"}, ` + loose), nil},
		{doc(`{"Effect": "Allow", "Principal": {"AWS": "*"}, ` + loose), nil},
		{doc(`{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}`), nil},
		{doc(`{"Effect": "Deny", "Principal": ` + toLogin + `, ` + loose), nil},
	} {
		if diff := cmp.Diff(row.want, parse(t, policy.Trust, row.document).Unbound(cognito, web, aud)); diff != "" {
			t.Errorf("%s\n%s", row.document, diff)
		}
	}
}

// With RequireKey an Allow counts only if it binds the key, and a Deny counts as ever.
func TestRequireKey(t *testing.T) {
	context := policy.Context{poolAud, loginAMR}
	for _, row := range []struct {
		statements []string
		want       policy.Effect
	}{
		{of(admits(bindings[0].condition)), allow},
		{of(admits(`{}`)), none},
		{of(admits(`{"StringLike": {"` + aud + `": "*:*"}}`)), none},
		{of(admits(`{"StringLike": {"` + aud + `": "us-east-1:*"}}`)), none},
		{of(admits(`{"StringLike": {"` + aud + `": "us-east-1:a"}}`)), allow},
		{of(admits(`{"ForAnyValue:StringLike": {"` + cognito + `:amr": "authenticated"}}`)), none},
		{of(admits(`{}`), admits(bindings[0].condition)), allow},
		{of(admits(`{}`), admits(`{"StringEquals": {"`+aud+`": "us-east-1:b"}}`)), none},
		{of(admits(bindings[0].condition), `{"Effect": "Deny", "Principal": "*", "Action": "sts:*"}`), deny},
	} {
		p := parse(t, policy.Trust, doc(row.statements...))
		who := policy.Principal{Type: policy.Federated, Name: cognito}
		r := policy.Request{Principal: who, Action: web, Context: context, RequireKey: aud}
		if got := decide(t, p, r).Effect; got != row.want {
			t.Errorf("%s: %v, want %v", row.statements, got, row.want)
		}
		s := policy.Set{Resource: &policy.Named{Policy: p}}
		if got := decideSet(t, &s, r).Effect; got != row.want {
			t.Errorf("%s, in a set: %v, want %v", row.statements, got, row.want)
		}
	}
	identity := policy.Set{Identity: []policy.Named{{Policy: parse(t, policy.Identity, doc(allows("*")))}}}
	if got := decideSet(t, &identity, policy.Request{Action: get, Resource: "*", RequireKey: aud}).Effect; got != allow {
		t.Errorf("an identity policy: %v", got)
	}
}
