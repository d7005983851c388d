package policy_test

import (
	"testing"

	"idpool/policy"
)

// cognitoRequest builds what a credentials call asks the trust policy of a role.
func cognitoRequest(pool, identity string) policy.Request {
	return policy.Request{
		Principal: policy.Principal{Type: policy.Federated, Name: cognito},
		Action:    web,
		Context: policy.Context{
			{Key: cognito + ":aud", Values: []string{pool}},
			{Key: cognito + ":sub", Values: []string{identity}},
			{Key: cognito + ":amr", Values: []string{"authenticated", "accounts.google.com", "accounts.google.com:app:123"}},
		},
	}
}

// The documents of an ordinary deployment: a role of some statements, a boundary, a guest's session policy.
var (
	rolePolicy = doc(
		`{"Sid": "Own", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
		  "Resource": "arn:aws:s3:::b/private/${cognito-identity.amazonaws.com:sub}/*"}`,
		`{"Sid": "List", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::b",
		  "Condition": {"StringLike": {"s3:prefix": ["public/", "public/*", "private/${cognito-identity.amazonaws.com:sub}/*"]}}}`,
		`{"Sid": "Office", "Effect": "Deny", "Action": "s3:Delete*", "Resource": "*",
		  "Condition": {"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:db8::/32"]}, "DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}}`,
		`{"Sid": "Pools", "Effect": "Allow", "Action": "cognito-identity:GetCredentialsForIdentity", "Resource": "*"}`)
	boundaryPolicy = doc(`{"Effect": "Allow", "Action": ["s3:*", "cognito-identity:*", "sqs:*"], "Resource": "*"}`,
		`{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"NumericGreaterThan": {"s3:max-keys": 1000}}}`)
	sessionPolicy = doc(`{"Effect": "Allow", "Action": ["s3:*", "logs:*", "kinesis:*", "sns:*", "sqs:*", "lambda:*"], "Resource": "*"}`)
)

// sessionSet is the policies of a role session, and sessionRequest what it asks of them.
func sessionSet(t tester) policy.Set {
	return policy.Set{
		Identity: []policy.Named{{Name: "app", Policy: parse(t, policy.Identity, rolePolicy)}},
		Boundary: &policy.Named{Name: "most", Policy: parse(t, policy.Boundary, boundaryPolicy)},
		Session:  []policy.Named{{Name: "guest", Policy: parse(t, policy.Session, sessionPolicy)}},
	}
}

func sessionRequest(identity, address string) policy.Request {
	return policy.Request{
		Principal: assumed,
		Action:    "s3:DeleteObject",
		Resource:  "arn:aws:s3:::b/private/us-east-1:1/photos/1.jpg",
		Context: policy.Context{
			{Key: "aws:CurrentTime", Values: []string{"2026-11-21T16:51:09Z"}},
			{Key: "aws:SourceIp", Values: []string{address}},
			{Key: "aws:PrincipalArn", Values: []string{role}},
			{Key: "aws:PrincipalAccount", Values: []string{account}},
			{Key: cognito + ":sub", Values: []string{identity}},
		},
	}
}

func BenchmarkTrustPolicy(b *testing.B) {
	p := parse(b, policy.Trust, cognitoTrust("authenticated"))
	r := cognitoRequest("us-east-1:a", "us-east-1:1")
	b.ReportAllocs()
	for b.Loop() {
		if p.Evaluate(&r).Effect != allow {
			b.Fatal("not allowed")
		}
	}
}

// The aim of the two together is 5 microseconds.
func BenchmarkTrustAndRolePolicy(b *testing.B) {
	trust, s := parse(b, policy.Trust, cognitoTrust("authenticated")), sessionSet(b)
	s.Boundary, s.Session = nil, nil
	b.ReportAllocs()
	for b.Loop() {
		r := cognitoRequest("us-east-1:a", "us-east-1:1")
		use := sessionRequest("us-east-1:1", "203.0.113.7")
		if trust.Evaluate(&r).Effect != allow || s.Evaluate(&use).Effect != allow {
			b.Fatal("not allowed")
		}
	}
}

func BenchmarkSet(b *testing.B) {
	s := sessionSet(b)
	b.ReportAllocs()
	for b.Loop() {
		r := sessionRequest("us-east-1:1", "203.0.113.7")
		if s.Evaluate(&r).Effect != allow {
			b.Fatal("not allowed")
		}
	}
}

func BenchmarkExplain(b *testing.B) {
	s, r := sessionSet(b), sessionRequest("us-east-1:1", "203.0.113.7")
	b.ReportAllocs()
	for b.Loop() {
		_ = s.Explain(&r).String()
	}
}

func BenchmarkParse(b *testing.B) {
	document := cognitoTrust("authenticated")
	b.ReportAllocs()
	for b.Loop() {
		parse(b, policy.Trust, document)
	}
}

// Every call evaluates policies: neither that nor building its request may allocate.
func TestEvaluateDoesNotAllocate(t *testing.T) {
	trust, s := parse(t, policy.Trust, cognitoTrust("authenticated")), sessionSet(t)
	resourceToo := sessionSet(t)
	resourceToo.Resource = &policy.Named{Policy: parse(t, policy.Resource, doc(grants(toAccount, "s3:*"), grants(toSession, "s3:*"), forbids(`"NotPrincipal": `+toSession, "s3:Get*")))}
	arn := parse(t, policy.Identity, onCondition(`{"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/${aws:username, 'app'}"}, "BinaryEquals": {"k:a": "YQ=="}}`))
	pool, identity, address := "us-east-1:a", "us-east-1:1", "203.0.113.7"
	for name, evaluate := range map[string]func() policy.Effect{
		"a trust policy": func() policy.Effect {
			r := cognitoRequest(pool, identity)
			return trust.Evaluate(&r).Effect
		},
		"a trust policy with a required key": func() policy.Effect {
			r := cognitoRequest(pool, identity)
			r.RequireKey = aud
			return trust.Evaluate(&r).Effect
		},
		"a role, its boundary and its session": func() policy.Effect {
			r := sessionRequest(identity, address)
			return s.Evaluate(&r).Effect
		},
		"a resource too": func() policy.Effect {
			r := sessionRequest(identity, address)
			return resourceToo.Evaluate(&r).Effect
		},
		"ARNs and bytes": func() policy.Effect {
			r := policy.Request{Action: get, Resource: "*", Context: policy.Context{
				{Key: "AWS:principalarn", Values: []string{role}},
				{Key: "k:a", Values: []string{"a"}},
			}}
			return arn.Evaluate(&r).Effect
		},
	} {
		n := testing.AllocsPerRun(1000, func() {
			if evaluate() != allow {
				t.Errorf("%s: not allowed", name)
			}
		})
		if n != 0 {
			t.Errorf("%s: building and evaluating a request takes %v allocations", name, n)
		}
	}
}
