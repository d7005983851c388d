package saml

import (
	"strings"
	"testing"

	"github.com/beevik/etree"
)

// evil makes a document speak of another person, whose name is as long.
func evil(s string) string { return change(s, ">alice<", ">admin<") }

// cut takes a document apart around the first element that begins and ends so.
func cut(s, begin, end string) (before, element, after string) {
	from := strings.Index(s, begin)
	to := from + strings.Index(s[from:], end) + len(end)
	return s[:from], s[from:to], s[to:]
}

func cutSignature(s string) (before, signature, after string) {
	return cut(s, "<ds:Signature xmlns", "</ds:Signature>")
}

func cutAssertion(s string) (before, assertion, after string) {
	return cut(s, "<saml:Assertion ", "</saml:Assertion>")
}

func unsigned(s string) string {
	before, _, after := cutSignature(s)
	return before + after
}

// before inserts text in front of the first place where a mark stands.
func before(s, mark, text string) string {
	i := strings.Index(s, mark)
	return s[:i] + text + s[i:]
}

// wrapping are the eight attacks of SAML Raider: the signed original stays in the document, where its signature finds it, and
// something evil stands where it is read. (https://github.com/CompassSecurity/SAMLRaider, XSWHelpers)
func wrapping() []document {
	response := signedResponse(rsaA())
	_, signature, _ := cutSignature(response)
	evilResponse := evil(change(unsigned(response), `ID="_response"`, `ID="_evil"`))
	original := unsigned(response)
	original = original[strings.Index(original, "<samlp:Response"):]
	const (
		mark      = "\n  <samlp:Status>" // after the Issuer
		sameID    = "two elements have the same ID"
		of, other = `<saml:Assertion ID="_assertion"`, `<saml:Assertion ID="_evil2"`
	)

	head, assertion, tail := cutAssertion(signedAssertion(rsaA()))
	plainAssertion := unsigned(assertion)
	evilID := func(s string) string {
		return evil(change(s, `<saml:Assertion ID="_assertion"`, `<saml:Assertion ID="_evil"`))
	}
	rows := []document{
		{
			name: "1, the Response in an evil one's Signature",
			text: before(evilResponse, mark, before(signature, "</ds:Signature>", original)),
			why:  sameID,
		},
		{name: "2, the Response before an evil one's Signature", text: before(evilResponse, mark, original+signature), why: sameID},
		{
			name: "1, the evil Assertion with another ID",
			text: before(change(evilResponse, of, other), mark, before(signature, "</ds:Signature>", original)),
		},
		{name: "2, the evil Assertion with another ID", text: before(change(evilResponse, of, other), mark, original+signature)},
		{name: "3, an evil Assertion before", text: head + evilID(plainAssertion) + assertion + tail},
		{name: "4, the Assertion in an evil one", text: head + before(evilID(plainAssertion), "</saml:Assertion>", assertion) + tail},
		{name: "5, the Assertion after an evil one with its Signature", text: head + evilID(assertion) + plainAssertion + tail},
		{
			name: "6, the Assertion in an evil one's Signature",
			text: head + before(evilID(assertion), "</ds:Signature>", plainAssertion) + tail,
		},
		{
			name: "7, an evil Assertion in Extensions",
			text: before(head, "<samlp:Status>", "<samlp:Extensions>"+evil(plainAssertion)+"</samlp:Extensions>") + assertion + tail,
			why:  sameID,
		},
		{
			name: "7, and another ID",
			text: before(head, "<samlp:Status>", "<samlp:Extensions>"+evilID(plainAssertion)+"</samlp:Extensions>") + assertion + tail,
		},
		{
			name: "8, the Assertion in an Object of an evil one's Signature",
			text: head + before(evilID(assertion), "</ds:Signature>", "<ds:Object>"+plainAssertion+"</ds:Object>") + tail,
		},
	}
	for i := range rows {
		rows[i].name, rows[i].kind = "XSW "+rows[i].name, ErrMalformed
		if rows[i].why == "" {
			rows[i].why = whySeveral
		}
	}
	return rows
}

// Were the layout of a document not looked at, the signature alone would not lead to anything evil either: what verified returns
// is what was signed.
func TestSignatureAloneWithstandsWrapping(t *testing.T) {
	verified := 0
	for _, row := range wrapping() {
		doc := etree.NewDocument()
		if err := doc.ReadFromString(row.text); err != nil {
			t.Fatal(err)
		}
		for _, el := range within(doc.Root()) {
			if el.Tag != "Response" && el.Tag != "Assertion" || signatureIn(el) == nil {
				continue
			}
			signed, err := metadata(rsaA()).verified(el)
			if err != nil {
				continue
			}
			verified++
			doc := etree.NewDocumentWithRoot(signed)
			if s := must(doc.WriteToString()); strings.Contains(s, ">admin<") || !strings.Contains(s, "alice") {
				t.Errorf("%s: %s", row.name, s)
			}
		}
	}
	if verified == 0 {
		t.Error("nothing verified: the attacks are no attacks")
	}
}
