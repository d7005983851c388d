package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestSAMLProviders registers identity providers of two makers. They sign Response and Assertion, and xmlsec1, which shares no
// code with them, agrees.
func TestSAMLProviders(t *testing.T) {
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
			arn := n.aws(t, "iam", "create-saml-provider", "--name", p.name,
				"--saml-metadata-document", "file://"+p.fetchMetadata(t), "--query", "SAMLProviderArn")
			if arn != p.arn() {
				t.Errorf("the provider's ARN is %s, not %s", arn, p.arn())
			}
			checkSignatures(t, p, p.signIn(t, "alice"))
		})
	}
}

// checkSignatures has xmlsec1 verify a response's signatures with the provider's key.
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
