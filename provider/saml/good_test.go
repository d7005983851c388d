package saml

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	dsig "github.com/russellhaering/goxmldsig"
)

// document is a response of the tables, and by whose metadata it is judged.
type document struct {
	name string
	text string
	by   *Metadata
	kind error // nil if it is taken
	why  string
}

// good are the responses of the one person that are taken.
func good() []document {
	a, b := rsaA(), rsaB()
	ec := func(k key, method string) document {
		return document{name: method, text: k.sign(plain(), "Assertion", signing{method: method}), by: metadata(k)}
	}
	with := func(s signing) string { return a.sign(plain(), "Assertion", s) }
	wrapped := signedAssertion(a)
	rows := []document{
		{name: "assertion signed", text: wrapped},
		{name: "response signed", text: signedResponse(a)},
		{name: "both signed", text: signedBoth(a)},
		{name: "both signed, by two keys of the metadata", text: b.sign(wrapped, "Response", signing{}), by: metadata(a, b)},
		{name: "the new key", text: signedAssertion(b), by: metadata(a, p256(), b)},
		{name: "the old key", text: wrapped, by: metadata(b, a)},
		{name: "RSA SHA-384", text: with(signing{method: dsig.RSASHA384SignatureMethod, digest: digestMethods[1]})},
		{name: "RSA SHA-512", text: with(signing{method: dsig.RSASHA512SignatureMethod, digest: digestMethods[2]})},
		ec(p256(), dsig.ECDSASHA256SignatureMethod),
		ec(p384(), dsig.ECDSASHA384SignatureMethod),
		ec(p521(), dsig.ECDSASHA512SignatureMethod),
		ec(p384(), dsig.ECDSASHA256SignatureMethod),
		{name: "both signed by ECDSA", by: metadata(p256()), text: p256().sign(
			p256().sign(plain(), "Assertion", signing{method: dsig.ECDSASHA256SignatureMethod}),
			"Response", signing{method: dsig.ECDSASHA256SignatureMethod})},
		{name: "prefixes included", text: with(signing{prefixes: "xs xsi"})},
		{name: "prefixes included inside only", text: a.sign(with(signing{prefixes: "xs"}), "Response", signing{})},
		{name: "KeyInfo", text: with(signing{keyInfo: certificateInfo(a)})},
		{name: "KeyInfo with another certificate", text: with(signing{keyInfo: certificateInfo(b)})},
		{name: "KeyInfo with a name", text: with(signing{keyInfo: "<ds:KeyInfo><ds:KeyName>k</ds:KeyName></ds:KeyInfo>"})},
		{name: "SignatureValue in lines", text: change(wrapped,
			"<ds:SignatureValue>", "<ds:SignatureValue>\r\n    ", "</ds:SignatureValue>", "\n  </ds:SignatureValue>")},
		{name: "no Issuer and Destination in the Response", text: signedResponse(a,
			"\n  <saml:Issuer>https://idp.example/saml</saml:Issuer>\n  <samlp", "<samlp",
			` Destination="https://signin.aws.amazon.com/saml"`, "")},
		{name: "the operator's recipient", text: signedAssertion(a, AmazonRecipient, "https://pool.example/saml")},
		{name: "a second audience", text: signedAssertion(a, "<saml:Audience>", "<saml:Audience>x</saml:Audience><saml:Audience>")},
		{name: "an audience in lines", text: signedAssertion(a, ">urn:amazon:webservices<", ">\n  urn:amazon:webservices\n<")},
		{name: "OneTimeUse", text: signedAssertion(a, "</saml:Conditions>", "<saml:OneTimeUse/></saml:Conditions>")},
		{name: "a confirmation of another method", text: signedAssertion(a, "<saml:SubjectConfirmation ",
			`<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"/><saml:SubjectConfirmation `)},
		{name: "a confirmation for another place", text: signedAssertion(a, "<saml:SubjectConfirmation ",
			`<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData `+
				`NotOnOrAfter="2026-06-01T12:30:00Z" Recipient="https://x.example/"/></saml:SubjectConfirmation><saml:SubjectConfirmation `)},
		{name: "single quotes", text: change(wrapped, `ID="_assertion" Version="2.0"`, `Version='2.0'   ID='_assertion'`)},
		{name: "character references", text: change(wrapped, ">alice<", ">&#97;lic&#x65;<")},
		{name: "no XML declaration", text: change(wrapped, `<?xml version="1.0" encoding="UTF-8"?>`, "")},
		{name: "lines of Windows", text: strings.ReplaceAll(wrapped, "\n", "\r\n")},
	}
	return byDefault(rows)
}

// byDefault judges responses by the metadata of the first key, where a row says nothing else.
func byDefault(rows []document) []document {
	for i := range rows {
		if rows[i].by == nil {
			rows[i].by = metadata(rsaA())
		}
	}
	return rows
}

func TestGood(t *testing.T) {
	for _, row := range good() {
		t.Run(row.name, func(t *testing.T) {
			a, err := Verify(row.by, b64(row.text), expected())
			if err != nil {
				t.Fatal(err)
			}
			checkAlice(t, a)
		})
	}
}

