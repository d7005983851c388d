package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"idpool/policy"
)

// conditionRow is one condition on the key test:Key, and the values that a request has for it.
type conditionRow struct {
	operator string
	wants    []string // the policy's values
	has      []string // the request's; nil: it doesn't have the key
	holds    bool
}

func of(values ...string) []string { return append([]string{}, values...) }

// check evaluates a row as the condition of an Allow and as that of a Deny, which have to agree.
func (row conditionRow) check(t *testing.T, more ...policy.Pair) {
	t.Helper()
	condition := fmt.Sprintf(`"Action": "*", "Resource": "*", "Condition": {%q: {"test:Key": %s}}`, row.operator, quote(row.wants))
	context := append(policy.Context{has("other:Key", "x")}, more...)
	if row.has != nil {
		context = append(context, has("TEST:key", row.has...))
	}
	r := policy.Request{Action: "s3:GetObject", Resource: "*", Context: context}
	want := map[bool][2]policy.Effect{true: {allow, deny}, false: {none, allow}}[row.holds]
	p := parse(t, policy.Identity, doc(`{"Effect": "Allow", `+condition+`}`))
	if got := decide(t, p, r).Effect; got != want[0] {
		t.Errorf("Allow if %s of %q, request has %q: %v, want %v", row.operator, row.wants, row.has, got, want[0])
	}
	p = parse(t, policy.Identity, doc(`{"Effect": "Allow", "Action": "*", "Resource": "*"}`, `{"Effect": "Deny", `+condition+`}`))
	if got := decide(t, p, r).Effect; got != want[1] {
		t.Errorf("Deny if %s of %q, request has %q: %v, want %v", row.operator, row.wants, row.has, got, want[1])
	}
}

const yes, no = true, false

// "IAM JSON policy elements: Condition operators".
var conditionOperators = []conditionRow{
	// String condition operators.
	{"StringEquals", of("a"), of("a"), yes},
	{"StringEquals", of("a"), of("A"), no},
	{"StringEquals", of("a"), of("ab"), no},
	{"StringEquals", of("a*"), of("ab"), no},
	{"StringEquals", of("a*"), of("a*"), yes},
	{"StringEquals", of(""), of(""), yes},
	{"StringEquals", of("a"), of(""), no},
	{"StringEquals", of("a"), nil, no},
	{"StringNotEquals", of("a"), of("b"), yes},
	{"StringNotEquals", of("a"), of("A"), yes},
	{"StringNotEquals", of("a"), of("a"), no},
	{"StringNotEquals", of("a"), nil, yes},
	{"StringEqualsIgnoreCase", of("Straße"), of("sTRAßE"), yes},
	{"StringEqualsIgnoreCase", of("a"), of("b"), no},
	{"StringEqualsIgnoreCase", of("a*"), of("ab"), no},
	{"StringEqualsIgnoreCase", of("a"), nil, no},
	{"StringNotEqualsIgnoreCase", of("a"), of("A"), no},
	{"StringNotEqualsIgnoreCase", of("a"), of("b"), yes},
	{"StringNotEqualsIgnoreCase", of("a"), nil, yes},
	{"StringLike", of("a*"), of("a"), yes},
	{"StringLike", of("a*"), of("abc"), yes},
	{"StringLike", of("a*"), of("Abc"), no},
	{"StringLike", of("a*c"), of("abbc"), yes},
	{"StringLike", of("a*c"), of("abb"), no},
	{"StringLike", of("a?c"), of("abc"), yes},
	{"StringLike", of("a?c"), of("a\u20acc"), yes},
	{"StringLike", of("a?c"), of("ac"), no},
	{"StringLike", of("*ab"), of("aab"), yes},
	{"StringLike", of("ab*ab"), of("ab"), no},
	{"StringLike", of("ab*ab"), of("abab"), yes},
	{"StringLike", of("a*?b"), of("ab"), no},
	{"StringLike", of("a*?b"), of("axb"), yes},
	{"StringLike", of("a*b?"), of("axbx"), yes},
	{"StringLike", of("a*b?"), of("axxx"), no},
	{"StringLike", of("*"), of(""), yes},
	{"StringLike", of("*"), nil, no},
	{"StringLike", of("[a-c]"), of("b"), no},
	{"StringNotLike", of("a*"), of("abc"), no},
	{"StringNotLike", of("a*"), of("bcd"), yes},
	{"StringNotLike", of("a*"), nil, yes},

	// Boolean condition operators.
	{"Bool", of("true"), of("true"), yes},
	{"Bool", of("true"), of("TRUE"), yes},
	{"Bool", of("True"), of("true"), yes},
	{"Bool", of("true"), of("false"), no},
	{"Bool", of("true"), of("1"), no},
	{"Bool", of("false"), of("false"), yes},
	{"Bool", of("true", "false"), of("false"), yes},
	{"Bool", of("false"), nil, no},

	// ...IfExists: "If the key is not present, evaluate the condition element as true."
	{"StringEqualsIfExists", of("a"), nil, yes},
	{"StringEqualsIfExists", of("a"), of("a"), yes},
	{"StringEqualsIfExists", of("a"), of("b"), no},
	{"StringNotEqualsIfExists", of("a"), nil, yes},
	{"StringNotEqualsIfExists", of("a"), of("a"), no},
	{"StringEqualsIgnoreCaseIfExists", of("a"), nil, yes},
	{"StringNotEqualsIgnoreCaseIfExists", of("a"), of("A"), no},
	{"StringLikeIfExists", of("a*"), nil, yes},
	{"StringLikeIfExists", of("a*"), of("b"), no},
	{"StringNotLikeIfExists", of("a*"), of("ab"), no},
	{"BoolIfExists", of("false"), nil, yes},
	{"BoolIfExists", of("false"), of("true"), no},

	// Condition operator to check existence of condition keys: "true (the key doesn't exist — it is null) or false (the key
	// exists and its value is not null)".
	{"Null", of("true"), nil, yes},
	{"Null", of("true"), of(), yes},
	{"Null", of("true"), of(""), yes},
	{"Null", of("true"), of("a"), no},
	{"Null", of("false"), nil, no},
	{"Null", of("false"), of(""), no},
	{"Null", of("false"), of("a"), yes},
	{"Null", of("FALSE"), of("a", "b"), yes},
	{"Null", of("true", "false"), nil, yes},
}

