package policy_test

import (
	"errors"
	"strings"
	"testing"

	"idpool/policy"
)

const (
	grant = `"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"`
	trust = `"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"`
)

// one is a document in version 2012-10-17 with one statement, outside a list.
func one(statement string) string {
	return `{"Version": "2012-10-17", "Statement": {` + statement + `}}`
}

func onCondition(condition string) string { return one(grant + `, "Condition": ` + condition) }
func onAction(action string) string {
	return one(`"Effect": "Allow", "Action": ` + action + `, "Resource": "*"`)
}

func onResource(resource string) string {
	return one(`"Effect": "Allow", "Action": "s3:*", "Resource": ` + resource)
}

func onPrincipal(principal string) string {
	return one(`"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": ` + principal)
}

// "Grammar of the IAM JSON policy language", and what IAM is known to take beyond it.
func TestParseAccepts(t *testing.T) {
	for _, row := range []struct {
		kind     policy.Kind
		document string
	}{
		{policy.Identity, one(grant)},
		{policy.Session, one(grant)},
		{policy.Trust, one(trust)},
		{policy.Identity, `{"Statement": [{` + grant + `}], "Id": "any text", "Version": "2008-10-17"}`},
		{policy.Identity, `{"Statement": {` + grant + `}}`},
		{policy.Identity, "\t" + one(grant) + "\n"},
		{policy.Identity, one(`"Sid": "azAZ09", ` + grant)},
		{policy.Identity, doc(`{"Sid": "", `+grant+`}`, `{"Sid": "", `+grant+`}`)},
		{policy.Trust, one(`"Sid": "any text, here", ` + trust)},
		{policy.Identity, one(`"Condition": {}, ` + grant)},
		{policy.Identity, one(`"Resource": "arn:aws:s3:::b", "NotAction": ["s3:*"], "Effect": "Deny"`)},

		{policy.Identity, onAction(`"*"`)},
		{policy.Identity, onAction(`["s3:Get*", "execute-api:Invoke", "a4b.x:*"]`)},
		{policy.Trust, onPrincipal(`{"AWS": "*"}`)},
		{policy.Trust, onPrincipal(`{"AWS": ["123456789012", "arn:aws-cn:iam::123456789012:root"], "Service": "ec2.amazonaws.com"}`)},
		{policy.Trust, onPrincipal(`{"AWS": "arn:aws:iam::123456789012:role/path/to/app"}`)},
		{policy.Trust, onPrincipal(`{"AWS": "arn:aws:sts::123456789012:federated-user/bob"}`)},
		{policy.Trust, onPrincipal(`{"Federated": "arn:aws:iam::123456789012:oidc-provider/issuer.example:8443/tenant"}`)},
		{policy.Trust, one(`"Effect": "Deny", "NotPrincipal": {"AWS": "123456789012"}, "Action": "sts:*"`)},

		{policy.Identity, onResource(`["*", "arn:aws:s3:::b/*", "arn:*:s3:::b", "arn:aws:s3:*", "arn:*"]`)},
		{policy.Identity, onResource(`"arn:aws:s3:::b/${aws:username}"`)},
		{policy.Identity, onCondition(`{"StringEquals": {"aws:a": "1", "aws:b": ["2", 3, true, -1.5e3]}, "Bool": {"aws:c": [true, "false"]}}`)},
		{policy.Identity, onCondition(`{"ForAnyValue:StringLikeIfExists": {"aws:a": [""]}, "Null": {"aws:c": "TRUE"}}`)},
		{policy.Identity, onCondition(`{"StringEquals": {"aws:a": "$ {x} }{ $$"}}`)},
		{policy.Identity, onCondition(`{"NumericLessThan": {"aws:a": [1, "-2.5", 1.5e3, "+7", "007", "9223372036854775808"]}}`)},
		{policy.Identity, onCondition(`{"DateLessThan": {"aws:a": [1372550400, "2013", "2013-06", "2013-06-30T00:00:00.123+05:30"]}}`)},
		{policy.Identity, onCondition(`{"IpAddress": {"aws:a": ["203.0.113.0/24", "2001:DB8:1234:5678::/64", "10.0.0.1", "::1"]}}`)},
		{policy.Identity, onCondition(`{"ForAllValues:ArnLikeIfExists": {"aws:a": ["arn:aws:s3:::b/*", "*", "arn:${a:b}:*:::${a:b, 'x:y'}", "${aws:PrincipalArn}"]}}`)},
		{policy.Identity, onCondition(`{"BinaryEquals": {"aws:a": ["", "AP8="]}}`)},
		{policy.Boundary, one(`"Sid": "azAZ09", ` + grant)},
		{policy.Resource, one(grant + `, "Principal": "*"`)},
		{policy.Resource, one(`"Sid": "any text", "Effect": "Deny", "NotPrincipal": {"AWS": "123456789012"}, "Action": "s3:*", "NotResource": "arn:aws:s3:::b/*"`)},
		{policy.Identity, strings.Repeat(" ", 131072-len(one(grant))) + one(grant)},
		{policy.Identity, doc(strings.Repeat(`{`+grant+`}, `, 499) + `{` + grant + `}`)},
	} {
		if _, err := policy.Parse(row.kind, row.document); err != nil {
			t.Errorf("%.200s: %v", row.document, err)
		}
	}
}

