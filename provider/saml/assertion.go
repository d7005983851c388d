package saml

import (
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
)

// Assertion is what an identity provider says of somebody. It is shared between callers and must not be changed.
type Assertion struct {
	ID                  string              // 1 to 256 letters, digits, '_', '-' and '.'; no issuer uses one twice
	Issuer              string              // the entity ID of the identity provider
	Audience            string              // the Audience that was expected, among those it names
	Subject             string              // the text of the NameID as it stands, 1 to 1,024 bytes
	SubjectFormat       string              // the NameID's Format; empty if it has none
	Recipient           string              // where it was sent, among the places that were expected
	NotBefore           time.Time           // zero if it has no such limit
	NotOnOrAfter        time.Time           // the earliest that ends it: conditions, subject confirmation; never zero
	SessionNotOnOrAfter time.Time           // the end of the session at the identity provider; zero if it doesn't tell
	Attributes          map[string][]string // by Name; values that are no text are left out
}

// CheckTime tells whether an assertion that was verified is good at a time, with Grace. It returns a *Rejected.
func (a *Assertion) CheckTime(now time.Time) error {
	switch {
	case now.Before(a.NotBefore.Add(-Grace)):
		return &Rejected{Kind: ErrNotYetValid, Why: "it is not valid yet", Limit: a.NotBefore}
	case !now.Before(a.NotOnOrAfter.Add(Grace)):
		return &Rejected{Kind: ErrExpired, Why: "it has expired", Limit: a.NotOnOrAfter}
	case !a.SessionNotOnOrAfter.IsZero() && !now.Before(a.SessionNotOnOrAfter.Add(Grace)):
		return &Rejected{Kind: ErrExpired, Why: "the session at the identity provider is over", Limit: a.SessionNotOnOrAfter}
	}
	return nil
}

// End is when the assertion ends, without Grace.
func (a *Assertion) End() time.Time {
	if !a.SessionNotOnOrAfter.IsZero() && a.SessionNotOnOrAfter.Before(a.NotOnOrAfter) {
		return a.SessionNotOnOrAfter
	}
	return a.NotOnOrAfter
}

// The reasons of assertions, where several places share them.
const (
	whySubject = "its Assertion has no Subject with one NameID of 1 to 1,024 bytes"
	whyTime    = "a time in its Assertion is not an xs:dateTime in UTC"
)

const maxSubject = 1024 // bytes

