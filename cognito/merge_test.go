package cognito_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"idpool/pooltest"
)

// lookup calls LookupDeveloperIdentity on the pool.
func (f *front) lookup(t *testing.T, in pooltest.Object) *pooltest.Reply {
	t.Helper()
	all := pooltest.Object{"IdentityPoolId": f.pool}
	for member, value := range in {
		all[member] = value
	}
	return f.Signed(t, "LookupDeveloperIdentity", all)
}

// By a name its identity is found, by an identity its names; both together are compared.
func TestLookupDeveloperIdentity(t *testing.T) {
	f := startWithDeveloper(t)
	both, _ := f.identifiers(t, "bob", "alice")
	carol, _ := f.vouched(t, "carol", nil)
	guest := f.getID(t, nil)
	names := func(id string, users ...any) pooltest.Object {
		return pooltest.Object{"IdentityId": id, "DeveloperUserIdentifierList": append([]any{}, users...)}
	}
	id, user := "IdentityId", "DeveloperUserIdentifier"
	for _, row := range []struct {
		name string
		in   pooltest.Object
		want any
	}{
		{"a name", pooltest.Object{user: "carol"}, names(carol, "carol")},
		{"a name, of one who has another", pooltest.Object{user: "alice"}, names(both, "alice", "bob")},
		{"an identity", pooltest.Object{id: both}, names(both, "alice", "bob")},
		{"both, that belong together", pooltest.Object{id: both, user: "bob"}, names(both, "bob")},
		{"both, that do not", pooltest.Object{id: both, user: "carol"}, anotherUser},
		{"both, with a name of nobody", pooltest.Object{id: both, user: "nobody"}, anotherUser},
		{"both, with a guest", pooltest.Object{id: guest, user: "carol"}, anotherUser},
		{"a guest", pooltest.Object{id: guest}, names(guest)},
		{"a name of nobody", pooltest.Object{user: "nobody"}, unknownUser},
		{"a name in capitals", pooltest.Object{user: "Carol"}, unknownUser},
		{"neither", nil, invalidParameter("Give an IdentityId or a DeveloperUserIdentifier.")},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := f.lookup(t, row.in)
			if want, ok := row.want.(refusal); ok {
				want.check(t, r)
			} else if diff := cmp.Diff(row.want, r.Must(t).Object(t)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Walking an identity's names sees each once, in the order of their bytes, whatever is linked and unlinked meanwhile.
func TestLookupPages(t *testing.T) {
	f := startWithDeveloper(t)
	users := []string{"m1", "B", "a", "ä", "😀", "a\x00", "Z"}
	id, token := f.identifiers(t, users...)
	var seen []string
	in := pooltest.Object{"IdentityId": id, "MaxResults": 1}
	for n := 0; ; n++ {
		page := f.lookup(t, in).Must(t).Object(t)
		for _, user := range page["DeveloperUserIdentifierList"].([]any) {
			seen = append(seen, user.(string))
		}
		next, more := page["NextToken"].(string)
		if !more {
			break
		}
		in["NextToken"] = next
		if n < 6 {
			f.vouch(t, fmt.Sprint("n", n), pooltest.Object{"IdentityId": id, "Logins": own(token)}).Must(t)
		}
		if n == 0 { // the one that was just shown: the walk goes on behind it
			f.Signed(t, "UnlinkDeveloperIdentity", pooltest.Object{
				"IdentityPoolId": f.pool, "IdentityId": id, "DeveloperProviderName": "login.example", "DeveloperUserIdentifier": seen[0],
			}).Must(t)
		}
	}
	if !slices.IsSorted(seen) || len(slices.Compact(slices.Clone(seen))) != len(seen) {
		t.Errorf("the order is %q", seen)
	}
	for _, user := range users {
		if !slices.Contains(seen, user) {
			t.Errorf("%q was not seen", user)
		}
	}
	if all := f.lookup(t, pooltest.Object{"IdentityId": id}).Must(t).Object(t); len(all["DeveloperUserIdentifierList"].([]any)) != 12 || all["NextToken"] != nil {
		t.Errorf("all on one page: %v", all)
	}
}

// A page token is good for the identity that it was given out for, however that is asked for.
func TestLookupPageTokens(t *testing.T) {
	f := startWithDeveloper(t)
	id, _ := f.identifiers(t, "a", "b")
	twin, _ := f.identifiers(t, "c", "d")
	f.getID(t, nil)
	token := f.lookup(t, pooltest.Object{"IdentityId": id, "MaxResults": 1}).Must(t).Object(t)["NextToken"]
	listed := f.page(t, "ListIdentities", "", 1)["NextToken"]
	pool := f.pool
	f.pool = f.create(t, pooltest.Object{"DeveloperProviderName": "login.example"})
	beside, _ := f.identifiers(t, "a", "b")
	badPage.check(t, f.lookup(t, pooltest.Object{"IdentityId": beside, "NextToken": token}))
	f.pool = pool
	badPage.check(t, f.lookup(t, pooltest.Object{"IdentityId": twin, "NextToken": token}))
	badPage.check(t, f.lookup(t, pooltest.Object{"DeveloperUserIdentifier": "c", "NextToken": token}))
	badPage.check(t, f.lookup(t, pooltest.Object{"IdentityId": id, "NextToken": listed}))
	badPage.check(t, f.lookup(t, pooltest.Object{"IdentityId": id, "DeveloperUserIdentifier": "a", "NextToken": "garbage"}))
	badPage.check(t, f.lookup(t, pooltest.Object{"IdentityId": id, "NextToken": token.(string) + "A"}))
	badPage.check(t, f.Signed(t, "ListIdentities", pooltest.Object{"IdentityPoolId": f.pool, "MaxResults": 1, "NextToken": token}))
	for _, in := range []pooltest.Object{{"IdentityId": id}, {"DeveloperUserIdentifier": "a"}, {"DeveloperUserIdentifier": "b"}} {
		in["NextToken"] = token
		want := pooltest.Object{"IdentityId": id, "DeveloperUserIdentifierList": []any{"b"}}
		if diff := cmp.Diff(want, f.lookup(t, in).Must(t).Object(t)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", in, diff)
		}
	}
}

// mergeUsers calls MergeDeveloperIdentities on the pool.
func (f *front) mergeUsers(t *testing.T, source, destination string) *pooltest.Reply {
	t.Helper()
	return f.Signed(t, "MergeDeveloperIdentities", pooltest.Object{
		"IdentityPoolId": f.pool, "DeveloperProviderName": "login.example", "SourceUserIdentifier": source, "DestinationUserIdentifier": destination,
	})
}

// couple is two users of whom one shall be merged into the other: how many names each has, and at whom public logins.
type couple struct {
	name              string
	sourceNames       int
	source            []*pooltest.Provider
	destinationNames  int
	destination       []*pooltest.Provider
	destinationBefore bool // it is the older
	want              *refusal
}

// Which two can become one.
func TestMergeDeveloperIdentities(t *testing.T) {
	f := startWithDeveloper(t)
	second := pooltest.NewProvider(t)
	f.register(t, second)
	both := []*pooltest.Provider{f.idp, second}
	for i, row := range []couple{
		{"the younger taken in", 1, nil, 1, nil, true, nil},
		{"the older taken in", 1, nil, 1, nil, false, nil},
		{"several names each", 2, nil, 3, nil, true, nil},
		{"with a public login", 1, both[:1], 1, nil, true, nil},
		{"into one with a public login", 1, nil, 1, both[:1], true, nil},
		{"with logins of different providers", 1, both[:1], 1, both[1:], true, nil},
		{"with a login of the same provider each", 1, both[:1], 1, both[:1], true, &secondLogin},
		{"with one more", 1, both, 1, both[:1], true, &secondLogin},
		{"to 20 logins", 9, both[:1], 9, both[1:], true, nil},
		{"to 21 logins", 10, both[:1], 9, both[1:], true, &tooMany},
	} {
		t.Run(row.name, func(t *testing.T) { f.marry(t, fmt.Sprint("a", i), fmt.Sprint("b", i), row) })
	}
}

// user makes an identity whose first identifier is the name; n identifiers in all, and logins of these providers.
func (f *front) user(t *testing.T, name string, n int, providers []*pooltest.Provider) string {
	t.Helper()
	logins := pooltest.Object{}
	for _, p := range providers {
		logins[p.Name()] = p.Token("app", name)
	}
	id, token := f.vouched(t, name, pooltest.Object{"Logins": logins})
	for i := range n - 1 {
		f.vouch(t, fmt.Sprint(name, " ", i), pooltest.Object{"IdentityId": id, "Logins": own(token)}).Must(t)
	}
	f.Clock.Advance(time.Second)
	return id
}

// marry merges a new user a into a new user b, and sees what becomes of their names, logins and credentials.
func (f *front) marry(t *testing.T, a, b string, row couple) {
	t.Helper()
	var source, destination string
	if row.destinationBefore {
		destination = f.user(t, b, row.destinationNames, row.destination)
	}
	source = f.user(t, a, row.sourceNames, row.source)
	if !row.destinationBefore {
		destination = f.user(t, b, row.destinationNames, row.destination)
	}
	_, sourceToken := f.vouched(t, a, nil)
	_, token := f.vouched(t, b, nil)
	over := credentials(t, f.as(t, "GetCredentialsForIdentity", source, own(sourceToken)))
	kept := credentials(t, f.as(t, "GetCredentialsForIdentity", destination, own(token)))
	before := f.describe(t, source)["Logins"]
	r := f.mergeUsers(t, a, b)
	if row.want != nil {
		row.want.check(t, r)
		if diff := cmp.Diff(before, f.describe(t, source)["Logins"]); diff != "" || f.ended(t, over) {
			t.Errorf("the source has changed (-before +after):\n%s", diff)
		}
		return
	}
	if got := r.Must(t).Object(t); !cmp.Equal(got, pooltest.Object{"IdentityId": destination}) {
		t.Errorf("%v, want the destination %s", got, destination)
	}
	for _, name := range []string{a, b} {
		if got, _ := f.vouched(t, name, nil); got != destination {
			t.Errorf("%s has %s", name, got)
		}
	}
	for _, p := range row.source {
		if got := f.getID(t, pooltest.Object{p.Name(): p.Token("app", a)}); got != destination {
			t.Errorf("the login of %s is %s's", p.Name(), got)
		}
	}
	names := f.lookup(t, pooltest.Object{"IdentityId": destination}).Must(t).Object(t)["DeveloperUserIdentifierList"].([]any)
	if len(names) != row.sourceNames+row.destinationNames {
		t.Errorf("it has the names %q", names)
	}
	if !f.ended(t, over) || f.ended(t, kept) {
		t.Error("credentials of the one taken in must end, those of the other not")
	}
	forbidden(source).check(t, f.as(t, "GetCredentialsForIdentity", source, nil))
}

// Two names of one identity are one already; names of nobody, and other providers' names, are none.
func TestMergeNothing(t *testing.T) {
	f := startWithDeveloper(t)
	id, token := f.identifiers(t, "bob", "bob@work")
	s := credentials(t, f.as(t, "GetCredentialsForIdentity", id, own(token)))
	f.getID(t, f.logins("alice"))
	before := f.list(t)
	for _, pair := range [][2]string{{"bob", "bob@work"}, {"bob@work", "bob"}, {"bob", "bob"}} {
		if got := f.mergeUsers(t, pair[0], pair[1]).Must(t).Object(t)["IdentityId"]; got != id {
			t.Errorf("%v are %v", pair, got)
		}
	}
	unknownUser.check(t, f.mergeUsers(t, "bob", "alice"))
	unknownUser.check(t, f.mergeUsers(t, "alice", "bob"))
	if after := f.list(t); after != before || f.ended(t, s) {
		t.Errorf("the pool has changed:\nfrom %s\nto   %s", before, after)
	}
}
