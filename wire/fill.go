package wire

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// filling carries one request's tree into its input struct and collects every constraint that fails on the way.
type filling struct {
	problems []string
	room     int  // how many problems are put into words
	failed   bool // there was a problem, in words or not
}

// maxProblems bounds how many failures an error names: a megabyte of "{}," would else be answered with a hundred.
const maxProblems = 50

// mismatch is a value of the wrong JSON type. It is reported before any constraint, and alone.
type mismatch string

func (m mismatch) Error() string { return string(m) }

// fill sets dst from the tree. It returns all failures of the request together, in the words of the original ("Value 'x' at
// 'identityPoolId' failed to satisfy constraint: ..."), or a mismatch.
func fill(k *kind, tree any, dst reflect.Value) (problems []string, err error) {
	f := &filling{room: maxProblems}
	if err := f.value(k, tree, dst, ""); err != nil {
		return nil, err
	}
	return f.problems, nil
}

// validationMessage is the message of the service's validation error: "2 validation errors detected: ...; ...".
func validationMessage(problems []string) string {
	noun := "errors"
	if len(problems) == 1 {
		noun = "error"
	}
	return fmt.Sprintf("%d validation %s detected: %s", len(problems), noun, strings.Join(problems, "; "))
}

func (f *filling) value(k *kind, v any, dst reflect.Value, path string) error {
	if dst.Kind() == reflect.Pointer {
		dst.Set(reflect.New(dst.Type().Elem()))
		dst = dst.Elem()
	}
	switch k.form {
	case text:
		s, ok := v.(string)
		if !ok {
			return wrongScalar(v, "a String")
		}
		dst.SetString(s)
	case boolean:
		b, ok := v.(bool)
		if !ok {
			return wrongScalar(v, "a Boolean")
		}
		dst.SetBool(b)
	case number:
		n, ok := v.(float64)
		if !ok || n != math.Trunc(n) || math.Abs(n) >= 1<<53 { // from there on a float64 skips integers
			return wrongScalar(v, "an Integer")
		}
		dst.SetInt(int64(n))
	case list:
		return f.list(k, v, dst, path)
	case mapping:
		return f.mapping(k, v, dst, path)
	case structure:
		return f.structure(k, v, dst, path)
	}
	f.constraints(k, v, path)
	return nil
}

func (f *filling) structure(k *kind, v any, dst reflect.Value, path string) error {
	members, ok := v.(map[string]any)
	if !ok {
		return wrongType(v, "Expected map or null")
	}
	for i := range k.fields {
		field := &k.fields[i]
		step := field.step
		if path != "" {
			step = path + "." + step
		}
		member := members[field.name]
		if member == nil {
			if field.required {
				f.fail(field.kind, nil, step, notNull)
			}
			continue
		}
		if err := f.value(field.kind, member, dst.Field(field.index), step); err != nil {
			return err
		}
	}
	return nil
}

func (f *filling) list(k *kind, v any, dst reflect.Value, path string) error {
	members, ok := v.([]any)
	if !ok {
		return wrongType(v, "Expected list or null")
	}
	f.constraints(k, v, path)
	dst.Set(reflect.MakeSlice(dst.Type(), len(members), len(members)))
	broken := false
	for i, member := range members {
		ok, err := f.member(k.member, member, dst.Index(i), path, strconv.Itoa(i+1))
		if err != nil {
			return err
		}
		broken = broken || !ok
	}
	if broken {
		f.fail(k, v, path, "Member must satisfy constraint: "+k.member.allChecks())
	}
	return nil
}