func TestConditionOperators(t *testing.T) {
	for _, row := range conditionOperators {
		row.check(t)
	}
}

// "Conditions with multiple context keys or values": values of one key are OR, of a negated operator NOR; keys of one
// operator are AND, and so are operators.
func TestMultipleKeysOrValues(t *testing.T) {
	for _, row := range []conditionRow{
		{"StringEquals", of("a", "b"), of("b"), yes},
		{"StringEquals", of("a", "b"), of("c"), no},
		{"StringLike", of("a*", "b*"), of("bc"), yes},
		{"StringNotEquals", of("a", "b"), of("c"), yes},
		{"StringNotEquals", of("a", "b"), of("a"), no},
		{"StringNotEquals", of("a", "b"), of("b"), no},
		{"StringNotLike", of("a*", "b*"), of("bc"), no},
	} {
		row.check(t)
	}
	for _, row := range []struct {
		condition string
		want      policy.Effect
	}{
		{`{"StringEquals": {"k:a": "1", "k:b": "2"}}`, allow},
		{`{"StringEquals": {"k:a": "1", "k:b": "x"}}`, none},
		{`{"StringEquals": {"k:a": "x", "k:b": "2"}}`, none},
		{`{"StringEquals": {"k:a": "1"}, "StringLike": {"k:b": "*"}}`, allow},
		{`{"StringEquals": {"k:a": "1"}, "StringLike": {"k:c": "*"}}`, none},
		{`{"StringEquals": {"k:a": "1"}, "StringNotEquals": {"k:a": "1"}}`, none},
		{`{"StringEquals": {"k:n": 7}, "Bool": {"k:t": true}}`, allow},
		{`{"StringEquals": {"k:n": [7.0, 8]}}`, none},
		{`{"StringEquals": {"K:A": "1"}}`, allow},
		{`{"StringEquals": {}}`, allow},
		{`{}`, allow},
	} {
		p := parse(t, policy.Identity, doc(`{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": `+row.condition+`}`))
		r := policy.Request{Action: "s3:GetObject", Resource: "*"}
		r.Context = policy.Context{has("k:a", "1"), has("k:b", "2"), has("k:n", "7"), has("k:t", "true")}
		if got := decide(t, p, r).Effect; got != row.want {
			t.Errorf("%s: %v, want %v", row.condition, got, row.want)
		}
	}
}

