package saml

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
	"time"
)

func descriptor(use string, certificates ...string) string {
	if use != "" {
		use = ` use="` + use + `"`
	}
	const begin, end = "<ds:X509Certificate>\n", "\n</ds:X509Certificate>"
	return "<md:KeyDescriptor" + use + "><ds:KeyInfo><ds:X509Data>" + begin + strings.Join(certificates, end+begin) + end +
		"</ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
}

// published is a metadata document with the given KeyDescriptors.
func published(descriptors string, changes ...string) string {
	return change(`<?xml version="1.0"?>
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" `+
		`entityID="https://idp.example/saml">
  <md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">`+descriptors+`
    <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example/sso"/>
  </md:IDPSSODescriptor>
</md:EntityDescriptor>`, changes...)
}

// authority makes a certificate of an authority, and one that it signed.
func authority() (root, leaf string) {
	template := *certified(p256().private).certificate
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	der := must(x509.CreateCertificate(rand.Reader, &template, &template, p256().private.Public(), p256().private))
	under := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "leaf"}}
	over, public := must(x509.ParseCertificate(der)), rsaA().private.Public()
	signed := must(x509.CreateCertificate(rand.Reader, under, over, public, p256().private))
	return base64.StdEncoding.EncodeToString(der), base64.StdEncoding.EncodeToString(signed)
}

func TestMetadata(t *testing.T) {
	a, b := descriptor("signing", rsaA().encoded()), descriptor("", rsaB().encoded())
	root, leaf := authority()
	const end = ` entityID="https://idp.example/saml"`
	rows := []struct {
		name, document string
		keys           int
		until          string
	}{
		{"one key", published(a), 1, ""},
		{"a key without a use", published(b), 1, ""},
		{"rotation", published(a + b + descriptor("signing", p256().encoded())), 3, ""},
		{"the same key twice", published(a + descriptor("", rsaA().encoded())), 1, ""},
		{"two certificates in one place", published(descriptor("signing", rsaA().encoded(), rsaB().encoded())), 2, ""},
		{"a chain", published(descriptor("signing", leaf, root)), 1, ""},
		{"keys for encryption don't count", published(a + descriptor("encryption", weak().encoded())), 1, ""},
		{"curves", published(descriptor("", p384().encoded()) + descriptor("", p521().encoded())), 2, ""},
		{"validUntil", published(a, end, ` validUntil="2030-01-02T03:04:05.5Z"`+end), 1, "2030-01-02T03:04:05Z"},
		{"the earlier of two", published(a, end, ` validUntil="2030-01-02T03:04:05Z"`+end,
			"<md:IDPSSODescriptor ", `<md:IDPSSODescriptor validUntil="2029-01-02T03:04:05Z" `), 1, "2029-01-02T03:04:05Z"},
		{"byte order mark", "\uFEFF" + published(a), 1, ""},
		{"comments, as Shibboleth writes them", published(a, "<md:Single", "<!-- example --><md:Single"), 1, ""},
		{"several protocols", published(a, `="urn:oasis:names:tc:SAML:2.0:protocol"`,
			`="urn:oasis:names:tc:SAML:1.1:protocol urn:oasis:names:tc:SAML:2.0:protocol"`), 1, ""},
		{"a service provider beside it", published(a, "</md:EntityDescriptor>",
			`<md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">`+
				descriptor("signing", p384().encoded())+`</md:SPSSODescriptor></md:EntityDescriptor>`), 1, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			md, err := ParseMetadata(row.document)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "entity ID", md.EntityID, entity)
			equal(t, "keys", len(md.Certificates), row.keys)
			got := ""
			if !md.ValidUntil.IsZero() {
				got = md.ValidUntil.Format(time.RFC3339)
			}
			equal(t, "end", got, row.until)
		})
	}
	md := must(ParseMetadata(published(descriptor("signing", leaf, root))))
	equal(t, "key of the chain", md.Certificates[0].Subject.CommonName, "leaf")
}

