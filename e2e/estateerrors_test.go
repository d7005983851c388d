package e2e

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
)

// refused is a call of IAM or STS that fails, and how a program in Go learns of it: by a type, where the SDK has one for the
// error, else by a code.
type refused struct {
	exception smithy.APIError // a pointer to the type, or *smithy.GenericAPIError with nothing but its code
	status    int
	service   string
	operation string
	input     input
}

// check makes the call with the root's credentials.
func (r *refused) check(t *testing.T, n *node) {
	t.Helper()
	_, err := sendByGo(t, n.client(r.service), r.operation, r.input)
	target := reflect.New(reflect.TypeOf(r.exception)) // as in: var e *types.XException; errors.As(err, &e)
	if !errors.As(err, target.Interface()) {
		t.Errorf("%s: no %T, but: %v", r.operation, r.exception, err)
		return
	}
	if e := target.Elem().Interface().(smithy.APIError); e.ErrorCode() != r.exception.ErrorCode() || e.ErrorMessage() == "" {
		t.Errorf("%s: code %q, not %q, with the message %q", r.operation, e.ErrorCode(), r.exception.ErrorCode(), e.ErrorMessage())
	}
	if reply := new(awshttp.ResponseError); !errors.As(err, &reply) || reply.HTTPStatusCode() != r.status || reply.RequestID == "" {
		t.Errorf("%s: not status %d with a request id: %v", r.operation, r.status, err)
	}
}

// code is an error that the SDK has no type for.
func code(name string) smithy.APIError { return &smithy.GenericAPIError{Code: name} }

// TestEstateErrors causes every error of IAM and STS that the SDK has a type for, but for those of a database that is gone, and
// those of the others that clients meet.
func TestEstateErrors(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	createRole(t, n, "taken", trustsUser)
	ann := &estate{node: n, send: (*node).sendByGo, called: make(map[string]bool)}
	ann.iamCall(t, "PutRolePolicy", input{"RoleName": "taken", "PolicyName": "p", "PolicyDocument": readOnly})
	ann.iamCall(t, "CreateUser", input{"UserName": "ann", "Path": "/staff/"})
	ann = ann.as(ann.iamCall(t, "CreateAccessKey", input{"UserName": "ann"}), "AccessKey")

	large := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/` + strings.Repeat("x", 2048) + `"}}`
	for _, r := range []refused{
		{new(iamtypes.NoSuchEntityException), 404, "iam", "GetRole", input{"RoleName": "nobody"}},
		{new(iamtypes.EntityAlreadyExistsException), 409, "iam", "CreateRole", input{"RoleName": "taken", "AssumeRolePolicyDocument": trustsRoot}},
		{new(iamtypes.DeleteConflictException), 409, "iam", "DeleteRole", input{"RoleName": "taken"}},
		{new(iamtypes.LimitExceededException), 409, "iam", "PutUserPolicy", input{"UserName": "ann", "PolicyName": "p", "PolicyDocument": large}},
		{new(iamtypes.MalformedPolicyDocumentException), 400, "iam", "CreateRole", input{"RoleName": "new", "AssumeRolePolicyDocument": "{}"}},
		{new(iamtypes.InvalidInputException), 400, "iam", "TagRole", input{"RoleName": "taken", "Tags": tags("a", "1", "A", "2")}},
		{code("ValidationError"), 400, "iam", "GetRole", input{"RoleName": "no name"}},
		{code("InvalidAction"), 400, "iam", "CreateGroup", input{"GroupName": "not built"}},
		{code("InvalidAction"), 400, "sts", "GetFederationToken", input{"Name": "not built"}},
	} {
		r.check(t, n)
	}
	denied := refused{code("AccessDenied"), 403, "iam", "ListRoles", input{}}
	denied.check(t, ann.node)
	wrong := *n
	wrong.root.SecretAccessKey += "x"
	forged := refused{code("SignatureDoesNotMatch"), 403, "iam", "ListRoles", input{}}
	forged.check(t, &wrong)
	checkTokenErrors(t, n)
	checkSessionErrors(t, n, ann)
}

