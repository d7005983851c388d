package cognito_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"idpool/pooltest"
)

// unlink calls UnlinkIdentity.
func (f *front) unlink(t *testing.T, id string, logins pooltest.Object, providers ...string) *pooltest.Reply {
	t.Helper()
	if providers == nil {
		providers = []string{}
	}
	return f.Public(t, "UnlinkIdentity", pooltest.Object{"IdentityId": id, "Logins": logins, "LoginsToRemove": providers})
}

// Whoever shows a login of an identity may take any of its logins away, which are new people from then on.
func TestUnlinkIdentity(t *testing.T) {
	f := start(t)
	second := pooltest.NewProvider(t)
	f.register(t, second)
	first, other := f.idp.Name(), second.Name()
	for _, row := range []struct {
		name    string
		show    []*pooltest.Provider
		remove  []string
		removed []*pooltest.Provider
		left    []any
	}{
		{"the other", []*pooltest.Provider{f.idp}, []string{other}, []*pooltest.Provider{second}, []any{first}},
		{"the one that is shown", []*pooltest.Provider{f.idp}, []string{first}, []*pooltest.Provider{f.idp}, []any{other}},
		{"one of two that are shown", []*pooltest.Provider{f.idp, second}, []string{first}, []*pooltest.Provider{f.idp}, []any{other}},
		{"one, named twice", []*pooltest.Provider{f.idp}, []string{other, other}, []*pooltest.Provider{second}, []any{first}},
		{"one, with a slash that some issuers end in", []*pooltest.Provider{f.idp}, []string{other + "/"}, []*pooltest.Provider{second}, []any{first}},
		{"both", []*pooltest.Provider{f.idp}, []string{other, first}, []*pooltest.Provider{f.idp, second}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			subject := row.name
			id := f.getID(t, f.logins(subject, f.idp, second))
			s := credentials(t, f.as(t, "GetCredentialsForIdentity", id, f.logins(subject)))
			if r := f.unlink(t, id, f.logins(subject, row.show...), row.remove...).Must(t); len(r.Body) != 0 {
				t.Errorf("the reply is %s", r.Body)
			}
			left, _ := f.describe(t, id)["Logins"].([]any)
			if diff := cmp.Diff(row.left, left); diff != "" {
				t.Errorf("Logins (-want +got):\n%s", diff)
			}
			if closed := row.left == nil; closed != f.ended(t, s) {
				t.Errorf("its credentials have ended: %v", !closed)
			}
			for _, p := range row.removed {
				if got := f.getID(t, f.logins(subject, p)); got == id {
					t.Errorf("the login of %s is still the identity's", p.Name())
				}
			}
			for _, op := range []string{"GetOpenIdToken", "GetCredentialsForIdentity"} {
				forbidden(id).check(t, f.as(t, op, id, nil)) // it is no guest
				if row.left == nil {
					forbidden(id).check(t, f.as(t, op, id, f.logins(subject)))
				}
			}
		})
	}
}

// An identity that has lost its last login is closed, also to those who have never signed in: nobody can take it over.
func TestUnlinkedIdentityIsClosed(t *testing.T) {
	f := startWithDeveloper(t)
	id := f.getID(t, f.logins("alice"))
	f.unlink(t, id, f.logins("alice"), f.idp.Name()).Must(t)
	for _, logins := range []pooltest.Object{nil, f.logins("alice"), f.logins("bob")} {
		for _, op := range []string{"GetOpenIdToken", "GetCredentialsForIdentity"} {
			forbidden(id).check(t, f.as(t, op, id, logins))
		}
	}
	forbidden(id).check(t, f.vouch(t, "alice", pooltest.Object{"IdentityId": id}))
	hidden := f.Signed(t, "ListIdentities", pooltest.Object{"IdentityPoolId": f.pool, "MaxResults": 60, "HideDisabled": true}).Must(t)
	if strings.Contains(string(hidden.Body), id) || !strings.Contains(f.list(t), id) {
		t.Errorf("it is listed as disabled: %s, %s", hidden.Body, f.list(t))
	}
}