// "Single-valued vs. multivalued context keys".
var multivaluedKeys = []conditionRow{
	// ForAllValues: no value of the request fails; "true if there are no context keys in the request or if the context key
	// value resolves to a null dataset, such as an empty string".
	{"ForAllValues:StringEquals", of("a", "b"), of("a"), yes},
	{"ForAllValues:StringEquals", of("a", "b"), of("a", "b"), yes},
	{"ForAllValues:StringEquals", of("a", "b"), of("a", "c"), no},
	{"ForAllValues:StringEquals", of("a", "b"), nil, yes},
	{"ForAllValues:StringEquals", of("a", "b"), of(), yes},
	{"ForAllValues:StringEquals", of("a", "b"), of(""), yes},
	{"ForAllValues:StringEquals", of("a", "b"), of("a", ""), no},
	{"ForAllValues:StringLike", of("a*"), of("ab", "ac"), yes},
	{"ForAllValues:StringLike", of("a*"), of("ab", "bc"), no},
	{"ForAllValues:StringNotEquals", of("a", "b"), of("c", "d"), yes},
	{"ForAllValues:StringNotEquals", of("a", "b"), of("c", "a"), no},
	{"ForAllValues:StringNotLike", of("a*"), nil, yes},
	{"ForAllValues:StringNotLike", of("a*"), of("ab", "b"), no},
	{"ForAllValues:StringEqualsIgnoreCase", of("a"), of("A", "a"), yes},
	{"ForAllValues:StringNotEqualsIgnoreCase", of("a"), of("A", "b"), no},
	{"ForAllValues:StringEqualsIfExists", of("a"), nil, yes},
	{"ForAllValues:Bool", of("true"), of("true", "false"), no},

	// ForAnyValue: some value of the request passes; "for no matching context key or a null dataset, the condition returns
	// false", which the suffix IfExists doesn't change.
	{"ForAnyValue:StringEquals", of("a", "b"), of("c", "b"), yes},
	{"ForAnyValue:StringEquals", of("a", "b"), of("c", "d"), no},
	{"ForAnyValue:StringEquals", of("a", "b"), nil, no},
	{"ForAnyValue:StringEquals", of("a", "b"), of(), no},
	{"ForAnyValue:StringEquals", of(""), of(""), no},
	{"ForAnyValue:StringLike", of("a*"), of("b", "ab"), yes},
	{"ForAnyValue:StringLike", of("a*"), of("b", "c"), no},
	{"ForAnyValue:StringNotEquals", of("a", "b"), of("a", "c"), yes},
	{"ForAnyValue:StringNotEquals", of("a", "b"), of("a", "b"), no},
	{"ForAnyValue:StringNotEquals", of("a", "b"), nil, no},
	{"ForAnyValue:StringNotLike", of("a*"), of("ab", "b"), yes},
	{"ForAnyValue:StringNotLike", of("a*"), nil, no},
	{"ForAnyValue:StringEqualsIfExists", of("a"), nil, no},
	{"ForAnyValue:StringNotEqualsIfExists", of("a"), nil, no},
	{"ForAnyValue:BoolIfExists", of("true"), of("false", "true"), yes},

	// Without a set operator, which IAM leaves open: the values count as one set.
	{"StringEquals", of("a"), of("b", "a"), yes},
	{"StringEquals", of("a"), of("b", "c"), no},
	{"StringNotEquals", of("a"), of("b", "a"), no},
	{"StringNotEquals", of("a"), of("b", "c"), yes},
	{"StringNotLike", of("a*"), of("b", "ab"), no},
	{"Bool", of("true"), of("false", "true"), yes},
	{"StringEquals", of("a"), of(), no},
	{"StringEqualsIfExists", of("a"), of(), yes},
	{"StringNotEquals", of("a"), of(), yes},
}

func TestMultivaluedKeys(t *testing.T) {
	for _, row := range multivaluedKeys {
		row.check(t)
	}
}

