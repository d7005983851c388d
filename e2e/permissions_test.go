package e2e

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// ward is a node with a pool, and somebody of each kind who has policies there.
type ward struct {
	*node
	pool, id string
}

// TestPermissions has four callers try ten actions each with the Go SDK, and get what their policies say: a guest whose role
// allows everything, somebody who has signed in to a role with a policy, the same by the classic flow, and a backend's user.
func TestPermissions(t *testing.T) {
	t.Parallel()
	w, callers := settle(t)
	for _, row := range []struct {
		action string
		try    func(aws.Credentials) error
		may    string // guest, signed in, classic flow, user: x is allowed
	}{
		{"sts:GetCallerIdentity", w.callerIdentity, "xxxx"},
		{"cognito-identity:DescribeIdentityPool", w.describePool, "--x-"},
		{"cognito-identity:ListIdentityPools", w.listPools, "--x-"},
		{"cognito-identity:DescribeIdentity", w.describeIdentity, "--x-"},
		{"cognito-identity:GetOpenIdTokenForDeveloperIdentity", w.developerToken, "--xx"},
		{"cognito-identity:DeleteIdentityPool", w.deletePool, "----"},
		{"iam:GetRole", w.getRole, "-xx-"},
		{"iam:ListRoles", w.listRoles, "----"},
		{"iam:GetUser", w.getUser, "---x"},
		{"iam:DeleteUser", w.deleteUser, "----"},
	} {
		t.Run(row.action, func(t *testing.T) {
			var got strings.Builder
			for _, credentials := range callers {
				err := row.try(credentials)
				var refusal smithy.APIError
				switch {
				case err == nil:
					got.WriteString("x")
				case errors.As(err, &refusal) && strings.HasPrefix(refusal.ErrorCode(), "AccessDenied") &&
					strings.Contains(refusal.ErrorMessage(), " is not authorized to perform: "+row.action+" on resource: "):
					got.WriteString("-")
				default:
					t.Error(err)
				}
			}
			if got.String() != row.may {
				t.Errorf("guest, signed in, classic flow, user: %s, not %s", &got, row.may)
			}
		})
	}
}

// settle makes a ward, and its four callers.
func settle(t *testing.T) (w *ward, callers []aws.Credentials) {
	t.Helper()
	w = &ward{node: startNode(t)}
	w.pool = createPool(t, w.node, &cognitoidentity.CreateIdentityPoolInput{
		IdentityPoolName: aws.String("people"), AllowUnauthenticatedIdentities: true, DeveloperProviderName: aws.String(developer),
	})
	setRoles(t, w.node, w.pool)
	login := func() map[string]string {
		out, err := w.backend(w.root, "ann")
		if err != nil {
			t.Fatal(err)
		}
		w.id = *out.IdentityId
		return map[string]string{"cognito-identity.amazonaws.com": *out.Token}
	}
	signedIn := login()
	callers = []aws.Credentials{
		getCredentials(t, w.node, getID(t, w.node, w.pool, nil), nil),
		getCredentials(t, w.node, w.id, signedIn),
		assumeRole(t, w.node, getToken(t, w.node, w.id, signedIn)),
		w.user(t, "backend", `{"Effect":"Allow","Action":"cognito-identity:GetOpenIdTokenForDeveloperIdentity","Resource":"arn:aws:cognito-identity:*:*:identitypool/`+w.pool+`"},`+
			`{"Effect":"Allow","Action":"iam:*User","Resource":"arn:aws:iam::*:user/${aws:username}"},{"Effect":"Deny","Action":"iam:DeleteUser","Resource":"*"}`),
	}
	w.policy(t, guestRole, `{"Effect":"Allow","Action":"*","Resource":"*"}`)
	w.policy(t, signedInRole, `{"Effect":"Allow","Action":["iam:GetRole","cognito-identity:*"],"Resource":"*"},`+
		`{"Effect":"Allow","Action":"iam:ListRoles","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}},`+
		`{"Effect":"Deny","Action":"cognito-identity:DeleteIdentityPool","Resource":"*"}`)
	return w, callers
}