// checkTokenErrors causes what can be wrong with a token of GetOpenIdToken and with what comes along.
func checkTokenErrors(t *testing.T, n *node) {
	pool := createPool(t, n, &cognitoidentity.CreateIdentityPoolInput{
		IdentityPoolName: aws.String("guests"), AllowUnauthenticatedIdentities: true, AllowClassicFlow: aws.Bool(true),
	})
	createRole(t, n, guestRole, trustPolicy(pool, "unauthenticated"))
	token := getToken(t, n, getID(t, n, pool, nil), nil)
	in := func(token string, more input) input {
		all := input{"RoleArn": roleARN(guestRole), "RoleSessionName": "guest", "WebIdentityToken": token}
		for name, value := range more {
			all[name] = value
		}
		return all
	}
	const operation = "AssumeRoleWithWebIdentity"
	for _, r := range []refused{
		{new(ststypes.InvalidIdentityTokenException), 400, "sts", operation, in("no token", nil)},
		{new(ststypes.MalformedPolicyDocumentException), 400, "sts", operation, in(token, input{"Policy": "{}"})},
		{code("AccessDenied"), 403, "sts", operation, in(token, input{"RoleArn": roleARN("taken")})},
		{code("ValidationError"), 400, "sts", operation, in(token, input{"DurationSeconds": 1})},
	} {
		r.check(t, n)
	}
	// As good a token, a second later.
	n.restart(t, "--token-lifetime", "1s")
	old := in(getToken(t, n, getID(t, n, pool, nil), nil), nil)
	n.await(t, "the token is too old", func() bool {
		_, err := sendByGo(t, n.client("sts"), operation, old)
		return err != nil
	})
	expired := refused{new(ststypes.ExpiredTokenException), 400, "sts", operation, old}
	expired.check(t, n)
}

// checkSessionErrors causes what can go wrong where roles are taken by users and by whom other providers vouch for.
func checkSessionErrors(t *testing.T, n *node, ann *estate) {
	var noise []string // tags that no compression makes small
	for i := range 50 {
		sum := sha256.Sum256(fmt.Append(nil, i))
		noise = append(noise, fmt.Sprint("k", i), strings.Repeat(fmt.Sprintf("%x", sum), 4))
	}
	large := refused{new(ststypes.PackedPolicyTooLargeException), 400, "sts", "AssumeRole", input{
		"RoleArn": roleARN("taken"), "RoleSessionName": "one", "Tags": tags(noise...),
	}}
	large.check(t, ann.node)

	p := startOIDCProvider(t)
	createRole(t, n, signedInRole, federatedTrust(register(t, n, p), "sts:AssumeRoleWithWebIdentity"))
	token := p.signIn(t, appClient, p.user)
	p.kill() // before anybody has asked for its keys
	down := refused{new(ststypes.IDPCommunicationErrorException), 400, "sts", "AssumeRoleWithWebIdentity", input{
		"RoleArn": roleARN(signedInRole), "RoleSessionName": "alice", "WebIdentityToken": token,
	}}
	down.check(t, n)

	corp := startSAMLIDP(t)
	registerSAML(t, n, corp)
	createRole(t, n, editor, federatedTrust(corp.arn(), "sts:AssumeRoleWithSAML"))
	failure := strings.ReplaceAll(string(decodeResponse(t, corp.signIn(t, "alice"))), "status:Success", "status:Responder")
	rejected := refused{new(ststypes.IDPRejectedClaimException), 403, "sts", "AssumeRoleWithSAML", input{
		"RoleArn": roleARN(editor), "PrincipalArn": corp.arn(), "SAMLAssertion": base64.StdEncoding.EncodeToString([]byte(failure)),
	}}
	rejected.check(t, n)
}
