package wire

import (
	"context"
	"reflect"
	"strings"
)

// record is what an audit wants to know of a call beyond what a log does. The mux only keeps it; it costs nothing until
// somebody asks.
type record struct {
	row       *row // nil until an operation was found, and its signature was good
	tree      any  // the input, once every constraint has held
	out       any  // the output struct
	userAgent []string
	about     Resource
}

// Resource is what a call was about.
type Resource interface{ ARN() string }

type callKey struct{}

// RequestID is the id of the call that a context belongs to, which the client reads in x-amzn-RequestId.
func RequestID(ctx context.Context) string {
	if c, ok := ctx.Value(callKey{}).(*Call); ok {
		return c.RequestID
	}
	return ""
}

// About notes which resource the call of a context turns out to be about, where neither its caller nor its input says so.
func About(ctx context.Context, r Resource) {
	if c, ok := ctx.Value(callKey{}).(*Call); ok {
		c.about = r
	}
}

// Reached tells whether the call came as far as an operation: there was one, and its signature, if it needs any, was good.
func (c *Call) Reached() bool { return c.row != nil }

// Signed tells whether the operation that was reached is one that needs a signature.
func (c *Call) Signed() bool { return c.row != nil && c.row.Signed }

// UserAgent is what the client calls itself.
func (c *Call) UserAgent() string { return strings.Join(c.userAgent, ", ") }

// About is the ARN of what the call was about; empty if nobody said.
func (c *Call) About() string {
	if c.about == nil {
		return ""
	}
	return c.about.ARN()
}

// Request is the input that was sent, under the names of error texts (identityPoolId), with hidden in place of all that its
// shapes call sensitive. Members that the operation does not know are left out. It is nil if a constraint did not hold.
func (c *Call) Request(hidden string) map[string]any {
	members, _ := c.tree.(map[string]any)
	if members == nil {
		return nil
	}
	shown, _ := c.row.kind.show(members, hidden).(map[string]any)
	return shown
}

// show copies a tree that fill has taken.
func (k *kind) show(v any, hidden string) any {
	if k.secret || k.key != nil && k.key.hidden {
		return hidden
	}
	switch v := v.(type) {
	case []any:
		shown := make([]any, len(v))
		for i, member := range v {
			shown[i] = k.member.show(member, hidden)
		}
		return shown
	case map[string]any:
		shown := make(map[string]any, len(v))
		if k.form == mapping {
			for name, member := range v {
				shown[name] = k.member.show(member, hidden)
			}
			return shown
		}
		for i := range k.fields {
			if member := v[k.fields[i].name]; member != nil {
				shown[k.fields[i].step] = k.fields[i].kind.show(member, hidden)
			}
		}
		return shown
	}
	return v
}

// Reply is the output, under names like Request's, with every secret in it: no shape says what of an output is sensitive.
// Moments are time.Time. It is nil for errors and for empty replies.
func (c *Call) Reply() map[string]any {
	if c.out == nil || c.Code != "" {
		return nil
	}
	members, _ := plain(reflect.ValueOf(c.out)).(map[string]any)
	return members
}

// plain makes a tree of a value, and nil of one that a reply leaves out.
func plain(v reflect.Value) any {
	if t, ok := v.Interface().(Time); ok {
		return t.Time
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return plain(v.Elem())
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = plain(v.Index(i))
		}
		return list
	case reflect.Map:
		members := make(map[string]any, v.Len())
		for entry := v.MapRange(); entry.Next(); {
			members[entry.Key().String()] = plain(entry.Value())
		}
		return members
	case reflect.Struct:
		members := make(map[string]any, v.NumField())
		plainFields(v, members)
		return members
	}
	return v.Interface()
}

func plainFields(v reflect.Value, members map[string]any) {
	for i := range v.NumField() {
		field, f := v.Field(i), v.Type().Field(i)
		if f.Anonymous && field.Kind() == reflect.Struct {
			plainFields(field, members)
			continue
		}
		if !f.IsExported() {
			continue
		}
		name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		_, xmlOption, _ := strings.Cut(f.Tag.Get("xml"), ",")
		if (option == "omitempty" || xmlOption == "omitempty") && field.IsZero() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		if member := plain(field); member != nil {
			members[lowerCamel(name)] = member
		}
	}
}