// Every refusal names the place, and says in IAM's words what is wrong where those are known.
var refusals = []struct {
	kind     policy.Kind
	document string
	path     string
	message  string // a part of it
}{
	// JSON.
	{policy.Identity, ``, "", "invalid Json: line 1, column 1"},
	{policy.Identity, `hello`, "", "invalid Json: line 1, column 1"},
	{policy.Identity, "{\n  \"Version\" \"x\"}", "Version", "invalid Json: line 2, column 13"},
	{policy.Identity, `{"Statement": {` + grant, "Statement", "invalid Json"},
	{policy.Identity, one(grant) + `{}`, "", "after the end"},
	{policy.Identity, "\ufeff" + one(grant), "", "invalid Json"},
	{policy.Identity, `{"Version": }`, "Version", "a string is expected"},
	{policy.Identity, `[]`, "", "an object is expected"},
	{policy.Identity, `null`, "", "an object is expected"},
	{policy.Identity, "{\"Id\": \"\xff\"}", "", "not valid UTF-8"},
	{policy.Identity, `{"Id": "\ud800"}`, "Id", "invalid Json"},

	// A name that appears twice.
	{policy.Identity, one(grant + `, "Effect": "Deny"`), "Statement", `the name "Effect" appears twice`},
	{policy.Identity, one(grant + `, "\u0045ffect": "Deny"`), "Statement", `the name "Effect" appears twice`},
	{policy.Identity, `{"Version": "2012-10-17", "Version": "2008-10-17"}`, "", `the name "Version" appears twice`},
	{policy.Identity, onCondition(`{"StringEquals": {"aws:a": "1", "aws:a": "2"}}`), "Statement.Condition.StringEquals", `the name "aws:a" appears twice`},
	{policy.Identity, onCondition(`{"StringEquals": {"aws:a": "1", "AWS:A": "2"}}`), `Statement.Condition.StringEquals["AWS:A"]`, "case of their letters"},

	// Limits.
	{policy.Identity, strings.Repeat(" ", 131073-len(one(grant))) + one(grant), "", "longer than 131072 characters"},
	{policy.Identity, strings.Repeat("é", 131073), "", "longer than 131072 characters"},
	{policy.Identity, doc(strings.Repeat(`{`+grant+`}, `, 500) + `{` + grant + `}`), "Statement[500]", "at most 500 statements"},
	{policy.Identity, strings.Repeat("[", 100000), "", "an object is expected"},
	{policy.Identity, strings.Repeat(`{"Statement":`, 9000), "Statement.Statement", "unknown element"},
	{policy.Identity, `{"Statement": ` + strings.Repeat("[", 100000), "Statement[0]", "an object is expected"},
	{policy.Identity, onAction(strings.Repeat("[", 100000)), "Statement.Action[0]", "a string is expected"},

	// Elements.
	{policy.Identity, `{}`, "Statement", "at least one statement"},
	{policy.Identity, doc(), "Statement", "at least one statement"},
	{policy.Identity, doc(`"x"`), "Statement[0]", "an object is expected"},
	{policy.Identity, `{"Version": "2013-10-17", "Statement": {` + grant + `}}`, "Version", "valid version string"},
	{policy.Identity, `{"Version": 2012, "Statement": {` + grant + `}}`, "Version", "a string is expected"},
	{policy.Identity, `{"Id": ["x"], "Statement": {` + grant + `}}`, "Id", "a string is expected"},
	{policy.Identity, `{"statement": {` + grant + `}}`, "statement", "unknown element"},
	{policy.Identity, one(grant + `, "Conditions": {}`), "Statement.Conditions", "unknown element"},
	{policy.Identity, doc(`{`+grant+`}`, `{"Action": "s3:*", "Resource": "*"}`), "Statement[1]", "Missing required field Effect"},
	{policy.Identity, one(`"Effect": "allow", "Action": "s3:*", "Resource": "*"`), "Statement.Effect", "Invalid effect: allow"},
	{policy.Identity, doc(`{"Sid": "a", `+grant+`}`, `{"Sid": "a", `+grant+`}`), "Statement[1].Sid", "must be unique"},
	{policy.Identity, one(`"Sid": "a b", ` + grant), "Statement.Sid", "must be alpha-numeric"},
	{policy.Identity, one(`"Sid": 1, ` + grant), "Statement.Sid", "a string is expected"},

	// Action and NotAction.
	{policy.Identity, one(`"Effect": "Allow", "Resource": "*"`), "Statement", "must contain actions"},
	{policy.Identity, onAction(`[]`), "Statement", "must contain actions"},
	{policy.Identity, one(`"Effect": "Deny", "NotAction": [], "Resource": "*"`), "Statement", "must contain actions"},
	{policy.Identity, one(grant + `, "NotAction": "s3:*"`), "Statement", "either Action or NotAction"},
	{policy.Identity, onAction(`"GetObject"`), "Statement.Action", "must be prefaced by a vendor"},
	{policy.Identity, onAction(`""`), "Statement.Action", "must be prefaced by a vendor"},
	{policy.Identity, onAction(`["s3:*", ":Get"]`), "Statement.Action[1]", "Vendor  is not valid"},
	{policy.Identity, onAction(`"s3*:Get"`), "Statement.Action", "Vendor s3* is not valid"},
	{policy.Identity, onAction(`"?3:Get"`), "Statement.Action", "Vendor ?3 is not valid"},
	{policy.Identity, onAction(`"s3:Get:Object"`), "Statement.Action", "can contain only one colon"},
	{policy.Identity, onAction(`{}`), "Statement.Action", "a string is expected"},
	{policy.Identity, onAction(`null`), "Statement.Action", "a string is expected"},
	{policy.Trust, one(`"Effect": "Allow", "Principal": "*", "Action": "*"`), "Statement.Action", "only specify STS AssumeRole actions"},
	{policy.Trust, one(`"Effect": "Allow", "Principal": "*", "Action": "s3:*"`), "Statement.Action", "only specify STS AssumeRole actions"},

	// Resource and NotResource.
	{policy.Identity, one(`"Effect": "Allow", "Action": "s3:*"`), "Statement", "must contain resources"},
	{policy.Identity, onResource(`[]`), "Statement", "must contain resources"},
	{policy.Identity, one(`"Effect": "Deny", "Action": "s3:*", "NotResource": []`), "Statement", "must contain resources"},
	{policy.Identity, one(grant + `, "NotResource": "*"`), "Statement", "either Resource or NotResource"},
	{policy.Identity, onResource(`"bucket"`), "Statement.Resource", `Resource bucket must be in ARN format or "*".`},
	{policy.Identity, onResource(`""`), "Statement.Resource", `must be in ARN format or "*".`},
	{policy.Identity, onResource(`["*", "arn:aws:s3::b"]`), "Statement.Resource[1]", `must be in ARN format or "*".`},
	{policy.Identity, `{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:${s3}"}}`, "Statement.Resource", `must be in ARN format or "*".`},
	{policy.Identity, onResource(`"arn:aws:iam::${aws:PrincipalAccount}:role/a"`), "Statement.Resource", "after the fifth colon"},
	{policy.Trust, one(trust + `, "Resource": "*"`), "Statement.Resource", "Has prohibited field Resource"},
	{policy.Trust, one(trust + `, "NotResource": "*"`), "Statement.NotResource", "must not contain resources"},

	// Principal and NotPrincipal.
	{policy.Identity, one(grant + `, "Principal": "*"`), "Statement", "should not specify a principal"},
	{policy.Session, one(grant + `, "NotPrincipal": "*"`), "Statement", "should not specify a principal"},
	{policy.Trust, one(`"Effect": "Allow", "Action": "sts:*"`), "Statement", "Missing required field Principal"},
	{policy.Trust, onPrincipal(`{}`), "Statement", "Missing required field Principal cannot be empty!"},
	{policy.Trust, onPrincipal(`{"AWS": []}`), "Statement.Principal.AWS", "Missing required field Principal cannot be empty!"},
	{policy.Trust, onPrincipal(`{"Federated": [], "AWS": "*"}`), "Statement.Principal.Federated", "Missing required field Principal cannot be empty!"},
	{policy.Trust, one(`"Effect": "Deny", "NotPrincipal": {"AWS": []}, "Action": "sts:*"`), "Statement.NotPrincipal.AWS", "Missing required field Principal cannot be empty!"},
	{policy.Trust, one(`"Effect": "Allow", "NotPrincipal": {"AWS": "123456789012"}, "Action": "sts:*"`), "Statement.NotPrincipal", "Allow with NotPrincipal is not allowed."},
	{policy.Trust, one(trust + `, "NotPrincipal": "*"`), "Statement", "either Principal or NotPrincipal"},
	{policy.Trust, onPrincipal(`"123456789012"`), "Statement.Principal", "Invalid principal in policy"},
	{policy.Trust, onPrincipal(`["*"]`), "Statement.Principal", "an object is expected"},
	{policy.Trust, onPrincipal(`{"aws": "*"}`), "Statement.Principal.aws", "Invalid principal in policy"},
	{policy.Trust, onPrincipal(`{"AWS": ["*", "12345678901"]}`), "Statement.Principal.AWS[1]", `Invalid principal in policy: "AWS":"12345678901"`},
	{policy.Trust, onPrincipal(`{"AWS": "arn:aws:iam::123456789012:user/*"}`), "Statement.Principal.AWS", "Invalid principal in policy"},
	{policy.Trust, onPrincipal(`{"AWS": "arn:aws:iam::123456789012:group/g"}`), "Statement.Principal.AWS", "Invalid principal in policy"},
	{policy.Trust, onPrincipal(`{"AWS": "arn:aws:iam::12345:root"}`), "Statement.Principal.AWS", "Invalid principal in policy"},
	{policy.Trust, onPrincipal(`{"AWS": "urn:aws:iam::123456789012:root"}`), "Statement.Principal.AWS", "Invalid principal in policy"},
	{policy.Trust, onPrincipal(`{"AWS": "arn::iam::123456789012:root"}`), "Statement.Principal.AWS", "Invalid principal in policy"},
	{policy.Trust, onPrincipal(`{"AWS": "arn:aws:iam:us-east-1:123456789012:root"}`), "Statement.Principal.AWS", "Invalid principal in policy"},
	{policy.Trust, onPrincipal(`{"AWS": "arn:aws:iam::123456789012"}`), "Statement.Principal.AWS", "Invalid principal in policy"},
	{policy.Trust, onPrincipal(`{"AWS": "arn:aws:iam::123456789012:root/x"}`), "Statement.Principal.AWS", "Invalid principal in policy"},
	{policy.Trust, onPrincipal(`{"AWS": "arn:aws:sts::123456789012:assumed-role/app"}`), "Statement.Principal.AWS", "Invalid principal in policy"},
	{policy.Trust, onPrincipal(`{"Federated": "*"}`), "Statement.Principal.Federated", "Invalid principal in policy"},
	{policy.Trust, onPrincipal(`{"Service": ""}`), "Statement.Principal.Service", "Invalid principal in policy"},

	// Condition.
	{policy.Identity, onCondition(`[]`), "Statement.Condition", "an object is expected"},
	{policy.Identity, onCondition(`{"StringEquals": []}`), "Statement.Condition.StringEquals", "an object is expected"},
	{policy.Identity, onCondition(`{"StringEquls": {"aws:a": "1"}}`), "Statement.Condition.StringEquls", `unknown condition operator "StringEquls"`},
	{policy.Identity, onCondition(`{"StringEquls": {}}`), "Statement.Condition.StringEquls", `unknown condition operator "StringEquls"`},
	{policy.Identity, onCondition(`{"stringequals": {"aws:a": "1"}}`), "Statement.Condition.stringequals", "unknown condition operator"},
	{policy.Identity, onCondition(`{"IfExists": {"aws:a": "1"}}`), "Statement.Condition.IfExists", "unknown condition operator"},
	{policy.Identity, onCondition(`{"ForAnyValue::StringLike": {"aws:a": "1"}}`), `Statement.Condition["ForAnyValue::StringLike"]`, "unknown condition operator"},
	{policy.Identity, onCondition(`{"ForAnyValue:ForAllValues:StringLike": {"aws:a": "1"}}`), `Statement.Condition["ForAnyValue:ForAllValues:StringLike"]`, "unknown condition operator"},
	{policy.Identity, onCondition(`{"NullIfExists": {"aws:a": "true"}}`), "Statement.Condition.NullIfExists", "takes neither IfExists"},
	{policy.Identity, onCondition(`{"ForAnyValue:Null": {"aws:a": "true"}}`), `Statement.Condition["ForAnyValue:Null"]`, "takes neither IfExists"},
	{policy.Identity, onCondition(`{"StringEquals": {"": "1"}}`), `Statement.Condition.StringEquals[""]`, "non-empty"},
	{policy.Identity, onCondition(`{"StringEquals": {"aws:a": []}}`), `Statement.Condition.StringEquals["aws:a"]`, "needs at least one value"},
	{policy.Trust, one(trust + `, "Condition": {"StringNotEquals": {"aws:a": "1", "aws:b": []}}`), `Statement.Condition.StringNotEquals["aws:b"]`, "needs at least one value"},
	{policy.Session, onCondition(`{"ForAllValues:StringLike": {"aws:a": []}}`), `Statement.Condition["ForAllValues:StringLike"]["aws:a"]`, "needs at least one value"},
	{policy.Identity, onCondition(`{"Null": {"aws:a": []}}`), `Statement.Condition.Null["aws:a"]`, "needs at least one value"},
	{policy.Identity, onCondition(`{"StringEquals": {"aws:a": {}}}`), `Statement.Condition.StringEquals["aws:a"]`, "a string, a number or a boolean is expected"},
	{policy.Identity, onCondition(`{"StringEquals": {"aws:a": ["1", null]}}`), `Statement.Condition.StringEquals["aws:a"][1]`, "a string, a number or a boolean is expected"},
	{policy.Identity, onCondition(`{"Bool": {"aws:a": "yes"}}`), `Statement.Condition.Bool["aws:a"]`, `"yes" is neither true nor false`},
	{policy.Identity, onCondition(`{"Bool": {"aws:a": "${aws:b}"}}`), `Statement.Condition.Bool["aws:a"]`, "neither true nor false"},
	{policy.Identity, onCondition(`{"NumericEquals": {"aws:a": "ten"}}`), `Statement.Condition.NumericEquals["aws:a"]`, `"ten" is not a number`},
	{policy.Identity, onCondition(`{"NumericEquals": {"aws:a": [1, ""]}}`), `Statement.Condition.NumericEquals["aws:a"][1]`, "is not a number"},
	{policy.Identity, onCondition(`{"NumericLessThan": {"aws:a": "0x10"}}`), `Statement.Condition.NumericLessThan["aws:a"]`, "is not a number"},
	{policy.Identity, onCondition(`{"NumericLessThan": {"aws:a": "1e999"}}`), `Statement.Condition.NumericLessThan["aws:a"]`, "is not a number"},
	{policy.Identity, onCondition(`{"NumericLessThan": {"aws:a": "1_0"}}`), `Statement.Condition.NumericLessThan["aws:a"]`, "is not a number"},
	{policy.Identity, onCondition(`{"NumericLessThan": {"aws:a": "--1"}}`), `Statement.Condition.NumericLessThan["aws:a"]`, "is not a number"},
	{policy.Identity, onCondition(`{"NumericLessThan": {"aws:a": "${aws:b}"}}`), `Statement.Condition.NumericLessThan["aws:a"]`, "is not a number"},
	{policy.Identity, onCondition(`{"NumericLessThan": {"aws:a": true}}`), `Statement.Condition.NumericLessThan["aws:a"]`, "is not a number"},
	{policy.Identity, onCondition(`{"DateEquals": {"aws:a": "30 June 2013"}}`), `Statement.Condition.DateEquals["aws:a"]`, "is neither a date such as"},
	{policy.Identity, onCondition(`{"DateEquals": {"aws:a": "2013-*"}}`), `Statement.Condition.DateEquals["aws:a"]`, "is neither a date such as"},
	{policy.Identity, onCondition(`{"DateEquals": {"aws:a": "2013-02-29"}}`), `Statement.Condition.DateEquals["aws:a"]`, "is neither a date such as"},
	{policy.Identity, onCondition(`{"DateEquals": {"aws:a": "2013-06-30T00:00:00"}}`), `Statement.Condition.DateEquals["aws:a"]`, "is neither a date such as"},
	{policy.Identity, onCondition(`{"DateEquals": {"aws:a": "2013-06-30T00:00:00+24:00"}}`), `Statement.Condition.DateEquals["aws:a"]`, "is neither a date such as"},
	{policy.Identity, onCondition(`{"DateEquals": {"aws:a": "2013-06-30T00:60:00Z"}}`), `Statement.Condition.DateEquals["aws:a"]`, "is neither a date such as"},
	{policy.Identity, onCondition(`{"DateEquals": {"aws:a": "2013-06-30T00:00:60Z"}}`), `Statement.Condition.DateEquals["aws:a"]`, "is neither a date such as"},
	{policy.Identity, onCondition(`{"DateEquals": {"aws:a": "2013-06-30T24:00:00Z"}}`), `Statement.Condition.DateEquals["aws:a"]`, "is neither a date such as"},
	{policy.Identity, onCondition(`{"DateEquals": {"aws:a": "2013-00-30"}}`), `Statement.Condition.DateEquals["aws:a"]`, "is neither a date such as"},
	{policy.Identity, onCondition(`{"DateEquals": {"aws:a": "2013-06-30T00:00:00.Z"}}`), `Statement.Condition.DateEquals["aws:a"]`, "is neither a date such as"},
	{policy.Identity, onCondition(`{"DateEquals": {"aws:a": "${aws:CurrentTime}"}}`), `Statement.Condition.DateEquals["aws:a"]`, "is neither a date such as"},
	{policy.Identity, onCondition(`{"BinaryEquals": {"aws:a": "AP8"}}`), `Statement.Condition.BinaryEquals["aws:a"]`, "is not base64"},
	{policy.Identity, onCondition(`{"BinaryEquals": {"aws:a": "AP9="}}`), `Statement.Condition.BinaryEquals["aws:a"]`, "is not base64"},
	{policy.Identity, onCondition(`{"IpAddress": {"aws:a": "203.0.113.0/33"}}`), `Statement.Condition.IpAddress["aws:a"]`, "is neither an IP address nor a range"},
	{policy.Identity, onCondition(`{"IpAddress": {"aws:a": "203.0.113.*"}}`), `Statement.Condition.IpAddress["aws:a"]`, "is neither an IP address nor a range"},
	{policy.Identity, onCondition(`{"NotIpAddress": {"aws:a": ["::1", "fe80::1%eth0"]}}`), `Statement.Condition.NotIpAddress["aws:a"][1]`, "is neither an IP address nor a range"},
	{policy.Identity, onCondition(`{"IpAddress": {"aws:a": "::ffff:0:0/95"}}`), `Statement.Condition.IpAddress["aws:a"]`, "is neither an IP address nor a range"},
	{policy.Identity, onCondition(`{"ArnLike": {"aws:a": "arn:aws:s3:*"}}`), `Statement.Condition.ArnLike["aws:a"]`, "is not an ARN"},
	{policy.Identity, onCondition(`{"ArnNotEquals": {"aws:a": "topic"}}`), `Statement.Condition.ArnNotEquals["aws:a"]`, "is not an ARN"},
	{policy.Identity, onCondition(`{"ArnLike": {"aws:a": "arn:${a:b, 'c:d:e:f'}"}}`), `Statement.Condition.ArnLike["aws:a"]`, "is not an ARN"},
	{policy.Identity, onCondition(`{"ArnLike": {"aws:a": "arn:aws:s3:::${"}}`), `Statement.Condition.ArnLike["aws:a"]`, "policy variable"},
	{policy.Boundary, one(grant + `, "Principal": "*"`), "Statement", "should not specify a principal"},
	{policy.Resource, one(grant), "Statement", "Missing required field Principal"},
	{policy.Resource, one(`"Effect": "Allow", "Action": "s3:*", "Principal": "*"`), "Statement", "must contain resources"},
	{policy.Resource, one(`"Effect": "Allow", "Action": "s3:*", "NotPrincipal": {"AWS": "123456789012"}, "Resource": "*"`), "Statement.NotPrincipal", "Allow with NotPrincipal is not allowed."},
	{policy.Identity, onCondition(`{"Null": {"aws:a": ["true", 1]}}`), `Statement.Condition.Null["aws:a"][1]`, "neither true nor false"},
}

