package sts_test

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"idpool/pooltest"
	"idpool/wire"
)

// samlWorld is a world with a SAML provider, and a role that takes its assertions.
type samlWorld struct {
	*world
	idp      *pooltest.SAMLProvider
	provider string
	role     string
}

func newSAMLWorld(t *testing.T) *samlWorld {
	t.Helper()
	w := &samlWorld{world: newWorld(t), idp: pooltest.NewSAMLProvider(t)}
	w.idp.Now = w.node.Clock.Now
	w.provider = w.iam(t, "CreateSAMLProvider", "Name", "IdP", "SAMLMetadataDocument", w.idp.Metadata()).Element("SAMLProviderArn")
	w.role = w.world.role(t, "SAML", w.trust(samlActions, `"StringEquals":{"saml:aud":"https://signin.aws.amazon.com/saml"}`))
	return w
}

const (
	samlActions = "sts:AssumeRoleWithSAML sts:TagSession sts:SetSourceIdentity"
	samlPrefix  = "https://aws.amazon.com/SAML/Attributes/"
)

func (w *samlWorld) trust(actions string, conditions ...string) string {
	return strings.Replace(trusting(w.provider, actions, conditions...), `"AWS"`, `"Federated"`, 1)
}

// assertion is of alice for a role, with attributes beside the usual ones or instead of them; nil takes one away.
func (w *samlWorld) assertion(role string, more map[string][]string) pooltest.Assertion {
	attributes := map[string][]string{
		pooltest.RoleAttribute:         {role + "," + w.provider},
		samlPrefix + "RoleSessionName": {"alice@idp"},
	}
	maps.Copy(attributes, more)
	maps.DeleteFunc(attributes, func(_ string, values []string) bool { return values == nil })
	return pooltest.Assertion{Subject: "alice", Attributes: attributes}
}

func (w *samlWorld) login(t *testing.T, role string, a pooltest.Assertion, params ...string) *pooltest.Reply {
	t.Helper()
	return w.show(t, role, w.idp.Response(t, a), params...)
}

func (w *samlWorld) show(t *testing.T, role, response string, params ...string) *pooltest.Reply {
	t.Helper()
	all := map[string]string{"RoleArn": role, "PrincipalArn": w.provider, "SAMLAssertion": response}
	for i := 0; i < len(params); i += 2 {
		all[params[i]] = params[i+1]
	}
	var list []string
	for name, value := range all {
		list = append(list, name, value)
	}
	return w.node.STS(t, wire.Key{}, "", "AssumeRoleWithSAML", list...)
}

func TestAssumeRoleWithSAML(t *testing.T) {
	w := newSAMLWorld(t)
	response := w.idp.Response(t, w.assertion(w.role, nil))
	r := w.show(t, w.role, response).Must(t)
	qualifier := sha1.Sum([]byte(w.idp.EntityID + pooltest.Account + "/IdP"))
	for element, want := range map[string]string{
		"Subject": "alice", "SubjectType": "persistent", "Issuer": w.idp.EntityID, "Audience": "https://signin.aws.amazon.com/saml",
		"NameQualifier": base64.StdEncoding.EncodeToString(qualifier[:]), "Arn": everyone + "SAML/alice@idp", "PackedPolicySize": "",
		"AssumedRoleId": w.iam(t, "GetRole", "RoleName", "SAML").Element("RoleId") + ":alice@idp",
		"Expiration":    w.node.Clock.Now().Add(time.Hour).UTC().Format(time.RFC3339),
	} {
		if got := r.Element(element); got != want {
			t.Errorf("%s is %q, want %q", element, got, want)
		}
	}
	if got := w.arn(t, assumed(r)); got != everyone+"SAML/alice@idp" {
		t.Errorf("GetCallerIdentity says %s", got)
	}
	w.show(t, w.role, response).Must(t) // again, while it is good
	w.node.Clock.Advance(8 * time.Minute)
	refusal{400, "ExpiredTokenException", "Response has expired"}.check(t, w.show(t, w.role, response))
}

