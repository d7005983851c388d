package saml

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	dsig "github.com/russellhaering/goxmldsig"
)

func certificateInfo(k key) string {
	return "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>" + k.encoded() + "</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
}

func badSignature(name, why, text string) document {
	return document{name: name, text: text, kind: ErrSignature, why: why}
}

// edited is a response whose Signature was changed before its value was made.
func edited(pairs ...string) string {
	return rsaA().sign(plain(), "Assertion", signing{edit: func(s string) string { return change(s, pairs...) }})
}

// forged are responses whose signatures prove nothing.
func forged() []document {
	f := badSignature
	a, b := rsaA(), rsaB()
	with := func(s signing) string { return a.sign(plain(), "Assertion", s) }
	both := signedBoth(a)
	head, assertion, tail := cutAssertion(signedAssertion(a))
	_, stolen, _ := cutSignature(signedAssertion(a, "alice", "bob", "_assertion", "_other"))
	_, ofResponse, _ := cutSignature(signedResponse(a))
	secondReference := func(s string) string {
		_, reference, _ := cut(s, "<ds:Reference ", "</ds:Reference>")
		return before(s, "<ds:Reference ", strings.Replace(reference, "#_assertion", "#_response", 1))
	}
	noReference := func(s string) string {
		before, _, after := cut(s, "<ds:Reference ", "</ds:Reference>")
		return before + after
	}
	return byDefault([]document{
		f("unsigned", "it is not signed", plain()),
		f("signature taken away", "it is not signed", head+unsigned(assertion)+tail),
		f("changed", whyForged, evil(signedAssertion(a))),
		f("Response changed", whyForged, evil(signedResponse(a))),
		f("changed in both", whyForged, evil(both)),
		f("both signed, the Response's signature is bad", whyForged, change(both, "<samlp:Status>", "<samlp:Status> ")),
		f("both signed, the Assertion's signature is bad", whyForged, a.sign(evil(signedAssertion(a)), "Response", signing{})),
		f("stolen from another document", whyReference,
			head+before(unsigned(assertion), "\n    <saml:Subject>", stolen)+tail),
		f("stolen, and the ID with it", whyForged,
			change(head+before(unsigned(assertion), "\n    <saml:Subject>", stolen)+tail, `ID="_assertion"`, `ID="_other"`)),
		f("over the Response, in the Assertion", whyReference,
			head+before(unsigned(assertion), "\n    <saml:Subject>", ofResponse)+tail),
		f("empty URI", whyReference, edited("#_assertion", "")),
		f("no URI", whyReference, edited(` URI="#_assertion"`, "")),
		f("URI of another", whyReference, edited("#_assertion", "#_response")),
		f("XPointer", whyReference, edited("#_assertion", "#xpointer(id('_assertion'))")),
		f("URI of a file", whyReference, edited("#_assertion", "file:///etc/passwd")),
		f("URI of the net", whyReference, edited("#_assertion", "http://169.254.169.254/#_assertion")),
		f("no ID", whyReference, change(edited("#_assertion", "#"), ` ID="_assertion"`, "")),
		f("empty ID", whyReference, change(edited("#_assertion", "#"), ` ID="_assertion"`, ` ID=""`)),
		f("two references", whyForm, with(signing{edit: secondReference})),
		f("no reference", whyForm, with(signing{edit: noReference})),
		f("no digest", whyForm, edited("ds:DigestValue", "ds:DigestValues")),
		f("Object", whyForm, before(signedAssertion(a), "</ds:Signature>", "<ds:Object>x</ds:Object>")),
		f("KeyInfo twice", whyForm, with(signing{keyInfo: certificateInfo(rsaA()) + certificateInfo(rsaA())})),
		f("SignatureValue twice", whyForm,
			before(signedAssertion(a), "<ds:SignatureValue>", "<ds:SignatureValue>AA==</ds:SignatureValue>")),
		f("SignedInfo twice", whyForm, before(signedAssertion(a), "<ds:SignatureValue>", "<ds:SignedInfo></ds:SignedInfo>")),
		f("empty Signature", whyForm, before(plain(), "\n    <saml:Subject>", `<ds:Signature xmlns:ds="`+nsSignature+`"/>`)),
		f("SignatureValue is no base64", whyForm, change(signedAssertion(a), "<ds:SignatureValue>", "<ds:SignatureValue>*")),
		f("empty SignatureValue", whyForged, replaceElement(signedAssertion(a), "ds:SignatureValue", "")),
		f("another provider's key", whyForged, signedAssertion(b)),
		f("another provider's key in KeyInfo", whyForged, b.sign(plain(), "Assertion", signing{keyInfo: certificateInfo(b)})),
		f("another provider's key, with the right KeyInfo", whyForged,
			b.sign(plain(), "Assertion", signing{keyInfo: certificateInfo(a)})),
		f("the Response by another key", whyForged, b.sign(signedAssertion(a), "Response", signing{})),
		{name: "ECDSA as ASN.1", text: asn1Signed(), by: metadata(p256()), kind: ErrSignature, why: whyForged},
	})
}

