package cognito_test

import (
	"cmp"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"idpool/cognito"
	"idpool/pooltest"
	"idpool/wire"
)

// The table of the operations is the model's: their names, and which of them are signed.
func TestContractOperations(t *testing.T) {
	want, got := map[string]bool{}, map[string]bool{}
	for name, op := range readModel(t).Operations {
		want[name] = !op.Unsigned
	}
	for _, op := range (&cognito.Service{}).Operations() {
		got[op.Name] = op.Signed
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("operations, true if signed (-want +got):\n%s", diff)
	}
}

// The table of the shapes is the model's, as far as requests go and anything is to check.
func TestContractShapes(t *testing.T) {
	m := readModel(t)
	want := map[string]wire.Shape{}
	for _, op := range m.Operations {
		m.constrained(op.Input, want)
	}
	if diff := gocmp.Diff(want, map[string]wire.Shape((&cognito.Service{}).API().Shapes)); diff != "" {
		t.Errorf("shapes (-want +got):\n%s", diff)
	}
}

// constrained adds a shape and its parts to the table that wire takes, where it has a place there.
func (m *apiModel) constrained(name string, into map[string]wire.Shape) {
	s := m.Shapes[name]
	entry := wire.Shape{Pattern: s.Pattern, Enum: s.Enum, Sensitive: s.Sensitive}
	if s.Min != nil {
		entry.Min = *s.Min
	}
	if s.Max != nil {
		entry.Max = *s.Max
	}
	for _, part := range s.Members.shapes() {
		m.constrained(part, into)
	}
	// A structure is no entry: each of its fields names its own.
	for part, at := range map[string]*string{s.Key: &entry.Key, s.Value: &entry.Member, s.Member: &entry.Member} {
		if part == "" {
			continue
		}
		m.constrained(part, into)
		if m.Shapes[part].Type != "structure" {
			*at = part
		}
	}
	if !gocmp.Equal(entry, wire.Shape{}) {
		into[name] = entry
	}
}

// Inputs and outputs have the model's members and no other: no call shows that an input has one too many.
func TestContractMembers(t *testing.T) {
	m, service := readModel(t), reflect.TypeFor[*cognito.Service]()
	for name, op := range m.Operations {
		method, ok := service.MethodByName(name)
		if !ok {
			t.Errorf("%s is missing", name)
			continue
		}
		m.describes(t, op.Input, method.Type.In(method.Type.NumIn()-1), name)
		if op.Output != "" {
			m.describes(t, op.Output, method.Type.Out(0), name)
		}
	}
}

func (m *apiModel) describes(t *testing.T, shape string, is reflect.Type, path string) {
	t.Helper()
	s := m.Shapes[shape]
	switch is.Kind() {
	case reflect.Pointer:
		m.describes(t, shape, is.Elem(), path)
	case reflect.Slice:
		m.describes(t, s.Member, is.Elem(), path)
	case reflect.Map:
		m.describes(t, s.Value, is.Elem(), path)
	case reflect.Struct:
		if s.Type == "timestamp" {
			return
		}
		var want, got []string
		for _, member := range s.Members {
			want = append(want, member.Name)
			if field, ok := is.FieldByName(member.Name); ok {
				m.describes(t, member.Shape, field.Type, path+"."+member.Name)
			}
		}
		for i := range is.NumField() {
			got = append(got, is.Field(i).Name)
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("members of %s (-want +got):\n%s", path, diff)
		}
	}
}

// contract holds a node against the model.
type contract struct {
	*world
	model *apiModel
	op    string
	seen  map[string]bool // members of replies, as OPERATION.MEMBER.MEMBER
	cases int
}

// fewestCases keeps the contract from shrinking unseen.
const fewestCases = 1600

// TestContract calls every operation with values at, within and beyond every constraint of the model, and checks every
// reply against it.
func TestContract(t *testing.T) {
	c := &contract{model: readModel(t), world: newWorld(t), seen: map[string]bool{}}
	ran := 0
	for _, op := range slices.Sorted(maps.Keys(c.model.Operations)) {
		t.Run(op, func(t *testing.T) {
			ran++
			if contractCalls[op] == nil {
				t.Fatal("the test knows no good call")
			}
			c.op, c.t = op, t
			c.succeeds(t)
			input := c.model.Shapes[c.model.Operations[op].Input]
			for _, v := range append(c.model.structures(input, c.tree(t, contractCalls[op](c.world))), c.model.together(input)...) {
				c.meets(t, v)
			}
		})
	}
	if ran == len(c.model.Operations) && c.cases < fewestCases { // -run may have chosen some
		t.Errorf("%d cases ran, want at least %d", c.cases, fewestCases)
	}
	t.Logf("%d cases", c.cases)
}

// succeeds makes a good call, whose reply has all members of the model.
func (c *contract) succeeds(t *testing.T) {
	t.Helper()
	reply := c.call(t, contractCalls[c.op](c.world)).Must(t)
	c.answers(t, reply)
	for _, path := range c.model.paths(c.model.Operations[c.op].Output, c.op) {
		if !c.seen[path] {
			t.Errorf("the reply has no %s: %s", path, reply.Body)
		}
	}
}