// What a trust policy sees of an assertion, and what the session keeps.
func TestSAMLConditions(t *testing.T) {
	w := newSAMLWorld(t)
	team := map[string][]string{samlPrefix + "PrincipalTag:team": {"ops"}, samlPrefix + "TransitiveTagKeys": {"team"}}
	for i, row := range []struct {
		name       string
		attributes map[string][]string
		actions    string
		condition  string
		want       bool
	}{
		{"issuer, subject and format", nil, samlActions, `"StringEquals":{"saml:iss":"` + w.idp.EntityID + `","saml:sub":"alice","saml:sub_type":"persistent"}`, true},
		{"another subject", nil, samlActions, `"StringEquals":{"saml:sub":"bob"}`, false},
		{"the provider", nil, samlActions, `"StringEquals":{"saml:doc":"` + pooltest.Account + `/IdP"}`, true},
		{"another recipient", nil, samlActions, `"StringEquals":{"saml:aud":"https://other.example"}`, false},
		{"an attribute of a directory", map[string][]string{"urn:oid:1.3.6.1.4.1.5923.1.1.1.1": {"staff", "member"}}, samlActions, `"ForAnyValue:StringEquals":{"saml:eduPersonAffiliation":"staff"}`, true},
		{"the session's name", nil, samlActions, `"StringEquals":{"sts:RoleSessionName":"alice@idp"}`, true},
		{"another action", nil, "sts:AssumeRoleWithWebIdentity", "", false},
		{"tags", team, samlActions, `"StringEquals":{"aws:RequestTag/team":"ops","sts:TransitiveTagKeys":"team"}`, true},
		{"tags that are not allowed", team, "sts:AssumeRoleWithSAML", "", false},
		{"a source identity", map[string][]string{samlPrefix + "SourceIdentity": {"alice"}}, samlActions, `"StringEquals":{"sts:SourceIdentity":"alice"}`, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			var conditions []string
			if row.condition != "" {
				conditions = []string{row.condition}
			}
			role := w.world.role(t, fmt.Sprint("R", i), w.trust(row.actions, conditions...))
			r := w.login(t, role, w.assertion(role, row.attributes))
			if !row.want {
				deniedSAML.check(t, r)
				return
			}
			w.arn(t, assumed(r.Must(t)))
		})
	}
	t.Run("the session", func(t *testing.T) {
		first := w.login(t, w.role, w.assertion(w.role, nil)).Must(t)
		keys := `"StringEquals":{"saml:sub":"alice","saml:sub_type":"persistent","saml:namequalifier":"` + first.Element("NameQualifier") +
			`","aws:FederatedProvider":"` + w.provider + `","aws:PrincipalTag/team":"ops"}`
		role := w.world.role(t, "Keeps", w.trust(samlActions), letting("iam:ListRoles", "*", keys), letting(both, "*"))
		next := w.world.role(t, "Next", trusting(role, both), letting("iam:ListRoles", "*", `"StringEquals":{"aws:PrincipalTag/team":"ops"}`))
		s := assumed(w.login(t, role, w.assertion(role, team)).Must(t))
		w.list(t, s, true)
		w.list(t, assumed(w.assume(t, s, next).Must(t)), true)
		w.list(t, assumed(w.login(t, role, w.assertion(role, nil)).Must(t)), false)
		w.list(t, assumed(w.login(t, role, w.assertion(role, team), "Policy", policyOf(letting("iam:GetRole", "*"))).Must(t)), false)
	})
}

// How long a session is: what was asked for, what the provider says, what the role allows.
func TestSAMLDuration(t *testing.T) {
	w := newSAMLWorld(t)
	for _, row := range []struct{ asked, says, want string }{
		{"", "", "1h0m0s"},
		{"7200", "", "2h0m0s"},
		{"", "900", "15m0s"},
		{"", "43200", "2h0m0s"},
		{"7200", "1800", "30m0s"},
		{"900", "1800", "15m0s"},
	} {
		var params []string
		attributes := map[string][]string{}
		if row.asked != "" {
			params = []string{"DurationSeconds", row.asked}
		}
		if row.says != "" {
			attributes[samlPrefix+"SessionDuration"] = []string{row.says}
		}
		end, err := time.Parse(time.RFC3339, w.login(t, w.role, w.assertion(w.role, attributes), params...).Must(t).Element("Expiration"))
		if got := end.Sub(w.node.Clock.Now()).String(); err != nil || got != row.want {
			t.Errorf("%+v: %s, %v", row, got, err)
		}
	}
}

