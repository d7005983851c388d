package cognito_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
)

// apiModel is the API's published model, as far as testdata has it.
type apiModel struct {
	Operations map[string]apiOperation
	Shapes     map[string]apiShape
}

type apiOperation struct {
	Input, Output string
	Unsigned      bool
	Errors        []string
}

type apiShape struct {
	Type               string
	Min, Max           *int
	Pattern            string
	Enum, Required     []string
	Sensitive          bool
	Key, Value, Member string
	Members            apiMembers
	Fault              bool

	constraints []constraint // in the order in which errors list them
}

// apiMembers are a structure's members in the model's order, in which errors name them.
type apiMembers []struct{ Name, Shape string }

func (m *apiMembers) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if _, err := d.Token(); err != nil { // the brace
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var shape string
		if err := d.Decode(&shape); err != nil {
			return err
		}
		*m = append(*m, struct{ Name, Shape string }{name.(string), shape})
	}
	return nil
}

func readModel(t *testing.T) *apiModel {
	t.Helper()
	text, err := os.ReadFile("testdata/cognito-identity-2014-06-30.json")
	if err != nil {
		t.Fatal(err)
	}
	m := &apiModel{}
	if err := json.Unmarshal(text, m); err != nil {
		t.Fatal(err)
	}
	// The original's texts have another order than its model.
	rules := m.Shapes["MappingRuleMatchType"]
	order := []string{"StartsWith", "Equals", "Contains", "NotEqual"}
	if !slices.Equal(slices.Sorted(slices.Values(rules.Enum)), slices.Sorted(slices.Values(order))) {
		t.Fatalf("the match types are %v", rules.Enum)
	}
	rules.Enum = order
	m.Shapes["MappingRuleMatchType"] = rules
	for name, s := range m.Shapes {
		s.constraints = s.read()
		m.Shapes[name] = s
	}
	return m
}

// constraint is one constraint of a shape, with the text that errors quote.
type constraint struct {
	text   string
	broken func(v any) bool
}

func (s apiShape) read() []constraint {
	var all []constraint
	noun := "length"
	if s.isNumber() {
		noun = "value"
	}
	if s.Max != nil {
		all = append(all, constraint{
			fmt.Sprintf("Member must have %s less than or equal to %d", noun, *s.Max), func(v any) bool { return size(v) > *s.Max },
		})
	}
	if s.Min != nil {
		all = append(all, constraint{
			fmt.Sprintf("Member must have %s greater than or equal to %d", noun, *s.Min), func(v any) bool { return size(v) < *s.Min },
		})
	}
	if s.Pattern != "" {
		whole := regexp.MustCompile(`\A(?:` + s.Pattern + `)\z`)
		all = append(all, constraint{
			"Member must satisfy regular expression pattern: " + s.Pattern, func(v any) bool { return !whole.MatchString(v.(string)) },
		})
	}
	if s.Enum != nil {
		all = append(all, constraint{
			"Member must satisfy enum value set: [" + strings.Join(s.Enum, ", ") + "]",
			func(v any) bool { return !slices.Contains(s.Enum, v.(string)) },
		})
	}
	return all
}

func (s apiShape) isNumber() bool { return s.Type == "integer" || s.Type == "long" }

// size is what min and max bound: UTF-16 units, members, or a number itself.
func size(v any) int {
	switch v := v.(type) {
	case string:
		return len(utf16.Encode([]rune(v)))
	case []any:
		return len(v)
	case map[string]any:
		return len(v)
	}
	return int(v.(float64))
}

// judgment is what must become of a request: a value of the wrong type is told alone, else every failed constraint.
type judgment struct {
	model    *apiModel
	mistyped string
	failures []string
	secrets  []string // sensitive values, which no reply may hold
}

func (m *apiModel) judge(shape string, request any) *judgment {
	j := &judgment{model: m}
	j.value(shape, request, "")
	return j
}

// message is the text of the ValidationException.
func (j *judgment) message() string {
	noun := " validation errors detected: "
	if len(j.failures) == 1 {
		noun = " validation error detected: "
	}
	return strconv.Itoa(len(j.failures)) + noun + strings.Join(j.failures, "; ")
}

func (j *judgment) value(name string, v any, path string) {
	s := j.model.Shapes[name]
	if j.mistyped != "" {
		return
	}
	if j.mistyped = s.mistyped(v); j.mistyped != "" {
		return
	}
	if text, ok := v.(string); ok && s.Sensitive {
		j.secrets = append(j.secrets, text)
	}
	for _, c := range s.constraints {
		if c.broken(v) {
			j.fail(name, v, path, c.text)
		}
	}
	switch s.Type {
	case "structure":
		j.structure(s, v.(map[string]any), path)
	case "list":
		broken := false
		for i, member := range v.([]any) {
			broken = j.member(s.Member, member, fmt.Sprintf("%s.%d.member", path, i+1)) || broken
		}
		if broken {
			j.fail(name, v, path, "Member must satisfy constraint: "+j.model.listed(s.Member))
		}
	case "map":
		j.mapping(name, v.(map[string]any), path)
	}
}

