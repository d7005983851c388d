package identity_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"idpool/identity"
)

func TestPrincipalTags(t *testing.T) {
	token := claims{
		"sub": "alice", "aud": "app", "level": json.Number("3"), "admin": true, "empty": "",
		"groups": []any{"a", "b"}, "one": []any{"a"}, "none": []any{}, "null": nil,
	}
	custom := func(pairs ...string) map[string]string {
		m := make(map[string]string)
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	for _, row := range []struct {
		name string
		tags identity.TagMap
		want map[string]string
	}{
		{"defaults", identity.TagMap{UseDefaults: true}, custom("client", "app", "username", "alice")},
		{"defaults before a custom map", identity.TagMap{UseDefaults: true, Tags: custom("x", "level")}, custom("client", "app", "username", "alice")},
		{"a text", identity.TagMap{Tags: custom("user", "sub")}, custom("user", "alice")},
		{"a number", identity.TagMap{Tags: custom("x", "level")}, custom("x", "3")},
		{"a boolean", identity.TagMap{Tags: custom("x", "admin")}, custom("x", "true")},
		{"a list of one", identity.TagMap{Tags: custom("x", "one")}, custom("x", "a")},
		{"a list of two", identity.TagMap{Tags: custom("x", "groups")}, nil},
		{"an empty list", identity.TagMap{Tags: custom("x", "none")}, nil},
		{"an empty text", identity.TagMap{Tags: custom("x", "empty")}, nil},
		{"null", identity.TagMap{Tags: custom("x", "null")}, nil},
		{"a claim that the token lacks, beside one that it has", identity.TagMap{Tags: custom("x", "lacking", "y", "sub")}, custom("y", "alice")},
		{"two tags of one claim", identity.TagMap{Tags: custom("x", "sub", "y", "sub")}, custom("x", "alice", "y", "alice")},
	} {
		if got := row.tags.Read(token); !maps.Equal(got, row.want) {
			t.Errorf("%s: %v, want %v", row.name, got, row.want)
		}
	}
}

func TestTagKeys(t *testing.T) {
	tags := map[string]string{"Team": "", "unit": "", "ä": ""}
	for key, want := range map[string]bool{"Team": true, "team": true, "TEAM": true, "Ä": true, "teams": false, "": false, "UNIT": true} {
		if got := identity.HasTag(tags, key); got != want {
			t.Errorf("%s is there: %v, want %v", key, got, want)
		}
	}
	for _, row := range []struct {
		keys []string
		want bool
	}{
		{nil, true},
		{[]string{"team", "unit"}, true},
		{[]string{"team", "Team"}, false},
		{[]string{"team", "unit", "TEAM"}, false},
	} {
		tags := make(map[string]string)
		for _, key := range row.keys {
			tags[key] = "v"
		}
		if got := identity.TagKeysDiffer(tags); got != row.want {
			t.Errorf("%v differ: %v, want %v", row.keys, got, row.want)
		}
	}
}

func TestTagsFit(t *testing.T) {
	many := make(map[string]string)
	for i := range identity.MaxPrincipalTags {
		many[fmt.Sprintf("%02d", i)] = "v"
	}
	for _, row := range []struct {
		name string
		tags map[string]string
		want bool
	}{
		{"none", nil, true},
		{"460 bytes", map[string]string{"key": strings.Repeat("v", 227), "two": strings.Repeat("v", 227)}, true},
		{"461 bytes", map[string]string{"key": strings.Repeat("v", 227), "two": strings.Repeat("v", 228)}, false},
		{"bytes, not letters", map[string]string{"key": strings.Repeat("é", 229)}, false},
		{"50", many, true},
		{"256 characters", map[string]string{"key": strings.Repeat("v", 256)}, true},
		{"257 characters", map[string]string{"key": strings.Repeat("v", 257)}, false},
		{"a control character", map[string]string{"key": "a\x00"}, false},
	} {
		if got := identity.TagsFit(row.tags); got != row.want {
			t.Errorf("%s: %v, want %v", row.name, got, row.want)
		}
	}
	many["more"] = "v"
	if identity.TagsFit(many) {
		t.Error("51 tags fit")
	}
}
