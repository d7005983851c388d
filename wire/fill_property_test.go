package wire

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// drawTree draws a tree that mostly has the form of k, as JSON or Query may hold it. Every text in it has a mark.
func drawTree(t *rapid.T, k *kind, mark string) any {
	if rapid.IntRange(0, 9).Draw(t, "wrong") == 0 {
		return rapid.SampledFrom([]any{
			nil, "", mark, 0.0, -1.5, 1e300, true, []any{}, []any{nil, mark}, map[string]any{}, map[string]any{mark: mark},
		}).Draw(t, "value")
	}
	text := rapid.Map(rapid.String(), func(s string) string { return mark + s })
	switch k.form {
	case structure:
		members := map[string]any{}
		for _, f := range k.fields {
			if rapid.Bool().Draw(t, f.name) {
				members[f.name] = drawTree(t, f.kind, mark)
			}
		}
		return members
	case list:
		members := make([]any, rapid.IntRange(0, 3).Draw(t, "members"))
		for i := range members {
			members[i] = drawTree(t, k.member, mark)
		}
		return members
	case mapping:
		members := map[string]any{}
		for range rapid.IntRange(0, 3).Draw(t, "entries") {
			members[text.Draw(t, "key")] = drawTree(t, k.member, mark)
		}
		return members
	case number:
		return rapid.Float64Range(-100, 100).Draw(t, "number")
	case boolean:
		return rapid.Bool().Draw(t, "boolean")
	}
	return text.Draw(t, "text")
}

// Whatever a request holds, it is taken or refused with a reason, and no reason names a secret.
func TestFillTakesAnyTree(t *testing.T) {
	open, secret := orderShapes.compile(reflect.TypeFor[order](), ""), orderShapes.compile(reflect.TypeFor[vault](), "")
	rapid.Check(t, func(t *rapid.T) {
		_, _ = fill(open, drawTree(t, open, ""), reflect.New(reflect.TypeFor[order]()).Elem())

		problems, err := fill(secret, drawTree(t, secret, "hush"), reflect.New(reflect.TypeFor[vault]()).Elem())
		if told := validationMessage(problems) + verdict(err); strings.Contains(told, "hush") {
			t.Errorf("a secret is told: %s", told)
		}
	})
}

// What keeps every constraint arrives as it was sent.
func TestFillTakesWhatKeepsTheConstraints(t *testing.T) {
	word := rapid.StringMatching(`[a-z]{2,4}`)
	short := rapid.String().Filter(func(s string) bool { return len(utf16.Encode([]rune(s))) <= 3 })
	words := rapid.SliceOfN(word, 1, 2)
	inner := rapid.Custom(func(t *rapid.T) store {
		return store{City: word.Draw(t, "City"), Words: words.Draw(t, "Words"), Nearby: []store2{{URLName: word.Draw(t, "URLName")}}}
	})
	valid := rapid.Custom(func(t *rapid.T) order {
		return order{
			Word:   word.Draw(t, "Word"),
			Short:  short.Draw(t, "Short"),
			Color:  rapid.SampledFrom([]string{"Red", "Green"}).Draw(t, "Color"),
			Latin:  rapid.StringMatching(`[ -ÿ]*`).Draw(t, "Latin"),
			Blank:  rapid.StringMatching(`[\s\v]*`).Draw(t, "Blank"),
			Free:   rapid.String().Draw(t, "Free"),
			Gift:   rapid.Ptr(rapid.Bool(), true).Draw(t, "Gift"),
			Count:  rapid.Int64Range(1, 60).Draw(t, "Count"),
			Change: rapid.IntRange(-1<<53+1, 1<<53-1).Draw(t, "Change"),
			Words:  words.Draw(t, "Words"),
			Grid:   rapid.SliceOf(words).Draw(t, "Grid"),
			Notes:  rapid.MapOfN(word, short, 0, 2).Draw(t, "Notes"),
			Any:    rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "Any"),
			Stores: rapid.MapOf(short, inner).Draw(t, "Stores"),
			Home:   rapid.Ptr(inner, true).Draw(t, "Home"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		want := valid.Draw(t, "order")
		body, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := readOrder(string(body))
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", body, diff)
		}
	})
}
