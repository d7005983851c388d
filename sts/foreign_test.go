package sts_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"idpool/pooltest"
	"idpool/wire"
)

// federatedWorld is a world with an OpenID Connect provider whose client is "app", and a role that takes its tokens.
type federatedWorld struct {
	*world
	idp  *pooltest.Provider
	role string
}

func newFederatedWorld(t *testing.T) *federatedWorld {
	t.Helper()
	w := &federatedWorld{world: newWorld(t), idp: pooltest.NewProvider(t)}
	w.idp.Now = w.node.Clock.Now
	w.iam(t, "CreateOpenIDConnectProvider", "Url", w.idp.URL, "ClientIDList.member.1", "app", "ClientIDList.member.2", "other")
	w.role = w.world.role(t, "Web", w.trust(webActions, `"StringEquals":{"KEY:aud":"app"}`))
	return w
}

const webActions = "sts:AssumeRoleWithWebIdentity sts:TagSession sts:SetSourceIdentity"

// trust lets the provider's logins do actions; KEY in conditions is the provider's name.
func (w *federatedWorld) trust(actions string, conditions ...string) string {
	s := strings.Replace(trusting(w.idp.ARN(pooltest.Account), actions, conditions...), `"AWS"`, `"Federated"`, 1)
	return strings.ReplaceAll(s, "KEY", w.idp.Name())
}

// claims are those of alice, and others beside them or instead of them.
func (w *federatedWorld) claims(more pooltest.Object) string {
	claims := w.idp.Claims("app", "alice")
	for name, value := range more {
		claims[name] = value
	}
	return w.idp.Sign(claims)
}

func (w *federatedWorld) login(t *testing.T, role, token string, params ...string) *pooltest.Reply {
	t.Helper()
	params = append([]string{"RoleArn", role, "RoleSessionName", "web", "WebIdentityToken", token}, params...)
	return w.node.STS(t, wire.Key{}, "", "AssumeRoleWithWebIdentity", params...)
}

func TestForeignWebIdentity(t *testing.T) {
	w := newFederatedWorld(t)
	r := w.login(t, w.role, w.idp.Token("app", "alice"), "DurationSeconds", "7200").Must(t)
	for element, want := range map[string]string{
		"SubjectFromWebIdentityToken": "alice", "Audience": "app", "Provider": w.idp.ARN(pooltest.Account), "Arn": everyone + "Web/web",
		"AssumedRoleId": w.iam(t, "GetRole", "RoleName", "Web").Element("RoleId") + ":web", "PackedPolicySize": "",
		"Expiration": w.node.Clock.Now().Add(2 * time.Hour).UTC().Format(time.RFC3339),
	} {
		if got := r.Element(element); got != want {
			t.Errorf("%s is %q, want %q", element, got, want)
		}
	}
	if got := w.arn(t, assumed(r)); got != everyone+"Web/web" {
		t.Errorf("GetCallerIdentity says %s", got)
	}
}