// checkAlice wants what every good response says.
func checkAlice(t testing.TB, a *Assertion) {
	t.Helper()
	at := func(s string) time.Time { return must(time.Parse(time.RFC3339, s)) }
	equal(t, "ID", a.ID, "_assertion")
	equal(t, "issuer", a.Issuer, entity)
	equal(t, "audience", a.Audience, AmazonAudience)
	equal(t, "subject", a.Subject, "alice")
	equal(t, "format", a.SubjectFormat, "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent")
	equal(t, "from", a.NotBefore, at("2026-06-01T11:59:30Z"))
	equal(t, "until", a.NotOnOrAfter, at("2026-06-01T12:05:00Z"))
	equal(t, "session", a.SessionNotOnOrAfter, at("2026-06-01T20:00:00Z"))
	equal(t, "attributes", len(a.Attributes), 2)
	equal(t, "mail", strings.Join(a.Attributes["mail"], " "), "alice@example.com")
	equal(t, "groups", strings.Join(a.Attributes["groups"], " "), "staff admins")
}

// Browsers post base64 in lines or not; nothing else may be in it, so that nobody gives one response several forms.
func TestBase64(t *testing.T) {
	response := b64(signedAssertion(rsaA()))
	padded := b64(strings.TrimRight(signedAssertion(rsaA()), "\n"))
	for document := signedAssertion(rsaA()); !strings.HasSuffix(padded, "="); document += "\n" {
		padded = b64(document)
	}
	odd := signedAssertion(rsaA(), "alice@", "\u07ff\u07bf???>alice@")
	lines := func(s, end string) string {
		var b strings.Builder
		for ; len(s) > 76; s = s[76:] {
			b.WriteString(s[:76] + end)
		}
		return b.String() + s
	}
	rows := []struct {
		name, response string
		ok             bool
	}{
		{"one line", response, true},
		{"lines", lines(response, "\r\n"), true},
		{"lines of Unix", lines(response, "\n") + "\n", true},
		{"blanks", lines(response, " "), false},
		{"blank at the end", response + " ", false},
		{"URL's alphabet", base64.URLEncoding.EncodeToString([]byte(odd)), false},
		{"the same in the standard alphabet", b64(odd), true},
		{"padding", padded, true},
		{"no padding", strings.TrimRight(padded, "="), false},
		{"escaped", strings.ReplaceAll(response, "+", "%2B") + "%3D", false},
		{"nothing", "", false},
	}
	for _, row := range rows {
		if a, err := Verify(metadata(rsaA()), row.response, expected()); (err == nil) != row.ok || (a != nil) != row.ok {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

func TestTimes(t *testing.T) {
	const fresh = 0
	rows := []struct {
		name    string
		after   time.Duration
		changes []string
		kind    error
		why     string
		limit   string
	}{
		{"fresh", fresh, nil, nil, "", ""},
		{"just made, by a fast clock", -(30*time.Second + Grace), nil, nil, "", ""},
		{"too early", -(30*time.Second + Grace + 1), nil, ErrNotYetValid, "it is not valid yet", "2026-06-01T11:59:30Z"},
		{"on grace", 5*time.Minute + Grace - 1, nil, nil, "", ""},
		{"expired", 5*time.Minute + Grace, nil, ErrExpired, "it has expired", "2026-06-01T12:05:00Z"},
		{
			"expired by the conditions", 2*time.Minute + Grace,
			[]string{"12:10:00.000Z", "12:02:00Z"},
			ErrExpired, "it has expired", "2026-06-01T12:02:00Z",
		},
		{
			"session over", time.Minute + Grace,
			[]string{"20:00:00Z", "12:01:00Z"},
			ErrExpired, "the session at the identity provider is over", "2026-06-01T12:01:00Z",
		},
		{"conditions without times", 4 * time.Minute, []string{
			` NotBefore="2026-06-01T11:59:30Z" NotOnOrAfter="2026-06-01T12:10:00.000Z"`, "",
		}, nil, "", ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			want := expected()
			want.Now = now.Add(row.after)
			response := b64(signedAssertion(rsaA(), row.changes...))
			if row.kind == nil {
				if _, err := Verify(metadata(rsaA()), response, want); err != nil {
					t.Error(err)
				}
				return
			}
			refused(t, metadata(rsaA()), response, want, row.kind, row.why)
			_, err := Verify(metadata(rsaA()), response, want)
			equal(t, "limit", err.(*Rejected).Limit.Format(time.RFC3339), row.limit)
		})
	}
}

// An assertion that was verified and kept can be asked again.
func TestCheckTime(t *testing.T) {
	a := must(Verify(metadata(rsaA()), b64(signedAssertion(rsaA())), expected()))
	if err := a.CheckTime(now.Add(7 * time.Minute)); err != nil {
		t.Error(err)
	}
	if err := a.CheckTime(now.Add(8 * time.Minute)); err == nil {
		t.Error("taken")
	}
}

func TestMetadataEnds(t *testing.T) {
	md := metadata(rsaA())
	md.ValidUntil = now.Add(1)
	if _, err := Verify(md, b64(signedAssertion(rsaA())), expected()); err != nil {
		t.Error(err)
	}
	md.ValidUntil = now
	refused(t, md, b64(signedAssertion(rsaA())), expected(), ErrMetadataExpired, "the identity provider's metadata has expired")
}