func (f *filling) mapping(k *kind, v any, dst reflect.Value, path string) error {
	members, ok := v.(map[string]any)
	if !ok {
		return wrongType(v, "Expected map or null")
	}
	f.constraints(k, v, path)
	dst.Set(reflect.MakeMapWithSize(dst.Type(), len(members)))
	var badKey, badValue bool
	// In the order of the keys: an error's text must not change from call to call.
	for _, name := range slices.Sorted(maps.Keys(members)) {
		key, step := filling{}, cut(name)
		key.constraints(k.key, name, "")
		badKey = badKey || key.failed
		if k.key.hidden {
			step = "*" // the step stands in the path of what fails below
		}
		value := reflect.New(dst.Type().Elem()).Elem()
		ok, err := f.member(k.member, members[name], value, path, step)
		if err != nil {
			return err
		}
		badValue = badValue || !ok
		dst.SetMapIndex(reflect.ValueOf(name).Convert(dst.Type().Key()), value)
	}
	if badKey {
		f.fail(k, v, path, "Map keys must satisfy constraint: "+k.key.allChecks())
	}
	if badValue {
		f.fail(k, v, path, "Map value must satisfy constraint: "+k.member.allChecks())
	}
	return nil
}

// member sets a member of a list or a map. What fails in a structure is told under a path of its own; for any other member
// the original tells only that its list or map is not ok.
func (f *filling) member(k *kind, v any, dst reflect.Value, path, step string) (ok bool, err error) {
	switch {
	case v == nil:
		return false, nil
	case k.form == structure:
		return true, f.value(k, v, dst, path+"."+step+".member")
	}
	inner := filling{}
	err = inner.value(k, v, dst, path)
	return !inner.failed, err
}

// constraints checks one value against its own shape.
func (f *filling) constraints(k *kind, v any, path string) {
	var size int
	s, _ := v.(string)
	switch v := v.(type) {
	case string:
		size = utf16Length(v)
	case []any:
		size = len(v)
	case map[string]any:
		size = len(v)
	case float64:
		size = int(v)
	}
	for _, c := range k.checks {
		if c.fails(s, size) {
			f.fail(k, v, path, c.text)
		}
	}
}

// allChecks lists the constraints of a member, as the error of its list or map quotes them.
func (k *kind) allChecks() string {
	texts := make([]string, len(k.checks))
	for i, c := range k.checks {
		texts[i] = c.text
	}
	if len(texts) == 0 {
		texts = []string{notNull}
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

const notNull = "Member must not be null" // what every required member wants, and every member of a list or a map

// maxEcho bounds, in bytes, how much of a stranger's value an error repeats.
const maxEcho = 1024

func (f *filling) fail(k *kind, v any, path, constraint string) {
	f.failed = true
	if len(f.problems) >= f.room {
		return
	}
	value := "Value null at "
	switch {
	case v != nil && k.hidden:
		value = "Value at "
	case v != nil:
		value = "Value '" + cut(javaText(v)) + "' at "
	}
	f.problems = append(f.problems, value+"'"+path+"' failed to satisfy constraint: "+constraint)
}

func cut(echo string) string {
	if len(echo) <= maxEcho {
		return echo
	}
	return strings.ToValidUTF8(echo[:maxEcho], "")
}

// javaText prints a value as the original's error texts do.
func javaText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case []any:
		parts := make([]string, len(v))
		for i, member := range v {
			parts[i] = javaText(member)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		parts := make([]string, 0, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, key+"="+javaText(v[key]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return "null"
}

// utf16Length counts a text's UTF-16 units, as Java does, on which the original's limits rest.
func utf16Length(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}

// wrongType is the mismatch of a value; scalar is what to say of a string, a number or a boolean.
func wrongType(v any, scalar string) error {
	switch v.(type) {
	case []any:
		return mismatch("Start of list found where not expected")
	case map[string]any:
		return mismatch("Start of structure or map found where not expected.")
	}
	return mismatch(scalar)
}

// wrongScalar is the mismatch of a value that should be "a String", "an Integer" or "a Boolean".
func wrongScalar(v any, want string) error {
	token := "STRING"
	switch v := v.(type) {
	case float64:
		token = "NUMBER"
	case bool:
		token = strings.ToUpper(strconv.FormatBool(v))
	}
	return wrongType(v, token+"_VALUE can not be converted to "+want)
}
