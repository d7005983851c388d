package saml_test

import (
	"encoding/base64"
	"fmt"
	"html"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"idpool/pooltest"
	"idpool/provider/saml"
	"idpool/server"
)

// door is a node with a pool that trusts one SAML provider, whose metadata every row sets for itself.
type door struct {
	*pooltest.Node
	mu   sync.Mutex
	pool string
}

const provider = "arn:aws:iam::" + pooltest.Account + ":saml-provider/Corp"

// opened is the door of all tests: to open one for each row would take longer than the rows.
var (
	opened  *door
	opening sync.Once
)

// lasting lets what was made for one test go on for the others.
type lasting struct {
	testing.TB
	folder string
}

func (l lasting) Cleanup(func())  {}
func (l lasting) TempDir() string { return l.folder }

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "saml")
	if err != nil {
		panic(err)
	}
	saml.FrontDoor = func(t testing.TB, md *saml.Metadata, response string, want saml.Expect) {
		t.Helper()
		opening.Do(func() { opened = open(lasting{t, folder}) })
		opened.show(t, md, response, want)
	}
	code := m.Run()
	if opened != nil {
		opened.Stop()
	}
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

// show wants a response refused by a whole node, and nothing stored.
func (d *door) show(t testing.TB, md *saml.Metadata, response string, want saml.Expect) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Clock.Advance(want.Now.Sub(d.Clock.Now()))
	if r := d.IAM(t, "UpdateSAMLProvider", "SAMLProviderArn", provider, "SAMLMetadataDocument", document(md)); r.Status != 200 {
		if r.Status != 400 {
			t.Errorf("metadata: %d %s", r.Status, r.Body)
		}
		return // there is no such provider, and so no such login
	}
	r := d.Public(t, "GetId", pooltest.Object{"IdentityPoolId": d.pool, "Logins": pooltest.Object{provider: response}})
	if code := r.Code(); r.Status != 400 || code != "NotAuthorizedException" && code != "ValidationException" {
		t.Errorf("at the front door: %d %s", r.Status, r.Body)
	}
	all := d.Signed(t, "ListIdentities", pooltest.Object{"IdentityPoolId": d.pool, "MaxResults": 1}).Must(t).Object(t)
	if identities := all["Identities"].([]any); len(identities) != 0 {
		t.Errorf("it made an identity: %v", identities)
	}
}

func open(t testing.TB) *door {
	t.Helper()
	n := pooltest.Start(t, func(c *server.Config) { c.SAMLRecipient, c.SigningAlgorithm = "https://pool.example/saml", "ES256" })
	idp := pooltest.NewSAMLProvider(t)
	n.IAM(t, "CreateSAMLProvider", "Name", "Corp", "SAMLMetadataDocument", idp.Metadata()).Must(t)
	created := n.Signed(t, "CreateIdentityPool", pooltest.Object{
		"IdentityPoolName": "test", "AllowUnauthenticatedIdentities": false, "SamlProviderARNs": []string{provider},
	}).Must(t)
	return &door{Node: n, pool: created.Object(t)["IdentityPoolId"].(string)}
}

// document is metadata as an identity provider publishes it.
func document(md *saml.Metadata) string {
	var keys strings.Builder
	for _, c := range md.Certificates {
		keys.WriteString(`<KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>` +
			base64.StdEncoding.EncodeToString(c.Raw) + `</X509Certificate></X509Data></KeyInfo></KeyDescriptor>`)
	}
	until := ""
	if !md.ValidUntil.IsZero() {
		until = ` validUntil="` + md.ValidUntil.UTC().Format(time.RFC3339) + `"`
	}
	return fmt.Sprintf("%-1000s\n", `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="`+html.EscapeString(md.EntityID)+`"`+until+
		`><IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">`+keys.String()+
		`<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example/sso"/></IDPSSODescriptor></EntityDescriptor>`)
}
