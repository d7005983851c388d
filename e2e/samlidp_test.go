package e2e

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"html"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// samlIDP is a real SAML identity provider that runs beside the test.
type samlIDP struct {
	*process
	name     string // in IAM
	url      string // http://127.0.0.1:PORT
	metadata string // where its metadata is, below url
	entrance string // where people go to sign in to Amazon Web Services; below url
	keys     string // the folder of its keys, by name: NAME.key and NAME.crt
}

// currentKey is the key that signs.
const currentKey = "idp"

func (p *samlIDP) arn() string { return "arn:aws:iam::" + account + ":saml-provider/" + p.name }

// startSimpleSAMLphp runs Debian's SimpleSAMLphp, which signs Response and Assertion; parts/simplesamlphp/authsources.php says
// who is known to it. It reads its keys anew for every request.
func startSimpleSAMLphp(t testing.TB) *samlIDP {
	t.Helper()
	php, pages := simpleSAMLphp(t)
	config, err := filepath.Abs("parts/simplesamlphp")
	if err != nil {
		t.Fatal(err)
	}
	p := &samlIDP{
		name: "simplesamlphp", keys: t.TempDir(), metadata: "/saml2/idp/metadata.php",
		entrance: "/saml2/idp/SSOService.php?spentityid=urn:amazon:webservices",
	}
	p.makeKey(t, currentKey)
	p.process = start(t, p.name, environ("SIMPLESAMLPHP_CONFIG_DIR="+config, "SAML_STATE="+p.keys),
		php, "-d", "error_reporting=1", "-S", "127.0.0.1:0", "-t", pages)
	p.awaitAddress(t, regexp.MustCompile(`Development Server \(http://127\.0\.0\.1:(\d+)\)`))
	return p
}

// startSAMLIDP runs npm's saml-idp, which knows everybody.
func startSAMLIDP(t testing.TB) *samlIDP {
	t.Helper()
	folder := npmFolder(t, "parts/saml-idp")
	p := &samlIDP{name: "saml-idp", keys: t.TempDir(), metadata: "/metadata", entrance: "/"}
	p.makeKey(t, currentKey)
	// A HOST and a PORT in the environment count more than its flags.
	p.process = start(t, p.name, environ("HOST=127.0.0.1", "PORT=0"),
		nodeJS(t), filepath.Join(folder, "node_modules", "saml-idp", "bin", "run.js"),
		"--issuer", "urn:example:saml-idp", "--audience", "urn:amazon:webservices",
		"--acsUrl", "https://signin.aws.amazon.com/saml", "--configFile", filepath.Join(folder, "config.js"),
		"--key", p.file(currentKey, "key"), "--cert", p.file(currentKey, "crt"))
	p.awaitAddress(t, regexp.MustCompile(`http://localhost:(\d+)/metadata`))
	return p
}

// awaitAddress waits until it says on which port it listens.
func (p *samlIDP) awaitAddress(t testing.TB, port *regexp.Regexp) {
	t.Helper()
	p.await(t, "it says where it is", func() bool {
		m := port.FindStringSubmatch(p.stdout.String() + p.stderr.String())
		if m != nil {
			p.url = "http://127.0.0.1:" + m[1]
		}
		return m != nil
	})
}

func (p *samlIDP) file(key, kind string) string { return filepath.Join(p.keys, key+"."+kind) }

// makeKey makes a key and its certificate, which nobody vouches for, as identity providers have them.
func (p *samlIDP) makeKey(t testing.TB, name string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		p.file(name, "key"): {Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)},
		p.file(name, "crt"): {Type: "CERTIFICATE", Bytes: certificate},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// fetchMetadata asks for the metadata that it has now.
func (p *samlIDP) fetchMetadata(t testing.TB) string {
	t.Helper()
	return string(send(t, browser(t, nil), get(t, p.url+p.metadata)).body)
}

// signIn signs a user in to Amazon Web Services, as a browser would and without one, and returns the response that the browser
// would carry there, as it is posted: in base64.
func (p *samlIDP) signIn(t testing.TB, user string) string {
	t.Helper()
	b := browser(t, nil)
	page := send(t, b, get(t, p.url+p.entrance))
	page = send(t, b, page.fill(t, user))
	for _, input := range hiddenInput.FindAllSubmatch(page.body, -1) {
		if string(input[1]) == "SAMLResponse" {
			return html.UnescapeString(string(input[2]))
		}
	}
	t.Fatalf("%s: signing %s in led to no response but to %s:\n%s", p.name, user, page.url, page.body)
	return ""
}

func decodeResponse(t testing.TB, response string) []byte {
	t.Helper()
	document, err := base64.StdEncoding.DecodeString(response)
	if err != nil {
		t.Fatal(err)
	}
	return document
}
