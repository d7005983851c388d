package cognito_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// fate is what a case is meant to meet.
type fate int

const (
	good     fate = iota // within the model: it succeeds, unless it is ruled out
	broken               // against a constraint
	mistyped             // of another JSON type
)

// variant is a value of a shape, with what is special about it.
type variant struct {
	name  string
	value any
	fate  fate
}

// ruledOut are the good cases that a rule of the operation refuses all the same, and how; the first that matches counts.
// Every other good case succeeds.
var ruledOut = []struct {
	cases *regexp.Regexp
	code  string
}{
	// Of a good form, and nobody's.
	{regexp.MustCompile(`^\w+ (IdentityPoolId|IdentityId) (max|good)`), missing},
	{regexp.MustCompile(`^\w+ (ResourceArn|NextToken) (min|max|good)`), invalid},
	{regexp.MustCompile(`^(Merge|UnlinkDeveloper)\w+ \w+UserIdentifier (min|max)`), missing},
	{regexp.MustCompile(`^(Lookup|UnlinkDeveloper)\w+ DeveloperUserIdentifier (min|max|good)`), clash},
	{regexp.MustCompile(`^(Merge|Update|UnlinkDeveloper)\w+ DeveloperProviderName (min|max|good)`), invalid},
	{regexp.MustCompile(`^Get\w+ IdentityProviderName (min|max|good)`), missing},
	{regexp.MustCompile(`^Set\w+ IdentityProviderName (min|max|good)`), invalid},
	{regexp.MustCompile(`(SupportedLoginProviders|RoleMappings) (max|key)`), invalid},
	{regexp.MustCompile(`(OpenIdConnectProviderARNs|SamlProviderARNs) second (min|max)`), invalid},
	{regexp.MustCompile(`CognitoIdentityProviders second ProviderName`), invalid},
	{regexp.MustCompile(`LoginsToRemove (empty|second)`), invalid},
	{regexp.MustCompile(`Roles (max|value)|RoleARN (min|max)`), denied},
	// Logins that prove nothing, or none.
	{regexp.MustCompile(`^GetOpenIdTokenForDeveloperIdentity Logins (empty|max|key|value max)`), invalid},
	{regexp.MustCompile(`^GetOpenIdTokenForDeveloperIdentity Logins`), ""},
	{regexp.MustCompile(`^\w+ Logins (max|key|value)`), denied},
	{regexp.MustCompile(`^(GetCredentials|GetOpenIdToken|Unlink)\w* Logins (absent|null|empty)`), denied},
	// Tags of odd characters, or too long together.
	{regexp.MustCompile(`Tags key (max,|good)|(IdentityPoolTags|Resource Tags) value (max,|good)`), invalid},
	{regexp.MustCompile(`^GetOpenIdTokenForDeveloperIdentity PrincipalTags (max|value max,|value good)`), invalid},
	// What does not go together.
	{regexp.MustCompile(`^LookupDeveloperIdentity IdentityId (absent|null)`), invalid},
	{regexp.MustCompile(`CustomRoleArn (min|max)`), invalid},
	{regexp.MustCompile(`(AmbiguousRoleResolution|RulesConfiguration) (absent|null)|Type enum Token|Rules max`), invalid},
}

// ruled is the code of the error that a good case meets; empty: it succeeds.
func (c *contract) ruled(v variant) string {
	name := c.op + " " + v.name
	for _, r := range ruledOut {
		if r.cases.MatchString(name) {
			return r.code
		}
	}
	return ""
}

// examples are texts that match a pattern of the model, and that do not. All are within the lengths of its shapes.
var examples = map[string]struct{ good, bad []string }{
	`\d+`:                          {[]string{"000000000000"}, []string{"12a", "-1", "1\n", "\u0663"}},
	`[\w_]+`:                       {[]string{"a_B9"}, []string{"a-b", "a b", "a\n", "é"}},
	`[\w._-]+`:                     {[]string{"login.my-app_2"}, []string{"a/b", "a b", "a\n", "é"}},
	`[\w._:/-]+`:                   {[]string{"cognito-idp.x/y_z:1"}, []string{"a,b", "a b", "a\n", "é"}},
	`[\w.;_/-]+`:                   {[]string{"key;secret"}, []string{"a:b", "a b", "a\n", "é"}},
	`[\w\s+=,.@-]+`:                {[]string{"My pool, v=1+2\n\t@a.b-c_d"}, []string{"a!b", "a/b", "é"}},
	`[\w-]+:[0-9a-f-]+`:            {[]string{"a:0", "us-east-1:00000000-0000-4000-8000-000000000000"}, []string{"us-east-1", "us-east-1:", ":0", "a:b:c", "a:B", "a.b:0", "a:0\n"}},
	`[\S]+`:                        {[]string{"é/+=="}, []string{"a b", "a\n", "\t"}},
	`[\p{L}\p{M}\p{S}\p{N}\p{P}]+`: {[]string{"cognito:groups", "é😀€"}, []string{"a b", "a\n"}},
	`(un)?authenticated`:           {[]string{"authenticated", "unauthenticated"}, []string{"Authenticated", "ununauthenticated", "authenticated "}},
	"":                             {[]string{"a b\n", "é😀\u0000"}, nil},
}

