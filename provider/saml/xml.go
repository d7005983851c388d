package saml

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/beevik/etree"
	validator "github.com/mattermost/xml-roundtrip-validator"
)

// Namespaces.
const (
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsMetadata  = "urn:oasis:names:tc:SAML:2.0:metadata"
	nsSignature = "http://www.w3.org/2000/09/xmldsig#"
	nsEncrypted = "http://www.w3.org/2001/04/xmlenc#"
	nsExclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
	nsXML       = "http://www.w3.org/XML/1998/namespace"
	nsXMLNS     = "http://www.w3.org/2000/xmlns/"
)

// grammar says what a document may be made of.
type grammar struct {
	tags     int  // at most, start and end
	elements int  // at most
	depth    int  // at most
	comments bool // are taken, and CDATA; where nothing is signed they hide nothing
}

var (
	// A response of 50,000 characters with the shortest honest attribute values has 1,200 tags. goxmldsig stops at 1,000 elements.
	ofResponses = grammar{tags: 2000, elements: 1000, depth: 20}
	ofMetadata  = grammar{tags: 20_000, elements: 10_000, depth: 32, comments: true}
)

const (
	maxAttributes   = 32  // of an element
	maxDeclarations = 100 // of namespaces in a document, since canonicalization carries them along
)

// parse reads a document and returns its root. What it takes is written in one way only, as far as the reader of the tree
// can tell: no name stands twice, every prefix is declared, ids are unique. Its errors hold nothing of the document.
func (g grammar) parse(document []byte) (*etree.Element, error) {
	if err := g.lexical(document); err != nil {
		return nil, err
	}
	doc := etree.NewDocument()
	doc.ReadSettings = etree.ReadSettings{
		PreserveDuplicateAttrs: true, // to be seen, and refused
		MaxDepth:               g.depth,
		CharsetReader: func(string, io.Reader) (io.Reader, error) {
			return nil, errNotUTF8 // called for every other encoding
		},
	}
	if err := doc.ReadFromBytes(document); err != nil {
		switch {
		case errors.Is(err, etree.ErrMaxDepth):
			return nil, errTooDeep
		case errors.Is(err, errNotUTF8):
			return nil, errNotUTF8
		}
		return nil, errNotXML
	}
	// What encoding/xml would write otherwise than it has read could mean one thing to the signature and another to the reader.
	if validator.Validate(bytes.NewReader(document)) != nil {
		return nil, errNotXML
	}
	root, err := onlyRoot(doc)
	if err != nil {
		return nil, err
	}
	c := checker{grammar: g, ids: make(map[string]bool)}
	return root, c.element(root)
}

// The reasons of parse.
var (
	errNotUTF8      = errors.New("it is not UTF-8")
	errNotXML       = errors.New("it is not well-formed XML")
	errDTD          = errors.New("it has a document type declaration")
	errComment      = errors.New("it has a comment")
	errCDATA        = errors.New("it has a CDATA section")
	errInstruction  = errors.New("it has a processing instruction")
	errTooMany      = errors.New("it has too many elements")
	errTooDeep      = errors.New("its elements are nested too deep")
	errAttributes   = errors.New("an element has too many attributes, or one twice")
	errNamespace    = errors.New("a namespace is not declared, or wrongly")
	errDeclarations = errors.New("it declares too many namespaces")
	errForeignID    = errors.New("an element has an id by another name than ID")
	errSameID       = errors.New("two elements have the same ID")
)

// lexical looks at the bytes alone. A < that does not stand at the beginning of markup is not well-formed, in values of
// attributes too, so that there is no other place for what is refused here to stand in.
func (g grammar) lexical(document []byte) error {
	if !utf8.Valid(document) {
		return errNotUTF8
	}
	if i := bytes.LastIndex(document, []byte("<?")); i > 0 || i == 0 && !xmlDeclaration(document) {
		return errInstruction
	}
	if bytes.Count(document, []byte("<")) > g.tags {
		return errTooMany
	}
	if g.comments {
		return nil
	}
	if i := bytes.Index(document, []byte("<!")); i >= 0 {
		switch after := document[i:]; {
		case bytes.HasPrefix(after, []byte("<!--")):
			return errComment
		case bytes.HasPrefix(after, []byte("<![CDATA[")):
			return errCDATA
		}
		return errDTD
	}
	return nil
}

func xmlDeclaration(document []byte) bool {
	rest, ok := bytes.CutPrefix(document, []byte("<?xml"))
	return ok && len(rest) > 0 && isSpace(string(rest[:1]))
}

func isSpace(s string) bool { return strings.Trim(s, " \t\r\n") == "" }

func onlyRoot(doc *etree.Document) (*etree.Element, error) {
	var root *etree.Element
	for _, token := range doc.Child {
		switch token := token.(type) {
		case *etree.Element:
			if root != nil {
				return nil, errNotXML
			}
			root = token
		case *etree.CharData:
			if !isSpace(token.Data) {
				return nil, errNotXML
			}
		case *etree.Directive:
			return nil, errDTD
		}
	}
	if root == nil {
		return nil, errNotXML
	}
	return root, nil
}