func TestMetadataRefused(t *testing.T) {
	a := descriptor("signing", rsaA().encoded())
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	edwards := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der := must(x509.CreateCertificate(rand.Reader, edwards, edwards, private.Public(), private))
	ed25519Key := base64.StdEncoding.EncodeToString(der)
	many := ""
	for range maxCertificates + 1 {
		many += descriptor("", certified(p256().private).encoded())
	}
	protocol := `protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"`
	unreadable := func(what string) string { return "the metadata cannot be read: " + what }
	dtd := unreadable("it has a document type declaration")
	const sp = "the metadata is that of a service provider: upload the identity provider's"
	const noIDP = "the metadata has no IDPSSODescriptor for SAML 2.0, or several"
	const noKey = "the IDPSSODescriptor has no KeyDescriptor for signing with an X509Certificate"
	const noID = "the EntityDescriptor has no entityID of 1 to 1,024 bytes"
	const itsCertificate = `the certificate of "CN=idp.example" has `
	const itsID = ` entityID="https://idp.example/saml"`
	key := func(k key) string { return published(descriptor("", k.encoded())) }
	rows := []struct{ name, why, document string }{
		{"nothing", unreadable("it is not well-formed XML"), ""},
		{"half", unreadable("it is not well-formed XML"), published(a)[:300]},
		{"DTD", dtd, "<!DOCTYPE x>" + published(a, `<?xml version="1.0"?>`, "")},
		{"entities", dtd, published(a, `<?xml version="1.0"?>`, `<!DOCTYPE x [<!ENTITY e "x">]>`)},
		{"style sheet", unreadable("it has a processing instruction"), published(a, "<md:Entity", "<?xml-stylesheet?><md:Entity")},
		{"Latin-1", unreadable("it is not UTF-8"), published(a, `version="1.0"`, `version="1.0" encoding="ISO-8859-1"`)},
		{"deep", unreadable("its elements are nested too deep"), strings.Repeat("<a>", 33) + strings.Repeat("</a>", 33)},
		{"many elements", unreadable("it has too many elements"), published(strings.Repeat("<a/>", 20_000))},
		{"a page", "the document is not SAML 2.0 metadata: its root is not an EntityDescriptor", "<html></html>"},
		{
			"a federation", "the metadata describes many entities: upload the EntityDescriptor of the identity provider alone",
			`<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"/>`,
		},
		{"no entity ID", noID, published(a, itsID, "")},
		{"long entity ID", noID, published(a, "idp.example/saml", strings.Repeat("x", 1024))},
		{"a service provider", sp, published(a, "IDPSSO", "SPSSO")},
		{"SAML 1", noIDP, published(a, protocol, `protocolSupportEnumeration="urn:oasis:names:tc:SAML:1.1:protocol"`)},
		{"two", noIDP, published(a, "<md:IDPSSODescriptor", "<md:IDPSSODescriptor "+protocol+"/><md:IDPSSODescriptor")},
		{"no key", noKey, published("")},
		{"keys for encryption alone", noKey, published(descriptor("encryption", rsaA().encoded()))},
		{"a bare key", noKey, published(a, "X509Data", "KeyValue")},
		{"no KeyInfo", "a KeyDescriptor has no KeyInfo, or several", published("<md:KeyDescriptor/>")},
		{"another use", "a KeyDescriptor has another use than signing or encryption", published(descriptor("both", rsaA().encoded()))},
		{"no base64", "an X509Certificate is not base64", published(descriptor("", "-----BEGIN CERTIFICATE-----"))},
		{"no certificate", "an X509Certificate cannot be read: x509: malformed certificate", published(descriptor("", "AAAA"))},
		{"weak RSA", itsCertificate + "an RSA key of 1024 bits: 2048 to 8192 are taken", key(weak())},
		{"weak curve", itsCertificate + "a curve of 224 bits: P-256, P-384 and P-521 are taken", key(p224())},
		{"Ed25519", `the certificate of "" has neither an RSA nor an ECDSA key`, published(descriptor("", ed25519Key))},
		{"many keys", "the IDPSSODescriptor has more than 20 certificates for signing", published(many)},
		{
			"validUntil", "validUntil is not a time in UTC such as 2030-01-31T00:00:00Z",
			published(a, itsID, ` validUntil="2030-01-31"`+itsID),
		},
	}
	for _, row := range rows {
		if md, err := ParseMetadata(row.document); md != nil || err == nil || err.Error() != row.why {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

// The largest document that IAM takes is refused before a tree is made of it.
func TestHugeMetadata(t *testing.T) {
	document := published("", "</md:IDPSSODescriptor>", strings.Repeat("<a/>", 2_400_000)+"</md:IDPSSODescriptor>")
	if err := ofMetadata.lexical([]byte(document)); err != errTooMany {
		t.Error(err)
	}
}