// weakened are responses whose signatures are genuine, by algorithms and transforms that are not taken.
func weakened() []document {
	f := badSignature
	with := func(s signing) string { return rsaA().sign(plain(), "Assertion", s) }
	const enveloping = `<ds:Transform Algorithm="` + enveloped + `"></ds:Transform>`
	const canonical = `<ds:Transform Algorithm="` + exclusive + `"></ds:Transform>`
	transform := func(uri, inside string) string {
		return `<ds:Transform Algorithm="` + uri + `">` + inside + `</ds:Transform>`
	}
	const xpath = `<ds:XPath>not(ancestor-or-self::*[local-name()="NameID"])</ds:XPath>`
	const xslt = `<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="1.0"></xsl:stylesheet>`
	const inclusive = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
	prefixes := `<ec:InclusiveNamespaces xmlns:ec="` + nsExclusive + `" PrefixList="xs"></ec:InclusiveNamespaces>`
	return []document{
		f("SHA-1 signature", whyMethod, with(signing{method: dsig.RSASHA1SignatureMethod})),
		f("SHA-1 digest", whyDigest, with(signing{digest: sha1URI})),
		f("HMAC with the certificate for its secret", whyMethod, with(signing{method: hmac256})),
		f("no algorithm", whyMethod, edited(rsa256, "")),
		f("RSA-PSS", whyMethod, edited(rsa256, "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1")),
		f("a length in the method", whyMethod,
			edited("</ds:SignatureMethod>", "<ds:HMACOutputLength>8</ds:HMACOutputLength></ds:SignatureMethod>")),
		f("RSA called ECDSA", whyForged, change(signedAssertion(rsaA()), rsa256, dsig.ECDSASHA256SignatureMethod)),
		f("inclusive C14N", whyCanonical, with(signing{canonical: inclusive})),
		f("prefixes in the canonicalization", whyCanonical,
			edited("</ds:CanonicalizationMethod>", prefixes+"</ds:CanonicalizationMethod>")),
		f("XPath", whyTransform,
			edited(enveloping, enveloping+transform("http://www.w3.org/TR/1999/REC-xpath-19991116", xpath))),
		f("XSLT", whyTransform, edited(canonical, transform("http://www.w3.org/TR/1999/REC-xslt-19991116", xslt))),
		f("base64", whyTransform, edited(canonical, transform("http://www.w3.org/2000/09/xmldsig#base64", ""))),
		f("inclusive transform", whyTransform, edited(canonical, transform(inclusive, ""))),
		f("enveloped alone", whyTransform, edited(canonical, "")),
		f("not enveloped", whyTransform, edited(enveloping, "")),
		f("transforms turned round", whyTransform, edited(enveloping+canonical, canonical+enveloping)),
		f("no transforms", whyTransform, edited(enveloping+canonical, "")),
	}
}

