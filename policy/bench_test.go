package policy_test

import (
	"testing"

	"idpool/policy"
)

// cognitoRequest builds what a credentials call asks the trust policy of a role.
func cognitoRequest(pool, identity string) policy.Request {
	return policy.Request{
		Principal: policy.Principal{Type: policy.Federated, Name: cognito},
		Action:    "sts:AssumeRoleWithWebIdentity",
		Context: policy.Context{
			{Key: cognito + ":aud", Values: []string{pool}},
			{Key: cognito + ":sub", Values: []string{identity}},
			{Key: cognito + ":amr", Values: []string{"authenticated", "accounts.google.com", "accounts.google.com:app:123"}},
		},
	}
}

func BenchmarkCognitoTrustPolicy(b *testing.B) {
	p := parse(b, policy.Trust, cognitoTrust("authenticated"))
	r := cognitoRequest("us-east-1:a", "us-east-1:1")
	b.ReportAllocs()
	for b.Loop() {
		if p.Evaluate(&r).Effect != allow {
			b.Fatal("not allowed")
		}
	}
}

func BenchmarkVariableResource(b *testing.B) {
	p := parse(b, policy.Identity, onResource(`"arn:aws:s3:::b/*/${cognito-identity.amazonaws.com:sub}/*"`))
	r := cognitoRequest("us-east-1:a", "us-east-1:1")
	r.Action, r.Resource = "s3:GetObject", "arn:aws:s3:::b/users/us-east-1:1/photos/1.jpg"
	b.ReportAllocs()
	for b.Loop() {
		if p.Evaluate(&r).Effect != allow {
			b.Fatal("not allowed")
		}
	}
}

func BenchmarkParse(b *testing.B) {
	document := cognitoTrust("authenticated")
	b.ReportAllocs()
	for b.Loop() {
		parse(b, policy.Trust, document)
	}
}

// Every credentials call evaluates a trust policy: neither that nor building its request may allocate.
func TestEvaluateDoesNotAllocate(t *testing.T) {
	p := parse(t, policy.Trust, cognitoTrust("authenticated"))
	pool, identity := "us-east-1:a", "us-east-1:1"
	n := testing.AllocsPerRun(1000, func() {
		r := cognitoRequest(pool, identity)
		if p.Evaluate(&r).Effect != allow {
			t.Error("not allowed")
		}
	})
	if n != 0 {
		t.Errorf("building and evaluating a request takes %v allocations", n)
	}

	p = parse(t, policy.Identity, onResource(`"arn:aws:s3:::b/*/${cognito-identity.amazonaws.com:sub}/*"`))
	r := cognitoRequest(pool, identity)
	r.Action, r.Resource = "S3:getobject", "arn:aws:s3:::b/users/us-east-1:1/photos/1.jpg"
	if n := testing.AllocsPerRun(1000, func() { p.Evaluate(&r) }); n != 0 {
		t.Errorf("evaluating a policy with a variable takes %v allocations", n)
	}
}
