package e2e

import (
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// TestOperations calls every operation that the SDK knows with the AWS CLI, in the life of a shop that has customers of its
// own, people from an OpenID provider, and guests.
func TestOperations(t *testing.T) {
	t.Parallel()
	s := &shop{node: startNode(t), provider: startOIDCProvider(t), called: make(map[string]bool)}
	s.life(t)
	if diff := notIn(s.called, operations()); len(diff) > 0 {
		t.Errorf("called, and no operation: %q", diff)
	}
	if diff := notIn(set(operations()), slices.Collect(maps.Keys(s.called))); len(diff) > 0 {
		t.Errorf("not called: %q", diff)
	}
}

// operations are those that the Go SDK's client has, as the AWS CLI spells them.
func operations() []string {
	var names []string
	for method := range reflect.TypeFor[*cognitoidentity.Client]().Methods() {
		name := upper.ReplaceAllString(method.Name, "-$0")
		names = append(names, strings.ToLower(strings.TrimPrefix(name, "-")))
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == "options" })
}

var upper = regexp.MustCompile(`[A-Z]`)

func set(names []string) map[string]bool {
	members := make(map[string]bool)
	for _, name := range names {
		members[name] = true
	}
	return members
}

// notIn lists the names of a set that a list lacks.
func notIn(names map[string]bool, list []string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(names)), func(name string) bool { return slices.Contains(list, name) })
}

// developer is the name under which the shop vouches for its customers.
const developer = "login.shop.example"

type shop struct {
	*node
	provider *openID
	pool     string
	called   map[string]bool
}

// life is that of the shop, from its opening to its end.
func (s *shop) life(t *testing.T) {
	s.open(t)
	s.tag(t)
	guest := s.letGuestsIn(t)
	alice := s.letPeopleIn(t)
	ann := s.letCustomersIn(t)
	s.look(t, guest, alice, ann)
	s.close(t, guest, alice, ann)
}

// call calls an operation with the AWS CLI and returns what was asked for of the reply.
func (s *shop) call(t testing.TB, operation string, args ...string) string {
	t.Helper()
	s.called[operation] = true
	return s.aws(t, append([]string{"cognito-identity", operation}, args...)...)
}

// inPool is call for the operations that take the pool's id.
func (s *shop) inPool(t testing.TB, operation string, args ...string) string {
	t.Helper()
	return s.call(t, operation, append([]string{"--identity-pool-id", s.pool}, args...)...)
}

func same(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, not %q", what, got, want)
	}
}

// open makes the pool, first under a wrong name.
func (s *shop) open(t *testing.T) {
	arn := register(t, s.node, s.provider)
	s.pool = s.call(t, "create-identity-pool", "--identity-pool-name", "shpo", "--no-allow-unauthenticated-identities",
		"--developer-provider-name", developer, "--identity-pool-tags", "team=web", "--query", "IdentityPoolId")
	s.inPool(t, "update-identity-pool", "--identity-pool-name", "shop", "--allow-unauthenticated-identities",
		"--developer-provider-name", developer, "--open-id-connect-provider-arns", arn)
	described := s.inPool(t, "describe-identity-pool", "--query",
		"[IdentityPoolName, AllowUnauthenticatedIdentities, DeveloperProviderName, OpenIdConnectProviderARNs[0], IdentityPoolTags.team]")
	same(t, "the pool", described, strings.Join([]string{"shop", "True", developer, arn, "web"}, "\t"))
	listed := s.call(t, "list-identity-pools", "--max-results", "60", "--query", "IdentityPools[].[IdentityPoolId, IdentityPoolName]")
	same(t, "the pools", listed, s.pool+"\tshop")
}

func (s *shop) tag(t *testing.T) {
	arn := "arn:aws:cognito-identity:" + region + ":" + account + ":identitypool/" + s.pool
	s.call(t, "tag-resource", "--resource-arn", arn, "--tags", "team=shop,stage=test")
	s.call(t, "untag-resource", "--resource-arn", arn, "--tag-keys", "stage")
	tags := s.call(t, "list-tags-for-resource", "--resource-arn", arn, "--query", "[Tags.team, Tags.stage]")
	same(t, "the tags", tags, "shop\tNone")
}

// letGuestsIn gives guests a role, and returns one who has its credentials.
func (s *shop) letGuestsIn(t *testing.T) (guest string) {
	_, err := s.iam().CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String(guestRole), AssumeRolePolicyDocument: aws.String(trustPolicy(s.pool, "unauthenticated")),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.inPool(t, "set-identity-pool-roles", "--roles", "unauthenticated="+roleARN(guestRole))
	same(t, "the guests' role", s.inPool(t, "get-identity-pool-roles", "--query", "Roles.unauthenticated"), roleARN(guestRole))

	guest = s.inPool(t, "get-id", "--query", "IdentityId")
	keys := strings.Split(s.call(t, "get-credentials-for-identity", "--identity-id", guest,
		"--query", "Credentials.[AccessKeyId, SecretKey, SessionToken]"), "\t")
	if len(keys) != 3 {
		t.Fatalf("credentials: %q", keys)
	}
	checkCaller(t, s.node, aws.Credentials{AccessKeyID: keys[0], SecretAccessKey: keys[1], SessionToken: keys[2]}, guestRole)
	return guest
}