func replaceElement(s, tag, text string) string {
	before, _, after := cut(s, "<"+tag+">", "</"+tag+">")
	return before + "<" + tag + ">" + text + "</" + tag + ">" + after
}

// asn1Signed is a response with a signature as crypto/ecdsa encodes it, which is not how XML signatures do.
func asn1Signed() string {
	k := p256()
	s := k.sign(plain(), "Assertion", signing{method: dsig.ECDSASHA256SignatureMethod})
	_, element, _ := cut(s, "<ds:SignatureValue>", "</ds:SignatureValue>")
	value := strings.TrimSuffix(strings.TrimPrefix(element, "<ds:SignatureValue>"), "</ds:SignatureValue>")
	raw := must(base64.StdEncoding.DecodeString(value))
	encoded, _ := signatureFor(k.certificate, true, raw)
	return replaceElement(s, "ds:SignatureValue", base64.StdEncoding.EncodeToString(encoded))
}

// misdirected are genuine responses that are by or for somebody else, for another time, or say nothing.
func misdirected() []document {
	const (
		whyDestination = "the Response's Destination is another place"
		whyRecipient   = "the Recipient is another place"
		whyAudience    = "its audience is somebody else"
		whyIssuer      = "the Assertion's Issuer is not the identity provider of the metadata"
		whyResponse    = "the Response's Issuer is not the identity provider of the metadata"
		whyFailure     = "the identity provider reports a failure, not a sign-in"
		whyEncrypted   = "it has encrypted elements, which nobody here has a key for: switch encryption off at the identity provider"

		destination = `Destination="https://signin.aws.amazon.com/saml"`
		recipient   = ` Recipient="https://signin.aws.amazon.com/saml"`
		audience    = "<saml:Audience>urn:amazon:webservices</saml:Audience>"
		restriction = "<saml:AudienceRestriction>" + audience + "</saml:AudienceRestriction>"
		other       = "<saml:AudienceRestriction><saml:Audience>x</saml:Audience></saml:AudienceRestriction>"
		issuer      = "\n    <saml:Issuer>" + entity + "</saml:Issuer>" // the Assertion's
		attribute   = `<saml:Attribute Name="mail">`
	)
	row := func(name string, kind error, why string, changes ...string) document {
		return document{name: name, text: signedResponse(rsaA(), changes...), kind: kind, why: why}
	}
	stale := change(signedAssertion(rsaA()), "status:Success", "status:Responder")
	head, _, tail := cutAssertion(stale)
	return []document{
		row("destination", ErrMisdirected, whyDestination, destination, `Destination="https://x.example/"`),
		row("recipient", ErrMisdirected, whyRecipient, recipient, ` Recipient="https://signin.aws.amazon.com/saml/"`),
		row("no recipient", ErrMisdirected, whyRecipient, recipient, ""),
		row("audience", ErrMisdirected, whyAudience, ">urn:amazon:webservices<", ">urn:amazon:webservices2<"),
		row("one of two audiences", ErrMisdirected, whyAudience, restriction, restriction+other),
		row("empty audience", ErrMisdirected, whyAudience, audience, ""),
		row("no audience", ErrMisdirected, "it names no audience", restriction, ""),
		row("issuer", ErrMisdirected, whyIssuer, issuer, strings.Replace(issuer, "idp.", "evil.", 1)),
		row("issuer in capitals", ErrMisdirected, whyIssuer, issuer, strings.Replace(issuer, "idp.", "IDP.", 1)),
		row("two issuers", ErrMisdirected, whyIssuer, issuer, issuer+issuer),
		row("no issuer", ErrMisdirected, whyIssuer, issuer, ""),
		row("issuer of the Response", ErrMisdirected, whyResponse, "\n  <saml:Issuer>https://idp.", "\n  <saml:Issuer>https://evil."),
		row("not a bearer", ErrMisdirected, "its Subject has no bearer confirmation", "cm:bearer", "cm:holder-of-key"),
		row("expired", ErrExpired, "it has expired", "T12:05:00Z", "T11:57:00Z"),
		row("not yet valid", ErrNotYetValid, "it is not valid yet", "T11:59:30Z", "T12:03:01Z"),
		row("failure", ErrNotSuccess, whyFailure, "status:Success", "status:Responder"),
		{name: "failure without an Assertion", text: head + tail, kind: ErrNotSuccess, why: whyFailure},
		{name: "failure around an Assertion of a success", text: stale, kind: ErrNotSuccess, why: whyFailure},
		{name: "encrypted assertion", text: head + "<saml:EncryptedAssertion/>" + tail, kind: ErrEncrypted, why: whyEncrypted},
		row("encrypted name", ErrEncrypted, whyEncrypted, "saml:NameID", "saml:EncryptedID"),
		row("encrypted attribute", ErrEncrypted, whyEncrypted, attribute, "<saml:EncryptedAttribute/>"+attribute),
		row("encrypted data", ErrEncrypted, whyEncrypted, "alice@example.com", `<EncryptedData xmlns="`+nsEncrypted+`"/>`),
	}
}

