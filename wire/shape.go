package wire

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Shape holds the constraints of one named shape of an API's model. Lengths of strings count UTF-16 units, as the
// original's do; for a list or a map the length is the number of members; for a number Min and Max bound its value.
type Shape struct {
	Min, Max  int      // Max 0: no bound above, and with Min 0 none below either
	Pattern   string   // in Java's syntax, as the model writes it; the whole value must match
	Enum      []string // in the order the original prints
	Sensitive bool     // never echoed
	Key       string   // the shape of a map's keys
	Member    string   // the shape of a list's members or a map's values
}

// Shapes is the table of a service's shapes by name. A field of an input struct names its shape in its tag:
//
//	IdentityPoolId string `api:"IdentityPoolId,required"`
//
// A field without a tag, or with a name that the table lacks, has no constraint but its type.
type Shapes map[string]Shape

// kind is a Go type with its constraints, compiled once. What a request may hold is a tree of strings, numbers, booleans,
// lists, maps and structures; both protocols are decoded into that tree, and fill carries it over into the struct.
type kind struct {
	form   form
	checks []check
	hidden bool // it or a part of it is sensitive
	secret bool // all of it is sensitive
	fields []field
	key    *kind
	member *kind
}

// check is one constraint of a shape.
type check struct {
	text  string                           // as errors quote it
	fails func(text string, size int) bool // size is a text's length, a list's or map's number of members, or a number
}

type form int

const (
	structure form = iota
	list
	mapping
	text
	number
	boolean
)

type field struct {
	name     string // as the API writes it: the Go field's name, unless a json tag says otherwise
	step     string // as the original's error texts write it, in lowerCamelCase
	index    int
	required bool
	kind     *kind
}

// compile builds the kind of a Go type. It panics on a type that no request can carry: that is a mistake in an operation's
// table, found at the first start.
func (s Shapes) compile(t reflect.Type, name string) *kind {
	shape := s[name]
	k := &kind{hidden: shape.Sensitive, secret: shape.Sensitive}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		k.form = text
	case reflect.Bool:
		k.form = boolean
	case reflect.Int, reflect.Int64:
		k.form = number
	case reflect.Slice:
		k.form, k.member = list, s.compile(t.Elem(), shape.Member)
		k.hidden = k.hidden || k.member.hidden
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			panic(fmt.Sprintf("wire: the keys of %v are no strings", t))
		}
		k.form, k.key, k.member = mapping, s.compile(t.Key(), shape.Key), s.compile(t.Elem(), shape.Member)
		k.hidden = k.hidden || k.key.hidden || k.member.hidden
	case reflect.Struct:
		k.form, k.fields = structure, s.compileFields(t)
		for _, f := range k.fields {
			k.hidden = k.hidden || f.kind.hidden
		}
	default:
		panic(fmt.Sprintf("wire: %v can be no member of a request", t))
	}
	k.checks = shape.checks(k.form)
	return k
}

// checks are the constraints of a shape, in the order in which the original lists them.
func (s Shape) checks(form form) []check {
	var checks []check
	add := func(fails func(string, int) bool, format string, args ...any) {
		checks = append(checks, check{fmt.Sprintf(format, args...), fails})
	}
	noun := "length"
	if form == number {
		noun = "value"
	}
	if s.Max > 0 {
		add(func(_ string, size int) bool { return size > s.Max }, "Member must have %s less than or equal to %d", noun, s.Max)
	}
	// A model that bounds a text or a number above bounds it below too, if by 0, and the original says even that.
	if s.Min != 0 || s.Max > 0 && (form == number || form == text) {
		add(func(_ string, size int) bool { return size < s.Min }, "Member must have %s greater than or equal to %d", noun, s.Min)
	}
	if s.Pattern != "" {
		pattern := javaPattern(s.Pattern)
		add(func(text string, _ int) bool { return !pattern.MatchString(text) },
			"Member must satisfy regular expression pattern: %s", s.Pattern)
	}
	if s.Enum != nil {
		add(func(text string, _ int) bool { return !slices.Contains(s.Enum, text) },
			"Member must satisfy enum value set: [%s]", strings.Join(s.Enum, ", "))
	}
	return checks
}

var javaUnicode = regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`)

// javaPattern is a pattern of a model in Go's syntax. Java writes \u00FF, and its \s, which the models use in classes only,
// also has the vertical tab.
func javaPattern(pattern string) *regexp.Regexp {
	pattern = javaUnicode.ReplaceAllString(pattern, `\x{$1}`)
	return regexp.MustCompile(`^(?:` + strings.ReplaceAll(pattern, `\s`, `\s\v`) + `)$`)
}

func (s Shapes) compileFields(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			panic(fmt.Sprintf("wire: %v.%s is not exported", t, f.Name))
		}
		shape, option, _ := strings.Cut(f.Tag.Get("api"), ",")
		name := f.Name
		if other, _, _ := strings.Cut(f.Tag.Get("json"), ","); other != "" {
			name = other
		}
		fields = append(fields, field{
			name: name, step: lowerCamel(name), index: i,
			required: option == "required",
			kind:     s.compile(f.Type, shape),
		})
	}
	return fields
}

// lowerCamel writes a member's name as error texts do: identityPoolId, openIdConnectProviderARNs, samlMetadataDocument.
func lowerCamel(name string) string {
	runes := []rune(name)
	for i := range runes {
		// A leading run of capitals falls together, but for the one that opens the next word.
		if i > 0 && i+1 < len(runes) && unicode.IsLower(runes[i+1]) {
			break
		}
		if !unicode.IsUpper(runes[i]) {
			break
		}
		runes[i] = unicode.ToLower(runes[i])
	}
	return string(runes)
}
