package policy

import (
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// reader walks through a document and keeps account of the place, for the error. It refuses what the JSON grammar leaves
// open and two readers of one document could understand in two ways: names that appear twice in one object (who checked
// the document may have seen the one Effect, who applies it the other), invalid UTF-8 and lone surrogates.
//
// It goes no deeper than the policy grammar does, so that nesting costs nothing: a bracket where none is expected is
// refused before anything within it is read.
type reader struct {
	document string
	json     *jsontext.Decoder
}

// text is one string of a document, and where it stands.
type text struct {
	path, value string
}

func newReader(document string) *reader {
	return &reader{document, jsontext.NewDecoder(strings.NewReader(document))}
}

// object calls member for every member; member has to read the value.
func (r *reader) object(path string, member func(path, name string) error) error {
	if r.json.PeekKind() != '{' {
		return r.expected(path, "an object")
	}
	if _, err := r.token(path); err != nil {
		return err
	}
	for r.json.PeekKind() != '}' {
		name, err := r.token(path)
		if err != nil {
			return err
		}
		key := name.String()
		if err := member(join(path, key), key); err != nil {
			return err
		}
	}
	_, err := r.token(path)
	return err
}

// each calls item for one value, or for every value of a list: IAM takes one where it takes several.
func (r *reader) each(path string, item func(path string) error) error {
	if r.json.PeekKind() != '[' {
		return item(path)
	}
	if _, err := r.token(path); err != nil {
		return err
	}
	for i := 0; r.json.PeekKind() != ']'; i++ {
		if err := item(path + "[" + strconv.Itoa(i) + "]"); err != nil {
			return err
		}
	}
	_, err := r.token(path)
	return err
}

// string reads a string.
func (r *reader) string(path string) (string, error) {
	if r.json.PeekKind() != '"' {
		return "", r.expected(path, "a string")
	}
	token, err := r.token(path)
	return token.String(), err
}

// strings reads a string or a list of strings.
func (r *reader) strings(path string) ([]text, error) {
	var all []text
	err := r.each(path, func(path string) error {
		value, err := r.string(path)
		all = append(all, text{path, value})
		return err
	})
	return all, err
}

// values reads a value of a condition or a list of them. Numbers and booleans count as their text, as it stands in the
// document: "Quotation marks are optional for numeric and Boolean values" (Grammar of the IAM JSON policy language).
func (r *reader) values(path string) ([]text, error) {
	var all []text
	err := r.each(path, func(path string) error {
		switch r.json.PeekKind() {
		case '"', '0', 't', 'f':
		default:
			return r.expected(path, "a string, a number or a boolean")
		}
		token, err := r.token(path)
		all = append(all, text{path, token.String()})
		return err
	})
	return all, err
}

// end refuses whatever follows the document.
func (r *reader) end() error {
	if _, err := r.json.ReadToken(); err != io.EOF {
		return malformed("", "text after the end of the policy")
	}
	return nil
}

func (r *reader) token(path string) (jsontext.Token, error) {
	token, err := r.json.ReadToken()
	if err != nil {
		return token, r.invalid(path, err)
	}
	return token, nil
}

// expected tells what should stand here; invalid JSON, which has no kind, is told as such.
func (r *reader) expected(path, what string) error {
	if r.json.PeekKind() == jsontext.KindInvalid {
		if _, err := r.token(path); err != nil {
			return err
		}
	}
	return malformed(path, "%s is expected here", what)
}

func (r *reader) invalid(path string, err error) error {
	reason, offset := err.Error(), r.json.InputOffset()
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		reason, offset = e.Err.Error(), e.ByteOffset
		if errors.Is(err, jsontext.ErrDuplicateName) {
			reason = "the name " + strconv.Quote(e.JSONPointer.LastToken()) + " appears twice in one object"
		}
	}
	before := r.document[:min(int(offset), len(r.document))]
	line := strings.Count(before, "\n") + 1
	column := len(before) - strings.LastIndexByte(before, '\n')
	return refuse(path, "This policy contains invalid Json: line %d, column %d: %s", line, column, clip(reason))
}

// join adds a name to a path: .Name, or ["any other name"] where a dot or colon in it would blur the path.
func join(path, name string) string {
	plain := strings.IndexFunc(name, func(r rune) bool { return !isAlphanumeric(r) }) < 0
	switch {
	case !plain || name == "":
		return path + `["` + clip(name) + `"]`
	case path == "":
		return clip(name)
	}
	return path + "." + clip(name)
}
