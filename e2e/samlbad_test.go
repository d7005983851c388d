package e2e

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

const usedSAML = `Invalid login token\. The SAML assertion was used before, for another identity\.`

// TestBadSAML shows responses that prove nothing, and good ones where they prove nothing. Nothing of it is stored.
func TestBadSAML(t *testing.T) {
	t.Parallel()
	p, n := startSimpleSAMLphp(t), startNode(t)
	registerSAML(t, n, p)
	pool, second, third := samlPool(t, n, p.arn()), samlPool(t, n, p.arn()), samlPool(t, n, p.arn()+"2")
	createRole(t, n, editor, trustPolicy(pool, "authenticated"))
	response := p.signIn(t, "alice")
	fake := changeRole(t, response)
	if out, err := verifySignature(t, p, fake, "/*/*[local-name()='Assertion']"); err == nil {
		t.Errorf("xmlsec1 takes the changed response too: %s", out)
	}
	shown, unseen := p.login(response), p.login(p.signIn(t, "alice"))
	alice, bob := getID(t, n, pool, shown), getID(t, n, pool, p.login(p.signIn(t, "bob")))

	const stranger = `Token is not from a supported provider of this identity pool\.`
	const unsigned = `Invalid login token\. Couldn't verify signed token\.`
	const others = `Logins don't match\. Please include at least one valid login for this identity or identity pool\.`
	for _, bad := range []struct {
		name   string
		pool   string // of GetId, or
		id     string // of GetCredentialsForIdentity
		logins map[string]string
		words  string
	}{
		{"one byte of the role was changed", pool, "", p.login(fake), unsigned},
		{"one byte of the role was changed, and the identity is there", "", alice, p.login(fake), unsigned},
		{"garbage", pool, "", p.login("garbage"), `Invalid login token\. Not a valid SAML response\.`},
		{"for a pool that does not trust the provider", third, "", unseen, stranger},
		{"alice's, at bob's identity", "", bob, shown, others},
		{"alice's new one, at bob's identity", "", bob, unseen, others},
		{"shown before, to another pool", second, "", shown, usedSAML},
	} {
		t.Run(bad.name, func(t *testing.T) {
			var err error
			if bad.pool != "" {
				_, err = n.identities().GetId(t.Context(), &cognitoidentity.GetIdInput{IdentityPoolId: &bad.pool, Logins: bad.logins})
			} else {
				_, err = chooseRole(t, n, bad.id, bad.logins, "")
			}
			checkNotAuthorized(t, err, bad.words)
		})
	}
	checkEnhancedOnly(t, n, alice, shown)
	checkIdentities(t, n, pool, p.arn(), alice, bob)
	checkEmpty(t, n, second)
	checkEmpty(t, n, third)
	checkCaller(t, n, getCredentials(t, n, alice, shown), editor) // the good one is good
	getID(t, n, second, unseen)                                   // and what was refused only was not used up
}

// TestSAMLOnce has many show one response at the same moment, half of them to one pool and half to another: it is good for one
// identity of one pool, whoever was first.
func TestSAMLOnce(t *testing.T) {
	t.Parallel()
	p, n := startSimpleSAMLphp(t), startNode(t)
	registerSAML(t, n, p)
	pools := [2]string{samlPool(t, n, p.arn()), samlPool(t, n, p.arn())}
	response := p.login(p.signIn(t, "alice"))
	var errs [crowd]error
	atOnce(func(i int) {
		_, errs[i] = n.identities().GetId(t.Context(), &cognitoidentity.GetIdInput{IdentityPoolId: &pools[i%2], Logins: response})
	})
	if len(listIdentities(t, n, pools[0])) == 0 {
		pools[0], pools[1] = pools[1], pools[0]
	}
	checkIdentities(t, n, pools[0], p.arn(), getID(t, n, pools[0], response))
	checkEmpty(t, n, pools[1])
	taken := 0
	for _, err := range errs {
		if err == nil {
			taken++
			continue
		}
		checkNotAuthorized(t, err, usedSAML)
	}
	if taken != crowd/2 {
		t.Errorf("the response was taken from %d of %d, who were half of them right", taken, crowd)
	}
}

