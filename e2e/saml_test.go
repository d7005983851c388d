package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// Of SimpleSAMLphp's people alice has the role Editor, and bob these two. saml-idp gives everybody Editor.
const (
	editor  = "Editor"
	auditor = "Auditor"
	seller  = "Seller"
)

// TestSAMLSignIn is the main job with identity providers of two makers: whoever they vouch for is one stable identity, with
// credentials of the role that their assertion grants, also after the power was cut.
func TestSAMLSignIn(t *testing.T) {
	for _, provider := range []struct {
		name  string
		start func(testing.TB) *samlIDP
	}{
		{"SimpleSAMLphp", startSimpleSAMLphp},
		{"saml-idp", startSAMLIDP},
	} {
		t.Run(provider.name, func(t *testing.T) {
			t.Parallel()
			p, n := provider.start(t), startNode(t)
			pool := setUpSAMLByCLI(t, n, p)
			createRole(t, n, editor, trustPolicy(pool, "authenticated"))
			response := p.signIn(t, "alice")
			checkSignatures(t, p, response)

			id := getID(t, n, pool, p.login(response))
			if again := getID(t, n, pool, p.login(response)); again != id {
				t.Errorf("the same response is identity %s, then %s", id, again)
			}
			credentials := getCredentials(t, n, id, p.login(response))
			checkCaller(t, n, credentials, editor)

			n.restart(t)
			if again := getID(t, n, pool, p.login(response)); again != id {
				t.Errorf("the same response is identity %s, and after a restart %s", id, again)
			}
			checkCaller(t, n, credentials, editor)
			checkCaller(t, n, getCredentials(t, n, id, p.login(response)), editor)

			if again := getID(t, n, pool, p.login(p.signIn(t, "alice"))); again != id {
				t.Errorf("alice is identity %s, and when she signs in again %s", id, again)
			}
			other := getID(t, n, pool, p.login(p.signIn(t, "bob")))
			if other == id {
				t.Error("bob is alice")
			}
			checkIdentities(t, n, pool, p.arn(), id, other)
		})
	}
}

// login is a Logins map with one response.
func (p *samlIDP) login(response string) map[string]string {
	return map[string]string{p.arn(): response}
}

// setUpSAMLByCLI registers an identity provider and makes a pool that takes its responses, and no guests, with the AWS CLI.
// The pool has no roles: which one somebody gets is what the assertion says.
func setUpSAMLByCLI(t testing.TB, n *node, p *samlIDP) (pool string) {
	t.Helper()
	arn := n.aws(t, "iam", "create-saml-provider", "--name", p.name,
		"--saml-metadata-document", p.fetchMetadata(t), "--query", "SAMLProviderArn")
	if arn != p.arn() {
		t.Errorf("the provider's ARN is %s, not %s", arn, p.arn())
	}
	return n.aws(t, "cognito-identity", "create-identity-pool", "--identity-pool-name", "people",
		"--no-allow-unauthenticated-identities", "--saml-provider-arns", arn, "--query", "IdentityPoolId")
}

// registerSAML registers an identity provider with the Go SDK.
func registerSAML(t testing.TB, n *node, p *samlIDP) {
	t.Helper()
	metadata := p.fetchMetadata(t)
	_, err := n.iam().CreateSAMLProvider(t.Context(), &iam.CreateSAMLProviderInput{Name: &p.name, SAMLMetadataDocument: &metadata})
	if err != nil {
		t.Fatal(err)
	}
}

// samlPool makes a pool that takes the responses of identity providers, and no guests.
func samlPool(t testing.TB, n *node, arns ...string) string {
	t.Helper()
	return createPool(t, n, &cognitoidentity.CreateIdentityPoolInput{
		IdentityPoolName: aws.String("people"), SamlProviderARNs: arns,
	})
}

func createRole(t testing.TB, n *node, name, trust string) {
	t.Helper()
	_, err := n.iam().CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: &trust})
	if err != nil {
		t.Fatal(err)
	}
}

// checkIdentities makes sure that a pool has some identities and no others, each with one login, by a provider.
func checkIdentities(t testing.TB, n *node, pool, provider string, ids ...string) {
	t.Helper()
	all := listIdentities(t, n, pool)
	if len(all) != len(ids) {
		t.Errorf("the pool has %d identities, not %d", len(all), len(ids))
	}
	for _, id := range ids {
		if logins := all[id].Logins; !slices.Equal(logins, []string{provider}) {
			t.Errorf("identity %s has the logins %q, not %s", id, logins, provider)
		}
	}
}

