package cognito_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"

	"idpool/cognito"
	"idpool/internal/pgtest"
	"idpool/pooltest"
	"idpool/server"
)

// ring is where calls race: two nodes over one database, or the one that SQLite can have.
type ring struct {
	*front
	second *pooltest.Provider
	nodes  [2]*front
}

// enter makes a ring on a database; an empty url is SQLite.
func enter(t *testing.T, url string) *ring {
	t.Helper()
	options := []func(*server.Config){func(c *server.Config) {
		c.SigningAlgorithm, c.Quotas = "ES256", cognito.Quotas{LinkedLogins: 3, Pools: 3}
		if url != "" {
			c.Database, c.IssuerURL = url, "http://127.0.0.1:1"
		}
	}}
	r := &ring{front: start(t, options...), second: pooltest.NewProvider(t)}
	r.register(t, r.second)
	r.update(t, r.pool, pooltest.Object{
		"OpenIdConnectProviderARNs": []string{r.idp.ARN(pooltest.Account), r.second.ARN(pooltest.Account)}, "DeveloperProviderName": "login.example",
	})
	r.nodes = [2]*front{r.front, r.front}
	if url != "" {
		r.nodes[1] = &front{Node: pooltest.Start(t, options...), idp: r.idp, pool: r.pool}
	}
	return r
}

// rounds is how often each race is run; IDPOOL_TEST_ROUNDS says otherwise.
func rounds(t *testing.T) int {
	t.Helper()
	text := os.Getenv("IDPOOL_TEST_ROUNDS")
	if text == "" {
		return 200
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("IDPOOL_TEST_ROUNDS: %v", err)
	}
	return n
}

// atOnce lets calls race, by turns on one node and on the other.
func (r *ring) atOnce(calls ...func(f *front) *pooltest.Reply) []*pooltest.Reply {
	replies := make([]*pooltest.Reply, len(calls))
	begin := make(chan struct{})
	var all sync.WaitGroup
	for i, call := range calls {
		all.Go(func() {
			<-begin
			replies[i] = call(r.nodes[i%2])
		})
	}
	close(begin)
	all.Wait()
	return replies
}

// codes are how calls were answered, sorted; empty for success.
func codes(replies []*pooltest.Reply) string {
	var all []string
	for _, r := range replies {
		all = append(all, r.Code())
	}
	slices.Sort(all)
	return fmt.Sprintf("%q", all)
}

// among checks that the answers are one of these, as if one call had come after the other.
func among(t *testing.T, replies []*pooltest.Reply, want ...string) {
	t.Helper()
	if got := codes(replies); !slices.Contains(want, got) {
		t.Errorf("the answers are %s, want one of %q: %s", got, want, replies[0].Body)
	}
}

// Two calls that are both answered well, and of which one is refused.
const (
	both      = `["" ""]`
	notFound1 = `["" "ResourceNotFoundException"]`
	refused1  = `["" "NotAuthorizedException"]`
	invalid1  = `["" "InvalidParameterException"]`
	conflict1 = `["" "ResourceConflictException"]`
	exceeded1 = `["" "LimitExceededException"]`
)

// owner signs in again with a login: the identity that it belongs to, which is there and has it.
func (r *ring) owner(t *testing.T, logins pooltest.Object) string {
	t.Helper()
	id := r.getID(t, logins)
	has, _ := r.describe(t, id)["Logins"].([]any)
	for name := range logins {
		if !slices.Contains(has, any(name)) {
			t.Errorf("%s owns a login of %s, and has %v", id, name, has)
		}
	}
	return id
}

// exists tells whether an identity is there.
func (r *ring) exists(t *testing.T, id string) bool {
	t.Helper()
	return r.Signed(t, "DescribeIdentity", pooltest.Object{"IdentityId": id}).Code() == ""
}

// a and b are logins of a subject at the one provider and at the other.
func (r *ring) a(subject string) pooltest.Object { return r.logins(subject, r.idp) }
func (r *ring) b(subject string) pooltest.Object { return r.logins(subject, r.second) }
func (r *ring) ab(one, other string) pooltest.Object {
	return pooltest.Object{r.idp.Name(): r.idp.Token("app", one), r.second.Name(): r.second.Token("app", other)}
}

// signsIn, shows, deletes and unlinks are calls that race.
func signsIn(t *testing.T, logins pooltest.Object) func(*front) *pooltest.Reply {
	return func(f *front) *pooltest.Reply {
		return f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": f.pool, "Logins": logins})
	}
}

func shows(t *testing.T, id string, logins pooltest.Object) func(*front) *pooltest.Reply {
	return func(f *front) *pooltest.Reply { return f.as(t, "GetOpenIdToken", id, logins) }
}

func deletes(t *testing.T, id string) func(*front) *pooltest.Reply {
	return func(f *front) *pooltest.Reply {
		return f.Signed(t, "DeleteIdentities", pooltest.Object{"IdentityIdsToDelete": []string{id}})
	}
}

