package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"
)

const (
	checkedApp   = "checked"   // its users are asked about at every call (ServerSideTokenCheck)
	uncheckedApp = "unchecked" // its users are not
	foreignApp   = "foreign"   // the identity pool does not know it

	inactive  = "Token is inactive"
	adminRole = "Admin"
)

// door is an identity pool that takes users of a user pool.
type door struct {
	*node
	users *userPool
	id    string // of the identity pool
}

// openDoor makes an identity pool for two applications of a user pool. The users of one have the role that their tokens ask
// for or else SignedIn, those of the other a role by their group.
func openDoor(t testing.TB, n *node, users *userPool) *door {
	t.Helper()
	client := func(name string, check bool) types.CognitoIdentityProvider {
		return types.CognitoIdentityProvider{
			ProviderName: aws.String(users.name()), ClientId: aws.String(users.clients[name]), ServerSideTokenCheck: aws.Bool(check),
		}
	}
	d := &door{node: n, users: users}
	d.id = createPool(t, n, &cognitoidentity.CreateIdentityPoolInput{
		IdentityPoolName:         aws.String("people"),
		CognitoIdentityProviders: []types.CognitoIdentityProvider{client(checkedApp, true), client(uncheckedApp, false)},
	})
	roles := map[string]string{signedInRole: "", adminRole: ""}
	for role := range roles {
		name := role + "-" + users.id
		roles[role] = roleARN(name)
		_, err := n.iam().CreateRole(t.Context(), &iam.CreateRoleInput{
			RoleName: &name, AssumeRolePolicyDocument: aws.String(trustPolicy(d.id, "authenticated")),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := n.identities().SetIdentityPoolRoles(t.Context(), &cognitoidentity.SetIdentityPoolRolesInput{
		IdentityPoolId: &d.id,
		Roles:          map[string]string{"authenticated": roles[signedInRole]},
		RoleMappings: map[string]types.RoleMapping{
			users.name() + ":" + users.clients[checkedApp]: {
				Type: types.RoleMappingTypeToken, AmbiguousRoleResolution: types.AmbiguousRoleResolutionTypeAuthenticatedRole,
			},
			users.name() + ":" + users.clients[uncheckedApp]: {
				Type: types.RoleMappingTypeRules, AmbiguousRoleResolution: types.AmbiguousRoleResolutionTypeDeny,
				RulesConfiguration: &types.RulesConfigurationType{Rules: []types.MappingRule{{
					Claim: aws.String("cognito:groups"), MatchType: types.MappingRuleMatchTypeEquals, Value: aws.String("admins"),
					RoleARN: aws.String(roles[adminRole]),
				}}},
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// try makes both calls that take a login, once each, and returns what both answer.
func (d *door) try(t testing.TB, when, identity, token string) error {
	t.Helper()
	login := d.users.login(token)
	first := d.tryGetID(t, d.id, login)
	once := d.identities(func(o *cognitoidentity.Options) { o.Retryer = aws.NopRetryer{} })
	_, second := once.GetCredentialsForIdentity(t.Context(), &cognitoidentity.GetCredentialsForIdentityInput{
		IdentityId: &identity, Logins: login,
	})
	if a, b := said(first), said(second); a != b {
		t.Errorf("%s: GetId answers %q, GetCredentialsForIdentity %q", when, a, b)
	}
	return first
}

// said is what is the same of an error that two operations have.
func said(err error) string {
	if refused := smithy.APIError(nil); errors.As(err, &refused) {
		return refused.ErrorCode() + ": " + refused.ErrorMessage()
	}
	return fmt.Sprint(err)
}

func (d *door) passes(t testing.TB, when, identity, token string) {
	t.Helper()
	if err := d.try(t, when, identity, token); err != nil {
		t.Errorf("%s: %v", when, err)
	}
}

// refuses looks for the client's message, and for the reason in the node's log.
func (d *door) refuses(t testing.TB, when, identity, token, message, reason string) {
	t.Helper()
	logged := d.logs(t, when, reason)
	err := d.try(t, when, identity, token)
	if refused := new(types.NotAuthorizedException); !errors.As(err, &refused) || refused.ErrorMessage() != message {
		t.Errorf("%s: not %q, but %v", when, message, err)
	}
	logged()
}

// cannotTell is for when the one who knows does not answer: nobody passes, and it is not the client's fault.
func (d *door) cannotTell(t testing.TB, when, identity, token, reason string) {
	t.Helper()
	logged := d.logs(t, when, reason)
	asked := time.Now()
	checkUnavailable(t, d.try(t, when, identity, token), asked)
	logged()
}

// logs waits, once it is told to, for what the node logs from now on.
func (d *door) logs(t testing.TB, when, text string) (wait func()) {
	t.Helper()
	before := len(d.stderr.String())
	return func() {
		t.Helper()
		d.await(t, "its log says of "+when+": "+text, func() bool { return strings.Contains(d.stderr.String()[before:], text) })
	}
}

// askMoto is a setting of --providers: user pools are at moto, and a key may ask it whether a user still exists.
func askMoto(name string, m *moto, key aws.Credentials) string {
	return fmt.Sprintf("%s:\n  endpoint: %q\n  check: {kind: cognito-idp, access-key-id: %q, secret-access-key: %q}\n",
		name, m.url, key.AccessKeyID, key.SecretAccessKey)
}

// theRegion is the name that settings of all its user pools stand under.
const theRegion = "cognito-idp." + region + ".amazonaws.com"

// providersFile writes a file for --providers.
func providersFile(t testing.TB, settings ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "providers.yaml")
	if err := os.WriteFile(path, []byte(strings.Join(settings, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestUserPool signs a user in at a real user-pool server, by two applications: to idpool it is one person. A key that may
// do nothing there but AdminGetUser then sees what becomes of the user, and only where the identity pool wants that seen.
func TestUserPool(t *testing.T) {
	t.Parallel()
	m := startMoto(t)
	users := m.addUserPool(t, "people", checkedApp, uncheckedApp, foreignApp)
	users.add(t, "alice")
	key := m.addKey(t, "idpool", "cognito-idp:AdminGetUser")
	d := openDoor(t, startNode(t, "--providers", providersFile(t, askMoto(theRegion, m, key))), users)

	alice, other := users.signIn(t, checkedApp, "alice"), users.signIn(t, uncheckedApp, "alice")
	id := getID(t, d.node, d.id, users.login(alice.ID))
	if same := getID(t, d.node, d.id, users.login(other.ID)); same != id {
		t.Errorf("alice is identity %s by one application, and %s by another", id, same)
	}
	checkCaller(t, d.node, getCredentials(t, d.node, id, users.login(alice.ID)), signedInRole+"-"+users.id)
	checkCaller(t, d.node, getCredentials(t, d.node, id, users.login(other.ID)), adminRole+"-"+users.id)
	d.refuses(t, "an access token", id, alice.Access, "Invalid login token. Missing a required claim: aud", "aud")
	d.refuses(t, "an application that is not trusted", id, users.signIn(t, foreignApp, "alice").ID,
		"Token is not from a supported provider of this identity pool.", "which is no client id of")

	users.of(t, "alice", "AdminUserGlobalSignOut")
	d.passes(t, "AdminGetUser shows no sign-out", id, alice.ID)
	users.of(t, "alice", "AdminDisableUser")
	d.refuses(t, "disabled", id, alice.ID, inactive, "the user was disabled")
	d.passes(t, "disabled, and nobody asks", id, other.ID)
	users.of(t, "alice", "AdminEnableUser")
	d.passes(t, "enabled again", id, alice.ID)
	users.of(t, "alice", "AdminDeleteUser")
	d.refuses(t, "deleted", id, alice.ID, inactive, `"the user was deleted"`)
	d.passes(t, "deleted, and nobody asks", id, other.ID)

	users.add(t, "alice")
	d.refuses(t, "another one of that name", id, alice.ID, inactive, "another has his name now")
	if another := getID(t, d.node, d.id, users.login(users.signIn(t, checkedApp, "alice").ID)); another == id {
		t.Error("another alice has the identity of the first")
	}
}

// TestUserPoolDown loses the user-pool server. Who is to be asked about does not pass then, everybody else does; and it
// all goes on as soon as the server is back. Nor does anybody pass where the server does not answer this asker.
func TestUserPoolDown(t *testing.T) {
	t.Parallel()
	m := startMoto(t)
	nobodys := m.addKey(t, "nobody", "iam:GetUser")
	key := m.addKey(t, "idpool", "cognito-idp:AdminGetUser")
	wrong := key
	wrong.SecretAccessKey = nobodys.SecretAccessKey
	var pools []*userPool
	for _, name := range []string{"people", "wrong secret", "no right"} {
		p := m.addUserPool(t, name, checkedApp, uncheckedApp)
		p.add(t, "alice")
		pools = append(pools, p)
	}
	pools[0].add(t, "bob")
	n := startNode(t, "--providers", providersFile(t, askMoto(theRegion, m, key),
		askMoto(pools[1].name(), m, wrong), askMoto(pools[2].name(), m, nobodys)))
	for _, p := range pools[1:] {
		d := openDoor(t, n, p)
		id := getID(t, n, d.id, p.login(p.signIn(t, uncheckedApp, "alice").ID))
		d.cannotTell(t, "this asker", id, p.signIn(t, checkedApp, "alice").ID, "status 403")
	}

	d := openDoor(t, n, pools[0])
	alice, bob := d.users.signIn(t, checkedApp, "alice"), d.users.signIn(t, checkedApp, "bob")
	id := getID(t, n, d.id, d.users.login(alice.ID))
	unchecked := d.users.signIn(t, uncheckedApp, "alice")
	d.users.of(t, "bob", "AdminDisableUser")

	m.kill()
	d.cannotTell(t, "gone", id, alice.ID, "connection refused") // fewer calls than make a node leave a server alone
	d.passes(t, "nobody asks", id, unchecked.ID)
	m.restart(t)
	d.passes(t, "back again", id, alice.ID)
	d.refuses(t, "still disabled", id, bob.ID, inactive, "the user was disabled")
}

// TestUserPoolReadme starts a node with the settings that the README shows.
func TestUserPoolReadme(t *testing.T) {
	t.Parallel()
	settings := regexp.MustCompile("(?ms)^```yaml\n(cognito-idp.*?)^```$").FindAllSubmatch(readReadme(t), -1)
	if len(settings) != 1 {
		t.Fatalf("the README has %d examples of settings of user pools, not one", len(settings))
	}
	startNode(t, "--providers", providersFile(t, string(settings[0][1])))
}
