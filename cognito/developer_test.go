package cognito_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"idpool/pooltest"
)

// startWithDeveloper is start, with a pool whose developer is login.example.
func startWithDeveloper(t *testing.T) *front {
	t.Helper()
	f := start(t)
	f.update(t, f.pool, pooltest.Object{
		"OpenIdConnectProviderARNs": []string{f.idp.ARN(pooltest.Account)}, "DeveloperProviderName": "login.example",
	})
	return f
}

// vouch calls GetOpenIdTokenForDeveloperIdentity for a user of login.example; more are other members of the call.
func (f *front) vouch(t *testing.T, user string, more pooltest.Object) *pooltest.Reply {
	t.Helper()
	in := pooltest.Object{"IdentityPoolId": f.pool}
	for member, value := range more {
		in[member] = value
	}
	logins := pooltest.Object{"login.example": user}
	if beside, ok := more["Logins"].(pooltest.Object); ok {
		for name, token := range beside {
			logins[name] = token
		}
	}
	in["Logins"] = logins
	return f.Signed(t, "GetOpenIdTokenForDeveloperIdentity", in)
}

// vouched is the identity and the token of a developer's user.
func (f *front) vouched(t *testing.T, user string, more pooltest.Object) (id, token string) {
	t.Helper()
	o := f.vouch(t, user, more).Must(t).Object(t)
	return o["IdentityId"].(string), o["Token"].(string)
}

// identifiers makes an identity that has all these identifiers, and returns a token of the first.
func (f *front) identifiers(t *testing.T, users ...string) (id, token string) {
	t.Helper()
	id, token = f.vouched(t, users[0], nil)
	for _, user := range users[1:] {
		f.vouch(t, user, pooltest.Object{"IdentityId": id, "Logins": own(token)}).Must(t)
	}
	return id, token
}

// own is a Logins map of a token that this server has given out.
func own(token string) pooltest.Object {
	return pooltest.Object{"cognito-identity.amazonaws.com": token}
}

// ended tells whether temporary credentials are good no more.
func (f *front) ended(t *testing.T, s session) bool {
	t.Helper()
	return f.STS(t, s.key, s.token, "GetCallerIdentity").Status != 200
}

func unknownIdentity(id string) refusal {
	return refusal{"ResourceNotFoundException", "Identity '" + id + "' not found."}
}

var (
	tokenExpired = notAuthorized("Invalid login token. Token is expired.")
	notOurs      = notAuthorized("Invalid login token. Not a Cognito token.")
	unknownUser  = refusal{"ResourceNotFoundException", "The developer user identifier belongs to no identity of the pool."}
	anotherUser  = refusal{"ResourceConflictException", "The developer user identifier does not belong to the identity."}
	secondLogin  = refusal{"ResourceConflictException", "Another login of this provider is already linked to the identity."}
	tooMany      = invalidParameter("The identity would have too many logins.")
)

// A developer's token lives as long as he says, to the second.
func TestDeveloperTokenLifetimes(t *testing.T) {
	f := startWithDeveloper(t)
	for _, row := range []struct {
		name     string
		asked    any
		lifetime int64
	}{
		{"nothing said", nil, 900},
		{"the shortest", 1, 1},
		{"as said", 1800, 1800},
		{"the longest", 86400, 86400},
	} {
		t.Run(row.name, func(t *testing.T) {
			more := pooltest.Object{}
			if row.asked != nil {
				more["TokenDuration"] = row.asked
			}
			id, token := f.vouched(t, "alice", more)
			c := claims(t, token)
			now := float64(f.Clock.Now().Unix())
			if c["iat"] != now || c["exp"] != now+float64(row.lifetime) {
				t.Errorf("from %v to %v, want from %v for %d", c["iat"], c["exp"], now, row.lifetime)
			}
			f.Clock.Advance(time.Duration(row.lifetime-1) * time.Second)
			for _, op := range []string{"GetOpenIdToken", "GetCredentialsForIdentity"} {
				f.as(t, op, id, own(token)).Must(t)
			}
			f.Clock.Advance(time.Second)
			for _, op := range []string{"GetOpenIdToken", "GetCredentialsForIdentity"} {
				tokenExpired.check(t, f.as(t, op, id, own(token)))
			}
		})
	}
}