// "IAM policy elements: Variables and tags".
var variables = []conditionRow{
	{"StringEquals", of("${aws:username}"), of("alice"), yes},
	{"StringEquals", of("${AWS:UserName}"), of("alice"), yes},
	{"StringEquals", of("${ aws:username }"), of("alice"), yes},
	{"StringEquals", of("u-${aws:username}-${aws:username}"), of("u-alice-alice"), yes},
	{"StringEquals", of("${aws:username}"), of("bob"), no},
	{"StringEquals", of("${aws:PrincipalTag/Cost Center}"), of("r&d"), yes},
	{"StringNotEquals", of("${aws:username}"), of("alice"), no},
	{"StringEqualsIgnoreCase", of("${aws:username}"), of("ALICE"), yes},
	{"StringLike", of("home/${aws:username}/*"), of("home/alice/x"), yes},
	{"StringLike", of("home/${aws:username}/*"), of("home/bob/x"), no},
	{"StringLike", of("*/${aws:username}/*"), of("alice/alice/alice/"), yes},
	{"StringLike", of("*${aws:username}"), of("malice"), yes},
	{"StringLike", of("*${aws:username}*"), of("malice2"), yes},
	{"StringLike", of("*${aws:username}*"), of("aws:username"), no},
	{"StringLike", of("home/${cognito-identity.amazonaws.com:sub}/*"), of("home/us-east-1:1/k"), yes},
	{"ForAnyValue:StringLike", of("${aws:username}*"), of("bob", "alice2"), yes},

	// A value from the request is literal, whatever it holds.
	{"StringLike", of("${t:star}"), of("anything"), no},
	{"StringLike", of("${t:star}"), of("*"), yes},
	{"StringLike", of("*${t:star}"), of("any*"), yes},
	{"StringLike", of("*${t:star}b"), of("anyb"), no},
	{"StringLike", of("${t:question}"), of("a"), no},
	{"StringLike", of("${t:question}"), of("?"), yes},
	{"StringEquals", of("${t:dollar}"), of("alice"), no},
	{"StringEquals", of("${t:dollar}"), of("${aws:username}"), yes},

	// Special characters.
	{"StringLike", of("a${*}"), of("a*"), yes},
	{"StringLike", of("a${*}"), of("ab"), no},
	{"StringLike", of("a${?}*"), of("a?b"), yes},
	{"StringLike", of("a${?}*"), of("abb"), no},
	{"StringEquals", of("${$}{aws:username}"), of("${aws:username}"), yes},
	{"StringEquals", of("$aws $"), of("$aws $"), yes},

	// Variables with no value match nothing, and so their negation does.
	{"StringEquals", of("${t:missing}"), of(""), no},
	{"StringEquals", of("${t:missing}"), of("${t:missing}"), no},
	{"StringEquals", of("${t:missing}", "b"), of("b"), yes},
	{"StringLike", of("*${t:missing}*"), of("a"), no},
	{"StringNotEquals", of("${t:missing}"), of("a"), yes},
	{"StringNotLike", of("*${t:missing}"), of("a"), yes},
	{"StringEquals", of("${t:empty}"), of("a"), no},
	{"StringEquals", of("${t:many}"), of("alice"), no},
	{"StringEquals", of("u${t:many}"), of("u"), no},
	{"StringEquals", of("${test:Key}"), of("a", "b"), no},

	// Default values.
	{"StringEquals", of("${t:missing, 'company-wide'}"), of("company-wide"), yes},
	{"StringEquals", of("${t:missing,'d'}"), of("d"), yes},
	{"StringEquals", of("${t:missing, ''}"), of(""), yes},
	{"StringEquals", of("${t:missing, 'a, {b}'}"), of("a, {b}"), yes},
	{"StringEquals", of("${aws:username, 'd'}"), of("alice"), yes},
	{"StringEquals", of("${aws:username, 'd'}"), of("d"), no},
	{"StringEquals", of("${t:empty, 'd'}"), of("d"), yes},
	{"StringEquals", of("${t:many, 'd'}"), of("d"), no},
	{"StringLike", of("${t:missing, '*'}"), of("a"), no},
	{"StringLike", of("${t:missing, '*'}"), of("*"), yes},
}

func TestVariables(t *testing.T) {
	context := policy.Context{
		has("aws:username", "alice"), has("aws:PrincipalTag/Cost Center", "r&d"), has(cognito+":sub", "us-east-1:1"), has("t:empty", ""),
		has("t:star", "*"), has("t:question", "?"), has("t:dollar", "${aws:username}"), has("t:many", "alice", "bob"),
	}
	for _, row := range variables {
		row.check(t, context...)
	}
}

