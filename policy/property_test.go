package policy_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"idpool/policy"
)

// Documents and requests are drawn from few names, so that statements apply often, and often several at once.
var (
	actions    = rapid.SampledFrom([]string{"s3:Get", "s3:Put", "iam:Get", "sts:AssumeRole"})
	actionText = rapid.SampledFrom([]string{"*", "s3:*", "s3:Get", "S3:?et", "iam:*", "sts:AssumeRole"})
	resources  = rapid.SampledFrom([]string{"*", "arn:aws:s3:::a", "arn:aws:s3:::b", "arn:aws:s3:::a/b"})
	arnText    = rapid.SampledFrom([]string{"*", "arn:aws:s3:::a*", "arn:aws:s3:::?", "arn:aws:s3:::b", "arn:aws:s3:::${k:a}", "arn:aws:s3:::${k:b, 'a'}"})
	values     = rapid.SampledFrom([]string{"", "a", "b", "ab", "true", "*", "1", "10", "2020-01-01", "10.1.2.3", "2001:db8::1", "arn:aws:s3:::a"})
	operands   = rapid.SampledFrom([]string{"", "a", "b", "a*", "?", "*", "${k:a}", "${k:c, 'b'}"})
	keys       = rapid.SampledFrom([]string{"k:a", "K:A", "k:b", "k:c"})
)

// typedOperands are few enough that they meet the values of a request; those are drawn from the same lists.
var typedOperands = map[string][]string{
	"Numeric": {"1", "2", "10", "1e1", "-0.5"},
	"Date":    {"2020-01-01", "2020-01-01T00:00:00Z", "1577836800", "2020-01-01T01:00:00+02:00"},
	"Ip":      {"10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32", "10.1.2.3", "2001:db8::1"},
	"Arn":     {"arn:aws:s3:::a", "arn:aws:s3:::*", "arn:aws:s3:?::a", "arn:*:*:*:*:*", "arn:aws:s3:::${k:a}"},
	"Binary":  {"YQ==", "YWI=", ""},
	"Bool":    {"true", "false"},
}

var operatorNames = map[string][]string{
	"Numeric": {"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals"},
	"Date":    {"DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals"},
	"Ip":      {"IpAddress", "NotIpAddress"},
	"Arn":     {"ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"},
	"Binary":  {"BinaryEquals"},
	"Bool":    {"Bool"},
	"String":  {"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike"},
}

func genCondition(t *rapid.T) string {
	family := rapid.SampledFrom([]string{"String", "String", "String", "Numeric", "Date", "Ip", "Arn", "Binary", "Bool"}).Draw(t, "family")
	wanted, key := operands, keys.Draw(t, "key")
	if family != "String" {
		wanted = rapid.SampledFrom(typedOperands[family])
	}
	operator := rapid.SampledFrom([]string{"", "ForAnyValue:", "ForAllValues:"}).Draw(t, "set") +
		rapid.SampledFrom(operatorNames[family]).Draw(t, "operator") +
		rapid.SampledFrom([]string{"", "IfExists"}).Draw(t, "suffix")
	wants := rapid.SliceOfN(wanted, 1, 3).Draw(t, "wants")
	if rapid.IntRange(0, 8).Draw(t, "null") == 0 {
		operator, wants = "Null", []string{rapid.SampledFrom([]string{"true", "false"}).Draw(t, "is null")}
	}
	return fmt.Sprintf(`{%q: {%q: %s}}`, operator, key, quote(wants))
}

func genStatement(t *rapid.T, effect string) string {
	condition := "{}"
	if rapid.Bool().Draw(t, "conditional") {
		condition = genCondition(t)
	}
	not := rapid.SampledFrom([]string{"", "", "Not"})
	return fmt.Sprintf(`{"Effect": %q, "%sAction": %s, "%sResource": %s, "Condition": %s}`, effect,
		not.Draw(t, "not"), quote(rapid.SliceOfN(actionText, 1, 3).Draw(t, "actions")),
		not.Draw(t, "not"), quote(rapid.SliceOfN(arnText, 1, 3).Draw(t, "resources")), condition)
}

func genStatements(t *rapid.T) []string {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
		return genStatement(t, rapid.SampledFrom([]string{"Allow", "Allow", "Deny"}).Draw(t, "effect"))
	}), 1, 5).Draw(t, "statements")
}

func genRequest(t *rapid.T) policy.Request {
	r := policy.Request{Action: actions.Draw(t, "action"), Resource: resources.Draw(t, "resource")}
	for _, key := range rapid.SliceOfDistinct(keys, strings.ToLower).Draw(t, "keys") {
		r.Context = append(r.Context, policy.Pair{Key: key, Values: rapid.SliceOfN(values, 0, 3).Draw(t, key)})
	}
	return r
}

func TestAddingADenyNeverAllows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		statements, r := genStatements(t), genRequest(t)
		before := decide(t, parse(t, policy.Identity, doc(statements...)), r).Effect
		after := decide(t, parse(t, policy.Identity, doc(append(statements, genStatement(t, "Deny"))...)), r).Effect
		if after != before && after != deny {
			t.Fatalf("%v became %v", before, after)
		}
	})
}

