package saml

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beevik/etree"
)

// xmlsec verifies one Signature of a document with one key, by the library that C programs use.
func xmlsec(t *testing.T, dir, document, parent string, certificate []byte) bool {
	t.Helper()
	program, err := exec.LookPath("xmlsec1")
	if err != nil {
		t.Fatal("xmlsec1 is missing. On Debian and Ubuntu: sudo apt-get install xmlsec1; make test does it as root")
	}
	file, pemFile := filepath.Join(dir, "document.xml"), filepath.Join(dir, "certificate.pem")
	for name, b := range map[string][]byte{
		file:    []byte(document),
		pemFile: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
	} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(program, "--verify", "--pubkey-cert-pem", pemFile,
		"--enabled-key-data", "key-name,rsa,ecdsa", // of the KeyInfo not the certificate, as here
		"--id-attr:ID", nsAssertion+":Assertion", "--id-attr:ID", nsProtocol+":Response",
		"--node-xpath", "/*[local-name()='Response']"+parent+"/*[local-name()='Signature']", file).CombinedOutput()
	if err == nil && !bytes.Contains(out, []byte("OK")) {
		t.Errorf("xmlsec1: %s", out)
	}
	return err == nil
}

// genuine tells whether xmlsec1 verifies every Signature in Response and Assertion with a key of the metadata.
func genuine(t *testing.T, dir string, d document) bool {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromString(d.text); err != nil {
		t.Fatal(err)
	}
	places := []string{}
	for _, child := range doc.Root().ChildElements() {
		if child.Tag == "Signature" {
			places = append(places, "")
		}
		if child.Tag == "Assertion" && len(children(child, nsSignature, "Signature")) > 0 {
			places = append(places, "/*[local-name()='Assertion']")
		}
	}
	for _, place := range places {
		good := false
		for _, certificate := range d.by.Certificates {
			good = good || xmlsec(t, dir, d.text, place, certificate.Raw)
		}
		if !good {
			return false
		}
	}
	return len(places) > 0
}

// respelled are documents that say the same in other bytes, or nearly the same. Which of them still verify is what canonical
// XML is about.
func respelled() []document {
	both := signedBoth(rsaA())
	var rows []document
	row := func(name string, changes ...string) {
		rows = append(rows, document{name: name, text: change(both, changes...), by: metadata(rsaA())})
	}
	row("as it was", "a", "a")
	row("single quotes", `ID="_assertion"`, `ID='_assertion'`)
	row("order of attributes", `ID="_assertion" Version="2.0"`, `Version="2.0" ID="_assertion"`)
	row("order of namespaces and attributes", `xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml=`, `xmlns:saml=`,
		`ID="_response"`, `ID="_response" xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"`)
	row("blanks in a tag", `ID="_assertion" `, "ID = \"_assertion\"\n\t ")
	row("empty element", "<ds:CanonicalizationMethod Algorithm=\""+exclusive+"\"></ds:CanonicalizationMethod>",
		"<ds:CanonicalizationMethod Algorithm=\""+exclusive+"\"/>")
	row("empty element as two tags", `Success"/>`, `Success"></samlp:StatusCode>`)
	row("lines of Windows", "\n", "\r\n")
	row("lines of old Macs", "\n", "\r")
	row("CR as reference", "\n    <saml:Subject>", "&#13;\n    <saml:Subject>")
	row("reference", ">alice<", ">&#x61;lice<")
	row("reference in an attribute", `Name="mail"`, `Name="&#109;ail"`)
	row("named reference", ">alice<", ">ali&amp;ce<")
	row("blank in text", ">alice<", ">alice <")
	row("blank between elements", "<saml:Subject>", " <saml:Subject>")
	row("namespace that nobody uses", "<saml:Subject>", `<saml:Subject xmlns:u="urn:u">`)
	row("namespace declared again", "<saml:Subject>", `<saml:Subject xmlns:saml="`+nsAssertion+`">`)
	row("prefix for another namespace", "<saml:Subject>", `<saml:Subject xmlns:saml="urn:u">`)
	row("another prefix", `<saml:Subject>`, `<s:Subject xmlns:s="`+nsAssertion+`">`, `</saml:Subject>`, "</s:Subject>")
	row("default namespace", `<saml:Subject>`, `<saml:Subject xmlns="urn:u">`)
	row("line in an attribute", `Name="mail"`, "Name=\"mail\n\"")
	row("attribute more", "<saml:Subject>", `<saml:Subject a="">`)
	row("the Response's attribute", `59:59Z" Destination`, `59:58Z" Destination`)
	row("after the root", "</samlp:Response>\n", "</samlp:Response>\n\n")
	row("SignatureValue in lines", "<ds:SignatureValue>", "<ds:SignatureValue>\n")
	return rows
}

// xmlsec1 says the same of every signature as Verify. Of responses that are refused for their form Verify says nothing of the
// signature; what is refused for the signature's own form (SHA-1, other transforms) may well verify there.
func TestXmlsecAgrees(t *testing.T) {
	dir := t.TempDir()
	asked := map[bool]int{}
	rows := append(append(good(), attacks()...), respelled()...)
	for _, c := range captured {
		md := must(ParseMetadata(read(t, c.maker+".metadata.xml")))
		text := string(must(base64.StdEncoding.DecodeString(read(t, c.maker+".response.b64"))))
		rows = append(rows, document{name: c.maker, text: text, by: md})
		rows = append(rows, document{name: c.maker + ", changed", text: change(text, ":bearer", ":Bearer"), by: md})
	}
	for _, row := range rows {
		_, err := Verify(row.by, b64(row.text), expected())
		r, _ := err.(*Rejected)
		if r != nil && (r.Kind == ErrSignature && r.Why != whyForged || r.Kind == ErrMalformed && judgedByForm(r.Why) ||
			r.Kind == ErrEncrypted || r.Kind == ErrNotSuccess && strings.Contains(row.name, "failure")) {
			continue
		}
		ours := r == nil || r.Kind != ErrSignature
		asked[ours]++
		if theirs := genuine(t, dir, row); theirs != ours {
			t.Errorf("%s: xmlsec1 says %v, Verify %v", row.name, theirs, err)
		}
	}
	t.Logf("asked about %d good and %d bad", asked[true], asked[false])
	if asked[true] < 30 || asked[false] < 10 {
		t.Errorf("asked about %v", asked)
	}
}

// judgedByForm tells whether a refusal came before the signature was looked at.
func judgedByForm(why string) bool {
	switch why {
	case whyID, whySubject, whyTime, whyData, whyAuthn, "its Assertion has no Conditions, or several",
		"it has a condition that is not known", "an Attribute has no Name":
		return false
	}
	return true
}

// SHA-1 is refused here for what it is: the signatures are genuine, and xmlsec1 takes them.
func TestWeakAlgorithmsAreGenuine(t *testing.T) {
	for _, row := range byDefault(weakened()) {
		if strings.HasPrefix(row.name, "SHA-1") && !genuine(t, t.TempDir(), row) {
			t.Errorf("%s: xmlsec1 refuses it too", row.name)
		}
	}
}
