package sts

import (
	"errors"
	"strings"
	"testing"

	"idpool/iam"
	"idpool/policy"
)

// What a trust policy sees of a login, and what it takes: the action for the role, and one more as soon as there are tags.
func TestTrusted(t *testing.T) {
	const federated = `"Principal":{"Federated":"cognito-identity.amazonaws.com"}`
	statement := func(rest string) string { return `{"Effect":"Allow",` + federated + rest + `}` }
	action := func(actions, condition string) string {
		if condition != "" {
			condition = `,"Condition":{` + condition + `}`
		}
		return statement(`,"Action":[` + actions + `]` + condition)
	}
	const assume, tag = `"sts:AssumeRoleWithWebIdentity"`, `"sts:TagSession"`
	const aud, amr, sub = `"cognito-identity.amazonaws.com:aud"`, `"cognito-identity.amazonaws.com:amr"`, `"cognito-identity.amazonaws.com:sub"`

	plain := WebIdentity{Audience: "us-east-1:pool", Subject: "us-east-1:alice", AMR: []string{"authenticated", "idp.example", "arn:OIDC:alice"}}
	tagged := plain
	tagged.Tags = map[string]string{"team": "ops", "level": "1"}
	guest := plain
	guest.AMR = []string{"unauthenticated"}

	for _, row := range []struct {
		name  string
		login WebIdentity
		trust string
		want  bool
	}{
		{"everybody of our issuer", plain, action(assume, ""), true},
		{"another issuer", plain, strings.ReplaceAll(action(assume, ""), "cognito-identity.amazonaws.com", "accounts.google.com"), false},
		{"another action", plain, action(`"sts:AssumeRoleWithSAML"`, ""), false},
		{"denied", plain, action(assume, "") + "," + strings.Replace(action(assume, ""), "Allow", "Deny", 1), false},

		{"aud", plain, action(assume, `"StringEquals":{`+aud+`:"us-east-1:pool"}`), true},
		{"another aud", plain, action(assume, `"StringEquals":{`+aud+`:"us-east-1:another"}`), false},
		{"sub", plain, action(assume, `"StringEquals":{`+sub+`:"us-east-1:alice"}`), true},
		{"another sub", plain, action(assume, `"StringEquals":{`+sub+`:"us-east-1:bob"}`), false},
		{"sub like", plain, action(assume, `"StringLike":{`+sub+`:"us-east-1:*"}`), true},
		{"amr", plain, action(assume, `"ForAnyValue:StringLike":{`+amr+`:"authenticated"}`), true},
		{"amr of the provider", plain, action(assume, `"ForAnyValue:StringEquals":{`+amr+`:"idp.example"}`), true},
		{"amr of a guest", guest, action(assume, `"ForAnyValue:StringLike":{`+amr+`:"authenticated"}`), false},
		{"amr of a guest, where guests may", guest, action(assume, `"ForAnyValue:StringLike":{`+amr+`:"unauthenticated"}`), true},
		{"session name", plain, action(assume, `"StringEquals":{"sts:RoleSessionName":"CognitoIdentityCredentials"}`), true},
		{"another session name", plain, action(assume, `"StringEquals":{"sts:RoleSessionName":"x"}`), false},
		{"a key that a login does not have", plain, action(assume, `"StringEquals":{"accounts.google.com:aud":"us-east-1:pool"}`), false},

		{"tags need sts:TagSession", tagged, action(assume, ""), false},
		{"tags with sts:TagSession", tagged, action(assume+","+tag, ""), true},
		{"tags in statements of their own", tagged, action(assume, "") + "," + action(tag, ""), true},
		{"sts:TagSession alone", tagged, action(tag, ""), false},
		{"a tag's value", tagged, action(assume+","+tag, `"StringEquals":{"aws:RequestTag/team":"ops"}`), true},
		{"another value of the tag", tagged, action(assume+","+tag, `"StringEquals":{"aws:RequestTag/team":"dev"}`), false},
		{"only tags of a list", tagged, action(assume+","+tag, `"ForAllValues:StringEquals":{"aws:TagKeys":["team","level"]}`), true},
		{"only tags of a shorter list", tagged, action(assume+","+tag, `"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}`), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			trust, err := policy.Parse(policy.Trust, `{"Version":"2012-10-17","Statement":[`+row.trust+`]}`)
			if err != nil {
				t.Fatal(err)
			}
			r := Request{RoleARN: "arn:aws:iam::123456789012:role/R", SessionName: "CognitoIdentityCredentials", Web: row.login}
			err = r.trusted(&iam.Role{Trust: trust})
			switch {
			case row.want && err != nil:
				t.Error(err)
			case !row.want && (!errors.Is(err, ErrAccessDenied) || !strings.Contains(err.Error(), r.RoleARN)):
				t.Errorf("%v, want ErrAccessDenied with a text that names the role", err)
			}
		})
	}
}