func (j *judgment) structure(s apiShape, v map[string]any, path string) {
	for _, m := range s.Members {
		step := strings.ToLower(m.Name[:1]) + m.Name[1:]
		if path != "" {
			step = path + "." + step
		}
		switch member := v[m.Name]; {
		case member != nil:
			j.value(m.Shape, member, step)
		case slices.Contains(s.Required, m.Name):
			j.fail(m.Shape, nil, step, "Member must not be null")
		}
	}
}

func (j *judgment) mapping(name string, v map[string]any, path string) {
	s := j.model.Shapes[name]
	var badKey, badValue bool
	for _, key := range slices.Sorted(maps.Keys(v)) {
		badKey = j.member(s.Key, key, "") || badKey
		badValue = j.member(s.Value, v[key], path+"."+key+".member") || badValue
	}
	if badKey {
		j.fail(name, v, path, "Map keys must satisfy constraint: "+j.model.listed(s.Key))
	}
	if badValue {
		j.fail(name, v, path, "Map value must satisfy constraint: "+j.model.listed(s.Value))
	}
}

// member judges a member of a list or a map. What fails in a structure has a path of its own; of any other member the list
// or map tells.
func (j *judgment) member(shape string, v any, path string) (broken bool) {
	if v == nil {
		return true
	}
	if j.model.Shapes[shape].Type == "structure" {
		j.value(shape, v, path)
		return false
	}
	inner := j.model.judge(shape, v)
	if j.mistyped == "" {
		j.mistyped = inner.mistyped
	}
	j.secrets = append(j.secrets, inner.secrets...)
	return len(inner.failures) > 0
}

// listed are all constraints of a member, as the error of its list or map has them.
func (m *apiModel) listed(shape string) string {
	texts := []string{}
	for _, c := range m.Shapes[shape].constraints {
		texts = append(texts, c.text)
	}
	if len(texts) == 0 {
		texts = []string{"Member must not be null"}
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// maxEcho is how many bytes of a value an error repeats.
const maxEcho = 1024

func (j *judgment) fail(shape string, v any, path, constraint string) {
	value := "'" + string(cut([]byte(java(v)))) + "' "
	switch {
	case v == nil:
		value = "null "
	case j.model.sensitive(shape):
		value = ""
	}
	j.failures = append(j.failures, "Value "+value+"at '"+path+"' failed to satisfy constraint: "+constraint)
}

func cut(b []byte) []byte {
	if len(b) <= maxEcho {
		return b
	}
	return bytes.ToValidUTF8(b[:maxEcho], nil)
}

// sensitive tells whether a shape or a part of it is.
func (m *apiModel) sensitive(shape string) bool {
	s := m.Shapes[shape]
	for _, part := range append([]string{s.Key, s.Value, s.Member}, s.Members.shapes()...) {
		if part != "" && m.sensitive(part) {
			return true
		}
	}
	return s.Sensitive
}

func (m apiMembers) shapes() []string {
	var names []string
	for _, member := range m {
		names = append(names, member.Shape)
	}
	return names
}

// java prints a value as Java does.
func java(v any) string {
	var parts []string
	switch v := v.(type) {
	case []any:
		for _, member := range v {
			parts = append(parts, java(member))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, key+"="+java(v[key]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case nil:
		return "null"
	}
	return fmt.Sprint(v)
}

// mistyped is the text for a value of another JSON type than the shape's, else empty.
func (s apiShape) mistyped(v any) string {
	want, isScalar := map[string]string{"string": "a String", "boolean": "a Boolean", "integer": "an Integer", "long": "an Integer"}[s.Type]
	token := ""
	switch v := v.(type) {
	case []any:
		if s.Type != "list" {
			return "Start of list found where not expected"
		}
		return ""
	case map[string]any:
		if s.Type != "map" && s.Type != "structure" {
			return "Start of structure or map found where not expected."
		}
		return ""
	case string:
		if s.Type == "string" {
			return ""
		}
		token = "STRING"
	case float64:
		if s.isNumber() && v == math.Trunc(v) {
			return ""
		}
		token = "NUMBER"
	case bool:
		if s.Type == "boolean" {
			return ""
		}
		token = strings.ToUpper(strconv.FormatBool(v))
	}
	switch {
	case isScalar:
		return token + "_VALUE can not be converted to " + want
	case s.Type == "list":
		return "Expected list or null"
	}
	return "Expected map or null"
}