var deniedSAML = refusal{403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML"}

func TestSAMLRefused(t *testing.T) {
	w := newSAMLWorld(t)
	w.node.NewAccount(t, account)
	plain := w.assertion(w.role, nil)
	attribute := func(name string, values ...string) pooltest.Assertion {
		return w.assertion(w.role, map[string][]string{samlPrefix + name: values})
	}
	changed := func(change func(*pooltest.Assertion)) pooltest.Assertion {
		a := w.assertion(w.role, nil)
		change(&a)
		return a
	}
	bad := func(text string) refusal { return refusal{400, "InvalidIdentityToken", text} }
	stranger := pooltest.NewSAMLProvider(t)
	stranger.Now = w.node.Clock.Now
	forger := pooltest.NewSAMLProvider(t)
	forger.Now, forger.EntityID = w.node.Clock.Now, w.idp.EntityID
	failure := base64.StdEncoding.EncodeToString([]byte(strings.Replace(w.idp.Document(t, plain), "status:Success", "status:Requester", 1)))
	theirRole := "arn:aws:iam::" + account + ":role/SAML"
	for _, row := range []struct {
		name     string
		response string
		params   []string
		want     refusal
	}{
		{"a provider that is not there", w.idp.Response(t, plain), []string{"PrincipalArn", w.provider + "x"}, bad("Specified provider doesn't exist")},
		{"a provider of another account than the role", w.idp.Response(t, plain), []string{"RoleArn", theirRole}, bad("Specified provider doesn't exist")},
		{"a role of no account", w.idp.Response(t, plain), []string{"RoleArn", "arn:aws:iam::nobody:role/SAML"}, bad("Specified provider doesn't exist")},
		{"a role that is none", w.idp.Response(t, plain), []string{"RoleArn", "arn:aws:iam::123456789012:user/x"}, invalid("arn:aws:iam::123456789012:user/x is invalid")},
		{"a role that is not granted", w.idp.Response(t, w.assertion(roleARN("Other"), nil)), nil, deniedSAML},
		{"a role that is not there", w.idp.Response(t, w.assertion(roleARN("Other"), nil)), []string{"RoleArn", roleARN("Other")}, deniedSAML},
		{"another provider's role", w.idp.Response(t, w.assertion(w.role, map[string][]string{pooltest.RoleAttribute: {w.role + "," + w.provider + "2"}})), nil, deniedSAML},
		{"nothing of SAML", "abcd", nil, bad("Invalid SAML response.")},
		{"a forgery", forger.Response(t, plain), nil, bad("Response signature invalid")},
		{"another provider's", stranger.Response(t, plain), nil, bad("Response signature invalid")},
		{"a failure", failure, nil, refusal{403, "IDPRejectedClaim", "The identity provider reports a failure, not a sign-in."}},
		{"another audience", w.idp.Response(t, changed(func(a *pooltest.Assertion) { a.Audience = "urn:other" })), nil, bad("Response does not contain the required audience.")},
		{"another recipient", w.idp.Response(t, changed(func(a *pooltest.Assertion) { a.Recipient = "https://other.example/" })), nil, bad("Response was sent to another recipient.")},
		{"too old", w.idp.Response(t, changed(func(a *pooltest.Assertion) { a.Lifetime = -time.Hour })), nil, refusal{400, "ExpiredTokenException", "Response has expired"}},
		{"no session name", w.idp.Response(t, attribute("RoleSessionName")), nil, bad("RoleSessionName is required in AuthnResponse")},
		{"two session names", w.idp.Response(t, attribute("RoleSessionName", "ab", "cd")), nil, bad("RoleSessionName is required in AuthnResponse")},
		{"a session name with a space", w.idp.Response(t, attribute("RoleSessionName", "a b")), nil, bad("RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}")},
		{"a duration that is too short", w.idp.Response(t, attribute("SessionDuration", "899")), nil, bad("SessionDuration in AuthnResponse must be a number of seconds from 900 to 43200")},
		{"a source identity with a space", w.idp.Response(t, attribute("SourceIdentity", "a b")), nil, bad(`Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"`)},
		{"a transitive key without a tag", w.idp.Response(t, attribute("TransitiveTagKeys", "team")), nil, refusal{400, "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags."}},
		{"longer than the role allows", w.idp.Response(t, plain), []string{"DurationSeconds", "7201"}, invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")},
		{"a session policy that is none", w.idp.Response(t, plain), []string{"Policy", "{}"}, refusal{400, "MalformedPolicyDocument", "Statement: Syntax errors in policy: a policy needs at least one statement"}},
		{"an assertion that is too long", strings.Repeat("A", 100001), nil, constraint("Value at 'samlAssertion' failed to satisfy constraint: Member must have length less than or equal to 100000")},
	} {
		t.Run(row.name, func(t *testing.T) { row.want.check(t, w.show(t, w.role, row.response, row.params...)) })
	}
}
