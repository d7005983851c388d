package e2e

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// setUp makes a pool that takes the logins of providers, and no guests, with the Go SDK: the AWS CLI takes seconds for it.
func setUp(t testing.TB, n *node, providers ...*openID) string {
	t.Helper()
	in := &cognitoidentity.CreateIdentityPoolInput{IdentityPoolName: aws.String("people")}
	for _, p := range providers {
		in.OpenIdConnectProviderARNs = append(in.OpenIdConnectProviderARNs, register(t, n, p))
	}
	return createPool(t, n, in)
}

// register registers a provider with IAM, and returns its ARN.
func register(t testing.TB, n *node, p *openID) string {
	t.Helper()
	out, err := n.iam().CreateOpenIDConnectProvider(t.Context(), &iam.CreateOpenIDConnectProviderInput{
		Url: &p.issuer, ClientIDList: []string{appClient},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.OpenIDConnectProviderArn
}

// setUpForGuests makes a pool that takes nobody but guests.
func setUpForGuests(t testing.TB, n *node) string {
	t.Helper()
	return createPool(t, n, &cognitoidentity.CreateIdentityPoolInput{
		IdentityPoolName: aws.String("guests"), AllowUnauthenticatedIdentities: true,
	})
}

func createPool(t testing.TB, n *node, in *cognitoidentity.CreateIdentityPoolInput) string {
	t.Helper()
	out, err := n.identities().CreateIdentityPool(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return *out.IdentityPoolId
}

const guestRole = "Guest"

// setRoles gives a pool's guests a role, and those who have signed in another.
func setRoles(t testing.TB, n *node, pool string) {
	t.Helper()
	for name, amr := range map[string]string{signedInRole: "authenticated", guestRole: "unauthenticated"} {
		_, err := n.iam().CreateRole(t.Context(), &iam.CreateRoleInput{
			RoleName: &name, AssumeRolePolicyDocument: aws.String(trustPolicy(pool, amr)),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := n.identities().SetIdentityPoolRoles(t.Context(), &cognitoidentity.SetIdentityPoolRolesInput{
		IdentityPoolId: &pool,
		Roles:          map[string]string{"authenticated": roleARN(signedInRole), "unauthenticated": roleARN(guestRole)},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// login is a Logins map with one token.
func login(p *openID, token string) map[string]string { return map[string]string{p.name(): token} }

// listIdentities reads all pages of a pool's identities, by id.
func listIdentities(t testing.TB, n *node, pool string) map[string]types.IdentityDescription {
	t.Helper()
	all := make(map[string]types.IdentityDescription)
	in := &cognitoidentity.ListIdentitiesInput{IdentityPoolId: &pool, MaxResults: aws.Int32(60)}
	for {
		out, err := n.identities().ListIdentities(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range out.Identities {
			all[*i.IdentityId] = i
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return all
		}
	}
}

// listPools reads all pages of the account's pools: their names by id.
func listPools(t testing.TB, n *node) map[string]string {
	t.Helper()
	all := make(map[string]string)
	pages := cognitoidentity.NewListIdentityPoolsPaginator(n.identities(),
		&cognitoidentity.ListIdentityPoolsInput{MaxResults: aws.Int32(60)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.IdentityPools {
			all[*p.IdentityPoolId] = *p.IdentityPoolName
		}
	}
	return all
}