// What a trust policy sees of a token.
func TestForeignConditions(t *testing.T) {
	w := newFederatedWorld(t)
	const aws = `https://aws.amazon.com/tags`
	tags := pooltest.Object{aws: pooltest.Object{"principal_tags": pooltest.Object{"team": []string{"ops"}}, "transitive_tag_keys": []string{"team"}}}
	for i, row := range []struct {
		name      string
		claims    pooltest.Object
		actions   string
		condition string
		want      bool
	}{
		{"aud", nil, webActions, `"StringEquals":{"KEY:aud":"app"}`, true},
		{"another aud", nil, webActions, `"StringEquals":{"KEY:aud":"other"}`, false},
		{"sub", nil, webActions, `"StringLike":{"KEY:sub":"al*"}`, true},
		{"another sub", nil, webActions, `"StringLike":{"KEY:sub":"bo*"}`, false},
		{"the party that it was issued to is aud", pooltest.Object{"azp": "other"}, webActions, `"StringEquals":{"KEY:aud":"other","KEY:oaud":"app","KEY:azp":"other"}`, true},
		{"and what it calls aud is not", pooltest.Object{"azp": "other"}, webActions, `"StringEquals":{"KEY:aud":"app"}`, false},
		{"amr", pooltest.Object{"amr": []string{"pwd", "mfa"}}, webActions, `"ForAnyValue:StringEquals":{"KEY:amr":"mfa"}`, true},
		{"a claim of its own", pooltest.Object{"repository": "org/app"}, webActions, `"StringEquals":{"KEY:repository":"org/app"}`, true},
		{"a truth", pooltest.Object{"email_verified": true}, webActions, `"Bool":{"KEY:email_verified":"true"}`, true},
		{"a claim that passes for another key", pooltest.Object{"oaud": "x"}, webActions, `"StringEquals":{"KEY:oaud":"x"}`, false},
		{"another provider's key", nil, webActions, `"StringEquals":{"accounts.google.com:aud":"app"}`, false},
		{"the session's name", nil, webActions, `"StringEquals":{"sts:RoleSessionName":"web"}`, true},
		{"another session's name", nil, webActions, `"StringEquals":{"sts:RoleSessionName":"x"}`, false},
		{"another action", nil, "sts:AssumeRoleWithSAML", ``, false},
		{"tags", tags, webActions, `"StringEquals":{"aws:RequestTag/team":"ops","sts:TransitiveTagKeys":"team"}`, true},
		{"tags that are not allowed", tags, "sts:AssumeRoleWithWebIdentity", ``, false},
		{"tags in claims of their own", pooltest.Object{aws + "/principal_tags/team": []string{"ops"}}, webActions, `"StringEquals":{"aws:RequestTag/team":"ops"}`, true},
		{"a source identity", pooltest.Object{"https://aws.amazon.com/source_identity": "alice"}, webActions, `"StringEquals":{"sts:SourceIdentity":"alice"}`, true},
		{"a source identity that is not allowed", pooltest.Object{"https://aws.amazon.com/source_identity": "alice"}, "sts:AssumeRoleWithWebIdentity", ``, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			var conditions []string
			if row.condition != "" {
				conditions = []string{row.condition}
			}
			role := w.world.role(t, fmt.Sprint("R", i), w.trust(row.actions, conditions...))
			r := w.login(t, role, w.claims(row.claims))
			if !row.want {
				denied.check(t, r)
				return
			}
			w.arn(t, assumed(r.Must(t)))
		})
	}
}

// What stays of a login decides what the session may do, and goes along in a chain as far as it is transitive.
func TestForeignSession(t *testing.T) {
	w := newFederatedWorld(t)
	keys := strings.ReplaceAll(`"StringEquals":{"KEY:aud":"app","KEY:sub":"alice","aws:FederatedProvider":"ARN","aws:PrincipalTag/team":"ops","aws:SourceIdentity":"alice@idp"}`,
		"KEY", w.idp.Name())
	keys = strings.ReplaceAll(keys, "ARN", w.idp.ARN(pooltest.Account))
	role := w.world.role(t, "R", w.trust(webActions), letting("iam:ListRoles", "*", keys, `"ForAnyValue:StringEquals":{"`+w.idp.Name()+`:amr":"mfa"}`), letting(both, "*"))
	next := w.world.role(t, "Next", trusting(role, both), letting("iam:ListRoles", "*", `"StringEquals":{"aws:PrincipalTag/team":"ops"}`, `"Null":{"`+w.idp.Name()+`:sub":"true"}`))
	full := pooltest.Object{
		"amr": []string{"pwd", "mfa"}, "https://aws.amazon.com/source_identity": "alice@idp",
		"https://aws.amazon.com/tags": pooltest.Object{"principal_tags": pooltest.Object{"team": []string{"ops"}, "level": []string{"1"}}, "transitive_tag_keys": []string{"team"}},
	}
	r := w.login(t, role, w.claims(full)).Must(t)
	if r.Element("SourceIdentity") != "alice@idp" || r.Element("PackedPolicySize") == "" {
		t.Errorf("%s", r.Body)
	}
	s := assumed(r)
	w.list(t, s, true)
	w.list(t, assumed(w.assume(t, s, next).Must(t)), true)
	w.list(t, assumed(w.login(t, role, w.claims(full), "Policy", policyOf(letting("iam:GetRole", "*"))).Must(t)), false)
	full["sub"] = "bob"
	w.list(t, assumed(w.login(t, role, w.claims(full)).Must(t)), false)
}

