package iam_test

import (
	"slices"
	"strings"
	"testing"
)

func TestUserPolicies(t *testing.T) {
	f := start(t)
	f.IAM(t, "CreateUser", "UserName", "U").Must(t)
	document := strings.Replace(allow, `"s3:*"`, `["s3:*", "a:é+"]`, 1)
	for _, document := range []string{allow, document} {
		answers(t, f.IAM(t, "PutUserPolicy", "UserName", "U", "PolicyName", "P", "PolicyDocument", document), nil, reply("PutUserPolicy", ""))
		answers(t, f.IAM(t, "GetUserPolicy", "UserName", "u", "PolicyName", "P"), nil, reply("GetUserPolicy", "<UserName>U</UserName><PolicyName>P</PolicyName><PolicyDocument>"+encoded(document)+"</PolicyDocument>"))
	}
	for _, name := range []string{"p", "A", "_"} {
		f.IAM(t, "PutUserPolicy", "UserName", "U", "PolicyName", name, "PolicyDocument", allow).Must(t)
	}
	for size, wantPages := range map[string]int{"1": 4, "3": 2, "100": 1} {
		got, pages := f.list(t, "ListUserPolicies", "member", "UserName", "U", "MaxItems", size)
		if want := []string{"A", "P", "_", "p"}; !slices.Equal(got, want) || pages != wantPages {
			t.Errorf("policies %v in %d pages of %s, want %v in %d", got, pages, size, want, wantPages)
		}
	}
	answers(t, f.IAM(t, "DeleteUserPolicy", "UserName", "U", "PolicyName", "P"), nil, reply("DeleteUserPolicy", ""))

	put := func(user, document string) []string {
		return []string{"UserName", user, "PolicyName", "P", "PolicyDocument", document}
	}
	f.refuses(t, "PutUserPolicy", []row{
		{"nobody", put("Nobody", allow), noUser("Nobody")},
		{"no document", []string{"UserName", "U", "PolicyName", "P"}, missing("policyDocument")},
		{"a policy name with a space", []string{"UserName", "U", "PolicyName", "a b", "PolicyDocument", allow}, constraint("a b", "policyName", `Member must satisfy regular expression pattern: [\w+=,.@-]+`)},
		{"an operator that is not known", put("U", strings.Replace(allow, `"Resource"`, `"Condition":{"IpAdress":{"aws:SourceIp":"10.0.0.0/8"}},"Resource"`, 1)), unknownOperator("Statement", "IpAdress")},
		{"a trust policy", put("U", trust), malformed("Statement[0]: Policy document should not specify a principal.")},
	})
	f.refuses(t, "GetUserPolicy", []row{
		{"nobody", []string{"UserName", "Nobody", "PolicyName", "P"}, noUser("Nobody")},
		{"no such policy", []string{"UserName", "U", "PolicyName", "P"}, noUserPolicy("P")},
		{"no policy name", []string{"UserName", "U"}, missing("policyName")},
	})
	f.refuses(t, "DeleteUserPolicy", []row{
		{"nobody", []string{"UserName", "Nobody", "PolicyName", "P"}, noUser("Nobody")},
		{"no such policy", []string{"UserName", "U", "PolicyName", "P"}, noUserPolicy("P")},
	})
	f.refuses(t, "ListUserPolicies", []row{
		{"nobody", []string{"UserName", "Nobody"}, noUser("Nobody")},
		{"a marker of nobody", []string{"UserName", "U", "Marker", "A"}, refusal{400, "ValidationError", "Invalid Marker."}},
	})
}

// All inline policies of a user have 2,048 characters together, white space aside.
func TestUserPoliciesTooLarge(t *testing.T) {
	f := start(t)
	f.IAM(t, "CreateUser", "UserName", "U").Must(t)
	sized := func(n int) string {
		document := `{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::*"}}`
		return strings.Replace(document, "*\"}}", strings.Repeat("x", n-len(document))+"*\"}}", 1)
	}
	put := func(name, document string) []string {
		return []string{"UserName", "u", "PolicyName", name, "PolicyDocument", document}
	}
	f.IAM(t, "PutUserPolicy", put("A", sized(1800))...).Must(t)
	f.IAM(t, "PutUserPolicy", put("B", strings.Replace(sized(248), ":", " : \n\t"+strings.Repeat(" ", 1000), 1))...).Must(t)
	tooLarge := refusal{409, "LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user U"}
	tooLarge.check(t, f.IAM(t, "PutUserPolicy", put("C", sized(100))...))
	tooLarge.check(t, f.IAM(t, "PutUserPolicy", put("B", sized(249))...))
	f.IAM(t, "PutUserPolicy", put("A", sized(1000))...).Must(t)
	f.IAM(t, "PutUserPolicy", put("C", sized(800))...).Must(t)
}
