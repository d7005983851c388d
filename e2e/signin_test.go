package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// TestSignIn is the main job, with providers by two makers: a login becomes one stable identity, a token that strangers
// can verify, and credentials that work, also after the power was cut.
func TestSignIn(t *testing.T) {
	for _, provider := range []struct {
		name  string
		start func(testing.TB) *openID
	}{
		{"oidc-provider", func(t testing.TB) *openID { return startOIDCProvider(t) }},
		{"zitadel", startZitadel},
	} {
		t.Run(provider.name, func(t *testing.T) {
			t.Parallel()
			p, n := provider.start(t), startNode(t)
			pool := setUpByCLI(t, n, p)
			id := signInAndOut(t, n, p, pool)
			checkIdentity(t, n, p, pool, id)
		})
	}
}

// signInAndOut signs somebody in, uses what they get, kills the node, starts it with the flags, and uses
// it again. It returns the identity.
func signInAndOut(t *testing.T, n *node, p *openID, pool string, flags ...string) (id string) {
	login := login(p, p.signIn(t, appClient, p.user))
	id = getID(t, n, pool, login)
	if again := getID(t, n, pool, login); again != id {
		t.Errorf("the same login is identity %s, then %s", id, again)
	}
	credentials := getCredentials(t, n, id, login)
	checkCaller(t, n, credentials, signedInRole)
	token := getToken(t, n, id, login)
	checkToken(t, n, p, token, pool, id)
	checkCaller(t, n, assumeRole(t, n, token), signedInRole)

	n.restart(t, flags...)
	if again := getID(t, n, pool, login); again != id {
		t.Errorf("the same login is identity %s, and after a restart %s", id, again)
	}
	checkCaller(t, n, credentials, signedInRole)
	return id
}

const signedInRole = "SignedIn"