// letPeopleIn has the e-mail addresses of people become tags, and returns somebody whose token says so.
func (s *shop) letPeopleIn(t *testing.T) (alice string) {
	provider := []string{"--identity-provider-name", s.provider.arn()}
	s.inPool(t, "set-principal-tag-attribute-map", append(provider, "--no-use-defaults", "--principal-tags", "mail=email")...)
	tags := s.inPool(t, "get-principal-tag-attribute-map", append(provider, "--query", "[UseDefaults, PrincipalTags.mail]")...)
	same(t, "the principal tags", tags, "False\temail")

	login := s.login(t)
	alice = s.inPool(t, "get-id", "--logins", login, "--query", "IdentityId")
	token := s.call(t, "get-open-id-token", "--identity-id", alice, "--logins", login, "--query", "Token")
	checkToken(t, s.node, s.provider, token, s.pool, alice)
	if claims, err := jwt.ParseInsecure([]byte(token)); err != nil { // it is verified by now
		t.Error(err)
	} else if mail := principalTag(claims, "mail"); mail != s.provider.subject+"@example.com" {
		t.Errorf("alice's tag is %q", mail)
	}
	return alice
}

// login is alice's, in the CLI's form.
func (s *shop) login(t testing.TB) string {
	t.Helper()
	logins, err := json.Marshal(login(s.provider, s.provider.signIn(t, appClient, s.provider.user)))
	if err != nil {
		t.Fatal(err)
	}
	return string(logins)
}

func principalTag(claims jwt.Token, key string) string {
	var tags struct {
		Principal map[string][]string `json:"principal_tags"`
	}
	var claim any
	if claims.Get("https://aws.amazon.com/tags", &claim) != nil {
		return ""
	}
	if text, err := json.Marshal(claim); err != nil || json.Unmarshal(text, &tags) != nil {
		return ""
	}
	return strings.Join(tags.Principal[key], ",")
}

// letCustomersIn has a customer come by two names, until the shop notices that both are ann; one of them was a mistake.
func (s *shop) letCustomersIn(t *testing.T) (ann string) {
	customer := func(name string) string {
		return s.inPool(t, "get-open-id-token-for-developer-identity", "--logins", developer+"="+name, "--query", "IdentityId")
	}
	ann = customer("ann")
	if customer("smith") == ann {
		t.Error("smith is ann before anybody said so")
	}
	merged := s.inPool(t, "merge-developer-identities", "--developer-provider-name", developer,
		"--source-user-identifier", "smith", "--destination-user-identifier", "ann", "--query", "IdentityId")
	same(t, "smith and ann together", merged, ann)
	names := func() string {
		return s.inPool(t, "lookup-developer-identity", "--identity-id", ann, "--query", "DeveloperUserIdentifierList")
	}
	same(t, "ann's names", names(), "ann\tsmith")
	s.inPool(t, "unlink-developer-identity", "--developer-provider-name", developer, "--identity-id", ann,
		"--developer-user-identifier", "smith")
	same(t, "ann's names, after one was taken back", names(), "ann")
	return ann
}

// look is what the operator sees of everybody. The identity that smith had is disabled.
func (s *shop) look(t *testing.T, guest, alice, ann string) {
	described := s.call(t, "describe-identity", "--identity-id", ann, "--query", "[IdentityId, Logins[0], length(Logins)]")
	same(t, "ann", described, ann+"\t"+developer+"\t1")
	listed := strings.Fields(s.inPool(t, "list-identities", "--max-results", "60", "--hide-disabled", "--query", "Identities[].IdentityId"))
	slices.Sort(listed)
	everybody := []string{guest, alice, ann}
	slices.Sort(everybody)
	if !slices.Equal(listed, everybody) {
		t.Errorf("the pool's identities are %q, not %q", listed, everybody)
	}
}

// close sends everybody away: alice goes herself, and would be somebody else if she came back.
func (s *shop) close(t *testing.T, guest, alice, ann string) {
	login := s.login(t)
	s.call(t, "unlink-identity", "--identity-id", alice, "--logins", login, "--logins-to-remove", s.provider.name())
	if s.inPool(t, "get-id", "--logins", login, "--query", "IdentityId") == alice {
		t.Error("alice has unlinked her login, and is known by it")
	}
	kept := s.call(t, "delete-identities", "--identity-ids-to-delete", guest, ann, "--query", "length(UnprocessedIdentityIds)")
	same(t, "how many were not deleted", kept, "0")
	left := listIdentities(t, s.node, s.pool)
	for _, gone := range []string{guest, ann} {
		if _, there := left[gone]; there {
			t.Errorf("%s was deleted, and is there", gone)
		}
	}
	s.inPool(t, "delete-identity-pool")
	if pools := listPools(t, s.node); len(pools) > 0 {
		t.Errorf("the pool was deleted, and there is %q", pools)
	}
}
