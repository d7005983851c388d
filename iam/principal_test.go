package iam

import (
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"idpool/policy"
	"idpool/store"
	"idpool/wire"
)

// names are those of a principal's policies; the boundary comes last, after a slash.
func (p *Principal) names() string {
	var names []string
	for _, n := range p.Identity {
		names = append(names, n.Name)
	}
	if p.Boundary != nil {
		names = append(names, "/ "+p.Boundary.Name)
	}
	return strings.Join(names, " ")
}

// A principal has its own policies and those attached, in their default versions; what is changed acts at once for whoever
// knows the account's new version.
func TestPrincipal(t *testing.T) {
	const account, other = "123456789012", "999999999999"
	const admin = "arn:aws:iam::aws:policy/AdministratorAccess"
	s := newService(t, account)
	s.Now, s.Rand = time.Now, rand.Reader
	root, ctx := wire.Caller{Account: account, Root: true}, t.Context()
	document := func(effect string) string {
		return `{"Version":"2012-10-17","Statement":{"Effect":"` + effect + `","Action":"s3:*","Resource":"*"}}`
	}
	do := func(errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	version := func() (v int64) {
		t.Helper()
		do(s.DB.View(ctx, func(tx *store.Tx) (err error) { v, err = tx.AccountVersion(account); return err }))
		return v
	}
	trust := `{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}`
	role, err := s.CreateRole(ctx, root, &CreateRoleInput{RoleName: "R", AssumeRolePolicyDocument: trust})
	do(err)
	made, err := s.CreatePolicy(ctx, root, &CreatePolicyInput{PolicyName: "P", PolicyDocument: document("Allow")})
	do(err)
	id, arn := role.Role.RoleId, made.Policy.Arn
	get := func() *Principal {
		t.Helper()
		p, err := s.Principal(ctx, account, version(), store.RoleKind, id)
		do(err)
		return p
	}
	bare := get()
	if bare.names() != "" || bare != get() {
		t.Errorf("a role without policies has %q, or is read twice", bare.names())
	}
	_, err = s.PutRolePolicy(ctx, root, &PutRolePolicyInput{"R", "inline", document("Allow")})
	do(err)
	_, err = s.AttachRolePolicy(ctx, root, &AttachRolePolicyInput{"R", arn})
	do(err)
	_, err = s.AttachRolePolicy(ctx, root, &AttachRolePolicyInput{"R", admin})
	do(err)
	_, err = s.PutRolePermissionsBoundary(ctx, root, &PutRolePermissionsBoundaryInput{"R", admin})
	do(err)
	first := get()
	if want := "inline " + arn + " " + admin + " / " + admin; first.names() != want {
		t.Errorf("the role has %q, want %q", first.names(), want)
	}
	says := func(effect string) bool {
		t.Helper()
		want, err := policy.Parse(policy.Identity, document(effect))
		do(err)
		for _, n := range get().Identity {
			if n.Name == arn {
				return reflect.DeepEqual(n.Policy, want)
			}
		}
		return false
	}
	if !says("Allow") {
		t.Error("at first the policy does not allow")
	}

	// Another version, not yet the default one, then the default one.
	_, err = s.CreatePolicyVersion(ctx, root, &CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: document("Deny")})
	do(err)
	if !says("Allow") {
		t.Error("a version acts that is not the default one")
	}
	_, err = s.SetDefaultPolicyVersion(ctx, root, &PolicyVersionInput{arn, "v2"})
	do(err)
	if !says("Deny") {
		t.Error("a changed policy does not act")
	}

	for name, row := range map[string]struct {
		account, id string
		kind        store.PrincipalKind
	}{
		"of another account": {other, id, store.RoleKind},
		"of another kind":    {account, id, store.UserKind},
		"of nobody":          {account, "AROANOBODY", store.RoleKind},
	} {
		if _, err := s.Principal(ctx, row.account, version(), row.kind, row.id); !errors.Is(err, ErrNoPrincipal) {
			t.Errorf("%s: %v, want ErrNoPrincipal", name, err)
		}
	}
}

// A policy that cannot be read is an error: it could be the boundary, or deny something.
func TestPrincipalWithABrokenPolicy(t *testing.T) {
	for name, stored := range map[string]*store.PrincipalPolicies{
		"inline":                 {Inline: []store.Document{{Name: "P", Text: "{"}}},
		"managed":                {Attached: []store.Document{{Name: "arn", Text: "{"}}},
		"managed, and gone":      {Attached: []store.Document{{Name: "arn"}}},
		"the boundary":           {Boundary: &store.Document{Name: "arn", Text: "{"}},
		"the boundary, and gone": {Boundary: &store.Document{Name: "arn:aws:iam::aws:policy/None"}},
	} {
		if p, err := parsePrincipal(stored); err == nil {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// What is built in is good.
func TestAWSPolicies(t *testing.T) {
	ids := make(map[string]bool)
	for i := range awsPolicies {
		p := &awsPolicies[i]
		stored := p.stored()
		if err := checkManaged(p.document); err != nil || findAWSPolicy(stored.ARN()) != p || checkPolicyARN(stored.ARN()) != nil || ids[p.id] || len(p.id) != 21 || p.description == "" {
			t.Errorf("%+v: %v", p, err)
		}
		if i > 0 && policyKey(*awsPolicies[i-1].stored()) >= policyKey(*stored) {
			t.Errorf("%s is out of order", p.name)
		}
		ids[p.id] = true
	}
}

func TestPolicyLimit(t *testing.T) {
	const account = "123456789012"
	s := newService(t, account)
	s.Rand = rand.Reader
	err := s.DB.Update(t.Context(), func(tx *store.Tx) error {
		for i := range MaxPolicies {
			p := &store.Policy{Account: account, Name: fmt.Sprint("P", i), Path: "/", UniqueID: fmt.Sprint("ANPA", i)}
			if err := tx.CreatePolicy(p, "{}"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	root := wire.Caller{Account: account, Root: true}
	more := &CreatePolicyInput{PolicyName: "more", PolicyDocument: awsPolicies[0].document}
	var e *wire.Error
	if _, err := s.CreatePolicy(t.Context(), root, more); !errors.As(err, &e) || e.Code != "LimitExceeded" || e.Message != "Cannot exceed quota for PoliciesPerAccount: 1500" {
		t.Errorf("%v", err)
	}
	if _, err := s.DeletePolicy(t.Context(), root, &PolicyInput{"arn:aws:iam::" + account + ":policy/P7"}); err != nil {
		t.Error(err)
	}
	if _, err := s.CreatePolicy(t.Context(), root, more); err != nil {
		t.Errorf("with room for it: %v", err)
	}
}