func TestAddingAnAllowNeverDenies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		statements, r := genStatements(t), genRequest(t)
		before := decide(t, parse(t, policy.Identity, doc(statements...)), r).Effect
		after := decide(t, parse(t, policy.Identity, doc(append(statements, genStatement(t, "Allow"))...)), r).Effect
		if after != before && after != allow {
			t.Fatalf("%v became %v", before, after)
		}
	})
}

func TestOrderOfStatementsNeverMatters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		statements, r := genStatements(t), genRequest(t)
		want := decide(t, parse(t, policy.Identity, doc(statements...)), r).Effect
		other := rapid.Permutation(statements).Draw(t, "other order")
		if got := decide(t, parse(t, policy.Identity, doc(other...)), r).Effect; got != want {
			t.Fatalf("%v became %v", want, got)
		}
	})
}

// Explain agrees with Evaluate (decide holds it to that), and its own parts with each other.
func TestExplainAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, r := parse(t, policy.Identity, doc(genStatements(t)...)), genRequest(t)
		d := decide(t, p, r)
		want := policy.Decision{Statement: -1}
		for _, s := range p.Explain(&r).Policies[0].Statements {
			applies := true
			for _, test := range s.Tests {
				applies = applies && test.Matches
			}
			if applies != s.Applies {
				t.Fatalf("statement %d: applies is %v, its elements say %v", s.Index, s.Applies, applies)
			}
			if applies && s.Effect > want.Effect {
				want = policy.Decision{Effect: s.Effect, Statement: s.Index, Sid: s.Sid}
			}
		}
		if d != want {
			t.Fatalf("Evaluate says %+v, the statements %+v", d, want)
		}
	})
}

// like tells whether StringLike of glob holds for value.
func like(t tester, glob, value string) bool {
	t.Helper()
	p := parse(t, policy.Identity, onCondition(`{"StringLike": {"k:a": `+quote(glob)+`}}`))
	r := policy.Request{Action: "s3:Get", Resource: "*", Context: policy.Context{pair("k:a", value)}}
	return p.Evaluate(&r).Effect == allow
}

func TestGlobAgreesWithRegexp(t *testing.T) {
	text := rapid.StringOfN(rapid.SampledFrom([]rune("aab\u00e9\u20ac\n")), 0, 12, -1)
	glob := rapid.StringOfN(rapid.SampledFrom([]rune("aab\u00e9**?.\n")), 0, 10, -1)
	rapid.Check(t, func(t *rapid.T) {
		glob, text := glob.Draw(t, "glob"), text.Draw(t, "text")
		expression := regexp.QuoteMeta(glob)
		expression = strings.ReplaceAll(expression, `\*`, `.*`)
		expression = strings.ReplaceAll(expression, `\?`, `.`)
		want := regexp.MustCompile(`(?s)^` + expression + `$`).MatchString(text)
		if got := like(t, glob, text); got != want {
			t.Fatalf("%q like %q: %v, want %v", text, glob, got, want)
		}
	})
}

// A variable in a pattern matches as its value would, were every special character in it escaped.
func TestVariableAgreesWithEscapedValue(t *testing.T) {
	text := rapid.StringOfN(rapid.SampledFrom([]rune("ab*?$")), 1, 6, -1)
	glob := rapid.StringOfN(rapid.SampledFrom([]rune("ab*?V")), 0, 8, -1)
	escape := strings.NewReplacer("*", "${*}", "?", "${?}", "$", "${$}")
	rapid.Check(t, func(t *rapid.T) {
		glob, value, text := glob.Draw(t, "glob"), text.Draw(t, "value"), text.Draw(t, "text")
		p := parse(t, policy.Identity, onCondition(`{"StringLike": {"k:a": `+quote(strings.ReplaceAll(glob, "V", "${k:v}"))+`}}`))
		r := policy.Request{Action: "s3:Get", Resource: "*", Context: policy.Context{pair("k:a", text), pair("k:v", value)}}
		want := like(t, strings.ReplaceAll(glob, "V", escape.Replace(value)), text)
		if got := p.Evaluate(&r).Effect == allow; got != want {
			t.Fatalf("%q like %q where V is %q: %v, want %v", text, glob, value, got, want)
		}
	})
}

// Patterns that take a backtracking matcher longer than anyone lives.
func TestGlobIsFast(t *testing.T) {
	start := time.Now()
	long := strings.Repeat("a", 100_000)
	for _, glob := range []string{
		"*a*a*a*b",
		strings.Repeat("*a", 1000) + "*b",
		strings.Repeat("a*", 1000) + "b",
		strings.Repeat("*?a", 1000) + "*b",
		strings.Repeat("*", 10_000) + "b",
		"*" + strings.Repeat("a", 1000) + "b*",
		"*" + strings.Repeat("?", 200) + "b*",
	} {
		if like(t, glob, long) {
			t.Errorf("%.20s... matches", glob)
		}
	}
	if taken := time.Since(start); taken > 5*time.Second {
		t.Errorf("took %v", taken)
	}
}