// textOf is a text of n UTF-16 units, and whether it matches the shape's pattern.
func (s apiShape) textOf(n int) (text string, matches bool) {
	unit := "x"
	switch s.Pattern {
	case `(un)?authenticated`:
		switch n {
		case len("authenticated"):
			return "authenticated", true
		case len("unauthenticated"):
			return "unauthenticated", true
		}
		return strings.Repeat(unit, n), false
	case `[\w-]+:[0-9a-f-]+`:
		if n > 2 {
			return "a:" + strings.Repeat("0", n-2), true
		}
		return strings.Repeat(unit, n), false
	case `\d+`:
		unit = "7"
	}
	if s.Sensitive {
		unit = "hush!" // so that a reply that repeats it is noticed
	}
	return strings.Repeat(unit, n/len(unit)+1)[:n], n > 0 || s.Pattern == ""
}

// sample is a value of a shape that is good.
func (m *apiModel) sample(name string) any {
	s := m.Shapes[name]
	switch s.Type {
	case "structure":
		o := map[string]any{}
		for _, member := range s.Members {
			if slices.Contains(s.Required, member.Name) {
				o[member.Name] = m.sample(member.Shape)
			}
		}
		return o
	case "list":
		return []any{m.sample(s.Member)}
	case "map":
		return m.entries(s, 1)
	case "boolean":
		return true
	case "integer", "long":
		return *s.Min
	}
	if s.Enum != nil {
		return s.Enum[0]
	}
	if s.Pattern != "" {
		return examples[s.Pattern].good[0]
	}
	text, _ := s.textOf(20)
	return text
}

// entries is a map of n different keys, each of another length. Where a pattern has too few keys, the last ones are none.
func (m *apiModel) entries(s apiShape, n int) map[string]any {
	o, key := map[string]any{}, m.Shapes[s.Key]
	for length := 1; len(o) < n; length++ {
		if text, matches := key.textOf(length); matches || length > *key.Max {
			o[text] = m.sample(s.Value)
		}
	}
	return o
}

// variants are values of a shape, good and bad in every part. They differ in one part from a base that is good; without one,
// from the sample.
func (m *apiModel) variants(name string, base any) []variant {
	s := m.Shapes[name]
	if base == nil {
		base = m.sample(name)
	}
	switch s.Type {
	case "structure":
		return append(m.structures(s, base.(map[string]any)), wrong("x", 1, true, []any{})...)
	case "list":
		return append(m.lists(s, base.([]any)), wrong("x", 1, true, map[string]any{})...)
	case "map":
		return append(m.maps(s, base.(map[string]any)), wrong("x", 1, false, []any{})...)
	case "boolean":
		return append([]variant{{"true", true, good}, {"false", false, good}}, wrong("true", 1, []any{}, map[string]any{})...)
	case "integer", "long":
		return append(s.numbers(), wrong("1", true, 1.5, []any{}, map[string]any{})...)
	}
	return append(s.texts(), wrong(1, true, []any{}, map[string]any{})...)
}

func wrong(values ...any) []variant {
	var all []variant
	for _, v := range values {
		all = append(all, variant{fmt.Sprintf("%T", v), v, mistyped})
	}
	return all
}

func (s apiShape) numbers() []variant {
	return []variant{
		{"min-1", *s.Min - 1, broken}, {"min", *s.Min, good}, {"max", *s.Max, good}, {"max+1", *s.Max + 1, broken},
	}
}