func attacks() []document {
	var all []document
	for _, rows := range [][]document{
		wrapping(), forged(), weakened(), unreadable(), ambiguous(), misshapen(), incomplete(), badTimes(), misdirected(),
	} {
		all = append(all, rows...)
	}
	return byDefault(all)
}

// Each is refused for its own reason, nothing is returned, and the error holds nothing of the document.
func TestAttacks(t *testing.T) {
	for _, row := range attacks() {
		t.Run(row.name, func(t *testing.T) {
			refused(t, row.by, b64(row.text), expected(), row.kind, row.why)
			_, err := Verify(row.by, b64(row.text), expected())
			for _, secret := range []string{"alice", "admin", "staff", "evil"} {
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("%v", err)
				}
			}
		})
	}
}

func TestHuge(t *testing.T) {
	long := signedAssertion(rsaA(), "alice@example.com", strings.Repeat("x", 70_000))
	if _, err := Verify(metadata(rsaA()), b64(long), expected()); err != nil {
		t.Error(err)
	}
	long = signedAssertion(rsaA(), "alice@example.com", strings.Repeat("x", 75_000))
	refused(t, metadata(rsaA()), b64(long), expected(), ErrMalformed, "it is longer than 100,000 characters")
}

// An attribute's values are joined, whatever the statement; values that are elements are left out.
func TestAttributes(t *testing.T) {
	const more = `</saml:AttributeStatement><saml:AttributeStatement><saml:Attribute Name="groups">` +
		`<saml:AttributeValue>x</saml:AttributeValue><saml:AttributeValue><saml:NameID>admin</saml:NameID>` +
		`</saml:AttributeValue></saml:Attribute>` +
		`<saml:Attribute Name="none"/></saml:AttributeStatement>`
	a, err := Verify(metadata(rsaA()), b64(signedAssertion(rsaA(), "</saml:AttributeStatement>", more)), expected())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "groups", strings.Join(a.Attributes["groups"], " "), "staff admins x")
	if v, ok := a.Claim("none"); ok {
		t.Errorf("none: %v", v)
	}
	bare, err := Verify(metadata(rsaA()), b64(signedAssertion(rsaA(), "saml:AttributeStatement", "saml:Advice")), expected())
	if err != nil || len(bare.Attributes) != 0 {
		t.Errorf("%v, %v", bare, err)
	}
}

func TestRejectedUnwraps(t *testing.T) {
	_, err := Verify(metadata(rsaA()), "*", expected())
	if !errors.Is(err, ErrMalformed) || err.Error() != "SAML response: it is not base64" {
		t.Error(err)
	}
}