// TestSAMLRoles has bob, whose assertion grants two roles, choose one of them.
func TestSAMLRoles(t *testing.T) {
	t.Parallel()
	p, n := startSimpleSAMLphp(t), startNode(t)
	registerSAML(t, n, p)
	pool := samlPool(t, n, p.arn())
	for _, role := range []string{editor, auditor, seller, signedInRole} {
		createRole(t, n, role, trustPolicy(pool, p.arn()))
	}
	bob := p.login(p.signIn(t, "bob"))
	id := getID(t, n, pool, bob)

	_, err := chooseRole(t, n, id, bob, "")
	checkNotAuthorized(t, err, "The ambiguous role mapping rules for: "+p.arn()+` denied this request\.`)
	_, err = chooseRole(t, n, id, bob, editor)
	checkNotAuthorized(t, err, `The login does not grant the role of CustomRoleArn\.`)
	for _, role := range []string{auditor, seller} {
		credentials, err := chooseRole(t, n, id, bob, role)
		if err != nil {
			t.Fatal(err)
		}
		checkCaller(t, n, credentials, role)
	}

	// What the pool's own rules say of an attribute comes before what the assertion grants.
	mapGroups(t, n, pool, p.arn(), "editors", signedInRole)
	alice := p.login(p.signIn(t, "alice"))
	checkCaller(t, n, getCredentials(t, n, getID(t, n, pool, alice), alice), signedInRole)
}

// chooseRole asks for credentials of a role, or of the only one that there is.
func chooseRole(t testing.TB, n *node, id string, logins map[string]string, role string) (c aws.Credentials, err error) {
	t.Helper()
	in := &cognitoidentity.GetCredentialsForIdentityInput{IdentityId: &id, Logins: logins}
	if role != "" {
		in.CustomRoleArn = aws.String(roleARN(role))
	}
	out, err := n.identities().GetCredentialsForIdentity(t.Context(), in)
	if err != nil {
		return c, err
	}
	return aws.Credentials{
		AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretKey,
		SessionToken: *out.Credentials.SessionToken,
	}, nil
}

// mapGroups gives whoever is in a group, by the provider's word, a role of the pool's choice.
func mapGroups(t testing.TB, n *node, pool, provider, group, role string) {
	t.Helper()
	_, err := n.identities().SetIdentityPoolRoles(t.Context(), &cognitoidentity.SetIdentityPoolRolesInput{
		IdentityPoolId: &pool, Roles: map[string]string{},
		RoleMappings: map[string]types.RoleMapping{provider: {
			Type: types.RoleMappingTypeRules, AmbiguousRoleResolution: types.AmbiguousRoleResolutionTypeDeny,
			RulesConfiguration: &types.RulesConfigurationType{Rules: []types.MappingRule{{
				Claim: aws.String("groups"), MatchType: types.MappingRuleMatchTypeContains,
				Value: &group, RoleARN: aws.String(roleARN(role)),
			}}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

const taggedTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
	"Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],
	"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":%q,
		"aws:RequestTag/Department":"Research","aws:RequestTag/Mail":"alice@example.com"}}}]}`

// TestSAMLTags has attributes become principal tags, and roles that are for some of their values only.
func TestSAMLTags(t *testing.T) {
	t.Parallel()
	p, n := startSimpleSAMLphp(t), startNode(t)
	registerSAML(t, n, p)
	pool := samlPool(t, n, p.arn())
	for _, role := range []string{editor, auditor} {
		createRole(t, n, role, fmt.Sprintf(taggedTrust, pool))
	}
	_, err := n.identities().SetPrincipalTagAttributeMap(t.Context(), &cognitoidentity.SetPrincipalTagAttributeMapInput{
		IdentityPoolId: &pool, IdentityProviderName: aws.String(p.arn()), UseDefaults: aws.Bool(false),
		PrincipalTags: map[string]string{
			"Mail": "mail", "Department": "https://aws.amazon.com/SAML/Attributes/PrincipalTag:Department",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	alice, bob := p.login(p.signIn(t, "alice")), p.login(p.signIn(t, "bob"))
	checkCaller(t, n, getCredentials(t, n, getID(t, n, pool, alice), alice), editor)
	_, err = chooseRole(t, n, getID(t, n, pool, bob), bob, auditor) // who is of another department
	if refused := new(types.InvalidIdentityPoolConfigurationException); !errors.As(err, &refused) {
		t.Errorf("a role that is not for these tags: %v", err)
	}
}

// checkSignatures has xmlsec1, which shares no code with provider and server, verify a response's signatures.
func checkSignatures(t testing.TB, p *samlIDP, response string) {
	t.Helper()
	for _, signed := range []string{"/*", "/*/*[local-name()='Assertion']"} {
		if out, err := verifySignature(t, p, response, signed); err != nil {
			t.Errorf("xmlsec1 refuses the signature of %s: %v\n%s", signed, err, out)
		}
	}
}

// verifySignature has xmlsec1 verify the signature of an element, which is named by XPath.
func verifySignature(t testing.TB, p *samlIDP, response, element string) (printed []byte, err error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "response.xml")
	if err := os.WriteFile(file, decodeResponse(t, response), 0o600); err != nil {
		t.Fatal(err)
	}
	return exec.Command(tool(t, "xmlsec1", "xmlsec1"), "--verify", "--pubkey-cert-pem", p.file(currentKey, "crt"),
		"--enabled-key-data", "key-name,rsa", // not the certificate that comes with the signature
		"--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion",
		"--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:protocol:Response",
		"--node-xpath", element+"/*[local-name()='Signature']", file).CombinedOutput()
}
