package e2e

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"
)

// TestBadTokens shows the Go SDK tokens that prove nothing. Each is refused as the original refuses it, in its words, and
// nothing is stored.
func TestBadTokens(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	p, late := startOIDCProvider(t), startOIDCProvider(t, "--behind", "3600")
	pool := setUp(t, n, p, late)
	good := p.signIn(t, appClient, p.user)
	expired := late.signIn(t, appClient, late.user)
	other := p.signIn(t, otherClient, p.user)
	head, signature := good[:strings.LastIndex(good, ".")+1], other[strings.LastIndex(other, ".")+1:]

	for _, bad := range []struct {
		name   string
		logins map[string]string
		words  string
	}{
		{"expired", login(late, expired), `Invalid login token\. Token expired: \d+ >= \d+`},
		{"for another client", login(p, other), `Token is not from a supported provider of this identity pool\.`},
		{"of another issuer", login(p, expired), `Invalid login token\. Issuer doesn't match providerName`},
		{"with another token's signature", login(p, head+signature), `Invalid login token\. Couldn't verify signed token\.`},
		{"garbage", login(p, "garbage"), `Invalid login token\. Not a valid OpenId Connect identity token\.`},
		{"of an unknown provider", map[string]string{"id.example.com": good}, `Invalid login token\. Issuer doesn't match providerName`},
		{"none, without guests", nil, `Unauthenticated access is not supported for this identity pool\.`},
	} {
		t.Run(bad.name, func(t *testing.T) {
			_, err := n.identities().GetId(t.Context(), &cognitoidentity.GetIdInput{IdentityPoolId: &pool, Logins: bad.logins})
			checkNotAuthorized(t, err, bad.words)
		})
	}
	checkEmpty(t, n, pool)
	getID(t, n, pool, login(p, good)) // the good one is good
}

// checkNotAuthorized makes sure that a call was refused, in words that a pattern gives.
func checkNotAuthorized(t testing.TB, err error, words string) {
	t.Helper()
	refused := new(types.NotAuthorizedException)
	if !errors.As(err, &refused) {
		t.Fatalf("not refused but: %v", err)
	}
	if !regexp.MustCompile("^" + words + "$").MatchString(*refused.Message) {
		t.Errorf("refused with the words %q, not %s", *refused.Message, words)
	}
}
