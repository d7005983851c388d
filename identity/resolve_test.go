package identity_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"idpool/identity"
)

// The logins of the tables: by a letter for the provider and one for the subject.
var (
	ax, ay = login("a", "x"), login("a", "y")
	bx, cx = login("b", "x"), login("c", "x")

	dx, dy = login(developer, "x"), login(developer, "y")
)

// developer is the provider of the developer's own users.
const developer = "developer"

func login(provider, subject string) identity.Login {
	return identity.Login{Provider: provider, Subject: subject}
}

// many makes n logins of one subject at n providers, from the provider with the given number on.
func many(n, from int) []identity.Login {
	var logins []identity.Login
	for i := range n {
		logins = append(logins, login(fmt.Sprintf("provider %02d", from+i), "x"))
	}
	return logins
}

func id(n int) identity.ID { return identity.ID{14: byte(n >> 8), 15: byte(n)} }

// fresh is the id that a new identity would get.
var fresh = identity.ID{0xff}

// person makes an identity: the number is its age's rank, the oldest is 1, and the end of its id.
func person(n int, logins ...identity.Login) identity.Identity {
	return identity.Identity{ID: id(n), Created: time.Unix(int64(n), 0), Logins: logins}
}

func guest(n int) identity.Identity { return person(n) }

func disabled(n int) identity.Identity {
	loser := person(n)
	loser.Disabled = true
	return loser
}

// call is a call as Resolve sees it. Guests are allowed unless it says otherwise.
type call struct{ identity.Facts }

func shows(logins ...identity.Login) call {
	return call{identity.Facts{AllowGuests: true, Developer: developer, MaxLinked: identity.MaxLinked, Fresh: fresh, Logins: logins}}
}

func (c call) naming(i identity.Identity) call {
	c.Named = &i
	return c
}

func (c call) owners(all ...identity.Identity) call {
	c.Owners = all
	return c
}

func (c call) noGuests() call {
	c.AllowGuests = false
	return c
}

func (c call) resolve() (identity.Plan, error) { return identity.Resolve(&c.Facts) }

// outcome is a plan or a refusal.
type outcome struct {
	plan identity.Plan
	err  error
}

func is(i identity.ID) outcome           { return outcome{plan: identity.Plan{Identity: i}} }
func makes() outcome                     { return outcome{plan: identity.Plan{Identity: fresh, New: true}} }
func refused(r identity.Refusal) outcome { return outcome{err: r} }

func (o outcome) links(logins ...identity.Login) outcome {
	o.plan.Link = logins
	return o
}

func (o outcome) absorbs(ids ...identity.ID) outcome {
	o.plan.Absorb = ids
	return o
}