func TestForeignWebIdentityRefused(t *testing.T) {
	w := newFederatedWorld(t)
	w.node.NewAccount(t, account)
	stranger := pooltest.NewProvider(t)
	now := w.node.Clock.Now().Unix()
	forged := stranger.Sign(pooltest.Object{"iss": w.idp.URL, "aud": "app", "sub": "alice", "exp": now + 60})
	theirRole := "arn:aws:iam::" + account + ":role/Web"
	bad := func(text string) refusal { return refusal{400, "InvalidIdentityToken", text} }
	const badTags = "The claim https://aws.amazon.com/tags must have principal_tags, each a list of one text, and may have transitive_tag_keys, a list of texts."
	tags := func(v any) string { return w.claims(pooltest.Object{"https://aws.amazon.com/tags": v}) }
	for _, row := range []struct {
		name   string
		token  string
		role   string
		params []string
		want   refusal
	}{
		{"for another client", w.idp.Token("nobody", "alice"), w.role, nil, bad("Incorrect token audience")},
		{"of another party", w.claims(pooltest.Object{"azp": "nobody"}), w.role, nil, bad("Incorrect token audience")},
		{"forged", forged, w.role, nil, notVerified},
		{"expired", w.claims(pooltest.Object{"exp": now - 301}), w.role, nil, refusal{400, "ExpiredTokenException", fmt.Sprintf("Token expired: current date/time %d must be before the expiration date/time %d", now, now-301)}},
		{"not valid yet", w.claims(pooltest.Object{"nbf": now + 3600}), w.role, nil, bad(fmt.Sprintf("Token is not yet valid: %d < %d", now, now+3600))},
		{"without a subject", w.claims(pooltest.Object{"sub": nil}), w.role, nil, bad("Missing a required claim: sub")},
		{"of no registered provider", stranger.Token("app", "alice"), w.role, nil, bad("No OpenIDConnect provider found in your account for " + stranger.URL)},
		{"of another account's provider", w.idp.Token("app", "alice"), theirRole, nil, bad("No OpenIDConnect provider found in your account for " + w.idp.URL)},
		{"for a role of no account", w.idp.Token("app", "alice"), "arn:aws:iam::nobody:role/R", nil, bad("No OpenIDConnect provider found in your account for " + w.idp.URL)},
		{"an issuer with a zero byte", stranger.Sign(pooltest.Object{"iss": "https://a\x00b"}), w.role, nil, bad("Issuer must be a valid URL")},
		{"an issuer that is no URL", stranger.Sign(pooltest.Object{"iss": "nobody"}), w.role, nil, bad("Issuer must be a valid URL")},
		{"a role that is not there", w.idp.Token("app", "alice"), roleARN("Nobody"), nil, denied},
		{"a role that is none", w.idp.Token("app", "alice"), "arn:aws:iam::123456789012:user/x", nil, invalid("arn:aws:iam::123456789012:user/x is invalid")},
		{"tags that are none", tags("team"), w.role, nil, bad(badTags)},
		{"a tag of two values", tags(pooltest.Object{"principal_tags": pooltest.Object{"team": []string{"a", "b"}}}), w.role, nil, bad(badTags)},
		{"a transitive key without a tag", tags(pooltest.Object{"transitive_tag_keys": []string{"team"}}), w.role, nil, refusal{400, "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags."}},
		{"a tag whose key is reserved", tags(pooltest.Object{"principal_tags": pooltest.Object{"AWS:team": []string{"a"}}}), w.role, nil, refusal{400, "InvalidParameterValue", "Session tags whose keys begin with aws: are reserved."}},
		{"a source identity with a space", w.claims(pooltest.Object{"https://aws.amazon.com/source_identity": "a b"}), w.role, nil, bad(`Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"`)},
		{"longer than the role allows", w.idp.Token("app", "alice"), w.role, []string{"DurationSeconds", "7201"}, invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")},
		{"a session policy that is none", w.idp.Token("app", "alice"), w.role, []string{"Policy", "{}"}, refusal{400, "MalformedPolicyDocument", "Statement: Syntax errors in policy: a policy needs at least one statement"}},
		{"a managed policy that is not there", w.idp.Token("app", "alice"), w.role, []string{"PolicyArns.member.1.arn", roleARN("x")}, invalid("PolicyArns: the account has no managed policy %s", roleARN("x"))},
	} {
		t.Run(row.name, func(t *testing.T) { row.want.check(t, w.login(t, row.role, row.token, row.params...)) })
	}
}

// A provider that cannot be asked is an error that clients try again.
func TestForeignProviderDown(t *testing.T) {
	w := newFederatedWorld(t)
	w.idp.Down.Store(true)
	refusal{400, "IDPCommunicationError", "The identity provider could not be asked for its keys. Try again later."}.
		check(t, w.login(t, w.role, w.idp.Token("app", "alice")))
}