func unlinks(t *testing.T, id string, shown pooltest.Object, provider string) func(*front) *pooltest.Reply {
	return func(f *front) *pooltest.Reply { return f.unlink(t, id, shown, provider) }
}

func merges(t *testing.T, source, destination string) func(*front) *pooltest.Reply {
	return func(f *front) *pooltest.Reply { return f.mergeUsers(t, source, destination) }
}

// races are by name what must not go wrong between two calls: updates that get lost, and writes that go by what the other
// changes. n is another string in each round.
var races = map[string]func(t *testing.T, r *ring, n string){
	"two first sign-ins":                    twoFirstSignIns,
	"two first sign-ins that share a login": twoSharedSignIns,
	"a sign-in and a deletion":              signInAndDeletion,
	"two merges crossing":                   mergesCrossing,
	"three merges in a circle":              mergesInACircle,
	"a link and a deletion":                 linkAndDeletion,
	"a link and an unlink":                  linkAndUnlink,
	"two unlinks":                           twoUnlinks,
	"a guest claimed twice":                 guestClaimedTwice,
	"two logins of one provider":            twoLoginsOfOneProvider,
	"two links at the quota":                twoLinksAtTheQuota,
	"two pools at the quota":                twoPoolsAtTheQuota,
	"two pools of one id":                   twoPoolsOfOneID,
	"three parts of a pool's settings":      threePartsOfSettings,
	"two updates of a pool":                 twoUpdatesOfAPool,
	"a sign-in and the pool's deletion":     signInAndPoolDeletion,
	"two clients of a provider":             twoClients,
	"a role's deletion and its policy":      roleDeletionAndPolicy,
	"two keys at the quota":                 twoKeysAtTheQuota,
	"two roles of one name":                 twoRolesOfOneName,
}

func TestRaces(t *testing.T) {
	engines := map[string]func(*testing.T) string{
		"sqlite":      func(*testing.T) string { return "" },
		"postgres":    func(t *testing.T) string { return pgtest.Installed.Start(t)(t) },
		"postgres-18": func(t *testing.T) string { return pgtest.Eighteen.Start(t)(t) },
	}
	for engine, database := range engines {
		t.Run(engine, func(t *testing.T) {
			r := enter(t, database(t))
			for name, race := range races {
				t.Run(name, func(t *testing.T) {
					for n := 0; n < rounds(t) && !t.Failed(); n++ {
						race(t, r, fmt.Sprintf("%s %d", name, n))
					}
				})
			}
		})
	}
}

// One person, one identity.
func twoFirstSignIns(t *testing.T, r *ring, n string) {
	replies := r.atOnce(signsIn(t, r.a(n)), signsIn(t, r.a(n)))
	among(t, replies, both)
	owner := r.owner(t, r.a(n))
	for _, reply := range replies {
		if id := reply.Object(t)["IdentityId"]; id != owner {
			t.Errorf("one login, two identities: %v and %s", id, owner)
		}
	}
}

func twoSharedSignIns(t *testing.T, r *ring, n string) {
	among(t, r.atOnce(signsIn(t, r.ab(n, n)), signsIn(t, r.b(n))), both)
	if one, other := r.owner(t, r.a(n)), r.owner(t, r.b(n)); one != other {
		t.Errorf("one person, two identities: %s and %s", one, other)
	}
}

// Whoever signs in while the identity goes has the old one, which is gone, or a new one, which stays.
func signInAndDeletion(t *testing.T, r *ring, n string) {
	id := r.getID(t, r.a(n))
	replies := r.atOnce(signsIn(t, r.a(n)), deletes(t, id))
	among(t, replies, both)
	if r.exists(t, id) {
		t.Errorf("%s was deleted and is there", id)
	}
	got, owner := replies[0].Object(t)["IdentityId"], r.owner(t, r.a(n))
	if owner == id || got != id && got != owner {
		t.Errorf("of the old %s and the new %s, the sign-in gave %s", id, owner, got)
	}
}

// A into B and B into A: one takes the other in, whichever comes first, and both names are its own.
func mergesCrossing(t *testing.T, r *ring, n string) {
	a, _ := r.vouched(t, n+"a", nil)
	b, _ := r.vouched(t, n+"b", nil)
	replies := r.atOnce(merges(t, n+"a", n+"b"), merges(t, n+"b", n+"a"))
	among(t, replies, both)
	r.oneOf(t, replies, []string{a, b}, n+"a", n+"b")
}

func mergesInACircle(t *testing.T, r *ring, n string) {
	var ids []string
	for _, user := range []string{n + "a", n + "b", n + "c"} {
		id, _ := r.vouched(t, user, nil)
		ids = append(ids, id)
	}
	replies := r.atOnce(merges(t, n+"a", n+"b"), merges(t, n+"b", n+"c"), merges(t, n+"c", n+"a"))
	among(t, replies, `["" "" ""]`)
	r.oneOf(t, replies[:0], ids, n+"a", n+"b", n+"c")
}

