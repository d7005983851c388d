package e2e

import (
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// TestExplainAndRevoke asks why, and ends sessions, as the README says: on the node's machine, and from elsewhere.
func TestExplainAndRevoke(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"`idpool sessions revoke` with `--role NAME`, `--identity ID` or `--pool ID`", "\nidpool explain credentials ", "\nidpool explain access --identity "} {
		if !strings.Contains(string(readReadme(t)), command) {
			t.Fatalf("the README has no %q", command)
		}
	}
	n := startNode(t)
	pool := createPool(t, n, &cognitoidentity.CreateIdentityPoolInput{IdentityPoolName: aws.String("why"), AllowUnauthenticatedIdentities: true})
	setRoles(t, n, pool)
	id := getID(t, n, pool, nil)
	idpool := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(binary, args...)
		cmd.Dir, cmd.Env = t.TempDir(), withKeys(n.root)
		return run(t, cmd)
	}
	here, there := []string{"--data", n.data}, []string{"--endpoint", n.url}
	credentials := func() aws.Credentials {
		t.Helper()
		given, err := n.identities().GetCredentialsForIdentity(t.Context(), &cognitoidentity.GetCredentialsForIdentityInput{IdentityId: &id})
		if err != nil {
			t.Fatal(err)
		}
		c := given.Credentials
		return aws.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretKey, SessionToken: *c.SessionToken}
	}
	for _, row := range []struct{ flag, value string }{{"role", guestRole}, {"identity", id}, {"pool", pool}} {
		for _, where := range [][]string{here, there} {
			before := credentials()
			said := idpool(append([]string{"sessions", "revoke", "--" + row.flag, row.value}, where...)...)
			if said != "revoked the sessions of "+row.flag+" "+row.value {
				t.Errorf("revoking says %q", said)
			}
			if _, err := n.sts(before).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}); err == nil {
				t.Errorf("%s %v: credentials from before are good", row.flag, where)
			}
			if _, err := n.sts(credentials()).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}); err != nil {
				t.Errorf("%s %v: new credentials: %v", row.flag, where, err)
			}
		}
	}
	role := "arn:aws:iam::" + account + ":role/" + guestRole
	allow := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${cognito-identity.amazonaws.com:sub}/*"}]}`
	if _, err := n.iam().PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String(guestRole), PolicyName: aws.String("own"), PolicyDocument: &allow}); err != nil {
		t.Fatal(err)
	}
	access := []string{"explain", "access", "--identity", id, "--action", "s3:GetObject", "--resource"}
	check := func(want string, args ...string) {
		t.Helper()
		for _, where := range [][]string{here, there} {
			if said := idpool(append(args, where...)...); !strings.HasPrefix(said, want) {
				t.Errorf("%v says\n%s\nnot %s", args, said, want)
			}
		}
	}
	check("allowed: the identity gets credentials of "+role+"\n", "explain", "credentials", id)
	check("allowed: Allow: by statement 0 of identity policy \"own\"\n", append(access, "arn:aws:s3:::b/"+id+"/f")...)
	check("refused: NoMatch: no statement of identity policy \"own\" allows s3:GetObject", append(access, "arn:aws:s3:::b/other/f")...)
	check("refused: NoMatch: ", "explain", "access", "--role", guestRole, "--action", "s3:GetObject", "--resource", "arn:aws:s3:::b/x")

	other := strings.Replace(trustOf(t, n, guestRole), pool, region+":11111111-2222-4333-8444-555555555555", 1)
	if _, err := n.iam().UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String(guestRole), PolicyDocument: &other}); err != nil {
		t.Fatal(err)
	}
	check("refused: access denied: the trust policy of "+role+` does not allow sts:AssumeRoleWithWebIdentity: it trusts aud ["us-east-1:11111111-2222-4333-8444-555555555555"], this pool is `+pool, "explain", "credentials", id)
	p := start(t, "idpool", environ(), binary, "sessions", "revoke", "--data", n.data, "--account", "111111111111", "--role", guestRole)
	if code, said := p.wait(t), p.spoken(); code != 1 || len(said) != 1 || !strings.Contains(said[0], "ResourceNotFoundException: Role '"+guestRole+"' not found.") {
		t.Errorf("another account's role: it ends with %d and says %q", code, said)
	}
}

// trustOf is a role's trust policy.
func trustOf(t testing.TB, n *node, role string) string {
	t.Helper()
	got, err := n.iam().GetRole(t.Context(), &iam.GetRoleInput{RoleName: &role})
	if err != nil {
		t.Fatal(err)
	}
	document, err := url.PathUnescape(*got.Role.AssumeRolePolicyDocument)
	if err != nil {
		t.Fatal(err)
	}
	return document
}