func TestParseRefuses(t *testing.T) {
	for _, row := range refusals {
		_, err := policy.Parse(row.kind, row.document)
		e, ok := errors.AsType[*policy.SyntaxError](err)
		if !ok || e.Path != row.path || !strings.Contains(e.Message, row.message) {
			t.Errorf("%.200s:\n\tgot  %v\n\twant %s: ...%s...", row.document, err, row.path, row.message)
		}
		if err != nil && len(err.Error()) > 600 {
			t.Errorf("%.200s: the message is %d bytes long", row.document, len(err.Error()))
		}
	}
}

// Every operator of the guide takes IfExists and both set operators, but for Null, in this spelling and no other.
func TestParseKnowsEveryOperator(t *testing.T) {
	for _, row := range []struct{ names, value string }{
		{"StringEquals StringNotEquals StringEqualsIgnoreCase StringNotEqualsIgnoreCase StringLike StringNotLike", "a"},
		{"NumericEquals NumericNotEquals NumericLessThan NumericLessThanEquals NumericGreaterThan NumericGreaterThanEquals", "1"},
		{"DateEquals DateNotEquals DateLessThan DateLessThanEquals DateGreaterThan DateGreaterThanEquals", "2020-01-01"},
		{"Bool", "true"},
		{"BinaryEquals", "AP8="},
		{"IpAddress NotIpAddress", "::1"},
		{"ArnEquals ArnLike ArnNotEquals ArnNotLike", "arn:aws:s3:::b"},
	} {
		for _, name := range strings.Fields(row.names) {
			for _, operator := range []string{name, name + "IfExists", "ForAnyValue:" + name, "ForAllValues:" + name, "ForAllValues:" + name + "IfExists"} {
				if _, err := policy.Parse(policy.Identity, onCondition(`{"`+operator+`": {"aws:a": "`+row.value+`"}}`)); err != nil {
					t.Errorf("%s: %v", operator, err)
				}
			}
			for _, operator := range []string{strings.ToLower(name), name + "s", "For" + name, name + "IfExistsIfExists", "ForAnyValues:" + name} {
				_, err := policy.Parse(policy.Identity, onCondition(`{"`+operator+`": {"aws:a": "`+row.value+`"}}`))
				if err == nil || !strings.Contains(err.Error(), "unknown condition operator") {
					t.Errorf("%s: %v", operator, err)
				}
			}
		}
	}
}