// checker walks a tree once.
type checker struct {
	grammar
	seen, declared int
	ids            map[string]bool
}

func (c *checker) element(el *etree.Element) error {
	if c.seen++; c.seen > c.elements {
		return errTooMany
	}
	if err := c.attributes(el); err != nil {
		return err
	}
	if strings.Contains(el.Tag, ":") || el.Space == "xmlns" || el.Space != "" && namespaceOf(el, el.Space) == "" {
		return errNamespace
	}
	for _, token := range el.Child {
		switch token := token.(type) {
		case *etree.Element:
			if err := c.element(token); err != nil {
				return err
			}
		case *etree.Directive:
			return errDTD
		}
	}
	return nil
}

func (c *checker) attributes(el *etree.Element) error {
	if len(el.Attr) > maxAttributes {
		return errAttributes
	}
	type name struct{ space, key string }
	names := make(map[name]bool, len(el.Attr))
	for _, a := range el.Attr {
		n := name{"", a.Key}
		switch {
		case a.Space == "xmlns" || a.Space == "" && a.Key == "xmlns":
			if c.declared++; c.declared > maxDeclarations {
				return errDeclarations
			}
			if !declares(a) {
				return errNamespace
			}
			n.space = a.Space
		case a.Space != "":
			if n.space = namespaceOf(el, a.Space); n.space == "" || strings.Contains(a.Key, ":") {
				return errNamespace
			}
		case strings.Contains(a.Key, ":"):
			return errNamespace
		}
		if names[n] {
			return errAttributes
		}
		names[n] = true
		if err := c.id(a); err != nil {
			return err
		}
	}
	return nil
}

// id notes an element's ID. Id, as XML signatures have it on their own elements, is of the same kind. etree and
// goxmldsig would take an attribute with a prefix for it.
func (c *checker) id(a etree.Attr) error {
	switch {
	case c.comments || !strings.EqualFold(a.Key, "ID") || a.Space == "xmlns":
		return nil
	case a.Space != "" || a.Key == "id":
		return errForeignID
	case c.ids[a.Value]:
		return errSameID
	}
	c.ids[a.Value] = true
	return nil
}

// declares tells whether an attribute declares a namespace as it may be.
func declares(a etree.Attr) bool {
	switch {
	case a.Value == nsXML || a.Value == nsXMLNS:
		return false // these two have their own prefixes, which nobody needs to declare
	case a.Space == "": // the default, which may be taken back
		return true
	}
	return a.Value != "" && a.Key != "xml" && a.Key != "xmlns" && !strings.Contains(a.Key, ":")
}

// namespaceOf says what a prefix means at an element; empty if nothing.
func namespaceOf(el *etree.Element, prefix string) string {
	if prefix == "xml" {
		return nsXML
	}
	for ; el != nil; el = el.Parent() {
		for _, a := range el.Attr {
			if a.Space == "xmlns" && a.Key == prefix {
				return a.Value
			}
		}
	}
	return ""
}

func is(el *etree.Element, namespace, tag string) bool {
	return el.Tag == tag && el.NamespaceURI() == namespace
}

func children(el *etree.Element, namespace, tag string) []*etree.Element {
	var found []*etree.Element
	for _, child := range el.ChildElements() {
		if is(child, namespace, tag) {
			found = append(found, child)
		}
	}
	return found
}

// only returns the child of a name if there is exactly one.
func only(el *etree.Element, namespace, tag string) (*etree.Element, bool) {
	found := children(el, namespace, tag)
	if len(found) != 1 {
		return nil, false
	}
	return found[0], true
}

// attribute returns an attribute without a prefix; etree's own methods look under any prefix.
func attribute(el *etree.Element, key string) string {
	for _, a := range el.Attr {
		if a.Space == "" && a.Key == key {
			return a.Value
		}
	}
	return ""
}

// content returns an element's text, all of it. Ok is false if there are elements in it.
func content(el *etree.Element) (text string, ok bool) {
	var b strings.Builder
	for _, token := range el.Child {
		switch token := token.(type) {
		case *etree.CharData:
			b.WriteString(token.Data)
		case *etree.Element:
			return "", false
		}
	}
	return b.String(), true
}

// within returns an element and all below it.
func within(el *etree.Element) []*etree.Element {
	all := []*etree.Element{el}
	for _, child := range el.ChildElements() {
		all = append(all, within(child)...)
	}
	return all
}

// instant reads an xs:dateTime in UTC, the only form that SAML has; time.Parse alone is more lenient.
func instant(s string) (time.Time, bool) {
	const form = "2006-01-02T15:04:05"
	rest, utc := strings.CutSuffix(s, "Z")
	if !utc || len(rest) < len(form) {
		return time.Time{}, false
	}
	if fraction := rest[len(form):]; fraction != "" && (len(fraction) < 2 || fraction[0] != '.') {
		return time.Time{}, false
	}
	t, err := time.Parse(form, rest)
	return t, err == nil
}
