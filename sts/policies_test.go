package sts_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"idpool/pooltest"
	"idpool/wire"
)

// allowing allows one action.
func allowing(action string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"` + action + `","Resource":"*"}]}`
}

// Session policies leave of what the role allows what one of them allows too: the one that is sent along, or a managed one as
// it is when the session is used.
func TestSessionPolicies(t *testing.T) {
	v := signIn(t)
	v.node.IAM(t, "PutRolePolicy", "RoleName", "Auth", "PolicyName", "P", "PolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GetRole","iam:ListRoles"],"Resource":"*"}]}`).Must(t)
	managed := func(name, action string) string {
		return v.node.IAM(t, "CreatePolicy", "PolicyName", name, "PolicyDocument", allowing(action)).Must(t).Element("Arn")
	}
	get, list, all := managed("Get", "iam:GetRole"), managed("List", "iam:ListRoles"), "arn:aws:iam::aws:policy/AdministratorAccess"
	const first, second = "PolicyArns.member.1.arn", "PolicyArns.member.2.arn"
	token := v.openIDToken(t)
	for _, row := range []struct {
		name      string
		params    []string
		get, list bool
		packed    bool // PackedPolicySize is answered
	}{
		{"none", nil, true, true, false},
		{"inline", []string{"Policy", allowing("iam:GetRole")}, true, false, true},
		{"managed", []string{first, list}, false, true, true},
		{"inline and managed", []string{"Policy", allowing("iam:GetRole"), first, list}, true, true, true},
		{"two managed", []string{first, list, second, get}, true, true, true},
		{"built in", []string{first, all}, true, true, true},
		{"more than the role has", []string{"Policy", allowing("iam:*")}, true, true, true},
		{"other things", []string{"Policy", allowing("s3:*")}, false, false, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := v.assume(t, token, row.params...).Must(t)
			if size, err := strconv.Atoi(r.Element("PackedPolicySize")); (err == nil) != row.packed || row.packed && (size < 1 || size > 30) {
				t.Errorf("packed policy size %q", r.Element("PackedPolicySize"))
			}
			s := assumed(r)
			v.may(t, s, "GetRole", row.get)
			v.may(t, s, "ListRoles", row.list)
		})
	}
	t.Run("a managed one that changes, and goes", func(t *testing.T) {
		s := assumed(v.assume(t, token, first, get).Must(t))
		v.node.IAM(t, "CreatePolicyVersion", "PolicyArn", get, "PolicyDocument", allowing("iam:ListRoles"), "SetAsDefault", "true").Must(t)
		v.may(t, s, "GetRole", false)
		v.may(t, s, "ListRoles", true)
		v.node.IAM(t, "DeletePolicyVersion", "PolicyArn", get, "VersionId", "v1").Must(t)
		v.node.IAM(t, "DeletePolicy", "PolicyArn", get).Must(t)
		v.may(t, s, "GetRole", false)
		v.may(t, s, "ListRoles", false)
	})
}

// may holds a session to being allowed an action of IAM, or not.
func (v *visitor) may(t *testing.T, s session, action string, want bool) {
	t.Helper()
	var params []string
	if action == "GetRole" {
		params = []string{"RoleName", "Auth"}
	}
	r, body := v.node.Query(t, "2010-05-08", action, params...)
	if got := v.node.Send(t, r, body, s.key, s.token, "iam"); (got.Status == 200) != want || !want && got.Code() != "AccessDenied" {
		t.Errorf("%s: %d %s", action, got.Status, got.Body)
	}
}

// assumed are the credentials in a reply of AssumeRoleWithWebIdentity.
func assumed(r *pooltest.Reply) session {
	return session{
		wire.Key{Secret: r.Element("SecretAccessKey"), Caller: wire.Caller{AccessKeyID: r.Element("AccessKeyId")}},
		r.Element("SessionToken"),
	}
}

// Managed policies that cannot be session policies. Whom the role does not trust is told nothing of them.
func TestPolicyArnsRefused(t *testing.T) {
	v := signIn(t)
	token := v.openIDToken(t)
	theirs := v.node.NewAccount(t, account)
	r, body := v.node.Query(t, "2010-05-08", "CreatePolicy", "PolicyName", "Theirs", "PolicyDocument", allowing("s3:*"))
	there := v.node.Send(t, r, body, theirs, "", "iam").Must(t).Element("Arn")
	var eleven []string
	for i := range 11 {
		eleven = append(eleven, fmt.Sprintf("PolicyArns.member.%d.arn", i+1), "arn:aws:iam::aws:policy/AdministratorAccess")
	}
	const first = "PolicyArns.member.1.arn"
	gone := "arn:aws:iam::" + pooltest.Account + ":policy/Gone"
	for name, row := range map[string]struct {
		params []string
		want   refusal
	}{
		"not there":          {[]string{first, gone}, invalid("PolicyArns: the account has no managed policy %s", gone)},
		"of another account": {[]string{first, there}, invalid("PolicyArns: the account has no managed policy %s", there)},
		"no ARN":             {[]string{first, "AdministratorAccess"}, constraint("Value 'AdministratorAccess' at 'policyArns.1.member.arn' failed to satisfy constraint: Member must have length greater than or equal to 20")},
		"not trusted":        {[]string{first, gone, "RoleArn", roleARN("Guest")}, denied},
		"too long":           {[]string{first, "arn:aws:iam::" + pooltest.Account + ":policy/" + strings.Repeat("a", 2048)}, refusal{}},
		"eleven":             {eleven, refusal{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := v.assume(t, token, row.params...)
			if row.want == (refusal{}) { // the value is repeated, and long
				if got.Code() != "ValidationError" || !strings.Contains(got.Message(), "Member must have length less than or equal to") {
					t.Errorf("got %d %s", got.Status, got.Body)
				}
				return
			}
			row.want.check(t, got)
		})
	}
	v.assume(t, token, eleven[:20]...).Must(t)
}
