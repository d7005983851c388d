package wire

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// filling carries one request's tree into its input struct and collects every constraint that fails on the way.
type filling struct {
	problems []string
}

// mismatch is a value of the wrong JSON type. It is reported before any constraint, and alone.
type mismatch string

func (m mismatch) Error() string { return string(m) }

// fill sets dst from the tree. It returns the service's validation error with all failures of the request together, in
// the words of the original ("2 validation errors detected: Value 'x' at 'identityPoolId' failed to satisfy constraint:
// ...; ..."), or a mismatch.
func fill(k *kind, tree any, dst reflect.Value) (problems []string, err error) {
	f := &filling{}
	if err := f.value(k, tree, dst, ""); err != nil {
		return nil, err
	}
	return f.problems, nil
}

// validationMessage words what fill found.
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
			return wrongType(v, "a String")
		}
		dst.SetString(s)
	case boolean:
		b, ok := v.(bool)
		if !ok {
			return wrongType(v, "a Boolean")
		}
		dst.SetBool(b)
	case number:
		n, ok := v.(float64)
		if !ok {
			return wrongType(v, "an Integer")
		}
		if n != math.Trunc(n) || math.Abs(n) > 1<<53 {
			return mismatch("NUMBER_VALUE can not be converted to an Integer")
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
		return wrongType(v, "")
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
				f.fail(field.kind, nil, step, "Member must not be null")
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
		if _, scalar := v.(map[string]any); scalar {
			return wrongType(v, "")
		}
		return mismatch("Expected list or null")
	}
	f.constraints(k, v, path)
	dst.Set(reflect.MakeSlice(dst.Type(), len(members), len(members)))
	broken := false
	for i, member := range members {
		if member == nil {
			broken = true
			continue
		}
		if k.member.form == structure {
			if err := f.value(k.member, member, dst.Index(i), path+"."+strconv.Itoa(i+1)+".member"); err != nil {
				return err
			}
			continue
		}
		inner := filling{}
		if err := inner.value(k.member, member, dst.Index(i), path); err != nil {
			return err
		}
		broken = broken || len(inner.problems) > 0
	}
	if broken {
		f.fail(k, v, path, "Member must satisfy constraint: ["+strings.Join(k.member.texts(), ", ")+"]")
	}
	return nil
}

func (f *filling) mapping(k *kind, v any, dst reflect.Value, path string) error {
	members, ok := v.(map[string]any)
	if !ok {
		if _, isList := v.([]any); isList {
			return wrongType(v, "")
		}
		return mismatch("Expected map or null")
	}
	f.constraints(k, v, path)
	dst.Set(reflect.MakeMapWithSize(dst.Type(), len(members)))
	var badKey, badValue bool
	// In the order of the keys: an error's text must not change from call to call.
	for _, name := range sortedKeys(members) {
		key := reflect.New(dst.Type().Key()).Elem()
		key.SetString(name)
		keys := filling{}
		keys.constraints(k.key, name, "")
		badKey = badKey || len(keys.problems) > 0

		value := reflect.New(dst.Type().Elem()).Elem()
		if members[name] == nil {
			badValue = true
			continue
		}
		inner := f
		if k.member.form != structure {
			inner = &filling{}
		}
		if err := inner.value(k.member, members[name], value, path+"."+name+".member"); err != nil {
			return err
		}
		badValue = badValue || inner != f && len(inner.problems) > 0
		dst.SetMapIndex(key, value)
	}
	if badKey {
		f.fail(k, v, path, "Map keys must satisfy constraint: ["+strings.Join(k.key.texts(), ", ")+"]")
	}
	if badValue {
		f.fail(k, v, path, "Map value must satisfy constraint: ["+strings.Join(k.member.texts(), ", ")+"]")
	}
	return nil
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// constraints checks one value against its own shape.
func (f *filling) constraints(k *kind, v any, path string) {
	noun := "length"
	var size int
	switch v := v.(type) {
	case string:
		size = utf16Length(v)
	case []any:
		size = len(v)
	case map[string]any:
		size = len(v)
	case float64:
		size, noun = int(v), "value"
	default:
		return
	}
	if k.shape.Max > 0 && size > k.shape.Max {
		f.fail(k, v, path, fmt.Sprintf("Member must have %s less than or equal to %d", noun, k.shape.Max))
	}
	if size < k.shape.Min {
		f.fail(k, v, path, fmt.Sprintf("Member must have %s greater than or equal to %d", noun, k.shape.Min))
	}
	s, isText := v.(string)
	if isText && k.regexp != nil && !k.regexp.MatchString(s) {
		f.fail(k, v, path, "Member must satisfy regular expression pattern: "+k.shape.Pattern)
	}
	if isText && k.shape.Enum != nil && !slices.Contains(k.shape.Enum, s) {
		f.fail(k, v, path, "Member must satisfy enum value set: ["+strings.Join(k.shape.Enum, ", ")+"]")
	}
}

// texts lists all constraints of a member, as the error of its list or map quotes them.
func (k *kind) texts() []string {
	var texts []string
	if k.shape.Max > 0 {
		texts = append(texts, fmt.Sprintf("Member must have length less than or equal to %d", k.shape.Max))
	}
	if k.shape.Min > 0 {
		texts = append(texts, fmt.Sprintf("Member must have length greater than or equal to %d", k.shape.Min))
	}
	if k.shape.Pattern != "" {
		texts = append(texts, "Member must satisfy regular expression pattern: "+k.shape.Pattern)
	}
	if k.shape.Enum != nil {
		texts = append(texts, "Member must satisfy enum value set: ["+strings.Join(k.shape.Enum, ", ")+"]")
	}
	if len(texts) == 0 {
		texts = append(texts, "Member must not be null")
	}
	return texts
}

// maxEcho bounds, in bytes, how much of a stranger's value an error repeats.
const maxEcho = 1024

func (f *filling) fail(k *kind, v any, path, constraint string) {
	value := "Value null at "
	switch {
	case v != nil && k.hidden:
		value = "Value at "
	case v != nil:
		echo := javaText(v)
		if len(echo) > maxEcho {
			echo = strings.ToValidUTF8(echo[:maxEcho], "")
		}
		value = "Value '" + echo + "' at "
	}
	f.problems = append(f.problems, value+"'"+path+"' failed to satisfy constraint: "+constraint)
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
		for _, key := range sortedKeys(v) {
			parts = append(parts, key+"="+javaText(v[key]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return "null"
}

// utf16Length counts as Java does, on which the original's limits rest.
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

func wrongType(v any, want string) error {
	switch v := v.(type) {
	case []any:
		return mismatch("Start of list found where not expected")
	case map[string]any:
		return mismatch("Start of structure or map found where not expected.")
	case string:
		if want == "" {
			return mismatch("Expected map or null")
		}
		return mismatch("STRING_VALUE can not be converted to " + want)
	case float64:
		if want == "" {
			return mismatch("Expected map or null")
		}
		return mismatch("NUMBER_VALUE can not be converted to " + want)
	case bool:
		if want == "" {
			return mismatch("Expected map or null")
		}
		return mismatch(strings.ToUpper(strconv.FormatBool(v)) + "_VALUE can not be converted to " + want)
	}
	return mismatch("Unexpected null")
}
