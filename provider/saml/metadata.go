package saml

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// Metadata is what an identity provider's metadata says.
type Metadata struct {
	EntityID     string              // 1 to 1,024 bytes
	Certificates []*x509.Certificate // of the keys that sign, each once, 1 to 20; they only carry keys, their dates don't count
	ValidUntil   time.Time           // zero if it has no end
}

const (
	maxCertificates = 20 // a forged response is tried with each
	minRSA, maxRSA  = 2048, 8192
	minCurve        = 256
)

// ParseMetadata reads the document that an identity provider publishes: an EntityDescriptor with one IDPSSODescriptor. A
// signature in it is not checked: who may upload metadata vouches for it. Its errors tell an operator what is wrong.
func ParseMetadata(document string) (*Metadata, error) {
	root, err := ofMetadata.parse([]byte(strings.TrimPrefix(document, "\uFEFF"))) // AD FS writes a byte order mark
	if err != nil {
		return nil, fmt.Errorf("the metadata cannot be read: %w", err)
	}
	switch {
	case is(root, nsMetadata, "EntitiesDescriptor"):
		return nil, errors.New("the metadata describes many entities: upload the EntityDescriptor of the identity provider alone")
	case !is(root, nsMetadata, "EntityDescriptor"):
		return nil, errors.New("the document is not SAML 2.0 metadata: its root is not an EntityDescriptor")
	}
	md := &Metadata{EntityID: attribute(root, "entityID")}
	if md.EntityID == "" || len(md.EntityID) > 1024 {
		return nil, errors.New("the EntityDescriptor has no entityID of 1 to 1,024 bytes")
	}
	idp, err := identityProvider(root)
	if err != nil {
		return nil, err
	}
	for _, el := range []*etree.Element{root, idp} {
		if err := md.readValidUntil(el); err != nil {
			return nil, err
		}
	}
	for _, key := range children(idp, nsMetadata, "KeyDescriptor") {
		if err := md.readKeys(key); err != nil {
			return nil, err
		}
	}
	switch {
	case len(md.Certificates) == 0:
		return nil, errors.New("the IDPSSODescriptor has no KeyDescriptor for signing with an X509Certificate")
	case len(md.Certificates) > maxCertificates:
		return nil, fmt.Errorf("the IDPSSODescriptor has more than %d certificates for signing", maxCertificates)
	}
	return md, nil
}

func identityProvider(root *etree.Element) (*etree.Element, error) {
	var found []*etree.Element
	for _, idp := range children(root, nsMetadata, "IDPSSODescriptor") {
		if slices.Contains(strings.Fields(attribute(idp, "protocolSupportEnumeration")), nsProtocol) {
			found = append(found, idp)
		}
	}
	switch {
	case len(found) == 0 && len(children(root, nsMetadata, "SPSSODescriptor")) > 0:
		return nil, errors.New("the metadata is that of a service provider: upload the identity provider's")
	case len(found) != 1:
		return nil, errors.New("the metadata has no IDPSSODescriptor for SAML 2.0, or several")
	}
	return found[0], nil
}

func (md *Metadata) readValidUntil(el *etree.Element) error {
	s := attribute(el, "validUntil")
	if s == "" {
		return nil
	}
	t, ok := instant(s)
	if !ok {
		return errors.New("validUntil is not a time in UTC such as 2030-01-31T00:00:00Z")
	}
	if md.ValidUntil.IsZero() || t.Before(md.ValidUntil) {
		md.ValidUntil = t
	}
	return nil
}

// readKeys reads a KeyDescriptor. Of several certificates in one X509Data, those that signed another of them are authorities',
// and sign no responses.
func (md *Metadata) readKeys(key *etree.Element) error {
	switch attribute(key, "use") {
	case "encryption":
		return nil
	case "", "signing":
	default:
		return errors.New("a KeyDescriptor has another use than signing or encryption")
	}
	info, ok := only(key, nsSignature, "KeyInfo")
	if !ok {
		return errors.New("a KeyDescriptor has no KeyInfo, or several")
	}
	for _, data := range children(info, nsSignature, "X509Data") {
		var chain []*x509.Certificate
		for _, el := range children(data, nsSignature, "X509Certificate") {
			c, err := certificate(el)
			if err != nil {
				return err
			}
			chain = append(chain, c)
		}
		for _, c := range chain {
			if slices.ContainsFunc(chain, func(other *x509.Certificate) bool { return !c.Equal(other) && signedBy(other, c) }) ||
				slices.ContainsFunc(md.Certificates, c.Equal) {
				continue
			}
			if err := checkKey(c); err != nil {
				return err
			}
			md.Certificates = append(md.Certificates, c)
		}
	}
	return nil
}

func signedBy(c, authority *x509.Certificate) bool { return c.CheckSignatureFrom(authority) == nil }

func certificate(el *etree.Element) (*x509.Certificate, error) {
	text, _ := content(el)
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil, errors.New("an X509Certificate is not base64")
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("an X509Certificate cannot be read: %w", err)
	}
	return c, nil
}

// checkKey refuses keys with which signatures could be forged, or cost too much to verify.
func checkKey(c *x509.Certificate) error {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSA || bits > maxRSA {
			return fmt.Errorf("the certificate of %q has an RSA key of %d bits: %d to %d are taken", c.Subject, bits, minRSA, maxRSA)
		}
	case *ecdsa.PublicKey:
		if bits := key.Params().BitSize; bits < minCurve {
			return fmt.Errorf("the certificate of %q has a curve of %d bits: P-256, P-384 and P-521 are taken", c.Subject, bits)
		}
	default:
		return fmt.Errorf("the certificate of %q has neither an RSA nor an ECDSA key", c.Subject)
	}
	return nil
}