// What cannot be unlinked, and by whom not. Nothing changes then.
func TestUnlinkRefused(t *testing.T) {
	f := startWithDeveloper(t)
	second := pooltest.NewProvider(t)
	f.register(t, second)
	alice, token := f.vouched(t, "alice", pooltest.Object{"Logins": f.logins("alice", f.idp)})
	guest, loser := f.getID(t, nil), f.getID(t, nil)
	f.as(t, "GetOpenIdToken", loser, f.logins("alice")).Must(t)
	_, bobs := f.vouched(t, "bob", nil)
	first := f.idp.Name()
	public := invalidParameter("Please provide a valid public provider.")
	lacks := func(name string) refusal {
		return invalidParameter("The identity has no login of the provider " + name + ".")
	}
	unknown := "us-east-1:00000000-0000-4000-8000-000000000000"
	elsewhere := strings.Replace(alice, "us-east-1", "eu-west-1", 1)
	for _, row := range []struct {
		name, id string
		logins   pooltest.Object
		remove   []string
		want     refusal
	}{
		{"a login of a provider that it has none of", alice, f.logins("alice"), []string{second.Name()}, lacks(second.Name())},
		{"one that it has and one that it has not", alice, f.logins("alice"), []string{first, second.Name()}, lacks(second.Name())},
		{"a provider that the pool does not know", alice, f.logins("alice"), []string{"nobody.example"}, lacks("nobody.example")},
		{"a provider by its ARN", alice, f.logins("alice"), []string{f.idp.ARN(pooltest.Account)}, lacks(f.idp.ARN(pooltest.Account))},
		{"the developer's own", alice, f.logins("alice"), []string{"login.example"}, public},
		{"the developer's own beside a public one", alice, f.logins("alice"), []string{first, "login.example"}, public},
		{"the developer's own, by his token", alice, own(token), []string{"login.example"}, public},
		{"nothing", alice, f.logins("alice"), nil, invalidParameter("LoginsToRemove names no provider.")},
		{"without a login", alice, pooltest.Object{}, []string{first}, dontMatch},
		{"by somebody else", alice, f.logins("bob"), []string{first}, dontMatch},
		{"by a developer's other user", alice, own(bobs), []string{first}, dontMatch},
		{"by the developer's word", alice, pooltest.Object{"login.example": "alice"}, []string{first}, public},
		{"by somebody else who adds a bad token", alice, pooltest.Object{first: f.idp.Token("app", "alice"), second.Name(): f.idp.Token("app", "alice")}, []string{first}, notAuthorized("Invalid login token. Issuer doesn't match providerName")},
		{"a guest's", guest, f.logins("alice"), []string{first}, forbidden(guest)},
		{"that of one that has lost a merge", loser, f.logins("alice"), []string{first}, forbidden(loser)},
		{"that of nobody", unknown, f.logins("alice"), []string{first}, unknownIdentity(unknown)},
		{"that of another region", elsewhere, f.logins("alice"), []string{first}, unknownIdentity(elsewhere)},
		{"that of a pool", f.pool, f.logins("alice"), []string{first}, unknownIdentity(f.pool)},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := f.list(t)
			row.want.check(t, f.unlink(t, row.id, row.logins, row.remove...))
			if after := f.list(t); after != before {
				t.Errorf("the pool has changed:\nfrom %s\nto   %s", before, after)
			}
		})
	}
	// With the token that the developer was given a public login goes, and the identity stays his user's.
	f.unlink(t, alice, own(token), first).Must(t)
	f.as(t, "GetCredentialsForIdentity", alice, own(token)).Must(t)
	if got, _ := f.vouched(t, "alice", nil); got != alice {
		t.Errorf("his user has %s", got)
	}
	// A provider that the pool does not trust any more can be unlinked with another login.
	f.vouch(t, "alice", pooltest.Object{"Logins": f.logins("alice", second)}).Must(t)
	f.update(t, f.pool, pooltest.Object{"OpenIdConnectProviderARNs": []string{f.idp.ARN(pooltest.Account)}})
	f.unlink(t, alice, own(token), second.Name()).Must(t)
}

// A developer takes an identifier from its identity: at its next sight it is a new user.
func TestUnlinkDeveloperIdentity(t *testing.T) {
	f := startWithDeveloper(t)
	call := func(id, user string) *pooltest.Reply {
		return f.Signed(t, "UnlinkDeveloperIdentity", pooltest.Object{
			"IdentityPoolId": f.pool, "IdentityId": id, "DeveloperProviderName": "login.example", "DeveloperUserIdentifier": user,
		})
	}
	id, token := f.identifiers(t, "alice", "alice@work")
	s := credentials(t, f.as(t, "GetCredentialsForIdentity", id, own(token)))
	if r := call(id, "alice@work").Must(t); len(r.Body) != 0 {
		t.Errorf("the reply is %s", r.Body)
	}
	work, _ := f.vouched(t, "alice@work", nil)
	if work == id || f.ended(t, s) {
		t.Errorf("alice@work has %s; alice's credentials must go on", work)
	}
	anotherUser.check(t, call(id, "alice@work"))
	unknownUser.check(t, call(id, "nobody"))
	f.as(t, "GetCredentialsForIdentity", id, own(token)).Must(t)

	// The last of an identity that has nothing else closes it; one that has a public login stays open with that.
	call(id, "alice").Must(t)
	if !f.ended(t, s) {
		t.Error("alice's credentials must end")
	}
	forbidden(id).check(t, f.as(t, "GetCredentialsForIdentity", id, nil))
	unknownUser.check(t, call(id, "alice"))
	if again, _ := f.vouched(t, "alice", nil); again == id {
		t.Error("alice has the closed identity")
	}
	bob, token := f.vouched(t, "bob", pooltest.Object{"Logins": f.logins("bob")})
	call(bob, "bob").Must(t)
	dontMatch.check(t, f.as(t, "GetCredentialsForIdentity", bob, own(token)))
	both := own(token)
	both[f.idp.Name()] = f.idp.Token("app", "bob")
	dontMatch.check(t, f.as(t, "GetCredentialsForIdentity", bob, both)) // an old token links nothing
	f.as(t, "GetCredentialsForIdentity", bob, f.logins("bob")).Must(t)
	if got, _ := f.vouched(t, "bob", nil); got == bob {
		t.Error("bob's identifier is linked again")
	}
	if got := f.getID(t, f.logins("bob")); got != bob {
		t.Errorf("bob's public login is %s's", got)
	}
}
