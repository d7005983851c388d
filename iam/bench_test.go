package iam_test

import (
	"crypto/rand"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"idpool/iam"
	"idpool/policy"
	"idpool/pooltest"
	"idpool/store"
	"idpool/wire"
)

// clerk is a user with an ordinary policy and a boundary, and a service that has read them.
func clerk(t testing.TB) (*iam.Service, wire.Caller) {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "idpool.db"), store.Options{Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s := &iam.Service{DB: db, Now: time.Now, Rand: rand.Reader}
	if err := s.Init(); err != nil {
		t.Fatal(err)
	}
	root := iam.Root(pooltest.Account, "AKIAROOT")
	if err := db.Update(t.Context(), func(tx *store.Tx) error { return tx.CreateAccount(pooltest.Account) }); err != nil {
		t.Fatal(err)
	}
	made, err := s.CreateUser(t.Context(), root, &iam.CreateUserInput{UserName: "clerk", Tags: []iam.Tag{{Key: "team", Value: "ops"}}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.PutUserPolicy(t.Context(), root, &iam.PutUserPolicyInput{UserName: "clerk", PolicyName: "P", PolicyDocument: `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["cognito-identity:Describe*","cognito-identity:List*"],"Resource":"arn:aws:cognito-identity:*:123456789012:identitypool/*",
			"Condition":{"StringEquals":{"aws:ResourceTag/team":"${aws:PrincipalTag/team}"}}},
		{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":["192.0.2.0/24","2001:db8::/32"]}}}]}`})
	if err != nil {
		t.Fatal(err)
	}
	return s, wire.Caller{
		Account: pooltest.Account, Region: pooltest.Region, ARN: made.User.Arn, UserID: made.User.UserId, User: "clerk",
		AccountVersion: 1 << 40, From: "192.0.2.7", UserAgent: "aws-cli/2",
	}
}

// ask asks for what the clerk may do.
func ask(t testing.TB, s *iam.Service, c wire.Caller) {
	t.Helper()
	team := policy.Pair{Key: "aws:ResourceTag/team", Values: []string{"ops"}}
	const pool = "arn:aws:cognito-identity:us-east-1:123456789012:identitypool/us-east-1:8942d0d9-2a33-4114-9c1c-664a7a785856"
	if err := s.Authorize(t.Context(), c, "cognito-identity:DescribeIdentityPool", pool, team); err != nil {
		t.Fatal(err)
	}
}

// A decision reads nothing but memory, and makes no more of it than the facts of its request.
func TestAuthorizeAllocations(t *testing.T) {
	s, c := clerk(t)
	ask(t, s, c)
	if got, most := testing.AllocsPerRun(100, func() { ask(t, s, c) }), 25.0; got > most {
		t.Errorf("%.0f allocations, and should have %.0f at most", got, most)
	}
}

func BenchmarkAuthorize(b *testing.B) {
	s, c := clerk(b)
	b.ReportAllocs()
	for b.Loop() {
		ask(b, s, c)
	}
}