func (c *contract) call(t *testing.T, in any) *pooltest.Reply {
	t.Helper()
	c.cases++
	if c.model.Operations[c.op].Unsigned {
		return c.Public(t, c.op, in)
	}
	return c.Signed(t, c.op, in)
}

// tree is a value as it comes out of JSON.
func (c *contract) tree(t *testing.T, v any) map[string]any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var o map[string]any
	if err := json.Unmarshal(text, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// meets makes a call and checks that it meets its fate, in the words that the model gives.
func (c *contract) meets(t *testing.T, v variant) {
	t.Helper()
	in := c.tree(t, v.value)
	j := c.model.judge(c.model.Operations[c.op].Input, in)
	got := c.call(t, in)
	want := refusal{"ValidationException", j.message()}
	fate := broken
	switch {
	case j.mistyped != "":
		want, fate = refusal{"SerializationException", j.mistyped}, mistyped
	case len(j.failures) == 0:
		fate = good
	}
	if fate != v.fate {
		t.Errorf("%s: the test contradicts itself: %+v", v.name, j.failures)
	}
	if fate == good {
		c.accepted(t, v, got)
	} else if at := (refusal{got.Code(), got.Message()}); got.Status != 400 || at != want || got.Header.Get("X-Amzn-Errortype") != want.code+":" {
		t.Errorf("%s: %.200s\ngot  %d %.2000v\nwant 400 %.2000v", v.name, java(in), got.Status, at, want)
	}
	for _, secret := range j.secrets {
		if len(secret) >= 8 && strings.Contains(string(got.Body), secret) {
			t.Errorf("%s: a secret is repeated: %.1000s", v.name, got.Body)
		}
	}
}

// accepted checks that a call has succeeded, or met the error that a rule of the operation has for it.
func (c *contract) accepted(t *testing.T, v variant, got *pooltest.Reply) {
	t.Helper()
	want, at := c.ruled(v), refusal{got.Code(), got.Message()}
	switch {
	case want == "" && got.Status == 200:
		c.answers(t, got)
	case want == "" || got.Status != 400 || at.code != want || got.Header.Get("X-Amzn-Errortype") != want+":":
		t.Errorf("%s: got %d %.300v, want %s", v.name, got.Status, at, cmp.Or(want, "success"))
	case !slices.Contains(c.model.Operations[c.op].Errors, want):
		t.Errorf("%s: the model has no %s", v.name, want)
	}
}

// answers checks a reply of success: JSON of the model's shape, or nothing where the model has none.
func (c *contract) answers(t *testing.T, got *pooltest.Reply) {
	t.Helper()
	output := c.model.Operations[c.op].Output
	if output == "" {
		if len(got.Body) > 0 {
			t.Errorf("the reply is not empty: %s", got.Body)
		}
		return
	}
	c.has(t, output, got.Object(t), c.op)
}

// has checks a part of a reply against its shape, constraints included, and notes the members it sees.
func (c *contract) has(t *testing.T, name string, v any, path string) {
	t.Helper()
	s := c.model.Shapes[name]
	if s.Type == "timestamp" {
		if seconds, ok := v.(float64); !ok || seconds < 1e9 || seconds > 1e10 {
			t.Errorf("%s is %v, no seconds since 1970", path, v)
		}
		return
	}
	if v == nil || s.mistyped(v) != "" {
		t.Errorf("%s is %v, want a %s", path, v, s.Type)
		return
	}
	for _, constraint := range s.constraints {
		if constraint.broken(v) {
			t.Errorf("%s is %.100v: %s", path, v, constraint.text)
		}
	}
	switch v := v.(type) {
	case []any:
		for _, member := range v {
			c.has(t, s.Member, member, path)
		}
	case map[string]any:
		if s.Type == "structure" {
			c.hasMembers(t, s, v, path)
			return
		}
		for key, value := range v {
			c.has(t, s.Key, key, path)
			c.has(t, s.Value, value, path)
		}
	}
}

func (c *contract) hasMembers(t *testing.T, s apiShape, v map[string]any, path string) {
	t.Helper()
	unknown := maps.Clone(v)
	for _, m := range s.Members {
		delete(unknown, m.Name)
		switch value, ok := v[m.Name]; {
		case ok:
			c.seen[path+"."+m.Name] = true
			c.has(t, m.Shape, value, path+"."+m.Name)
		case slices.Contains(s.Required, m.Name):
			t.Errorf("%s has no %s", path, m.Name)
		}
	}
	for name := range unknown {
		t.Errorf("%s has a member that the model does not know: %s", path, name)
	}
}

// paths lists the members of a shape, and theirs.
func (m *apiModel) paths(shape, path string) []string {
	s := m.Shapes[shape]
	var all []string
	for _, part := range []string{s.Member, s.Value} {
		if part != "" {
			all = append(all, m.paths(part, path)...)
		}
	}
	for _, member := range s.Members {
		at := path + "." + member.Name
		all = append(append(all, at), m.paths(member.Shape, at)...)
	}
	return all
}
