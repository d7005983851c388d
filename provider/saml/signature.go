package saml

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"slices"
	"strings"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"
)

// Algorithms of signatures that are taken, and whether the key is an elliptic curve's. RSA-PSS is not among them, since
// goxmldsig lacks it.
var signatureMethods = map[string]bool{
	dsig.RSASHA256SignatureMethod:   false,
	dsig.RSASHA384SignatureMethod:   false,
	dsig.RSASHA512SignatureMethod:   false,
	dsig.ECDSASHA256SignatureMethod: true,
	dsig.ECDSASHA384SignatureMethod: true,
	dsig.ECDSASHA512SignatureMethod: true,
}

var digestMethods = []string{
	"http://www.w3.org/2001/04/xmlenc#sha256",
	"http://www.w3.org/2001/04/xmldsig-more#sha384",
	"http://www.w3.org/2001/04/xmlenc#sha512",
}

const (
	exclusive = string(dsig.CanonicalXML10ExclusiveAlgorithmId)
	enveloped = string(dsig.EnvelopedSignatureAltorithmId)
)

// The reasons of signatures.
const (
	whyForm      = "a signature is not of the form that is taken"
	whyCanonical = "a signature is over another canonical form than exclusive C14N"
	whyMethod    = "a signature's algorithm is not RSA or ECDSA with SHA-256, SHA-384 or SHA-512"
	whyDigest    = "a signature's digest is not SHA-256, SHA-384 or SHA-512"
	whyReference = "a signature is not over the element that it stands in"
	whyTransform = "a signature has other transforms than enveloped-signature and exclusive C14N"
	whyForged    = "a signature does not verify with any key of the identity provider's metadata"
)

// signatureIn returns the Signature of an element: its first child but for the Issuer, as the schemas have it.
func signatureIn(el *etree.Element) *etree.Element {
	for _, child := range el.ChildElements() {
		switch {
		case is(child, nsAssertion, "Issuer"):
			continue
		case is(child, nsSignature, "Signature"):
			return child
		}
		return nil
	}
	return nil
}

// verified checks the Signature in an element, and returns what was signed: the element as it is in the bytes that were
// digested, without that Signature. Nothing else may be read.
func (md *Metadata) verified(el *etree.Element) (*etree.Element, error) {
	if err := checkSignatureForm(signatureIn(el), attribute(el, "ID")); err != nil {
		return nil, err
	}
	// The element alone, with the namespaces that are declared around it; a copy, which is changed below.
	around, err := etreeutils.NSBuildParentContext(el)
	if err != nil {
		return nil, reject(ErrSignature, whyForm)
	}
	if el, err = etreeutils.NSDetatch(around, el); err != nil {
		return nil, reject(ErrSignature, whyForm)
	}
	signature := signatureIn(el)
	parts := signature.ChildElements()
	if len(parts) == 3 {
		signature.RemoveChild(parts[2]) // KeyInfo: goxmldsig would choose among keys by it; here all are tried
	}
	spelled, _ := content(parts[1])
	value, err := base64.StdEncoding.Strict().DecodeString(strings.Join(strings.Fields(spelled), ""))
	if err != nil {
		return nil, reject(ErrSignature, whyForm)
	}
	method, _ := only(parts[0], nsSignature, "SignatureMethod")
	curve := signatureMethods[attribute(method, "Algorithm")]
	for _, certificate := range md.Certificates {
		encoded, fits := signatureFor(certificate, curve, value)
		if !fits {
			continue
		}
		parts[1].SetText(base64.StdEncoding.EncodeToString(encoded))
		context := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{certificate}})
		// As in IAM, a certificate only carries a key: its dates don't count.
		context.Clock = dsig.NewFakeClockAt(certificate.NotBefore)
		if signed, err := context.Validate(el); err == nil && signed != nil {
			return signed, nil
		}
	}
	return nil, reject(ErrSignature, whyForged)
}

// checkSignatureForm holds a Signature to one form, in which there is nothing to choose or to follow: one Reference, to the ID
// of the element that the Signature stands in, by the two transforms in their order.
func checkSignatureForm(signature *etree.Element, id string) error {
	parts := signature.ChildElements()
	if len(parts) == 3 && is(parts[2], nsSignature, "KeyInfo") {
		parts = parts[:2]
	}
	if !named(parts, "SignedInfo", "SignatureValue") {
		return reject(ErrSignature, whyForm)
	}
	info := parts[0].ChildElements()
	if !named(info, "CanonicalizationMethod", "SignatureMethod", "Reference") {
		return reject(ErrSignature, whyForm)
	}
	reference := info[2].ChildElements()
	if !named(reference, "Transforms", "DigestMethod", "DigestValue") {
		return reject(ErrSignature, whyForm)
	}
	if !algorithm(info[0], exclusive) {
		return reject(ErrSignature, whyCanonical)
	}
	if _, ok := signatureMethods[attribute(info[1], "Algorithm")]; !ok || !empty(info[1]) {
		return reject(ErrSignature, whyMethod)
	}
	if !slices.Contains(digestMethods, attribute(reference[1], "Algorithm")) || !empty(reference[1]) {
		return reject(ErrSignature, whyDigest)
	}
	if id == "" || attribute(info[2], "URI") != "#"+id {
		return reject(ErrSignature, whyReference)
	}
	transforms := reference[0].ChildElements()
	if !named(transforms, "Transform", "Transform") || !algorithm(transforms[0], enveloped) {
		return reject(ErrSignature, whyTransform)
	}
	prefixes := transforms[1].ChildElements()
	if len(prefixes) > 1 || attribute(transforms[1], "Algorithm") != exclusive ||
		len(prefixes) == 1 && (!is(prefixes[0], nsExclusive, "InclusiveNamespaces") || !empty(prefixes[0])) {
		return reject(ErrSignature, whyTransform)
	}
	return nil
}

// named tells whether elements are these of the namespace of signatures, in this order.
func named(elements []*etree.Element, tags ...string) bool {
	return slices.EqualFunc(elements, tags, func(el *etree.Element, tag string) bool { return is(el, nsSignature, tag) })
}

func algorithm(el *etree.Element, uri string) bool {
	return attribute(el, "Algorithm") == uri && empty(el)
}

func empty(el *etree.Element) bool { return len(el.ChildElements()) == 0 }

// signatureFor tells whether a signature can be of a certificate's key, and encodes it as crypto/x509 reads it. XML
// signatures have the two numbers of an ECDSA signature side by side.
func signatureFor(certificate *x509.Certificate, curve bool, value []byte) (encoded []byte, fits bool) {
	switch key := certificate.PublicKey.(type) {
	case *rsa.PublicKey:
		return value, !curve
	case *ecdsa.PublicKey:
		half := (key.Params().BitSize + 7) / 8
		if !curve || len(value) != 2*half {
			return nil, false
		}
		encoded, err := asn1.Marshal(struct{ R, S *big.Int }{
			new(big.Int).SetBytes(value[:half]), new(big.Int).SetBytes(value[half:]),
		})
		return encoded, err == nil
	}
	return nil, false
}