// Variables in Resource and NotResource, and in documents of the old version, where ${ has no meaning.
func TestVariablesInResource(t *testing.T) {
	const old, now = "2008-10-17", "2012-10-17"
	for _, row := range []struct {
		version, statement, resource string
		want                         policy.Effect
	}{
		{now, `"Effect": "Allow", "Resource": "arn:aws:s3:::b/${aws:username}/*"`, "arn:aws:s3:::b/al*ce/k", allow},
		{now, `"Effect": "Allow", "Resource": "arn:aws:s3:::b/${aws:username}/*"`, "arn:aws:s3:::b/alice/k", none},
		{now, `"Effect": "Allow", "Resource": "arn:aws:s3:::b-${aws:PrincipalTag/team, 'company-wide'}"`, "arn:aws:s3:::b-company-wide", allow},
		{now, `"Effect": "Allow", "Resource": "arn:aws:s3:::b/${*}"`, "arn:aws:s3:::b/*", allow},
		{now, `"Effect": "Allow", "Resource": "arn:aws:s3:::b/${*}"`, "arn:aws:s3:::b/k", none},
		{now, `"Effect": "Allow", "Resource": "arn:aws:s3:::b/${t:missing}*"`, "arn:aws:s3:::b/", none},
		{now, `"Effect": "Allow", "Resource": ["arn:aws:s3:::b/${t:missing}*", "arn:aws:s3:::b/*"]`, "arn:aws:s3:::b/", allow},

		// An exception that names nothing: a Deny applies without it, an Allow doesn't apply.
		{now, `"Effect": "Deny", "NotResource": "arn:aws:s3:::b/${t:missing}/*"`, "arn:aws:s3:::b/x/k", deny},
		{now, `"Effect": "Allow", "NotResource": "arn:aws:s3:::b/${t:missing}/*"`, "arn:aws:s3:::b/x/k", none},
		{now, `"Effect": "Allow", "NotResource": "arn:aws:s3:::b/${aws:username}/*"`, "arn:aws:s3:::b/x/k", allow},
		{now, `"Effect": "Deny", "NotResource": "arn:aws:s3:::b/${aws:username}/*"`, "arn:aws:s3:::b/al*ce/k", none},

		{old, `"Effect": "Allow", "Resource": "arn:aws:s3:::b/${aws:username}/*"`, "arn:aws:s3:::b/al*ce/k", none},
		{old, `"Effect": "Allow", "Resource": "arn:aws:s3:::b/${aws:username}/*"`, "arn:aws:s3:::b/${aws:username}/k", allow},
		{old, `"Effect": "Allow", "Resource": "arn:aws:s3:::b/${*}"`, "arn:aws:s3:::b/${k}", allow},
		{old, `"Effect": "Allow", "Resource": "arn:aws:s3:::b/${"`, "arn:aws:s3:::b/${", allow},
		{"", `"Effect": "Allow", "Resource": "arn:aws:s3:::b/${aws:username}"`, "arn:aws:s3:::b/${aws:username}", allow},
		{"", `"Effect": "Allow", "Resource": "arn:aws:s3:::b/${aws:username}"`, "arn:aws:s3:::b/al*ce", none},
	} {
		document := fmt.Sprintf(`{"Version": %q, "Statement": {"Action": "*", %s}}`, row.version, row.statement)
		document = strings.Replace(document, `"Version": "", `, "", 1)
		r := policy.Request{Action: "s3:GetObject", Resource: row.resource, Context: policy.Context{has("aws:username", "al*ce")}}
		if got := decide(t, parse(t, policy.Identity, document), r).Effect; got != row.want {
			t.Errorf("%s, %s: %v, want %v", document, row.resource, got, row.want)
		}
	}
}

// The case of letters doesn't make another key, but a look-alike does; of two entries for one key the first counts.
func TestContextKeys(t *testing.T) {
	for _, row := range []struct {
		context policy.Context
		want    policy.Effect
	}{
		{policy.Context{has("aws:RequestTag/Key", "a")}, allow},
		{policy.Context{has("AWS:requesttag/KEY", "a")}, allow},
		{policy.Context{has("aws:RequestTag/\u212aey", "a")}, none}, // the Kelvin sign
		{policy.Context{has("aws:RequestTag/Key", "b"), has("aws:RequestTag/key", "a")}, none},
		{policy.Context{has("aws:RequestTag/key", "a"), has("aws:RequestTag/Key", "b")}, allow},
	} {
		p := parse(t, policy.Identity, doc(`{"Effect": "Allow", "Action": "*", "Resource": "*",
			"Condition": {"StringEquals": {"aws:RequestTag/Key": "a"}}}`))
		if got := decide(t, p, policy.Request{Action: "a:b", Resource: "*", Context: row.context}).Effect; got != row.want {
			t.Errorf("%v: %v, want %v", row.context, got, row.want)
		}
	}
}
