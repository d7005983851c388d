package e2e

import (
	"errors"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"
)

// sharedIssuer is the URL that nodes without a balancer know themselves by. Nobody listens there.
const sharedIssuer = "http://127.0.0.1:1"

// TestNodesShare has each of three nodes give something out or change something, and the other two asked at once: there is
// nothing on a node that another one lacks.
func TestNodesShare(t *testing.T) {
	t.Parallel()
	nodes, _ := startNodes(t, 3, "--database", postgresURL(startPostgres(t).port), "--issuer-url", sharedIssuer)
	pool := setUpForGuests(t, nodes[0])
	setRoles(t, nodes[0], pool)
	for _, shared := range []struct {
		what string
		test func(t *testing.T, one, two, three *node, pool string)
	}{
		{"tokens", shareToken},
		{"credentials", shareCredentials},
		{"pages", sharePages},
		{"pools", sharePool},
		{"roles", shareRole},
		{"assertions", shareAssertion},
	} {
		t.Run(shared.what, func(t *testing.T) {
			for i := range nodes {
				shared.test(t, nodes[i], nodes[(i+1)%3], nodes[(i+2)%3], pool)
			}
		})
	}
}

// shareToken has what one signs verified with the others' keys, and taken by their STS.
func shareToken(t *testing.T, one, two, three *node, pool string) {
	id := getID(t, one, pool, nil)
	token := getToken(t, one, id, nil)
	for _, other := range []*node{two, three} {
		keys, err := jwk.Fetch(t.Context(), other.url+"/.well-known/jwks.json")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jwt.Parse([]byte(token), jwt.WithKeySet(keys), jwt.WithIssuer(sharedIssuer), jwt.WithAudience(pool), jwt.WithSubject(id)); err != nil {
			t.Errorf("with the keys that another node publishes: %v", err)
		}
		_, err = other.sts(aws.Credentials{}).AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
			RoleArn: aws.String(roleARN(guestRole)), RoleSessionName: aws.String("guest"), WebIdentityToken: &token,
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// shareCredentials has what one gives out taken by the others, until the second revokes it.
func shareCredentials(t *testing.T, one, two, three *node, pool string) {
	id := getID(t, one, pool, nil)
	credentials := getCredentials(t, one, id, nil)
	for _, n := range []*node{two, three} {
		checkCaller(t, n, credentials, guestRole)
	}
	run(t, exec.Command(binary, "sessions", "revoke", "--data", two.data, "--identity", id))
	for _, n := range []*node{three, one, two} {
		_, err := n.sts(credentials).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		if refusal := smithy.APIError(nil); !errors.As(err, &refusal) || refusal.ErrorCode() != "InvalidClientTokenId" {
			t.Errorf("the credentials are revoked: %v", err)
		}
	}
}

// sharePages asks each for the page that the one before has given the token of.
func sharePages(t *testing.T, one, two, three *node, pool string) {
	want := map[string]bool{}
	for range 5 {
		want[getID(t, one, pool, nil)] = true
	}
	nodes := []*node{one, two, three}
	var got []string
	in := &cognitoidentity.ListIdentitiesInput{IdentityPoolId: &pool, MaxResults: aws.Int32(2)}
	for page := 0; page == 0 || in.NextToken != nil; page++ {
		out, err := nodes[page%3].identities().ListIdentities(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range out.Identities {
			got = append(got, *i.IdentityId)
		}
		in.NextToken = out.NextToken
	}
	if missing := notIn(want, got); len(missing) > 0 || len(set(got)) != len(got) {
		t.Errorf("the pages lack %q, or have something twice: %q", missing, got)
	}

	roles := make(map[string]bool)
	for page, marker := 0, (*string)(nil); page == 0 || marker != nil; page++ {
		out, err := nodes[page%3].iam().ListRoles(t.Context(), &iam.ListRolesInput{MaxItems: aws.Int32(1), Marker: marker})
		if err != nil {
			t.Fatal(err)
		}
		roles[*out.Roles[0].RoleName], marker = true, out.Marker
	}
	if !roles[guestRole] || !roles[signedInRole] {
		t.Errorf("the pages have the roles %q", slices.Sorted(maps.Keys(roles)))
	}
}

// sharePool has the second know what the first has made, the third what the second has changed, and the first what the third
// has taken away.
func sharePool(t *testing.T, one, two, three *node, _ string) {
	pool := setUpForGuests(t, one)
	getID(t, two, pool, nil)
	getID(t, three, pool, nil) // they know the pool now
	_, err := two.identities().UpdateIdentityPool(t.Context(), &cognitoidentity.UpdateIdentityPoolInput{
		IdentityPoolId: &pool, IdentityPoolName: aws.String("members"), DeveloperProviderName: aws.String(developer),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []*node{three, one} {
		_, err = n.identities().GetId(t.Context(), &cognitoidentity.GetIdInput{IdentityPoolId: &pool})
		checkNotAuthorized(t, err, `Unauthenticated access is not supported for this identity pool\.`)
	}
	if _, err := three.identities().DeleteIdentityPool(t.Context(), &cognitoidentity.DeleteIdentityPoolInput{IdentityPoolId: &pool}); err != nil {
		t.Fatal(err)
	}
	for _, n := range []*node{one, two} {
		_, err = n.identities().GetId(t.Context(), &cognitoidentity.GetIdInput{IdentityPoolId: &pool})
		if gone := new(types.ResourceNotFoundException); !errors.As(err, &gone) {
			t.Errorf("the pool is deleted: %v", err)
		}
	}
}

// shareRole has a role trust nobody any more, and then again.
func shareRole(t *testing.T, one, two, three *node, pool string) {
	id := getID(t, one, pool, nil)
	trust := func(n *node, amr string) {
		t.Helper()
		_, err := n.iam().UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{
			RoleName: aws.String(guestRole), PolicyDocument: aws.String(trustPolicy(pool, amr)),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	trust(two, "nobody")
	for _, n := range []*node{three, one} {
		_, err := n.identities().GetCredentialsForIdentity(t.Context(), &cognitoidentity.GetCredentialsForIdentityInput{IdentityId: &id})
		if refused := new(types.InvalidIdentityPoolConfigurationException); !errors.As(err, &refused) {
			t.Errorf("the role trusts nobody: %v", err)
		}
	}
	trust(three, "unauthenticated")
	getCredentials(t, two, id, nil)
}

// shareAssertion has an assertion that one took for an identity of a pool refused for another pool by the others.
func shareAssertion(t *testing.T, one, two, three *node, _ string) {
	corp := startSAMLIDP(t)
	corp.name += corp.url[strings.LastIndex(corp.url, ":")+1:] // each time it has another key
	registerSAML(t, one, corp)
	first, second := samlPool(t, two, corp.arn()), samlPool(t, three, corp.arn())
	response := corp.login(corp.signIn(t, "alice"))
	id := getID(t, one, first, response)
	for _, n := range []*node{two, three} {
		if again := getID(t, n, first, response); again != id {
			t.Errorf("the same response is identity %s, and at another node %s", id, again)
		}
		_, err := n.identities().GetId(t.Context(), &cognitoidentity.GetIdInput{IdentityPoolId: &second, Logins: response})
		checkNotAuthorized(t, err, usedSAML)
	}
}
