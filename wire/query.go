package wire

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

const xmlType = "text/xml"

// maxSteps bounds how deep a parameter's name goes: the APIs here go four steps down, and each step costs memory.
const maxSteps = 8

// node is a Query parameter's place among the others: "Tags.member.1.Key" is four steps down.
type node struct {
	value    *string
	children map[string]*node
}

// parameters makes a tree of steps out of Query parameters, each of which stands once.
func parameters(values url.Values) *node {
	root := &node{}
	for name, all := range values {
		at := root
		for step := range strings.SplitSeq(name, ".") {
			next := at.children[step]
			if next == nil {
				next = &node{}
				if at.children == nil {
					at.children = make(map[string]*node)
				}
				at.children[step] = next
			}
			at = next
		}
		at.value = &all[0]
	}
	return root
}

// tree reads parameters as the kind asks: lists are NAME.member.1, NAME.member.2 and so on. What does not fit stays text,
// so that fill words the error.
func (n *node) tree(k *kind) any {
	switch k.form {
	case structure:
		if len(n.children) == 0 && n.value != nil {
			return *n.value
		}
		members := make(map[string]any, len(k.fields))
		for _, f := range k.fields {
			if child := n.children[f.name]; child != nil {
				members[f.name] = child.tree(f.kind)
			}
		}
		return members
	case list:
		return n.list(k)
	}
	if n.value == nil {
		return nil
	}
	return scalar(k, *n.value)
}

// scalar reads "true" and the "True" of botocore's URLs, and integers.
func scalar(k *kind, value string) any {
	switch k.form {
	case boolean:
		switch value {
		case "true", "True":
			return true
		case "false", "False":
			return false
		}
	case number:
		if i, err := strconv.ParseInt(value, 10, 64); err == nil {
			return float64(i)
		}
	}
	return value
}

// list reads NAME.member.1 to NAME.member.N, or the "NAME=" by which clients say an empty list. Anything else is no list, and
// fill says so: to stop at a gap would drop, without a word, what the client asked for, such as a session's policies.
func (n *node) list(k *kind) any {
	const none = ""
	if len(n.children) == 0 && *n.value == "" {
		return []any{}
	}
	member := n.children["member"]
	if member == nil || len(member.children) == 0 || len(n.children) > 1 {
		return none
	}
	members := make([]any, len(member.children))
	for i := range members {
		child := member.children[strconv.Itoa(i+1)]
		if child == nil {
			return none
		}
		members[i] = child.tree(k.member)
	}
	return members
}

// urlTree reads the members of a call of JSON 1.1 from its URL. botocore, when it presigns one, moves them there and leaves
// the body empty. Other names, X-Amz-* among them, are unknown members. Lists, maps and structures stay text, and fill refuses
// that: botocore writes a list as one name again and again, whose order no signature covers, and a map as Python prints it.
func urlTree(values url.Values, k *kind) any {
	members := make(map[string]any, len(k.fields))
	for _, f := range k.fields {
		if value, ok := values[f.name]; ok {
			members[f.name] = scalar(f.kind, value[0])
		}
	}
	return members
}

// xmlReply writes <OpResponse><OpResult>...</OpResult><ResponseMetadata>.
func xmlReply(w http.ResponseWriter, r *row, requestID string, out any) error {
	var b bytes.Buffer
	e := xml.NewEncoder(&b)
	start := xml.StartElement{Name: xml.Name{Local: r.Operation.Name + "Response", Space: r.Namespace}}
	if err := e.EncodeToken(start); err != nil {
		return err
	}
	if out != nil {
		if err := e.EncodeElement(out, xml.StartElement{Name: xml.Name{Local: r.Operation.Name + "Result"}}); err != nil {
			return err
		}
	}
	metadata := struct {
		RequestID string `xml:"RequestId"`
	}{requestID}
	if err := e.EncodeElement(metadata, xml.StartElement{Name: xml.Name{Local: "ResponseMetadata"}}); err != nil {
		return err
	}
	if err := e.EncodeToken(start.End()); err != nil {
		return err
	}
	if err := e.Flush(); err != nil {
		return err
	}
	send(w, http.StatusOK, xmlType, b.Bytes())
	return nil
}

// xmlError writes <ErrorResponse><Error>.
func xmlError(w http.ResponseWriter, namespace, requestID string, e *Error) {
	type detail struct {
		Type, Code, Message string
	}
	document := struct {
		XMLName   xml.Name
		Error     detail
		RequestID string `xml:"RequestId"`
	}{
		XMLName:   xml.Name{Local: "ErrorResponse", Space: namespace},
		Error:     detail{Type: "Sender", Code: e.Code, Message: e.Message},
		RequestID: requestID,
	}
	if e.status() >= http.StatusInternalServerError {
		document.Error.Type = "Receiver"
	}
	body, err := xml.Marshal(document)
	if err != nil { // strings always encode
		panic(err)
	}
	send(w, e.status(), xmlType, body)
}