func TestResolve(t *testing.T) {
	for _, row := range []struct {
		name string
		call call
		want outcome
	}{
		// GetId.
		{"no login: a new guest", shows(), makes()},
		{"no login, no guests", shows().noGuests(), refused(identity.GuestsForbidden)},
		{"one login, known", shows(ax).owners(person(1, ax)), is(id(1))},
		{"one login, known, of several", shows(ax).owners(person(1, ax, bx)), is(id(1))},
		{"one login, unknown", shows(ax), makes().links(ax)},
		{"one login, unknown, where guests are not allowed", shows(ax).noGuests(), makes().links(ax)},
		{"several logins, none known", shows(ax, bx), makes().links(ax, bx)},
		{"several logins, one known", shows(ax, bx, cx).owners(person(1, bx)), is(id(1)).links(ax, cx)},
		{"several logins, known as one", shows(ax, bx).owners(person(1, ax, bx)), is(id(1))},
		{"several logins, of two: the older takes the younger in", shows(ax, bx).owners(person(1, ax), person(2, bx)), is(id(1)).absorbs(id(2))},
		{"the same in another order", shows(bx, ax).owners(person(2, bx), person(1, ax)), is(id(1)).absorbs(id(2))},
		{"the order of the owners says nothing", shows(ax, bx).owners(person(2, ax), person(1, bx)), is(id(1)).absorbs(id(2))},
		{"several logins, of two, and one unknown", shows(ax, bx, cx).owners(person(2, ax), person(1, bx)), is(id(1)).links(cx).absorbs(id(2))},
		{"three of three", shows(ax, bx, cx).owners(person(3, ax), person(1, bx), person(2, cx)), is(id(1)).absorbs(id(2), id(3))},

		// A guest is named.
		{"a guest without a login", shows().naming(guest(1)), is(id(1))},
		{"a guest without a login, no guests any more", shows().naming(guest(1)).noGuests(), refused(identity.GuestsForbidden)},
		{"a guest with a new login keeps its id", shows(ax).naming(guest(1)), is(id(1)).links(ax)},
		{"the same where guests are not allowed", shows(ax).naming(guest(1)).noGuests(), is(id(1)).links(ax)},
		{"a guest with two new logins", shows(ax, bx).naming(guest(1)), is(id(1)).links(ax, bx)},
		{"a guest with a login that has an older owner", shows(ax).naming(guest(2)).owners(person(1, ax)), is(id(1)).absorbs(id(2))},
		{"a guest with a login that has a younger owner", shows(ax).naming(guest(1)).owners(person(2, ax)), is(id(2)).absorbs(id(1))},
		{"a guest with logins of two owners", shows(ax, bx).naming(guest(1)).owners(person(3, ax), person(2, bx)), is(id(2)).absorbs(id(1), id(3))},
		{"a guest with a login that has an owner, and a new one", shows(ax, bx).naming(guest(2)).owners(person(1, ax)), is(id(1)).links(bx).absorbs(id(2))},

		// An identity with logins is named.
		{"its login", shows(ax).naming(person(1, ax)).owners(person(1, ax)), is(id(1))},
		{"one login of its two", shows(ax).naming(person(1, ax, bx)).owners(person(1, ax, bx)), is(id(1))},
		{"no login", shows().naming(person(1, ax)), refused(identity.Forbidden)},
		{"no login, no guests", shows().naming(person(1, ax)).noGuests(), refused(identity.Forbidden)},
		{"its login and a new one", shows(ax, bx).naming(person(1, ax)).owners(person(1, ax)), is(id(1)).links(bx)},
		{"only a new login", shows(bx).naming(person(1, ax)), refused(identity.NoLoginMatches)},
		{"another subject at its provider", shows(ay).naming(person(1, ax)), refused(identity.NoLoginMatches)},
		{"only a login of another", shows(bx).naming(person(1, ax)).owners(person(2, bx)), refused(identity.NoLoginMatches)},
		{"its login and one of a younger", shows(ax, bx).naming(person(1, ax)).owners(person(1, ax), person(2, bx)), is(id(1)).absorbs(id(2))},
		{"its login and one of an older", shows(ax, bx).naming(person(2, ax)).owners(person(2, ax), person(1, bx)), is(id(2)).absorbs(id(1))},
		{"its login and those of two others", shows(ax, bx, cx).naming(person(2, ax)).owners(person(3, bx), person(1, cx), person(2, ax)), is(id(2)).absorbs(id(1), id(3))},

		// One that lost a merge is named.
		{"disabled, no login", shows().naming(disabled(1)), refused(identity.Forbidden)},
		{"disabled, no login, no guests", shows().naming(disabled(1)).noGuests(), refused(identity.Forbidden)},
		{"disabled, a new login", shows(ax).naming(disabled(1)), refused(identity.Forbidden)},
		{"disabled, a login that was its own", shows(ax).naming(disabled(1)).owners(person(2, ax)), refused(identity.Forbidden)},

		// One login of a provider.
		{"two subjects of one provider, both new", shows(ax, ay), refused(identity.SecondLogin)},
		{"a second subject of a provider that the owner has", shows(ay, bx).owners(person(1, ax, bx)), refused(identity.SecondLogin)},
		{"a second subject beside its own login", shows(ax, ay).naming(person(1, ax)).owners(person(1, ax)), refused(identity.SecondLogin)},
		{"a merge of two logins of one provider", shows(ax, bx).owners(person(1, ax), person(2, bx, ay)), refused(identity.SecondLogin)},
		{"a merge of two that were not shown", shows(ax, bx).owners(person(1, ax, cx), person(2, bx, login("c", "y"))), refused(identity.SecondLogin)},
		{"one login shown twice is one login", shows(ax, ax), makes().links(ax)},

		// At most 20 logins.
		{"the 20th login", shows(append(many(1, 0), ax)...).naming(person(1, many(19, 0)...)).owners(person(1, many(19, 0)...)), is(id(1)).links(ax)},
		{"the 21st login", shows(append(many(1, 0), ax)...).naming(person(1, many(20, 0)...)).owners(person(1, many(20, 0)...)), refused(identity.TooManyLogins)},
		{"a merge to 20", shows(append(many(1, 0), many(1, 10)...)...).owners(person(1, many(10, 0)...), person(2, many(10, 10)...)), is(id(1)).absorbs(id(2))},
		{"a merge to 21", shows(append(many(1, 0), many(1, 10)...)...).owners(person(1, many(10, 0)...), person(2, many(11, 10)...)), refused(identity.TooManyLogins)},
		{"21 new logins", shows(many(21, 0)...), refused(identity.TooManyLogins)},
		{"21 logins, let in when more were allowed", shows(ax).owners(person(1, append(many(20, 0), ax)...)), is(id(1))},

		// The developer's own identifiers.
		{"an identifier, unknown", shows(dx), makes().links(dx)},
		{"an identifier, unknown, where guests are not allowed", shows(dx).noGuests(), makes().links(dx)},
		{"an identifier, known", shows(dx).owners(person(1, dx)), is(id(1))},
		{"an identifier and a login of another: the older takes the younger in", shows(dx, ax).owners(person(2, dx), person(1, ax)), is(id(1)).absorbs(id(2))},
		{"an identifier for a guest", shows(dx).naming(guest(1)), is(id(1)).links(dx)},
		{"an identifier that the named identity has", shows(dx).naming(person(1, dx)).owners(person(1, dx)), is(id(1))},
		{"an identifier for an identity, without a login of its own", shows(dx).naming(person(1, ax)), refused(identity.NoLoginMatches)},
		{"an identifier for an identity, with a login of its own", shows(dx, ax).naming(person(1, ax)).owners(person(1, ax)), is(id(1)).links(dx)},
		{"a second identifier, with a login of its own", shows(dy, ax).naming(person(1, ax, dx)).owners(person(1, ax, dx)), is(id(1)).links(dy)},
		{"an identifier of another, for a guest", shows(dx).naming(guest(1)).owners(person(2, dx)), refused(identity.DeveloperTaken)},
		{"an identifier of another, for an identity", shows(dx).naming(person(1, ax)).owners(person(2, dx)), refused(identity.DeveloperTaken)},
		{"an identifier of another, with a login of its own", shows(dx, ax).naming(person(1, ax)).owners(person(1, ax), person(2, dx)), refused(identity.DeveloperTaken)},
		{"an identifier for one that lost a merge", shows(dx).naming(disabled(1)).owners(person(2, dx)), refused(identity.Forbidden)},
		{"its identifier and a login of another: that is taken in", shows(dx, ax).naming(person(2, dx)).owners(person(1, ax), person(2, dx)), is(id(2)).absorbs(id(1))},
		{"identifiers of two, through a login", shows(ax, bx).owners(person(1, ax, dx), person(2, bx, dy)), is(id(1)).absorbs(id(2))},
	} {
		t.Run(row.name, func(t *testing.T) {
			var got outcome
			got.plan, got.err = row.call.resolve()
			if !errors.Is(got.err, row.want.err) {
				t.Fatalf("error %v, want %v", got.err, row.want.err)
			}
			if diff := cmp.Diff(row.want.plan, got.plan); diff != "" && row.want.err == nil {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

// Of identities that were made in the same millisecond the smaller id is the older, so that every node says the same.
func TestResolveOfOneAge(t *testing.T) {
	first, second := person(1, ax), person(2, bx)
	second.Created = first.Created
	for _, owners := range [][]identity.Identity{{first, second}, {second, first}} {
		plan, err := shows(ax, bx).owners(owners...).resolve()
		if want := is(id(1)).absorbs(id(2)).plan; err != nil || !cmp.Equal(plan, want) {
			t.Errorf("owners %v: plan %+v, %v; want %+v", owners, plan, err, want)
		}
	}
}

func TestPlanWrites(t *testing.T) {
	for _, row := range []struct {
		plan identity.Plan
		want bool
	}{
		{is(id(1)).plan, false},
		{makes().plan, true},
		{is(id(1)).links(ax).plan, true},
		{is(id(1)).absorbs(id(2)).plan, true},
	} {
		if got := row.plan.Writes(); got != row.want {
			t.Errorf("%+v writes: %v, want %v", row.plan, got, row.want)
		}
	}
}

// world is a pool as calls have made it.
type world struct {
	all   map[identity.ID]identity.Identity
	owner map[identity.Login]identity.ID // who has each login that was ever let in
	next  int
}

// do resolves a call, and carries the plan out as the service does.
func (w *world) do(t *rapid.T, named *identity.Identity, logins []identity.Login) (identity.Plan, error) {
	w.next++
	facts := w.facts(named, logins)
	plan, err := identity.Resolve(facts)
	if !reflect.DeepEqual(facts, w.facts(named, logins)) {
		t.Fatalf("Resolve has changed its facts: %+v", facts)
	}
	if err != nil {
		return plan, err
	}
	result := w.all[plan.Identity]
	if plan.New {
		result = person(w.next)
	}
	for _, loser := range plan.Absorb {
		absorbed := w.all[loser]
		result.Logins = append(slices.Clone(result.Logins), absorbed.Logins...)
		absorbed.Logins, absorbed.Disabled = nil, true
		w.all[loser] = absorbed
	}
	result.Logins = append(slices.Clone(result.Logins), plan.Link...)
	w.all[result.ID] = result
	for _, l := range result.Logins {
		w.owner[l] = result.ID
	}
	return plan, nil
}

func (w *world) facts(named *identity.Identity, logins []identity.Login) *identity.Facts {
	facts := &identity.Facts{AllowGuests: true, MaxLinked: identity.MaxLinked, Fresh: id(w.next), Logins: slices.Clone(logins)}
	if named != nil {
		facts.Named = new(w.all[named.ID])
	}
	for _, l := range logins {
		if owner, known := w.owner[l]; known && !slices.ContainsFunc(facts.Owners, func(i identity.Identity) bool { return i.ID == owner }) {
			facts.Owners = append(facts.Owners, w.all[owner])
		}
	}
	return facts
}

// check holds the world to what is true of it whatever was called.
func (w *world) check(t *rapid.T) {
	found := make(map[identity.Login]identity.ID)
	for _, i := range w.all {
		providers := make(map[string]bool)
		for _, l := range i.Logins {
			if other, twice := found[l]; twice {
				t.Fatalf("%v belongs to %v and to %v", l, other, i.ID)
			}
			found[l] = i.ID
			if providers[l.Provider] {
				t.Fatalf("%v has two logins of %s", i.ID, l.Provider)
			}
			providers[l.Provider] = true
		}
		if len(i.Logins) > identity.MaxLinked || i.Disabled && len(i.Logins) > 0 {
			t.Fatalf("%v: disabled %v with %d logins", i.ID, i.Disabled, len(i.Logins))
		}
	}
	if !maps.Equal(w.owner, found) {
		t.Fatalf("logins that were let in (-), and those that somebody has (+):\n%s", cmp.Diff(w.owner, found))
	}
}

// Whatever was called before: no login is lost or given to two, the result is never a disabled identity and has all logins
// that were shown, and the same call once more means the same and writes nothing.
func TestResolveProperties(t *testing.T) {
	anyLogin := rapid.Custom(func(t *rapid.T) identity.Login {
		return login(string(rune('a'+rapid.IntRange(0, 24).Draw(t, "provider"))), rapid.SampledFrom([]string{"x", "y"}).Draw(t, "subject"))
	})
	rapid.Check(t, func(t *rapid.T) {
		w := &world{all: make(map[identity.ID]identity.Identity), owner: make(map[identity.Login]identity.ID)}
		call := func(t *rapid.T, named *identity.Identity, least int) {
			logins := rapid.SliceOfNDistinct(anyLogin, least, 10, rapid.ID[identity.Login]).Draw(t, "logins")
			plan, err := w.do(t, named, logins)
			if err != nil {
				return
			}
			if w.all[plan.Identity].Disabled {
				t.Fatal("the result is disabled")
			}
			for _, l := range logins {
				if w.owner[l] != plan.Identity {
					t.Fatalf("the result is %v, and %v belongs to %v", plan.Identity, l, w.owner[l])
				}
			}
			if len(logins) == 0 && named == nil {
				return // every guest is another
			}
			result := w.all[plan.Identity]
			for _, naming := range []*identity.Identity{named, &result} {
				if naming != nil && naming.ID != plan.Identity {
					continue // it was taken in
				}
				again, err := w.do(t, naming, rapid.Permutation(logins).Draw(t, "shuffled"))
				if err != nil || again.Identity != plan.Identity || again.Writes() {
					t.Fatalf("the same call once more, naming %v: %+v, %v", naming, again, err)
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"":      w.check,
			"GetId": func(t *rapid.T) { call(t, nil, 0) },
			"naming": func(t *rapid.T) {
				if len(w.all) == 0 {
					t.Skip("nobody is there yet")
				}
				all := slices.SortedFunc(maps.Values(w.all), func(a, b identity.Identity) int { return bytes.Compare(a.ID[:], b.ID[:]) })
				named := rapid.SampledFrom(all).Draw(t, "named")
				call(t, &named, 0)
			},
		})
	})
}

// The same facts in another order are the same facts.
func TestResolveOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		owners := []identity.Identity{person(1, ax), person(2, bx), person(3, cx), person(4, login("d", "x"))}
		logins := []identity.Login{ax, bx, cx, login("d", "x"), login("e", "x")}
		want, err := shows(logins...).owners(owners...).resolve()
		if err != nil {
			t.Fatal(err)
		}
		got, err := shows(rapid.Permutation(logins).Draw(t, "logins")...).
			owners(rapid.Permutation(owners).Draw(t, "owners")...).resolve()
		if err != nil || !cmp.Equal(got, want) {
			t.Fatalf("%+v, %v; want %+v", got, err, want)
		}
	})
}

// Every refusal has words of its own: they are all that a log has of it.
func TestRefusalTexts(t *testing.T) {
	seen := make(map[string]bool)
	for r := identity.GuestsForbidden; r <= identity.DeveloperTaken; r++ {
		if text := r.Error(); seen[text] || text == "refused" {
			t.Errorf("refusal %d says %q", r, text)
		} else {
			seen[text] = true
		}
	}
	if len(seen) != 6 || !strings.Contains(identity.SecondLogin.Error(), "two logins") {
		t.Errorf("refusals: %v", seen)
	}
}