// Whatever users are called, the token names them letter for letter, and is good for credentials.
func TestDeveloperTokenClaims(t *testing.T) {
	f := startWithDeveloper(t)
	seen := map[string]bool{}
	for name, user := range map[string]string{
		"a name": "alice", "colons": "a:b:c", "our own separator": "login.example:x:y", "NUL": "a\x00b", "spaces": " a ",
		"not ASCII": "ä@例え.jp", "the longest": strings.Repeat("x", 1024), "like a token": f.idp.Token("app", "alice"),
	} {
		t.Run(name, func(t *testing.T) {
			id, token := f.vouched(t, user, nil)
			now := float64(f.Clock.Now().Unix())
			want := pooltest.Object{
				"sub": id, "aud": f.pool, "amr": []any{"authenticated", "login.example", "login.example:" + f.pool + ":" + user},
				"iss": f.URL, "exp": now + 900, "iat": now,
				"https://cognito-identity.amazonaws.com/identity-pool-arn": "arn:aws:cognito-identity:us-east-1:123456789012:identitypool/" + f.pool,
			}
			if diff := cmp.Diff(want, claims(t, token)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if role := f.role(t, f.as(t, "GetCredentialsForIdentity", id, own(token))); role != "Auth" {
				t.Errorf("the credentials are for %s", role)
			}
			if again, _ := f.vouched(t, user, nil); again != id || seen[id] {
				t.Errorf("%q has %s, then %s", user, id, again)
			}
			seen[id] = true
			found := f.Signed(t, "LookupDeveloperIdentity", pooltest.Object{"IdentityPoolId": f.pool, "DeveloperUserIdentifier": user}).Must(t).Object(t)
			if diff := cmp.Diff(pooltest.Object{"IdentityId": id, "DeveloperUserIdentifierList": []any{user}}, found); diff != "" {
				t.Errorf("LookupDeveloperIdentity (-want +got):\n%s", diff)
			}
		})
	}
}

// An identifier has room for 1,024 bytes, whatever its script.
func TestDeveloperUserLengths(t *testing.T) {
	f := startWithDeveloper(t)
	for _, longest := range []string{strings.Repeat("x", 1024), strings.Repeat("例", 341) + "x", strings.Repeat("😀", 256)} {
		id, token := f.vouched(t, longest, nil)
		f.as(t, "GetCredentialsForIdentity", id, own(token)).Must(t)
		invalidParameter("A developer user identifier can have at most 1024 bytes.").check(t, f.vouch(t, longest+"x", nil))
	}
}

// Which identity a developer's user gets when the call names one.
func TestDeveloperNamesIdentity(t *testing.T) {
	f := startWithDeveloper(t)
	taken := refusal{"DeveloperUserAlreadyRegisteredException", "This developer user identifier is already registered with Cognito."}
	bob, bobToken := f.vouched(t, "bob", nil)
	alice, guest, loser := f.getID(t, f.logins("alice")), f.getID(t, nil), f.getID(t, nil)
	f.as(t, "GetOpenIdToken", loser, f.logins("alice")).Must(t)
	for _, row := range []struct {
		name, user, id string
		logins         pooltest.Object
		want           any // the identity, or a refusal
	}{
		{"his own", "bob", bob, nil, bob},
		{"his own, with his login", "bob", bob, own(bobToken), bob},
		{"a guest, for a user who has an identity", "bob", guest, nil, taken},
		{"somebody's, for a user who has an identity", "bob", alice, nil, taken},
		{"somebody's, with his login, for a user who has an identity", "bob", alice, f.logins("alice"), taken},
		{"somebody's", "alice", alice, nil, dontMatch},
		{"somebody's, with another's login", "alice", alice, f.logins("carol"), dontMatch},
		{"somebody's, with his login", "alice", alice, f.logins("alice"), alice},
		{"the same without", "alice", alice, nil, alice},
		{"a user's, without his first identifier", "bob@work", bob, nil, dontMatch},
		{"a user's, with another's token", "bob@work", alice, own(bobToken), dontMatch},
		{"a user's, with his token", "bob@work", bob, own(bobToken), bob},
		{"a guest", "carol", guest, nil, guest},
		{"one that has lost a merge", "dave", loser, nil, forbidden(loser)},
		{"one that has lost a merge, for a user who has an identity", "bob", loser, nil, forbidden(loser)},
		{"a pool's id", "dave", f.pool, nil, unknownIdentity(f.pool)},
		{"one of another region", "dave", strings.Replace(bob, "us-east-1", "eu-west-1", 1), nil, unknownIdentity(strings.Replace(bob, "us-east-1", "eu-west-1", 1))},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := f.list(t)
			r := f.vouch(t, row.user, pooltest.Object{"IdentityId": row.id, "Logins": row.logins})
			if want, ok := row.want.(refusal); ok {
				want.check(t, r)
				if after := f.list(t); after != before {
					t.Errorf("the pool has changed:\nfrom %s\nto   %s", before, after)
				}
				return
			}
			if got := r.Must(t).Object(t)["IdentityId"]; got != row.want {
				t.Errorf("%v, want %v", got, row.want)
			}
			if got, _ := f.vouched(t, row.user, nil); got != row.want {
				t.Errorf("from now on %s has %s, want %v", row.user, got, row.want)
			}
		})
	}
	// The guest is no guest any more, and DescribeIdentity shows the developer's provider.
	forbidden(guest).check(t, f.as(t, "GetCredentialsForIdentity", guest, nil))
	if diff := cmp.Diff([]any{"login.example"}, f.describe(t, guest)["Logins"]); diff != "" {
		t.Errorf("Logins (-want +got):\n%s", diff)
	}
}

