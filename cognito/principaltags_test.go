package cognito_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"idpool/pooltest"
)

// tagTrust is a trust policy for the pool's users that allows these actions under one more condition, if any.
func tagTrust(t *testing.T, pool string, actions []string, condition pooltest.Object) string {
	t.Helper()
	all := pooltest.Object{"StringEquals": pooltest.Object{"cognito-identity.amazonaws.com:aud": pool}}
	for operator, test := range condition {
		all[operator] = test
	}
	text, err := json.Marshal(pooltest.Object{"Version": "2012-10-17", "Statement": []pooltest.Object{{
		"Effect": "Allow", "Principal": pooltest.Object{"Federated": "cognito-identity.amazonaws.com"},
		"Action": actions, "Condition": all,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	assume    = []string{"sts:AssumeRoleWithWebIdentity"}
	assumeTag = []string{"sts:AssumeRoleWithWebIdentity", "sts:TagSession"}
)

// The tags that a developer gives a user stand in the token, and decide about his credentials in both flows.
func TestDeveloperTags(t *testing.T) {
	f := startWithDeveloper(t)
	like := func(key, value string) pooltest.Object {
		return pooltest.Object{"StringLike": pooltest.Object{"aws:RequestTag/" + key: value}}
	}
	ops := pooltest.Object{"team": "ops"}
	denied := refusal{"AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"}
	for _, row := range []struct {
		name      string
		tags      pooltest.Object
		actions   []string
		condition pooltest.Object
		ok        bool
	}{
		{"no tags, no TagSession", nil, assume, nil, true},
		{"no tags", nil, assumeTag, nil, true},
		{"tags, no TagSession", ops, assume, nil, false},
		{"tags", ops, assumeTag, nil, true},
		{"the tag that is wanted", ops, assumeTag, like("team", "ops"), true},
		{"its key in capitals", pooltest.Object{"TEAM": "ops"}, assumeTag, like("team", "ops"), true},
		{"another value", pooltest.Object{"team": "dev"}, assumeTag, like("team", "ops"), false},
		{"a value that is a pattern", pooltest.Object{"team": "*"}, assumeTag, like("team", "ops"), false},
		{"another tag", pooltest.Object{"unit": "ops"}, assumeTag, like("team", "ops"), false},
		{"no tags where one is wanted", nil, assumeTag, like("team", "ops"), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			f.IAM(t, "UpdateAssumeRolePolicy", "RoleName", "Auth", "PolicyDocument", tagTrust(t, f.pool, row.actions, row.condition)).Must(t)
			id, token := f.vouched(t, "alice", pooltest.Object{"PrincipalTags": row.tags})
			exchanged := f.as(t, "GetOpenIdToken", id, own(token)).Must(t).Object(t)["Token"].(string)
			enhanced := f.as(t, "GetCredentialsForIdentity", id, own(token))
			if row.ok {
				enhanced.Must(t)
			} else {
				badRoles.check(t, enhanced)
			}
			for _, token := range []string{token, exchanged} {
				if diff := cmp.Diff(tagClaim(row.tags), claims(t, token)["https://aws.amazon.com/tags"]); diff != "" {
					t.Errorf("tags of the token (-want +got):\n%s", diff)
				}
				classic := f.assume(t, "Auth", token)
				if row.ok {
					classic.Must(t)
				} else if got := (refusal{classic.Code(), classic.Message()}); got != denied {
					t.Errorf("classic flow: %+v", got)
				}
			}
		})
	}
}

var badTags = invalidParameter("Principal tags can have at most 460 bytes together, and 256 characters a value, none of them a control character.")

// Keys that no policy could ask for, or could not tell apart, are nobody's: neither a developer's nor a map's.
func TestPrincipalTagKeys(t *testing.T) {
	f := startWithDeveloper(t)
	reserved := invalidParameter("The prefix aws: of tag keys is reserved.")
	odd := invalidParameter("Tag keys and values hold letters, digits, spaces and _ . : / = + - @ only.")
	same := invalidParameter("The keys of principal tags must differ in more than the case of their letters.")
	for _, row := range []struct {
		name string
		tags pooltest.Object
		want refusal
	}{
		{"a reserved key", pooltest.Object{"aws:x": "sub"}, reserved},
		{"a reserved key, in capitals", pooltest.Object{"AWS:x": "sub"}, reserved},
		{"a reserved key beside a good one", pooltest.Object{"team": "sub", "Aws:": "sub"}, reserved},
		{"a pattern", pooltest.Object{"team*": "sub"}, odd},
		{"a policy's variable", pooltest.Object{"${team}": "sub"}, odd},
		{"a new line", pooltest.Object{"team\n": "sub"}, odd},
		{"NUL", pooltest.Object{"\x00": "sub"}, odd},
		{"keys that are the same but for case", pooltest.Object{"Team": "sub", "team": "sub"}, same},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.want.check(t, f.vouch(t, "alice", pooltest.Object{"PrincipalTags": row.tags}))
			row.want.check(t, f.setTags(t, f.idp.ARN(pooltest.Account), pooltest.Object{"PrincipalTags": row.tags}))
		})
	}
}

// tagClaim is how tags stand in a token; without any the claim is absent.
func tagClaim(tags pooltest.Object) any {
	if len(tags) == 0 {
		return nil
	}
	lists := pooltest.Object{}
	for key, value := range tags {
		lists[key] = []any{value}
	}
	return pooltest.Object{"principal_tags": lists}
}

// How many and how long tags may be.
func TestDeveloperTagLimits(t *testing.T) {
	f := startWithDeveloper(t)
	many := func(n int) pooltest.Object {
		tags := pooltest.Object{}
		for i := range n {
			tags[fmt.Sprint(i)] = "v"
		}
		return tags
	}
	bytes := func(n int) pooltest.Object { // key and value, twice
		return pooltest.Object{"a": strings.Repeat("v", 256), "b": strings.Repeat("v", n-258)}
	}
	for _, row := range []struct {
		name string
		tags pooltest.Object
		want *refusal
	}{
		{"50 of them", many(50), nil},
		{"460 bytes", bytes(460), nil},
		{"461 bytes", bytes(461), &badTags},
		{"bytes, not letters", pooltest.Object{"k": strings.Repeat("ä", 230)}, &badTags},
		{"odd characters", pooltest.Object{"ä ö_.:/=+-@": "<é*>"}, nil},
		{"NUL", pooltest.Object{"k": "a\x00"}, &badTags},
		{"a new line", pooltest.Object{"k": "a\nb"}, &badTags},
		{"DEL", pooltest.Object{"k": "\x7f"}, &badTags},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := f.vouch(t, "alice", pooltest.Object{"PrincipalTags": row.tags})
			if row.want != nil {
				row.want.check(t, r)
				return
			}
			token := r.Must(t).Object(t)["Token"].(string)
			if diff := cmp.Diff(tagClaim(row.tags), claims(t, token)["https://aws.amazon.com/tags"]); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for name, tags := range map[string]pooltest.Object{"51": many(51), "no value": {"k": ""}, "a long value": {"k": strings.Repeat("v", 257)}} {
		if r := f.vouch(t, "alice", pooltest.Object{"PrincipalTags": tags}); r.Code() != "ValidationException" {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
	}
}

// What an earlier token said of a user does not stand in a new one, to which the developer gives tags anew.
func TestDeveloperTagsAreNotInherited(t *testing.T) {
	f := startWithDeveloper(t)
	id, old := f.vouched(t, "alice", pooltest.Object{"PrincipalTags": pooltest.Object{"team": "ops", "unit": "a"}})
	_, token := f.vouched(t, "alice@work", pooltest.Object{
		"IdentityId": id, "Logins": own(old), "PrincipalTags": pooltest.Object{"team": "dev"},
	})
	if diff := cmp.Diff(tagClaim(pooltest.Object{"team": "dev"}), claims(t, token)["https://aws.amazon.com/tags"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// setTags calls SetPrincipalTagAttributeMap on the pool for a provider.
func (f *front) setTags(t *testing.T, provider string, settings pooltest.Object) *pooltest.Reply {
	t.Helper()
	in := pooltest.Object{"IdentityPoolId": f.pool, "IdentityProviderName": provider}
	for member, value := range settings {
		in[member] = value
	}
	return f.Signed(t, "SetPrincipalTagAttributeMap", in)
}

// What Set answers and Get finds, one after the other, as it was captured from the original.
func TestPrincipalTagMaps(t *testing.T) {
	f := start(t)
	provider := f.idp.ARN(pooltest.Account)
	get := func() *pooltest.Reply {
		return f.Signed(t, "GetPrincipalTagAttributeMap", pooltest.Object{"IdentityPoolId": f.pool, "IdentityProviderName": provider})
	}
	shows := func(defaults bool, tags pooltest.Object) pooltest.Object {
		o := pooltest.Object{"IdentityPoolId": f.pool, "IdentityProviderName": provider, "UseDefaults": defaults}
		if tags != nil {
			o["PrincipalTags"] = tags
		}
		return o
	}
	nothing := refusal{"ResourceNotFoundException", "The identity pool has no principal tags for the provider " + provider + "."}
	nothing.check(t, get())
	defaults := pooltest.Object{"client": "aud", "username": "sub"}
	custom := pooltest.Object{"team": "custom:team", "user_id": "sub", "same": "sub"}
	for _, row := range []struct {
		name     string
		settings pooltest.Object
		want     pooltest.Object
		kept     bool
	}{
		{"nothing", nil, shows(false, nil), false},
		{"the defaults", pooltest.Object{"UseDefaults": true}, shows(true, defaults), true},
		{"nothing, after the defaults", pooltest.Object{"UseDefaults": false}, shows(false, nil), false},
		{"the defaults beside a map", pooltest.Object{"UseDefaults": true, "PrincipalTags": custom}, shows(true, defaults), true},
		{"a map", pooltest.Object{"PrincipalTags": custom}, shows(false, custom), true},
		{"another map, which replaces the first", pooltest.Object{"UseDefaults": false, "PrincipalTags": pooltest.Object{"a": "b"}}, shows(false, pooltest.Object{"a": "b"}), true},
		{"an empty map", pooltest.Object{"UseDefaults": false, "PrincipalTags": pooltest.Object{}}, shows(false, nil), false},
		{"the defaults beside an empty map", pooltest.Object{"UseDefaults": true, "PrincipalTags": pooltest.Object{}}, shows(true, defaults), true},
		{"an empty map, of which no more is said", pooltest.Object{"PrincipalTags": pooltest.Object{}}, shows(false, nil), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if diff := cmp.Diff(row.want, f.setTags(t, provider, row.settings).Must(t).Object(t)); diff != "" {
				t.Errorf("Set (-want +got):\n%s", diff)
			}
			if !row.kept {
				nothing.check(t, get())
			} else if diff := cmp.Diff(row.want, get().Must(t).Object(t)); diff != "" {
				t.Errorf("Get (-want +got):\n%s", diff)
			}
		})
	}
}

// A provider is named as its tokens are: a domain, an ARN, a user pool without a client.
func TestPrincipalTagProviders(t *testing.T) {
	f := start(t)
	f.update(t, f.pool, settings())
	for name, ok := range map[string]bool{
		"accounts.google.com":                                   true,
		"arn:aws:iam::123456789012:oidc-provider/b.example":     true,
		"arn:aws:iam::123456789012:saml-provider/b":             true,
		"cognito-idp.us-east-1.amazonaws.com/us-east-1_b":       true,
		"cognito-idp.us-east-1.amazonaws.com/us-east-1_b:app":   false,
		"cognito-idp.us-east-1.amazonaws.com/us-east-1_another": false,
		"b.example":      false,
		"www.amazon.com": false,
		"login.example":  false, // to whose users the developer gives tags himself
		"arn:aws:iam::123456789012:oidc-provider/another.example": false,
	} {
		t.Run(name, func(t *testing.T) {
			r := f.setTags(t, name, pooltest.Object{"UseDefaults": true})
			if ok {
				r.Must(t)
			} else {
				invalidParameter("("+name+") is not a configured provider of the identity pool.").check(t, r)
			}
		})
	}
}

// A map outlives its provider, so that it can be removed, until another map is set.
func TestPrincipalTagsOfDroppedProviders(t *testing.T) {
	f := start(t)
	const google, facebook, amazon = "accounts.google.com", "graph.facebook.com", "www.amazon.com"
	unknown := func(name string) refusal {
		return invalidParameter("(" + name + ") is not a configured provider of the identity pool.")
	}
	has := func(name string) bool {
		in := pooltest.Object{"IdentityPoolId": f.pool, "IdentityProviderName": name}
		return f.Signed(t, "GetPrincipalTagAttributeMap", in).Status == 200
	}
	f.update(t, f.pool, pooltest.Object{"SupportedLoginProviders": pooltest.Object{google: "1", facebook: "2", amazon: "3"}})
	for _, name := range []string{google, facebook, amazon} {
		f.setTags(t, name, pooltest.Object{"UseDefaults": true}).Must(t)
	}
	f.update(t, f.pool, pooltest.Object{"SupportedLoginProviders": pooltest.Object{amazon: "3"}})
	if !has(google) || !has(facebook) || !has(amazon) {
		t.Error("maps are gone with their providers")
	}
	f.setTags(t, google, pooltest.Object{"UseDefaults": false}).Must(t)
	unknown(google).check(t, f.setTags(t, google, pooltest.Object{"UseDefaults": false}))
	f.setTags(t, amazon, pooltest.Object{"UseDefaults": true}).Must(t)
	if has(google) || has(facebook) || !has(amazon) {
		t.Error("the maps of dropped providers are there, or that of another is not")
	}
	unknown(facebook).check(t, f.setTags(t, facebook, pooltest.Object{"UseDefaults": false}))
}

// taggedLogin is a login whose claims become tags.
type taggedLogin struct {
	name   string
	tags   pooltest.Object // nil: the defaults
	claims pooltest.Object
	want   any // tags or a refusal
	isOps  bool
}

// The claims that a map names become tags of tokens and of credentials, in both flows, from the next call on.
func TestPrincipalTagsOfLogins(t *testing.T) {
	f := start(t)
	wanted := pooltest.Object{"StringEquals": pooltest.Object{"cognito-identity.amazonaws.com:aud": f.pool, "aws:RequestTag/team": "ops"}}
	f.IAM(t, "CreateRole", "RoleName", "Ops", "AssumeRolePolicyDocument", tagTrust(t, f.pool, assumeTag, wanted)).Must(t)
	f.IAM(t, "UpdateAssumeRolePolicy", "RoleName", "Auth", "PolicyDocument", tagTrust(t, f.pool, assumeTag, nil)).Must(t)
	alice := f.getID(t, f.logins("alice"))
	team := pooltest.Object{"team": "custom:team"}
	both := pooltest.Object{"team": "custom:team", "unit": "unit"}
	of := func(n int) string { return strings.Repeat("x", n) }
	for _, row := range []taggedLogin{
		{"the defaults", nil, nil, pooltest.Object{"client": "app", "username": "alice"}, false},
		{"a claim", team, pooltest.Object{"custom:team": "ops"}, pooltest.Object{"team": "ops"}, true},
		{"another value", team, pooltest.Object{"custom:team": "dev"}, pooltest.Object{"team": "dev"}, false},
		{"a list of one", team, pooltest.Object{"custom:team": []string{"ops"}}, pooltest.Object{"team": "ops"}, true},
		{"a list of two, which is none", team, pooltest.Object{"custom:team": []string{"ops", "dev"}}, pooltest.Object{}, false},
		{"a number", team, pooltest.Object{"custom:team": 7}, pooltest.Object{"team": "7"}, false},
		{"a claim that the token lacks", team, nil, pooltest.Object{}, false},
		{"beside one that it has", both, pooltest.Object{"unit": "a"}, pooltest.Object{"unit": "a"}, false},
		{"a key in capitals", pooltest.Object{"TEAM": "custom:team"}, pooltest.Object{"custom:team": "ops"}, pooltest.Object{"TEAM": "ops"}, true},
		{"256 characters", team, pooltest.Object{"custom:team": of(256)}, pooltest.Object{"team": of(256)}, false},
		{"257 characters", team, pooltest.Object{"custom:team": of(257)}, badTags, false},
		{"460 bytes", both, pooltest.Object{"custom:team": of(226), "unit": of(226)}, pooltest.Object{"team": of(226), "unit": of(226)}, false},
		{"461 bytes", both, pooltest.Object{"custom:team": of(226), "unit": of(227)}, badTags, false},
		{"a control character", team, pooltest.Object{"custom:team": "ops\n"}, badTags, false},
	} {
		t.Run(row.name, func(t *testing.T) { f.checkTagged(t, alice, row) })
	}
}

// checkTagged sets the map of a login, and sees what comes of it in the roles Auth, which takes any tags, and Ops.
func (f *front) checkTagged(t *testing.T, id string, row taggedLogin) {
	t.Helper()
	set := pooltest.Object{"UseDefaults": true}
	if row.tags != nil {
		set = pooltest.Object{"PrincipalTags": row.tags}
	}
	f.setTags(t, f.idp.ARN(pooltest.Account), set).Must(t)
	c := f.idp.Claims("app", "alice")
	for name, value := range row.claims {
		c[name] = value
	}
	logins := pooltest.Object{f.idp.Name(): f.idp.Sign(c)}
	r := f.as(t, "GetOpenIdToken", id, logins)
	if want, ok := row.want.(refusal); ok {
		want.check(t, r)
		want.check(t, f.as(t, "GetCredentialsForIdentity", id, logins))
		return
	}
	token := r.Must(t).Object(t)["Token"].(string)
	if diff := cmp.Diff(tagClaim(row.want.(pooltest.Object)), claims(t, token)["https://aws.amazon.com/tags"]); diff != "" {
		t.Errorf("tags of the token (-want +got):\n%s", diff)
	}
	for role, ok := range map[string]bool{"Auth": true, "Ops": row.isOps} {
		roles := pooltest.Object{"authenticated": roleARN(role)}
		f.Signed(t, "SetIdentityPoolRoles", pooltest.Object{"IdentityPoolId": f.pool, "Roles": roles}).Must(t)
		if r := f.as(t, "GetCredentialsForIdentity", id, logins); (r.Status == 200) != ok {
			t.Errorf("%s, enhanced flow: %d %s", role, r.Status, r.Body)
		}
		if r := f.assume(t, role, token); (r.Status == 200) != ok {
			t.Errorf("%s, classic flow: %d %s", role, r.Status, r.Body)
		}
	}
}

// Guests have no claims, so a role that knows no tags is enough for them; so it is for logins without a map.
func TestNoPrincipalTags(t *testing.T) {
	f := start(t)
	provider := f.idp.ARN(pooltest.Account)
	f.setTags(t, provider, pooltest.Object{"UseDefaults": true}).Must(t)
	f.as(t, "GetCredentialsForIdentity", f.getID(t, nil), nil).Must(t)
	alice := f.getID(t, f.logins("alice"))
	f.setTags(t, provider, nil).Must(t)
	if tags := claims(t, f.exchange(t, alice, f.logins("alice")))["https://aws.amazon.com/tags"]; tags != nil {
		t.Errorf("tags of the token: %v", tags)
	}
	f.as(t, "GetCredentialsForIdentity", alice, f.logins("alice")).Must(t)
}

// As soon as a login has tags, its role must allow sts:TagSession: even for the defaults.
func TestPrincipalTagsNeedTagSession(t *testing.T) {
	f := start(t)
	alice := f.getID(t, f.logins("alice"))
	f.as(t, "GetCredentialsForIdentity", alice, f.logins("alice")).Must(t)
	f.setTags(t, f.idp.ARN(pooltest.Account), pooltest.Object{"UseDefaults": true}).Must(t)
	badRoles.check(t, f.as(t, "GetCredentialsForIdentity", alice, f.logins("alice")))
	f.setTags(t, f.idp.ARN(pooltest.Account), pooltest.Object{"PrincipalTags": pooltest.Object{"team": "lacking"}}).Must(t)
	f.as(t, "GetCredentialsForIdentity", alice, f.logins("alice")).Must(t)
	f.IAM(t, "UpdateAssumeRolePolicy", "RoleName", "Auth", "PolicyDocument", tagTrust(t, f.pool, assumeTag, nil)).Must(t)
	f.setTags(t, f.idp.ARN(pooltest.Account), pooltest.Object{"UseDefaults": true}).Must(t)
	f.as(t, "GetCredentialsForIdentity", alice, f.logins("alice")).Must(t)
}

// Of several logins each gives its tags. Of two that give one tag the first decides, in the order of the providers' names; a
// developer's word goes before both.
func TestPrincipalTagsOfSeveralLogins(t *testing.T) {
	f := startWithDeveloper(t)
	second := pooltest.NewProvider(t)
	f.register(t, second)
	first, last := f.idp, second
	if last.Name() < first.Name() {
		first, last = last, first
	}
	f.setTags(t, first.ARN(pooltest.Account), pooltest.Object{"PrincipalTags": pooltest.Object{"user": "sub", "first": "aud"}}).Must(t)
	f.setTags(t, last.ARN(pooltest.Account), pooltest.Object{"PrincipalTags": pooltest.Object{"USER": "sub", "last": "aud"}}).Must(t)
	both := pooltest.Object{first.Name(): first.Token("app", "alice@first"), last.Name(): last.Token("app", "alice@last")}
	alice := f.getID(t, both)
	tagsOf := func(token string) any { return claims(t, token)["https://aws.amazon.com/tags"] }
	for name, row := range map[string]struct{ got, want any }{
		"both":      {tagsOf(f.as(t, "GetOpenIdToken", alice, both).Must(t).Object(t)["Token"].(string)), tagClaim(pooltest.Object{"user": "alice@first", "first": "app", "last": "app"})},
		"the first": {tagsOf(f.as(t, "GetOpenIdToken", alice, pooltest.Object{first.Name(): both[first.Name()]}).Must(t).Object(t)["Token"].(string)), tagClaim(pooltest.Object{"user": "alice@first", "first": "app"})},
		"the last":  {tagsOf(f.as(t, "GetOpenIdToken", alice, pooltest.Object{last.Name(): both[last.Name()]}).Must(t).Object(t)["Token"].(string)), tagClaim(pooltest.Object{"USER": "alice@last", "last": "app"})},
		"a developer's word": {
			tagsOf(f.vouch(t, "alice", pooltest.Object{"Logins": both, "PrincipalTags": pooltest.Object{"User": "alice"}}).Must(t).Object(t)["Token"].(string)),
			tagClaim(pooltest.Object{"User": "alice", "first": "app", "last": "app"}),
		},
	} {
		if diff := cmp.Diff(row.want, row.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Maps are no part of what an Update replaces.
func TestPrincipalTagMapsKept(t *testing.T) {
	f := start(t)
	provider := f.idp.ARN(pooltest.Account)
	f.setTags(t, provider, pooltest.Object{"PrincipalTags": pooltest.Object{"team": "group"}}).Must(t)
	f.update(t, f.pool, pooltest.Object{"OpenIdConnectProviderARNs": []string{provider}})
	got := f.Signed(t, "GetPrincipalTagAttributeMap", pooltest.Object{"IdentityPoolId": f.pool, "IdentityProviderName": provider}).Must(t).Object(t)
	if diff := cmp.Diff(pooltest.Object{"team": "group"}, got["PrincipalTags"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