// changeRole changes one letter of a role's name in the assertion, which then grants another role.
func changeRole(t testing.TB, response string) string {
	t.Helper()
	document := decodeResponse(t, response)
	old := []byte(":role/" + editor + ",")
	if bytes.Count(document, old) != 1 {
		t.Fatalf("the role is not there once: %s", document)
	}
	return base64.StdEncoding.EncodeToString(bytes.Replace(document, old, []byte(":role/editor,"), 1))
}

// checkEnhancedOnly makes sure that a login by SAML gives no token: with it the caller could take any role that trusts the pool.
func checkEnhancedOnly(t testing.TB, n *node, id string, logins map[string]string) {
	t.Helper()
	_, err := n.identities().GetOpenIdToken(t.Context(), &cognitoidentity.GetOpenIdTokenInput{IdentityId: &id, Logins: logins})
	refused := new(types.InvalidParameterException)
	if !errors.As(err, &refused) {
		t.Fatalf("a token for a login by SAML: %v", err)
	}
	const words = "Basic (classic) flow is not supported with SAML providers, please use enhanced flow."
	if *refused.Message != words {
		t.Errorf("refused with the words %q", *refused.Message)
	}
}

// TestSAMLNewKey has the provider change its key as operators do: the next key is published beside the old one, then it signs,
// then the old one goes. Nobody is locked out on the way; at the end nothing goes that the old key signed, also if it went before.
func TestSAMLNewKey(t *testing.T) {
	t.Parallel()
	p, n := startSimpleSAMLphp(t), startNode(t)
	registerSAML(t, n, p)
	pool := samlPool(t, n, p.arn())
	shown, unseen := p.login(p.signIn(t, "alice")), p.login(p.signIn(t, "alice"))
	id := getID(t, n, pool, shown)
	goes := func(logins map[string]string, when string) {
		t.Helper()
		if again := getID(t, n, pool, logins); again != id {
			t.Errorf("%s alice is identity %s, not %s", when, again, id)
		}
	}

	p.makeKey(t, nextKey)
	updateSAML(t, n, p)
	goes(p.login(p.signIn(t, "alice")), "with the next key published")
	p.changeKey(t)
	fresh := p.login(p.signIn(t, "alice"))
	goes(fresh, "with the next key")
	goes(shown, "with the old key still published")

	updateSAML(t, n, p)
	for _, old := range []map[string]string{shown, unseen} {
		_, err := n.identities().GetId(t.Context(), &cognitoidentity.GetIdInput{IdentityPoolId: &pool, Logins: old})
		checkNotAuthorized(t, err, `Invalid login token\. Couldn't verify signed token\.`)
	}
	goes(fresh, "without the old key")
	goes(p.login(p.signIn(t, "alice")), "without the old key")
	checkIdentities(t, n, pool, p.arn(), id)
}

// nextKey is SimpleSAMLphp's key that is to follow, and is published already.
const nextKey = "next"

// changeKey lets SimpleSAMLphp sign with the next key, and forget the one it had.
func (p *samlIDP) changeKey(t testing.TB) {
	t.Helper()
	for _, kind := range []string{"key", "crt"} {
		if err := os.Rename(p.file(nextKey, kind), p.file(currentKey, kind)); err != nil {
			t.Fatal(err)
		}
	}
}

// updateSAML gives IAM the metadata that a provider has now.
func updateSAML(t testing.TB, n *node, p *samlIDP) {
	t.Helper()
	arn, metadata := p.arn(), p.fetchMetadata(t)
	_, err := n.iam().UpdateSAMLProvider(t.Context(), &iam.UpdateSAMLProviderInput{SAMLProviderArn: &arn, SAMLMetadataDocument: &metadata})
	if err != nil {
		t.Fatal(err)
	}
}
