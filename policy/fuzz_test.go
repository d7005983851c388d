package policy_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"idpool/policy"
)

// What Parse accepts can be evaluated and explained, for any request and in any place, and both agree; a refusal is a
// SyntaxError.
func FuzzParse(f *testing.F) {
	f.Add(byte(0), one(grant), "s3:GetObject", "arn:aws:s3:::b", "k:a", "a")
	f.Add(byte(1), cognitoTrust("authenticated"), web, "", cognito+":amr", "authenticated")
	f.Add(byte(2), onResource(`["arn:aws:s3:::b/${k:a, 'x'}/*?", "arn:*"]`), "s3:Put", "arn:aws:s3:::b/x/yz", "k:a", "")
	f.Add(byte(4), doc(forbids(`"NotPrincipal": {"Federated": "`+cognito+`", "AWS": "123456789012"}`, "s3:*")), get, "arn:aws:s3:::b/k", "k:a", "")
	for condition, value := range map[string]string{
		`{"ForAllValues:StringNotLikeIfExists": {"k:a": ["*${*}", 1, true]}, "Null": {"k:b": true}}`: "*",
		`{"NumericLessThan": {"k:a": [1e3, "-07.50"]}, "ForAnyValue:NumericNotEquals": {"k:b": 0}}`:  "999.9",
		`{"DateLessThan": {"k:a": ["2020", "2020-01-01T00:00:00.5+02:00", 1577836800]}}`:             "2019-12-31T23:59Z",
		`{"IpAddress": {"k:a": ["10.0.0.0/8", "::ffff:0:0/96"]}, "NotIpAddress": {"k:b": "::/0"}}`:   "10.1.2.3",
		`{"ArnLike": {"k:a": ["arn:*:s3:::${k:b, 'x:y'}", "*", "${k:b}"]}}`:                          "arn:aws:s3:::x:y",
		`{"BinaryEquals": {"k:a": "AP8="}, "BoolIfExists": {"k:b": "True"}}`:                         "\x00\xff",
	} {
		f.Add(byte(3), onCondition(condition), get, "*", "K:A", value)
	}
	f.Fuzz(func(t *testing.T, kind byte, document, action, resource, key, value string) {
		p, err := policy.Parse(policy.Kind(kind%5), document)
		if err != nil {
			if e, ok := err.(*policy.SyntaxError); !ok || e.Message == "" || !utf8.ValidString(e.Error()) {
				t.Errorf("refused with %#v", err)
			}
			return
		}
		r := policy.Request{
			Principal: policy.Principal{Type: policy.Federated, Name: cognito},
			Action:    action,
			Resource:  resource,
			Context:   policy.Context{pair(key, value, "b"), pair("k:b", value), pair("k:c")},
		}
		alone := decide(t, p, r)
		_ = p.Explain(&r).String()
		p.Unbound(cognito, web, aud)
		named := policy.Named{Name: "p", Policy: p}
		for _, s := range []policy.Set{
			{Identity: []policy.Named{named}},
			{Identity: []policy.Named{named}, Boundary: &named, Session: []policy.Named{named}},
			{Identity: []policy.Named{named}, Resource: &named, CrossAccount: true},
		} {
			if d := decideSet(t, &s, r); d.Effect > alone.Effect {
				t.Errorf("the policy says %+v alone, and %+v in a set", alone, d)
			}
			_ = s.Explain(&r).String()
		}
	})
}

// The matcher of wildcards agrees with one that is slow and plain.
func FuzzLike(f *testing.F) {
	f.Add("a*b?c", "axxbxc")
	f.Add("*a*a*a*b", "aaaaaaaaaaaaaaaac")
	f.Add("*ab*?ab", "abab\u20acab")
	f.Fuzz(func(t *testing.T, glob, text string) {
		if len(glob) > 60 || len(text) > 200 || !utf8.ValidString(glob) || !utf8.ValidString(text) || strings.Contains(glob, "${") {
			return
		}
		if got, want := like(t, glob, text), plainLike([]rune(glob), []rune(text)); got != want {
			t.Errorf("%q like %q: %v, want %v", text, glob, got, want)
		}
	})
}

// plainLike fills a table: which prefixes of the text do the first characters of the glob match?
func plainLike(glob, text []rune) bool {
	matches := make([]bool, len(text)+1)
	matches[0] = true
	for _, g := range glob {
		next := make([]bool, len(text)+1)
		for i := range next {
			switch g {
			case '*':
				next[i] = matches[i] || i > 0 && next[i-1]
			case '?':
				next[i] = i > 0 && matches[i-1]
			default:
				next[i] = i > 0 && matches[i-1] && text[i-1] == g
			}
		}
		matches = next
	}
	return matches[len(text)]
}