// oneOf checks that exactly one of the identities is left, that all users have it, and that the answers say so.
func (r *ring) oneOf(t *testing.T, replies []*pooltest.Reply, ids []string, users ...string) {
	t.Helper()
	left, _ := r.vouched(t, users[0], nil)
	for _, user := range users[1:] {
		if id, _ := r.vouched(t, user, nil); id != left {
			t.Errorf("%s has %s, not %s", user, id, left)
		}
	}
	for _, reply := range replies {
		if id := reply.Object(t)["IdentityId"]; id != left {
			t.Errorf("a merge answered %s, not %s", id, left)
		}
	}
	for _, id := range ids {
		if logins, _ := r.describe(t, id)["Logins"].([]any); (len(logins) > 0) != (id == left) {
			t.Errorf("%s has %v, and %s is left", id, logins, left)
		}
	}
}

// What is linked to an identity goes with it: no login is left that belongs to nobody there.
func linkAndDeletion(t *testing.T, r *ring, n string) {
	id := r.getID(t, r.a(n))
	among(t, r.atOnce(shows(t, id, r.ab(n, n)), deletes(t, id)), both, notFound1)
	if r.exists(t, id) {
		t.Errorf("%s was deleted and is there", id)
	}
	if one, other := r.owner(t, r.a(n)), r.owner(t, r.b(n)); one == id || other == id || one == other {
		t.Errorf("after %s was deleted its logins have %s and %s", id, one, other)
	}
}

// An acknowledged link outlives the unlink of another login; without it, the identity has lost its last login and is closed.
func linkAndUnlink(t *testing.T, r *ring, n string) {
	id := r.getID(t, r.a(n))
	replies := r.atOnce(shows(t, id, r.ab(n, n)), unlinks(t, id, r.a(n), r.idp.Name()))
	among(t, replies, both, refused1)
	replies[1].Must(t)
	if linked := replies[0].Code() == ""; linked != (r.owner(t, r.b(n)) == id) {
		t.Errorf("the link was acknowledged: %v, and is not so", linked)
	}
	if r.owner(t, r.a(n)) == id {
		t.Errorf("the unlinked login is still %s's", id)
	}
}

// Each takes away one login while the other is still there: an identity without any is closed, and no guest.
func twoUnlinks(t *testing.T, r *ring, n string) {
	id := r.getID(t, r.ab(n, n))
	among(t, r.atOnce(unlinks(t, id, r.a(n), r.idp.Name()), unlinks(t, id, r.b(n), r.second.Name())), both)
	forbidden(id).check(t, r.as(t, "GetOpenIdToken", id, nil))
	if one, other := r.owner(t, r.a(n)), r.owner(t, r.b(n)); one == id || other == id || one == other {
		t.Errorf("the unlinked logins have %s and %s", one, other)
	}
}

// A guest becomes one person.
func guestClaimedTwice(t *testing.T, r *ring, n string) {
	id := r.getID(t, nil)
	replies := r.atOnce(shows(t, id, r.a(n+"x")), shows(t, id, r.a(n+"y")))
	among(t, replies, refused1)
	for i, user := range []string{n + "x", n + "y"} {
		if won := replies[i].Code() == ""; won != (r.owner(t, r.a(user)) == id) {
			t.Errorf("the guest was given to %s: %v, and is not so", user, won)
		}
	}
}

func twoLoginsOfOneProvider(t *testing.T, r *ring, n string) {
	id := r.getID(t, r.a(n))
	replies := r.atOnce(shows(t, id, r.ab(n, n+"x")), shows(t, id, r.ab(n, n+"y")))
	among(t, replies, conflict1)
	for i, user := range []string{n + "x", n + "y"} {
		if won := replies[i].Code() == ""; won != (r.owner(t, r.b(user)) == id) {
			t.Errorf("%s was linked: %v, and is not so", user, won)
		}
	}
}

// An identity may have three logins here, and has two.
func twoLinksAtTheQuota(t *testing.T, r *ring, n string) {
	id, token := r.identifiers(t, n+"a", n+"b")
	adds := func(user string) func(*front) *pooltest.Reply {
		return func(f *front) *pooltest.Reply {
			return f.vouch(t, user, pooltest.Object{"IdentityId": id, "Logins": own(token)})
		}
	}
	among(t, r.atOnce(adds(n+"c"), adds(n+"d")), invalid1)
	names := r.lookup(t, pooltest.Object{"IdentityId": id}).Must(t).Object(t)["DeveloperUserIdentifierList"].([]any)
	if len(names) != 3 {
		t.Errorf("%s has the names %q", id, names)
	}
}
