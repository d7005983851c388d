package saml

import (
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
)

const (
	// MaxResponse is the length in characters of the longest response that is taken: that of STS's AssumeRoleWithSAML. A login of
	// GetId or GetCredentialsForIdentity has at most 50,000.
	MaxResponse = 100_000

	// Grace is how far the clocks of an identity provider and of a node may be apart. Whoever binds an assertion's ID keeps the
	// binding until NotOnOrAfter plus Grace: until then it is taken.
	Grace = 3 * time.Minute
)

// Expect is what a response must be for.
type Expect struct {
	Audience   string    // AmazonAudience
	Recipients []string  // AmazonRecipient, or the operator's own
	Now        time.Time // what the caller's clock says
}

// What identity providers that are configured for Amazon Web Services write.
const (
	AmazonAudience  = "urn:amazon:webservices"
	AmazonRecipient = "https://signin.aws.amazon.com/saml"
)

// Verify reads a response, in base64 as browsers post it, and returns what it proves. The alphabet is the standard one, with
// padding; line breaks are passed over, anything else is refused. It returns a *Rejected and then nothing else.
func Verify(md *Metadata, response string, want Expect) (*Assertion, error) {
	if err := md.CheckTime(want.Now); err != nil {
		return nil, err
	}
	root, err := decode(response)
	if err != nil {
		return nil, err
	}
	assertion, err := layout(root)
	if err != nil {
		return nil, err
	}
	// From here on only what was signed goes: of a signed Response and a signed Assertion what the signature's own bytes say.
	whole, part := signatureIn(root) != nil, signatureIn(assertion) != nil
	if !whole && !part {
		return nil, reject(ErrSignature, "it is not signed")
	}
	if whole {
		if root, err = md.verified(root); err != nil {
			return nil, err
		}
	}
	if part {
		assertion, err = md.verified(assertion)
	} else {
		assertion, err = layout(root)
	}
	if err != nil {
		return nil, err
	}
	return md.read(root, assertion, want)
}

// CheckTime tells whether metadata is good at a time. It returns a *Rejected.
func (md *Metadata) CheckTime(now time.Time) error {
	if !md.ValidUntil.IsZero() && !now.Before(md.ValidUntil) {
		return &Rejected{Kind: ErrMetadataExpired, Why: "the identity provider's metadata has expired", Limit: md.ValidUntil}
	}
	return nil
}

// read reads from verified elements; a root that is not signed can only lead to a refusal.
func (md *Metadata) read(root, assertion *etree.Element, want Expect) (*Assertion, error) {
	if err := md.checkResponse(root, want); err != nil {
		return nil, err
	}
	a, err := md.readAssertion(assertion, want)
	if err != nil {
		return nil, err
	}
	if err := a.CheckTime(want.Now); err != nil {
		return nil, err
	}
	return a, nil
}

func decode(response string) (*etree.Element, error) {
	if len(response) > MaxResponse {
		return nil, reject(ErrMalformed, "it is longer than 100,000 characters")
	}
	document, err := base64.StdEncoding.Strict().DecodeString(response)
	if err != nil {
		return nil, reject(ErrMalformed, "it is not base64")
	}
	root, err := ofResponses.parse(document)
	if err != nil {
		return nil, reject(ErrMalformed, err.Error())
	}
	return root, nil
}

// layout finds the Assertion of a Response. In the whole document there is only one, a child of the Response, and Signatures
// stand in these two alone: so there is nothing else that a signature could be over, and nothing else that could be read.
func layout(root *etree.Element) (assertion *etree.Element, err error) {
	if !is(root, nsProtocol, "Response") || attribute(root, "Version") != "2.0" {
		return nil, reject(ErrMalformed, "it is not a Response of SAML 2.0")
	}
	var assertions, signatures []*etree.Element
	for _, el := range within(root) {
		switch {
		case strings.HasPrefix(el.Tag, "Encrypted") || el.NamespaceURI() == nsEncrypted:
			return nil, reject(ErrEncrypted,
				"it has encrypted elements, which nobody here has a key for: switch encryption off at the identity provider")
		case el.Tag == "Assertion": // whatever the namespace
			assertions = append(assertions, el)
		case el.Tag == "Signature":
			signatures = append(signatures, el)
		}
	}
	if err := checkStatus(root); err != nil {
		return nil, err // without an Assertion, mostly
	}
	switch {
	case len(assertions) == 0:
		return nil, reject(ErrMalformed, "it has no Assertion")
	case len(assertions) > 1:
		return nil, reject(ErrMalformed, "it has more than one Assertion")
	}
	assertion = assertions[0]
	if assertion.Parent() != root || !is(assertion, nsAssertion, "Assertion") || attribute(assertion, "Version") != "2.0" {
		return nil, reject(ErrMalformed, "its Assertion is not one of SAML 2.0, directly in the Response")
	}
	inPlace := []*etree.Element{signatureIn(root), signatureIn(assertion)}
	for _, signature := range signatures {
		if !slices.Contains(inPlace, signature) {
			return nil, reject(ErrMalformed, "it has a Signature that is not the first of Response or Assertion after the Issuer")
		}
	}
	return assertion, nil
}

// checkStatus wants Success, at the top level.
func checkStatus(root *etree.Element) error {
	status, ok := only(root, nsProtocol, "Status")
	if !ok {
		return reject(ErrMalformed, "it has no Status, or several")
	}
	code, ok := only(status, nsProtocol, "StatusCode")
	if !ok {
		return reject(ErrMalformed, "it has no StatusCode, or several")
	}
	if attribute(code, "Value") != "urn:oasis:names:tc:SAML:2.0:status:Success" {
		return reject(ErrNotSuccess, "the identity provider reports a failure, not a sign-in")
	}
	return nil
}

func (md *Metadata) checkResponse(root *etree.Element, want Expect) error {
	if err := checkStatus(root); err != nil {
		return err
	}
	issuers := children(root, nsAssertion, "Issuer")
	if len(issuers) > 1 || len(issuers) == 1 && !md.issued(issuers[0]) {
		return reject(ErrIssuer, "the Response's Issuer is not the identity provider of the metadata")
	}
	if destination := attribute(root, "Destination"); destination != "" && !slices.Contains(want.Recipients, destination) {
		return reject(ErrMisdirected, "the Response's Destination is another place")
	}
	return nil
}

func (md *Metadata) issued(issuer *etree.Element) bool {
	name, ok := content(issuer)
	return ok && name == md.EntityID
}