// What a developer vouches for and what a public provider's token says belong together from then on.
func TestDeveloperAndPublicLogin(t *testing.T) {
	f := startWithDeveloper(t)
	id, token := f.vouched(t, "alice", pooltest.Object{"Logins": f.logins("alice")})
	if got := f.getID(t, f.logins("alice")); got != id {
		t.Errorf("her public login is %s's", got)
	}
	amr := []any{
		"authenticated", "login.example", "login.example:" + f.pool + ":alice",
		f.idp.Name(), f.idp.ARN(pooltest.Account) + ":OIDC:alice",
	}
	if diff := cmp.Diff(amr, claims(t, token)["amr"]); diff != "" {
		t.Errorf("amr (-want +got):\n%s", diff)
	}
	f.as(t, "GetCredentialsForIdentity", id, own(token)).Must(t) // the token proves both, so one of them is enough
	secondLogin.check(t, f.vouch(t, "alice", pooltest.Object{"Logins": f.logins("alice@work")}))

	// Two who turn out to be one: without a named identity the older takes the other in.
	bob := f.getID(t, f.logins("bob"))
	f.Clock.Advance(time.Second)
	younger, old := f.vouched(t, "bob", nil)
	if got, _ := f.vouched(t, "bob", pooltest.Object{"Logins": f.logins("bob")}); got != bob {
		t.Errorf("bob has %s, want the older", got)
	}
	forbidden(younger).check(t, f.as(t, "GetOpenIdToken", younger, own(old)))
}

// An identity can have several of a developer's identifiers. They are one provider's, and each of its tokens says what was
// used.
func TestSeveralIdentifiers(t *testing.T) {
	f := startWithDeveloper(t)
	id, token := f.identifiers(t, "alice", "alice@work", "alice@home")
	for _, shown := range []any{f.describe(t, id)["Logins"], f.page(t, "ListIdentities", "", 60)["Identities"].([]any)[0].(pooltest.Object)["Logins"]} {
		if diff := cmp.Diff([]any{"login.example"}, shown); diff != "" {
			t.Errorf("Logins (-want +got):\n%s", diff)
		}
	}
	amr := func(users ...string) any {
		all := []any{"authenticated"}
		for _, user := range users {
			all = append(all, "login.example", "login.example:"+f.pool+":"+user)
		}
		return all
	}
	for _, row := range []struct {
		name, user string
		shown      pooltest.Object
		want       any
	}{
		{"one", "alice@work", nil, amr("alice@work")},
		{"one, with the token of another", "alice@work", own(token), amr("alice@work", "alice")},
		{"one, with its own token", "alice", own(token), amr("alice")},
	} {
		got, fresh := f.vouched(t, row.user, pooltest.Object{"IdentityId": id, "Logins": row.shown})
		if diff := cmp.Diff(row.want, claims(t, fresh)["amr"]); diff != "" || got != id {
			t.Errorf("%s: %s, amr (-want +got):\n%s", row.name, got, diff)
		}
		f.as(t, "GetCredentialsForIdentity", id, own(fresh)).Must(t)
	}
}

// A pool that does not allow the classic flow gives developers their tokens all the same: the enhanced flow takes them.
func TestDeveloperWithoutClassicFlow(t *testing.T) {
	f := startWithDeveloper(t)
	f.update(t, f.pool, pooltest.Object{"AllowClassicFlow": false})
	id, token := f.vouched(t, "alice", nil)
	f.as(t, "GetCredentialsForIdentity", id, own(token)).Must(t)
	invalidParameter("Basic (classic) flow is not enabled, please use enhanced flow.").check(t, f.as(t, "GetOpenIdToken", id, own(token)))
}

// The role of a developer's users is the pool's authenticated role, whatever maps the roles of others.
func TestDeveloperRole(t *testing.T) {
	f := startWithDeveloper(t)
	f.Signed(t, "SetIdentityPoolRoles", pooltest.Object{
		"IdentityPoolId": f.pool, "Roles": pooltest.Object{"authenticated": roleARN("Auth")},
		"RoleMappings": pooltest.Object{f.idp.ARN(pooltest.Account): pooltest.Object{"Type": "Token", "AmbiguousRoleResolution": "Deny"}},
	}).Must(t)
	id, token := f.vouched(t, "alice", nil)
	if role := f.role(t, f.as(t, "GetCredentialsForIdentity", id, own(token))); role != "Auth" {
		t.Errorf("the credentials are for %s", role)
	}
	invalidParameter("Basic (classic) flow is not supported with RoleMappings, please use enhanced flow.").
		check(t, f.as(t, "GetOpenIdToken", id, own(token)))
}
