package pooltest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
)

// SAMLProvider is a fake of a SAML 2.0 identity provider: it signs what the test wants said, with RSA and SHA-256.
type SAMLProvider struct {
	EntityID string
	Now      func() time.Time
	key      *rsa.PrivateKey
	der      []byte // of the certificate
}

// NewSAMLProvider makes an identity provider. Its assertions go by the real clock; set Now for another.
func NewSAMLProvider(t testing.TB) *SAMLProvider {
	t.Helper()
	p := &SAMLProvider{EntityID: "https://idp.example/" + rand.Text(), Now: time.Now, key: newKey(t)}
	p.certify(t)
	return p
}

// Rotate gives it another key: its metadata has to be set anew.
func (p *SAMLProvider) Rotate(t testing.TB) {
	t.Helper()
	p.key = newKey(t)
	p.certify(t)
}

func (p *SAMLProvider) certify(t testing.TB) {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	var err error
	if p.der, err = x509.CreateCertificate(rand.Reader, template, template, &p.key.PublicKey, p.key); err != nil {
		t.Fatal(err)
	}
}

// Metadata is what IAM wants to know of it.
func (p *SAMLProvider) Metadata() string {
	return fmt.Sprintf("%-1000s\n", `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="`+p.EntityID+`">`+
		`<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing">`+
		`<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>`+base64.StdEncoding.EncodeToString(p.der)+
		`</X509Certificate></X509Data></KeyInfo></KeyDescriptor><SingleSignOnService `+
		`Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="`+p.EntityID+`"/></IDPSSODescriptor></EntityDescriptor>`)
}

// Assertion is what a response says. Of what is left empty it says what is usual.
type Assertion struct {
	ID         string // drawn
	Subject    string // the text of the NameID
	Recipient  string // https://signin.aws.amazon.com/saml
	Audience   string // urn:amazon:webservices
	Lifetime   time.Duration
	Attributes map[string][]string
}

// Names of attributes that Amazon Web Services defines.
const (
	RoleAttribute = "https://aws.amazon.com/SAML/Attributes/Role" // its values are ROLE-ARN,PROVIDER-ARN
	TagAttribute  = "https://aws.amazon.com/SAML/Attributes/PrincipalTag:"
)

// Response signs an assertion and returns the response around it, in base64.
func (p *SAMLProvider) Response(t testing.TB, a Assertion) string {
	t.Helper()
	return base64.StdEncoding.EncodeToString([]byte(p.Document(t, a)))
}

// Document is Response before it is encoded.
func (p *SAMLProvider) Document(t testing.TB, a Assertion) string {
	t.Helper()
	a = a.complete()
	head, rest := p.assertion(a)
	return `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_` + rand.Text() + `" Version="2.0" IssueInstant="` +
		instant(p.Now()) + `" Destination="` + a.Recipient + `"><samlp:Status><samlp:StatusCode ` +
		`Value="urn:oasis:names:tc:SAML:2.0:status:Success"></samlp:StatusCode></samlp:Status>` +
		head + p.signature(t, a.ID, head+rest) + rest + `</samlp:Response>`
}

func (a Assertion) complete() Assertion {
	if a.ID == "" {
		a.ID = "_" + rand.Text()
	}
	if a.Recipient == "" {
		a.Recipient = "https://signin.aws.amazon.com/saml"
	}
	if a.Audience == "" {
		a.Audience = "urn:amazon:webservices"
	}
	if a.Lifetime == 0 {
		a.Lifetime = 5 * time.Minute
	}
	return a
}

// assertion is the text before and behind the place of the signature. It is written as exclusive canonicalization would write
// it, so that its bytes are what is digested.
func (p *SAMLProvider) assertion(a Assertion) (head, rest string) {
	now, until := instant(p.Now()), instant(p.Now().Add(a.Lifetime))
	head = `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="` + a.ID + `" IssueInstant="` + now + `" Version="2.0">` +
		`<saml:Issuer>` + p.EntityID + `</saml:Issuer>`
	var b strings.Builder
	b.WriteString(`<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">` + escape(a.Subject) +
		`</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="` +
		until + `" Recipient="` + escape(a.Recipient) + `"></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject>` +
		`<saml:Conditions NotBefore="` + now + `" NotOnOrAfter="` + until + `"><saml:AudienceRestriction><saml:Audience>` + escape(a.Audience) +
		`</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="` + now + `"><saml:AuthnContext>` +
		`<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>`)
	b.WriteString(`<saml:AttributeStatement>`)
	for _, name := range slices.Sorted(maps.Keys(a.Attributes)) {
		b.WriteString(`<saml:Attribute Name="` + escape(name) + `">`)
		for _, value := range a.Attributes[name] {
			b.WriteString(`<saml:AttributeValue>` + escape(value) + `</saml:AttributeValue>`)
		}
		b.WriteString(`</saml:Attribute>`)
	}
	b.WriteString(`</saml:AttributeStatement></saml:Assertion>`)
	return head, b.String()
}

func (p *SAMLProvider) signature(t testing.TB, id, signed string) string {
	t.Helper()
	const c14n = "http://www.w3.org/2001/10/xml-exc-c14n#"
	digest := sha256.Sum256([]byte(signed))
	info := `<ds:SignedInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:CanonicalizationMethod Algorithm="` + c14n +
		`"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"></ds:SignatureMethod>` +
		`<ds:Reference URI="#` + id + `"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature">` +
		`</ds:Transform><ds:Transform Algorithm="` + c14n + `"></ds:Transform></ds:Transforms><ds:DigestMethod ` +
		`Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod><ds:DigestValue>` +
		base64.StdEncoding.EncodeToString(digest[:]) + `</ds:DigestValue></ds:Reference></ds:SignedInfo>`
	hash := sha256.Sum256([]byte(info))
	value, err := p.key.Sign(rand.Reader, hash[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#">` + info + `<ds:SignatureValue>` +
		base64.StdEncoding.EncodeToString(value) + `</ds:SignatureValue></ds:Signature>`
}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder never fails
	return b.String()
}
