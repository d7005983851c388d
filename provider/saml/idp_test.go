package saml

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1"
	"crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"
)

// key is a key pair of a fake identity provider, with the certificate that carries the public key.
type key struct {
	private     crypto.Signer
	certificate *x509.Certificate
}

// The key pairs are made once.
var (
	rsaA = sync.OnceValue(func() key { return certified(newRSA(2048)) })
	rsaB = sync.OnceValue(func() key { return certified(newRSA(2048)) })
	weak = sync.OnceValue(func() key { return certified(newRSA(1024)) })
	p224 = sync.OnceValue(func() key { return certified(newEC(elliptic.P224())) })
	p256 = sync.OnceValue(func() key { return certified(newEC(elliptic.P256())) })
	p384 = sync.OnceValue(func() key { return certified(newEC(elliptic.P384())) })
	p521 = sync.OnceValue(func() key { return certified(newEC(elliptic.P521())) })
)

func newRSA(bits int) crypto.Signer { return must(rsa.GenerateKey(rand.Reader, bits)) }

func newEC(c elliptic.Curve) crypto.Signer { return must(ecdsa.GenerateKey(c, rand.Reader)) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// certified makes a certificate that ran out long ago, as those of identity providers often have.
func certified(private crypto.Signer) key {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "idp.example"},
		NotBefore:    time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2012, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	der := must(x509.CreateCertificate(rand.Reader, template, template, private.Public(), private))
	return key{private, must(x509.ParseCertificate(der))}
}

func (k key) encoded() string { return base64.StdEncoding.EncodeToString(k.certificate.Raw) }

// Algorithms by their short names.
const (
	rsa256    = dsig.RSASHA256SignatureMethod
	sha256URI = "http://www.w3.org/2001/04/xmlenc#sha256"
	sha1URI   = "http://www.w3.org/2000/09/xmldsig#sha1"
	hmac256   = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"
)

var hashes = map[string]crypto.Hash{
	sha256URI: crypto.SHA256,
	sha1URI:   crypto.SHA1,
	"http://www.w3.org/2001/04/xmldsig-more#sha384": crypto.SHA384,
	"http://www.w3.org/2001/04/xmlenc#sha512":       crypto.SHA512,
	dsig.RSASHA1SignatureMethod:                     crypto.SHA1,
	dsig.RSASHA256SignatureMethod:                   crypto.SHA256,
	dsig.RSASHA384SignatureMethod:                   crypto.SHA384,
	dsig.RSASHA512SignatureMethod:                   crypto.SHA512,
	dsig.ECDSASHA256SignatureMethod:                 crypto.SHA256,
	dsig.ECDSASHA384SignatureMethod:                 crypto.SHA384,
	dsig.ECDSASHA512SignatureMethod:                 crypto.SHA512,
}

// signing is how a fake identity provider signs: by the zero value as most do, with RSA and SHA-256.
type signing struct {
	method, digest, canonical string
	prefixes                  string                        // of the InclusiveNamespaces
	keyInfo                   string                        // XML
	edit                      func(signature string) string // of all but the SignatureValue, before it is made
}

func (s signing) defaults() signing {
	if s.method == "" {
		s.method = rsa256
	}
	if s.digest == "" {
		s.digest = sha256URI
	}
	if s.canonical == "" {
		s.canonical = exclusive
	}
	return s
}

// sign puts a Signature into the element of a tag, after its Issuer, or at its beginning if it has none. All other bytes of
// the document stay as they are.
func (k key) sign(document, tag string, s signing) string {
	s = s.defaults()
	doc := etree.NewDocument()
	if err := doc.ReadFromString(document); err != nil {
		panic(err)
	}
	target := doc.FindElement("//" + tag)
	signed := canonicalized(target, s.canonical, s.prefixes)
	text := s.unsigned(attribute(target, "ID"), signed)
	if s.edit != nil {
		text = s.edit(text)
	}
	text = strings.Replace(text, "<ds:SignatureValue></ds:SignatureValue>",
		"<ds:SignatureValue>"+k.value(s.method, signedInfo(text))+"</ds:SignatureValue>", 1)

	start := strings.Index(document, "<"+target.FullTag())
	at := start + strings.IndexByte(document[start:], '>') + 1
	if len(target.ChildElements()) > 0 && target.ChildElements()[0].Tag == "Issuer" {
		const end = "</saml:Issuer>"
		at = start + strings.Index(document[start:], end) + len(end)
	}
	return document[:at] + text + document[at:]
}

func (s signing) unsigned(id string, signed []byte) string {
	inclusive := ""
	if s.prefixes != "" {
		inclusive = `<ec:InclusiveNamespaces xmlns:ec="` + nsExclusive + `" PrefixList="` + s.prefixes + `"></ec:InclusiveNamespaces>`
	}
	h := hashes[s.digest].New()
	h.Write(signed)
	return `<ds:Signature xmlns:ds="` + nsSignature + `"><ds:SignedInfo>` +
		`<ds:CanonicalizationMethod Algorithm="` + s.canonical + `"></ds:CanonicalizationMethod>` +
		`<ds:SignatureMethod Algorithm="` + s.method + `"></ds:SignatureMethod>` +
		`<ds:Reference URI="#` + id + `"><ds:Transforms><ds:Transform Algorithm="` + enveloped + `"></ds:Transform>` +
		`<ds:Transform Algorithm="` + s.canonical + `">` + inclusive + `</ds:Transform></ds:Transforms>` +
		`<ds:DigestMethod Algorithm="` + s.digest + `"></ds:DigestMethod>` +
		`<ds:DigestValue>` + base64.StdEncoding.EncodeToString(h.Sum(nil)) + `</ds:DigestValue>` +
		`</ds:Reference></ds:SignedInfo><ds:SignatureValue></ds:SignatureValue>` + s.keyInfo + `</ds:Signature>`
}