func trustPolicy(pool, amr string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
		"Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{
		"StringEquals":{"cognito-identity.amazonaws.com:aud":%q},
		"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":%q}}}]}`, pool, amr)
}

func roleARN(name string) string { return "arn:aws:iam::" + account + ":role/" + name }

// setUpByCLI registers a provider and makes a pool that takes its logins, and no guests, with the role SignedIn: all that
// an operator does, with nothing but the AWS CLI. It returns the pool's id.
func setUpByCLI(t testing.TB, n *node, p *openID, thumbprints ...string) string {
	arn := registerByCLI(t, n, p, thumbprints...)
	if arn != p.arn() {
		t.Errorf("the provider's ARN is %s, not %s", arn, p.arn())
	}
	pool := n.aws(t, "cognito-identity", "create-identity-pool", "--identity-pool-name", "people",
		"--no-allow-unauthenticated-identities", "--open-id-connect-provider-arns", arn, "--query", "IdentityPoolId")
	role := n.aws(t, "iam", "create-role", "--role-name", signedInRole,
		"--assume-role-policy-document", trustPolicy(pool, "authenticated"), "--query", "Role.Arn")
	if role != roleARN(signedInRole) {
		t.Errorf("the role's ARN is %s", role)
	}
	n.aws(t, "cognito-identity", "set-identity-pool-roles", "--identity-pool-id", pool, "--roles", "authenticated="+role)

	described := n.aws(t, "cognito-identity", "describe-identity-pool", "--identity-pool-id", pool,
		"--query", "[IdentityPoolName, AllowUnauthenticatedIdentities, OpenIdConnectProviderARNs[0]]")
	if want := "people\tFalse\t" + arn; described != want {
		t.Errorf("the pool is described as %q, not %q", described, want)
	}
	roles := n.aws(t, "cognito-identity", "get-identity-pool-roles", "--identity-pool-id", pool, "--query", "Roles.authenticated")
	if roles != role {
		t.Errorf("the pool's role is %q, not %q", roles, role)
	}
	return pool
}

// registerByCLI always names the list of thumbprints, though it may be empty: old CLIs, as Debian 12 has one, ask for it.
func registerByCLI(t testing.TB, n *node, p *openID, thumbprints ...string) string {
	t.Helper()
	return n.aws(t, append([]string{
		"iam", "create-open-id-connect-provider", "--url", p.issuer, "--client-id-list", appClient,
		"--query", "OpenIDConnectProviderArn", "--thumbprint-list",
	}, thumbprints...)...)
}

func getID(t testing.TB, n *node, pool string, logins map[string]string) string {
	t.Helper()
	out, err := n.identities().GetId(t.Context(), &cognitoidentity.GetIdInput{IdentityPoolId: &pool, Logins: logins})
	if err != nil {
		t.Fatal(err)
	}
	return *out.IdentityId
}

func getCredentials(t testing.TB, n *node, id string, logins map[string]string) aws.Credentials {
	t.Helper()
	out, err := n.identities().GetCredentialsForIdentity(t.Context(), &cognitoidentity.GetCredentialsForIdentityInput{
		IdentityId: &id, Logins: logins,
	})
	if err != nil {
		t.Fatal(err)
	}
	c := out.Credentials
	if left := time.Until(*c.Expiration); left < 59*time.Minute || left > time.Hour {
		t.Errorf("the credentials are good for %s, not an hour", left)
	}
	return aws.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretKey, SessionToken: *c.SessionToken}
}

// checkCaller asks whose credentials these are.
func checkCaller(t testing.TB, n *node, credentials aws.Credentials, role string) {
	t.Helper()
	if arn, want := callerOf(t, n, credentials), sessionARN(role); arn != want {
		t.Errorf("the caller is %s, not %s", arn, want)
	}
}

// callerOf is the ARN of whom credentials are of, by the word of a node.
func callerOf(t testing.TB, n *node, credentials aws.Credentials) string {
	t.Helper()
	out, err := n.sts(credentials).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if *out.Account != account {
		t.Errorf("the caller is of account %s", *out.Account)
	}
	return *out.Arn
}

// sessionARN is what a pool's credentials for a role are called.
func sessionARN(role string) string {
	return "arn:aws:sts::" + account + ":assumed-role/" + role + "/CognitoIdentityCredentials"
}

func getToken(t testing.TB, n *node, id string, logins map[string]string) string {
	t.Helper()
	out, err := n.identities().GetOpenIdToken(t.Context(), &cognitoidentity.GetOpenIdTokenInput{IdentityId: &id, Logins: logins})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Token
}

// checkToken verifies a token of the node as a stranger would who knows the issuer's URL alone.
func checkToken(t testing.TB, n *node, p *openID, token, pool, id string) {
	var discovery struct {
		Issuer     string   `json:"issuer"`
		Keys       string   `json:"jwks_uri"`
		Algorithms []string `json:"id_token_signing_alg_values_supported"`
	}
	reply := send(t, http.DefaultClient, get(t, n.url+"/.well-known/openid-configuration"))
	if err := json.Unmarshal(reply.body, &discovery); err != nil || discovery.Issuer != n.url {
		t.Fatalf("discovery of %s: %v: %s", n.url, err, reply.body)
	}
	keys, err := jwk.Fetch(t.Context(), discovery.Keys)
	if err != nil {
		t.Fatal(err)
	}
	verified, err := jwt.Parse([]byte(token), jwt.WithKeySet(keys), jwt.WithIssuer(n.url), jwt.WithAudience(pool), jwt.WithSubject(id))
	if err != nil {
		t.Fatalf("%v: %s", err, token)
	}
	message, err := jws.Parse([]byte(token))
	if err != nil {
		t.Fatal(err)
	}
	if alg, _ := message.Signatures()[0].ProtectedHeaders().Algorithm(); alg != jwa.RS512() {
		t.Errorf("the token is signed with %s", alg)
	}
	issued, _ := verified.IssuedAt()
	expires, _ := verified.Expiration()
	if lifetime := expires.Sub(issued); lifetime != 10*time.Minute {
		t.Errorf("the token is good for %s", lifetime)
	}
	var amr any
	if err := verified.Get("amr", &amr); err != nil {
		t.Error(err)
	}
	if want := []any{"authenticated", p.name(), p.arn() + ":OIDC:" + p.subject}; !reflect.DeepEqual(amr, want) {
		t.Errorf("amr is %q, not %q", amr, want)
	}
}

func assumeRole(t testing.TB, n *node, token string) aws.Credentials {
	t.Helper()
	// The classic flow: the session's name is the caller's choice; here it is the one that the other flow gives.
	role, session := roleARN(signedInRole), "CognitoIdentityCredentials"
	out, err := n.sts(aws.Credentials{}).AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: &role, RoleSessionName: &session, WebIdentityToken: &token,
	})
	if err != nil {
		t.Fatal(err)
	}
	c := out.Credentials
	return aws.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, SessionToken: *c.SessionToken}
}

// checkIdentity looks at the identity as an operator does. Of its login the provider is shown, and never who it is there.
func checkIdentity(t testing.TB, n *node, p *openID, pool, id string) {
	want := id + "\t" + p.name()
	if described := n.aws(t, "cognito-identity", "describe-identity", "--identity-id", id, "--query", "[IdentityId, Logins[0]]"); described != want {
		t.Errorf("the identity is described as %q, not %q", described, want)
	}
	listed := n.aws(t, "cognito-identity", "list-identities", "--identity-pool-id", pool, "--max-results", "60",
		"--query", "Identities[].[IdentityId, Logins[0]]")
	if listed != want {
		t.Errorf("the pool's identities are listed as %q, not %q", listed, want)
	}
}