func (s apiShape) texts() []variant {
	var all []variant
	for _, value := range s.Enum {
		all = append(all, variant{"enum " + value, value, good}, variant{"enum in lower case", strings.ToLower(value), broken})
	}
	if s.Enum != nil {
		return append(all, variant{"unknown enum", "Nothing", broken}, variant{"empty enum", "", broken})
	}
	atLength := func(name string, n int, f fate) {
		text, matches := s.textOf(n)
		if !matches {
			f = broken
		}
		all = append(all, variant{name, text, f})
	}
	if s.Min != nil && *s.Min > 0 {
		atLength("min-1", *s.Min-1, broken)
	}
	if s.Min != nil {
		atLength("min", *s.Min, good)
	}
	if s.Max != nil {
		atLength("max", *s.Max, good)
		atLength("max+1", *s.Max+1, broken)
	}
	if s.Max != nil && s.Pattern == "" { // in UTF-16 units
		wide := strings.Repeat("😀", *s.Max/2)
		all = append(all, variant{"max, of wide characters", wide, good}, variant{"over max, of wide characters", wide + "😀", broken})
	}
	for _, text := range examples[s.Pattern].good {
		if s.Min == nil || size(text) >= *s.Min {
			all = append(all, variant{"good example", text, good})
		}
	}
	for _, text := range examples[s.Pattern].bad {
		all = append(all, variant{fmt.Sprintf("bad example %q", text), text, broken})
	}
	return all
}

func (m *apiModel) lists(s apiShape, base []any) []variant {
	many := func(n int) []any { return slices.Repeat(base[:1], n) }
	all := []variant{{"null in it", []any{base[0], nil}, broken}}
	if s.Min != nil {
		all = append(all, variant{"min-1", many(*s.Min - 1), broken}, variant{"min", many(*s.Min), good})
	} else {
		all = append(all, variant{"empty", []any{}, good})
	}
	if s.Max != nil {
		all = append(all, variant{"max", many(*s.Max), good}, variant{"max+1", many(*s.Max + 1), broken})
	}
	for _, v := range m.variants(s.Member, base[0]) {
		all = append(all, variant{"second " + v.name, []any{base[0], v.value}, v.fate})
	}
	return all
}

func (m *apiModel) maps(s apiShape, base map[string]any) []variant {
	all := []variant{{"empty", map[string]any{}, good}}
	if s.Max != nil {
		all = append(all, variant{"max", m.entries(s, *s.Max), good}, variant{"max+1", m.entries(s, *s.Max+1), broken})
	}
	key := slices.Min(slices.Collect(maps.Keys(base)))
	for _, v := range m.variants(s.Key, nil) {
		if other, ok := v.value.(string); ok {
			all = append(all, variant{"key " + v.name, map[string]any{other: base[key]}, v.fate})
		}
	}
	all = append(all, variant{"null in it", with(base, key, nil), broken})
	for _, v := range m.variants(s.Value, base[key]) {
		all = append(all, variant{"value " + v.name, with(base, key, v.value), v.fate})
	}
	return all
}

func (m *apiModel) structures(s apiShape, base map[string]any) []variant {
	var all []variant
	for _, member := range s.Members {
		absent, without := good, maps.Clone(base)
		if slices.Contains(s.Required, member.Name) {
			absent = broken
		}
		delete(without, member.Name)
		all = append(all, variant{member.Name + " absent", without, absent}, variant{member.Name + " null", with(base, member.Name, nil), absent})
		for _, v := range m.variants(member.Shape, base[member.Name]) {
			all = append(all, variant{member.Name + " " + v.name, with(base, member.Name, v.value), v.fate})
		}
	}
	// The last, since it succeeds, and there are operations that can succeed only once.
	return append(all, variant{"unknown member", with(base, "NoSuchMember", map[string]any{"A": []any{1, nil}}), good})
}

// together are requests with several broken members.
func (m *apiModel) together(s apiShape) []variant {
	everything, last := map[string]any{}, ""
	all := []variant{{"nothing", map[string]any{}, broken}}
	for _, member := range s.Members {
		variants := m.variants(member.Shape, nil)
		i := slices.IndexFunc(variants, func(v variant) bool { return v.fate == broken })
		if i < 0 {
			continue
		}
		everything[member.Name] = variants[i].value
		if last != "" {
			pair := map[string]any{last: everything[last], member.Name: variants[i].value}
			all = append(all, variant{last + " and " + member.Name + " broken", pair, broken})
		}
		last = member.Name
	}
	all = append(all, variant{"every member broken", everything, broken})
	return append(all, variant{"broken, and a wrong type", with(everything, s.Members[len(s.Members)-1].Name, []any{[]any{}}), mistyped})
}

func with(o map[string]any, member string, value any) map[string]any {
	o = maps.Clone(o)
	o[member] = value
	return o
}