// canonicalized is an element as a signer digests it, before it has a Signature of its own.
func canonicalized(el *etree.Element, algorithm, prefixes string) []byte {
	el = must(etreeutils.NSDetatch(must(etreeutils.NSBuildParentContext(el)), el))
	canonicalizer := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList(prefixes)
	if algorithm != exclusive {
		canonicalizer = dsig.MakeC14N10RecCanonicalizer()
	}
	return must(canonicalizer.Canonicalize(el))
}

// signedInfo is the canonical SignedInfo of a Signature that declares all it needs.
func signedInfo(signature string) []byte {
	doc := etree.NewDocument()
	if err := doc.ReadFromString(signature); err != nil {
		panic(err)
	}
	info := doc.Root().ChildElements()[0]
	return canonicalized(info, attribute(info.ChildElements()[0], "Algorithm"), "")
}

// value signs. HMAC takes the certificate for its secret, as who confuses public and secret keys would.
func (k key) value(method string, signed []byte) string {
	if method == hmac256 {
		mac := hmac.New(sha256.New, k.certificate.Raw)
		mac.Write(signed)
		return base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	h := hashes[method].New()
	h.Write(signed)
	value := must(k.private.Sign(rand.Reader, h.Sum(nil), hashes[method]))
	if public, ok := k.private.Public().(*ecdsa.PublicKey); ok {
		var numbers struct{ R, S *big.Int }
		must(asn1.Unmarshal(value, &numbers))
		half := (public.Params().BitSize + 7) / 8
		value = append(numbers.R.FillBytes(make([]byte, half)), numbers.S.FillBytes(make([]byte, half))...)
	}
	return base64.StdEncoding.EncodeToString(value)
}

const entity = "https://idp.example/saml"

// now is when the fake identity provider's responses are looked at.
var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func metadata(keys ...key) *Metadata {
	md := &Metadata{EntityID: entity}
	for _, k := range keys {
		md.Certificates = append(md.Certificates, k.certificate)
	}
	return md
}

func expected() Expect {
	return Expect{AmazonAudience, []string{AmazonRecipient, "https://pool.example/saml"}, now}
}

// plain is a response that nobody has signed. Changes are pairs of what is there, once or more, and what to write for it.
func plain(changes ...string) string {
	return change(`<?xml version="1.0" encoding="UTF-8"?>
<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" `+
		`xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ID="_response" `+
		`Version="2.0" IssueInstant="2026-06-01T11:59:59Z" Destination="https://signin.aws.amazon.com/saml">
  <saml:Issuer>https://idp.example/saml</saml:Issuer>
  <samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>
  <saml:Assertion ID="_assertion" Version="2.0" IssueInstant="2026-06-01T11:59:59Z">
    <saml:Issuer>https://idp.example/saml</saml:Issuer>
    <saml:Subject>
      <saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">alice</saml:NameID>
      <saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">
        <saml:SubjectConfirmationData NotOnOrAfter="2026-06-01T12:05:00Z" Recipient="https://signin.aws.amazon.com/saml"/>
      </saml:SubjectConfirmation>
    </saml:Subject>
    <saml:Conditions NotBefore="2026-06-01T11:59:30Z" NotOnOrAfter="2026-06-01T12:10:00.000Z">
      <saml:AudienceRestriction><saml:Audience>urn:amazon:webservices</saml:Audience></saml:AudienceRestriction>
    </saml:Conditions>
    <saml:AuthnStatement AuthnInstant="2026-06-01T11:59:59Z" SessionNotOnOrAfter="2026-06-01T20:00:00Z">`+
		`<saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef>`+
		`</saml:AuthnContext></saml:AuthnStatement>
    <saml:AttributeStatement>
      <saml:Attribute Name="mail"><saml:AttributeValue xsi:type="xs:string">alice@example.com</saml:AttributeValue></saml:Attribute>
      <saml:Attribute Name="groups"><saml:AttributeValue>staff</saml:AttributeValue>`+
		`<saml:AttributeValue>admins</saml:AttributeValue></saml:Attribute>
    </saml:AttributeStatement>
  </saml:Assertion>
</samlp:Response>
`, changes...)
}

func change(document string, pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(document, pairs[i]) {
			panic("not there: " + pairs[i])
		}
		document = strings.ReplaceAll(document, pairs[i], pairs[i+1])
	}
	return document
}

// Responses as identity providers sign them.
func signedAssertion(k key, changes ...string) string {
	return k.sign(plain(changes...), "Assertion", signing{})
}

func signedResponse(k key, changes ...string) string {
	return k.sign(plain(changes...), "Response", signing{})
}

func signedBoth(k key, changes ...string) string {
	return k.sign(signedAssertion(k, changes...), "Response", signing{})
}

func b64(document string) string { return base64.StdEncoding.EncodeToString([]byte(document)) }
