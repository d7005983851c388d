package identity_test

import (
	"testing"

	"idpool/identity"
)

func TestStillGood(t *testing.T) {
	const pool, arn = "us-east-1:pool", "arn:aws:iam::123456789012:oidc-provider/a"
	for _, row := range []struct {
		name string
		amr  []string
		of   identity.Identity
		want bool
	}{
		{"a guest", []string{"unauthenticated"}, guest(1), true},
		{"a guest's, who has a login now", []string{"unauthenticated"}, person(1, ax), false},
		{"a login", []string{"authenticated", "a", arn + ":OIDC:x"}, person(1, ax), true},
		{"a login, unlinked", []string{"authenticated", "a", arn + ":OIDC:x"}, person(1, bx), false},
		{"another subject of the provider", []string{"authenticated", "a", arn + ":OIDC:x"}, person(1, ay), false},
		{"the subject of another provider", []string{"authenticated", "a", arn + ":OIDC:x"}, person(1, bx), false},
		{"the second of two", []string{"authenticated", "a", arn + ":OIDC:x", "b", "arn:aws:iam::123456789012:oidc-provider/b:OIDC:x"}, person(1, bx), true},
		{"a developer's user", []string{"authenticated", developer, developer + ":us-east-1:pool:x"}, person(1, dx), true},
		{"a developer's user, unlinked", []string{"authenticated", developer, developer + ":us-east-1:pool:x"}, person(1, dy), false},
		{"a developer's user whose end is another", []string{"authenticated", developer, developer + ":us-east-1:pool:y:x"}, person(1, dx), false},
		{"a developer's user of another pool", []string{"authenticated", developer, developer + ":us-east-1:other:x"}, person(1, dx), false},
		{"a subject whose end is another", []string{"authenticated", "a", arn + ":OIDC:y:OIDC:x"}, person(1, ax), false},
		{"a user pool's", []string{"authenticated", "a", "a:CognitoSignIn:x"}, person(1, ax), true},
		{"a social provider's", []string{"authenticated", "a", "a:app:x"}, person(1, ax), true},
		{"a social provider's subject whose end is another", []string{"authenticated", "a", "a:app:y:x"}, person(1, ax), false},
		{"of nobody any more", []string{"authenticated", "a", arn + ":OIDC:x"}, guest(1), false},
		{"of one that lost a merge", []string{"unauthenticated"}, disabled(1), false},
		{"half a pair", []string{"authenticated", "a"}, person(1, ax), false},
		{"nothing", nil, person(1, ax), false},
	} {
		if got := identity.StillGood(row.amr, pool, &row.of); got != row.want {
			t.Errorf("%s: %v, want %v", row.name, got, row.want)
		}
	}
}