// user makes a user who may do what the statements say, and a key of theirs.
func (w *ward) user(t testing.TB, name, statements string) aws.Credentials {
	t.Helper()
	_, made := w.iam().CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name})
	_, put := w.iam().PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{
		UserName: &name, PolicyName: aws.String("P"), PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[` + statements + `]}`),
	})
	key, err := w.iam().CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &name})
	if err := errors.Join(made, put, err); err != nil {
		t.Fatal(err)
	}
	return aws.Credentials{AccessKeyID: *key.AccessKey.AccessKeyId, SecretAccessKey: *key.AccessKey.SecretAccessKey}
}

// policy lets a role do what the statements say.
func (w *ward) policy(t testing.TB, role, statements string) {
	t.Helper()
	_, err := w.iam().PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: &role, PolicyName: aws.String("P"), PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[` + statements + `]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *ward) poolsAs(c aws.Credentials) *cognitoidentity.Client {
	return cognitoidentity.NewFromConfig(w.config(c))
}

func (w *ward) iamAs(c aws.Credentials) *iam.Client { return iam.NewFromConfig(w.config(c)) }

func (w *ward) callerIdentity(c aws.Credentials) error {
	_, err := w.sts(c).GetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{})
	return err
}

func (w *ward) describePool(c aws.Credentials) error {
	_, err := w.poolsAs(c).DescribeIdentityPool(context.Background(), &cognitoidentity.DescribeIdentityPoolInput{IdentityPoolId: &w.pool})
	return err
}

func (w *ward) listPools(c aws.Credentials) error {
	_, err := w.poolsAs(c).ListIdentityPools(context.Background(), &cognitoidentity.ListIdentityPoolsInput{MaxResults: aws.Int32(1)})
	return err
}

func (w *ward) describeIdentity(c aws.Credentials) error {
	_, err := w.poolsAs(c).DescribeIdentity(context.Background(), &cognitoidentity.DescribeIdentityInput{IdentityId: &w.id})
	return err
}

// backend asks for a token of a customer.
func (w *ward) backend(c aws.Credentials, customer string) (*cognitoidentity.GetOpenIdTokenForDeveloperIdentityOutput, error) {
	return w.poolsAs(c).GetOpenIdTokenForDeveloperIdentity(context.Background(), &cognitoidentity.GetOpenIdTokenForDeveloperIdentityInput{
		IdentityPoolId: &w.pool, Logins: map[string]string{developer: customer},
	})
}

func (w *ward) developerToken(c aws.Credentials) error {
	_, err := w.backend(c, "bob")
	return err
}

func (w *ward) deletePool(c aws.Credentials) error {
	_, err := w.poolsAs(c).DeleteIdentityPool(context.Background(), &cognitoidentity.DeleteIdentityPoolInput{IdentityPoolId: &w.pool})
	return err
}

func (w *ward) getRole(c aws.Credentials) error {
	_, err := w.iamAs(c).GetRole(context.Background(), &iam.GetRoleInput{RoleName: aws.String(guestRole)})
	return err
}

func (w *ward) listRoles(c aws.Credentials) error {
	_, err := w.iamAs(c).ListRoles(context.Background(), &iam.ListRolesInput{})
	return err
}

func (w *ward) getUser(c aws.Credentials) error {
	_, err := w.iamAs(c).GetUser(context.Background(), &iam.GetUserInput{UserName: aws.String("backend")})
	return err
}

func (w *ward) deleteUser(c aws.Credentials) error {
	_, err := w.iamAs(c).DeleteUser(context.Background(), &iam.DeleteUserInput{UserName: aws.String("backend")})
	return err
}

// TestBackendUserOnly is the README's user of a backend: one operation on one pool, and nothing else that the SDK has for it.
func TestBackendUserOnly(t *testing.T) {
	t.Parallel()
	w := &ward{node: startNode(t)}
	in := &cognitoidentity.CreateIdentityPoolInput{IdentityPoolName: aws.String("people"), DeveloperProviderName: aws.String(developer)}
	other := createPool(t, w.node, in)
	w.pool = createPool(t, w.node, in)
	backend := w.user(t, "backend", `{"Effect":"Allow","Action":"cognito-identity:GetOpenIdTokenForDeveloperIdentity",`+
		`"Resource":"arn:aws:cognito-identity:`+region+`:`+account+`:identitypool/`+w.pool+`"}`)
	out, err := w.backend(backend, "ann")
	if err != nil {
		t.Fatal(err)
	}
	w.id = *out.IdentityId
	refused := map[string]func(aws.Credentials) error{
		"DescribeIdentityPool": w.describePool, "ListIdentityPools": w.listPools, "DescribeIdentity": w.describeIdentity,
		"DeleteIdentityPool": w.deletePool, "GetUser": w.getUser, "DeleteUser": w.deleteUser, "ListRoles": w.listRoles,
		"the same on another pool": (&ward{node: w.node, pool: other}).developerToken,
	}
	for name, try := range refused {
		var refusal smithy.APIError
		if err := try(backend); !errors.As(err, &refusal) || !strings.HasPrefix(refusal.ErrorCode(), "AccessDenied") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