// readAssertion reads a verified Assertion and tells whether it is for us. Its times are left to CheckTime.
func (md *Metadata) readAssertion(el *etree.Element, want Expect) (*Assertion, error) {
	a := &Assertion{ID: attribute(el, "ID"), Issuer: md.EntityID, Audience: want.Audience}
	if !isID(a.ID) {
		return nil, reject(ErrMalformed, "its Assertion has no ID of at most 256 letters, digits, '_', '-' and '.'")
	}
	if issuer, ok := only(el, nsAssertion, "Issuer"); !ok || !md.issued(issuer) {
		return nil, reject(ErrIssuer, "the Assertion's Issuer is not the identity provider of the metadata")
	}
	for _, read := range []func(*etree.Element, Expect) error{a.readSubject, a.readConditions, a.readAuthn, a.readAttributes} {
		if err := read(el, want); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// isID tells whether s is an NCName of ASCII, as every identity provider writes its IDs.
func isID(s string) bool {
	for i, r := range []byte(s) {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_'
		if !letter && (i == 0 || !(r >= '0' && r <= '9' || r == '-' || r == '.')) {
			return false
		}
	}
	return s != "" && len(s) <= 256
}

func (a *Assertion) readSubject(el *etree.Element, want Expect) error {
	subject, ok := only(el, nsAssertion, "Subject")
	if !ok {
		return reject(ErrMalformed, whySubject)
	}
	name, ok := only(subject, nsAssertion, "NameID")
	if !ok {
		return reject(ErrMalformed, whySubject)
	}
	text, ok := content(name)
	if !ok || isSpace(text) || len(text) > maxSubject {
		return reject(ErrMalformed, whySubject)
	}
	a.Subject, a.SubjectFormat = text, attribute(name, "Format")
	return a.readConfirmations(subject, want)
}

// readConfirmations wants one bearer confirmation that is for us; of several the one that holds longest counts.
// InResponseTo and Address are not looked at: nobody here sent a request, or sees the browser.
func (a *Assertion) readConfirmations(subject *etree.Element, want Expect) error {
	refused := reject(ErrMisdirected, "its Subject has no bearer confirmation")
	for _, confirmation := range children(subject, nsAssertion, "SubjectConfirmation") {
		if attribute(confirmation, "Method") != "urn:oasis:names:tc:SAML:2.0:cm:bearer" {
			continue
		}
		until, recipient, err := confirmed(confirmation, want)
		if err != nil {
			refused = err
			continue
		}
		if until.After(a.NotOnOrAfter) {
			a.NotOnOrAfter, a.Recipient = until, recipient
		}
	}
	if a.NotOnOrAfter.IsZero() {
		return refused
	}
	return nil
}

// confirmed returns the end of a confirmation that is for us, and where it was sent. NotBefore is forbidden there by the
// profile of browsers.
func confirmed(confirmation *etree.Element, want Expect) (until time.Time, recipient string, err error) {
	data, ok := only(confirmation, nsAssertion, "SubjectConfirmationData")
	if !ok || attribute(data, "NotOnOrAfter") == "" || attribute(data, "NotBefore") != "" {
		return until, "", reject(ErrMalformed, "a bearer confirmation has no NotOnOrAfter, or has NotBefore")
	}
	if recipient = attribute(data, "Recipient"); !slices.Contains(want.Recipients, recipient) {
		return until, "", reject(ErrMisdirected, "the Recipient is another place")
	}
	if until, ok = instant(attribute(data, "NotOnOrAfter")); !ok || until.IsZero() {
		return until, "", reject(ErrMalformed, whyTime)
	}
	return until, recipient, nil
}

// readConditions wants all conditions to hold, an AudienceRestriction among them. A condition that is not known may restrict
// what an assertion is good for, and is refused. OneTimeUse is what the caller sees to, and ProxyRestriction speaks to those
// who make assertions.
func (a *Assertion) readConditions(el *etree.Element, want Expect) error {
	conditions, ok := only(el, nsAssertion, "Conditions")
	if !ok {
		return reject(ErrMalformed, "its Assertion has no Conditions, or several")
	}
	if from := attribute(conditions, "NotBefore"); from != "" {
		if a.NotBefore, ok = instant(from); !ok {
			return reject(ErrMalformed, whyTime)
		}
	}
	if until := attribute(conditions, "NotOnOrAfter"); until != "" {
		t, ok := instant(until)
		if !ok {
			return reject(ErrMalformed, whyTime)
		}
		if t.Before(a.NotOnOrAfter) {
			a.NotOnOrAfter = t
		}
	}
	restricted := false
	for _, condition := range conditions.ChildElements() {
		switch {
		case is(condition, nsAssertion, "AudienceRestriction"):
			if !forAudience(condition, want.Audience) {
				return reject(ErrAudience, "its audience is somebody else")
			}
			restricted = true
		case is(condition, nsAssertion, "OneTimeUse"), is(condition, nsAssertion, "ProxyRestriction"):
		default:
			return reject(ErrMalformed, "it has a condition that is not known")
		}
	}
	if !restricted {
		return reject(ErrAudience, "it names no audience")
	}
	return nil
}

func forAudience(restriction *etree.Element, audience string) bool {
	return slices.ContainsFunc(children(restriction, nsAssertion, "Audience"), func(el *etree.Element) bool {
		text, ok := content(el)
		return ok && strings.Trim(text, " \t\r\n") == audience
	})
}

func (a *Assertion) readAuthn(el *etree.Element, _ Expect) error {
	authn, ok := only(el, nsAssertion, "AuthnStatement")
	if !ok {
		return reject(ErrMalformed, "its Assertion has no AuthnStatement, or several")
	}
	if end := attribute(authn, "SessionNotOnOrAfter"); end != "" {
		if a.SessionNotOnOrAfter, ok = instant(end); !ok {
			return reject(ErrMalformed, whyTime)
		}
	}
	return nil
}

// readAttributes joins the values of attributes of the same Name. A value that is made of elements, as eduPersonTargetedID's,
// is no text and is left out.
func (a *Assertion) readAttributes(el *etree.Element, _ Expect) error {
	a.Attributes = make(map[string][]string)
	for _, statement := range children(el, nsAssertion, "AttributeStatement") {
		for _, attr := range children(statement, nsAssertion, "Attribute") {
			name := attribute(attr, "Name")
			if name == "" {
				return reject(ErrMalformed, "an Attribute has no Name")
			}
			for _, value := range children(attr, nsAssertion, "AttributeValue") {
				if text, ok := content(value); ok {
					a.Attributes[name] = append(a.Attributes[name], text)
				}
			}
		}
	}
	return nil
}