// The text of an error is its place and its message, in printable characters, however long and odd the document's are.
func TestSyntaxErrorText(t *testing.T) {
	for _, row := range []struct{ document, want string }{
		{`[]`, "Syntax errors in policy: an object is expected here"},
		{`{"Foo": 1}`, "Foo: Syntax errors in policy: unknown element"},
		{`{"a\u0000\nb": 1}`, "[\"a??b\"]: Syntax errors in policy: unknown element"},
		{`{"` + strings.Repeat("é", 100) + `": 1}`, "[\"" + strings.Repeat("é", 100) + "\"]: Syntax errors in policy: unknown element"},
		{`{"` + strings.Repeat("é", 101) + `": 1}`, "[\"" + strings.Repeat("é", 100) + "...\"]: Syntax errors in policy: unknown element"},
	} {
		if _, err := policy.Parse(policy.Identity, row.document); err == nil || err.Error() != row.want {
			t.Errorf("%s: %v, want %s", row.document, err, row.want)
		}
	}
}

// A ${ that begins no variable is refused where variables are known, and only there.
func TestParseRefusesBrokenVariables(t *testing.T) {
	for _, broken := range []string{
		"${", "a${", "${aws:username", "${}", "${ }", "${aws:user$name}", "${${aws:username}}", "${a*}", "${aws:username, }",
		"${aws:username, x}", "${aws:username, 'x}", "${aws:username, 'x' y}", "${, 'x'}", "${*, 'x'}", "${aws:username, 'it''s'}",
	} {
		for _, where := range []string{
			onResource(quote("arn:aws:s3:::b/" + broken)),
			onCondition(`{"StringLike": {"aws:a": [` + quote(broken) + `]}}`),
		} {
			if _, err := policy.Parse(policy.Identity, where); err == nil || !strings.Contains(err.Error(), "variable") {
				t.Errorf("%s: %v", where, err)
			}
			old := strings.Replace(where, "2012-10-17", "2008-10-17", 1)
			if _, err := policy.Parse(policy.Identity, old); err != nil {
				t.Errorf("%s: %v", old, err)
			}
		}
	}
}
