package cognito_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// takes says what each call of a history takes.
var takes = map[string][]string{
	"GetId":                              {"pool", "logins"},
	"GetOpenIdToken":                     {"id", "logins", "held"},
	"GetCredentialsForIdentity":          {"id", "logins", "held"},
	"GetOpenIdTokenForDeveloperIdentity": {"pool", "id", "user", "logins"},
	"UnlinkIdentity":                     {"id", "logins", "held", "drop"},
	"UnlinkDeveloperIdentity":            {"pool", "id", "user"},
	"MergeDeveloperIdentities":           {"pool", "source", "user"},
	"LookupDeveloperIdentity":            {"pool", "id", "user"},
	"DescribeIdentity":                   {"id"},
	"DeleteIdentities":                   {"ids"},
	"ListIdentities":                     {"pool", "hide"},
}

// often are the names of these calls, the more telling ones more than once. Rapid prefers what is first.
var often = []string{
	"GetOpenIdTokenForDeveloperIdentity", "GetId", "UnlinkIdentity", "GetCredentialsForIdentity", "MergeDeveloperIdentities",
	"UnlinkDeveloperIdentity", "GetOpenIdToken", "GetOpenIdTokenForDeveloperIdentity", "GetId", "UnlinkIdentity",
	"GetCredentialsForIdentity", "MergeDeveloperIdentities", "UnlinkDeveloperIdentity", "GetOpenIdToken", "DeleteIdentities",
	"LookupDeveloperIdentity", "DescribeIdentity", "ListIdentities",
}

var (
	public = []string{"a1", "a2", "b1", "b2", "c1", "c2"}
	users  = []string{"d1", "d2"}
)

// move is a call before it is known which identities there are.
type move struct {
	Op      string
	Pool    int
	Who     int  // the identity, by its number among those that were made; 0 is none, or one that never was
	Second  int  // another to delete; -1 is none
	Own     bool // it is in the identity's own pool, and shows one of its logins
	OwnUser bool // it is about one of the identity's own users
	Ticket  int  // which of the developer's tokens is shown; 0 is none
	Logins  []string
	Drop    []string
	User    string
	Source  string
	Hide    bool
}

var anyMove = rapid.Custom(func(t *rapid.T) move {
	return move{
		Op:      rapid.SampledFrom(often).Draw(t, "op"),
		Pool:    rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "pool"),
		Who:     rapid.SampledFrom([]int{1, 2, 3, 4, 5, 0}).Draw(t, "who"),
		Second:  rapid.SampledFrom([]int{-1, -1, -1, 0, 1, 2}).Draw(t, "second"),
		Own:     rapid.SampledFrom([]bool{true, true, false}).Draw(t, "own"),
		OwnUser: rapid.SampledFrom([]bool{true, false}).Draw(t, "own user"),
		Ticket:  rapid.SampledFrom([]int{0, 0, 0, 1, 2, 3}).Draw(t, "ticket"),
		Logins:  rapid.SliceOfNDistinct(rapid.SampledFrom(public), 0, 3, func(l string) byte { return l[0] }).Draw(t, "logins"),
		Drop:    rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 1, 2, rapid.ID).Draw(t, "drop"),
		User:    rapid.SampledFrom(users).Draw(t, "user"),
		Source:  rapid.SampledFrom([]string{"d2", "d1"}).Draw(t, "source"),
		Hide:    rapid.Bool().Draw(t, "hide"),
	}
})

// opening is how every history begins: with somebody to talk about.
var opening = []move{
	{Op: "GetId", Logins: []string{"a1"}},
	{Op: "GetOpenIdTokenForDeveloperIdentity", User: "d1", Logins: []string{"b1"}},
	{Op: "GetId"},
	{Op: "GetOpenIdTokenForDeveloperIdentity", User: "d2", Logins: []string{"c1"}},
}

// duel is what callers begin with who all want something of one identity, after what has made it such.
type duel struct {
	before []move
	first  func(caller int, next move) move
}

var duels = map[string]duel{
	"none": {},
	// One takes the first user from its identity, while the others show the token that was given for that user, beside other
	// logins.
	"a developer's user": {nil, func(caller int, next move) move {
		if caller == 1 {
			return move{Op: "UnlinkDeveloperIdentity", Who: 2, Own: true, OwnUser: true}
		}
		return move{Op: "GetOpenIdToken", Ticket: 2, Own: true, Logins: next.Logins}
	}},
	// Whoever comes first takes from the second identity the login that another shows, or his own.
	"public logins": {
		[]move{{Op: "GetOpenIdTokenForDeveloperIdentity", User: "d1", Logins: []string{"a2", "b1"}}},
		func(caller int, _ move) move {
			return []move{
				{Op: "UnlinkIdentity", Who: 1, Logins: []string{"a2"}, Drop: []string{"b"}},
				{Op: "UnlinkIdentity", Who: 1, Logins: []string{"b1"}, Drop: []string{"a"}},
				{Op: "UnlinkIdentity", Who: 1, Logins: []string{"a2"}, Drop: []string{"a"}},
			}[caller%3]
		},
	},
}

// begin puts the duel before the moves of callers.
func (d duel) begin(callers [][]move) [][]move {
	for i, moves := range callers {
		callers[i] = append([]move{d.first(i, moves[0])}, moves...)
	}
	return callers
}

// someMoves are about five. A list of such lists is longer than what rapid draws as one.
var someMoves = rapid.SliceOfN(anyMove, 1, 9)

// step is a call as it was sent. A login is a letter for its provider and one for the subject: a1, b2. The developer's
// provider is d.
type step struct {
	op     string
	pool   int
	id     string   // the identity that the call names
	ids    []string // to delete
	logins []string
	held   ticket   // a developer's token that is shown beside the logins
	drop   []string // providers
	user   string   // of the developer: d1
	source string   // the user whose identity is merged into user's
	hide   bool     // the closed
}

// String shows what the call takes.
func (s step) String() string {
	all := map[string]any{
		"pool": s.pool, "id": s.id, "ids": s.ids, "logins": s.logins, "held": s.held.id + " " + s.held.user, "drop": s.drop,
		"user": s.user, "source": s.source, "hide": s.hide,
	}
	words := []string{s.op}
	for _, member := range takes[s.op] {
		words = append(words, fmt.Sprint(member, "=", all[member]))
	}
	return strings.Join(words, " ")
}

// ticket is a token that a developer was given for his user.
type ticket struct{ id, user, token string }

// answer is what a step was answered: an error's code, or an identity and a list of other things.
type answer struct {
	code string
	id   string
	list []string
}

func (a answer) is(want answer) bool {
	return a.code == want.code && a.id == want.id && slices.Equal(a.list, want.list)
}

func (a answer) String() string {
	if a.code != "" {
		return a.code
	}
	return fmt.Sprintf("%s %q", a.id, a.list)
}

const (
	missing    = "ResourceNotFoundException"
	denied     = "NotAuthorizedException"
	clash      = "ResourceConflictException"
	invalid    = "InvalidParameterException"
	registered = "DeveloperUserAlreadyRegisteredException"
)

// oracle says what two pools must answer: the rules once more, as simple as can be. Guests may come into pool 0 only.
type oracle struct {
	made   []string          // every identity that there ever was, the oldest first
	home   map[string]int    // the pool of each that is there
	closed map[string]bool   // those that nobody reaches any more
	owner  map[string]string // of a login in a pool: 0/a1
	byID   bool              // all are of one age
}

func newOracle() *oracle {
	return &oracle{home: map[string]int{}, closed: map[string]bool{}, owner: map[string]string{}}
}

func (o *oracle) clone() *oracle {
	return &oracle{slices.Clone(o.made), maps.Clone(o.home), maps.Clone(o.closed), maps.Clone(o.owner), o.byID}
}

// state is all that later answers depend on, but for what was made.
func (o *oracle) state() string { return fmt.Sprint(o.home, o.closed, o.owner) }

// alive tells whether an identity is there and open.
func (o *oracle) alive(id string) bool {
	_, there := o.home[id]
	return there && !o.closed[id]
}

func key(pool int, login string) string { return fmt.Sprintf("%d/%s", pool, login) }

// has lists the logins of an identity.
func (o *oracle) has(id string) []string {
	var logins []string
	for k, owner := range o.owner {
		if owner == id {
			logins = append(logins, k[2:])
		}
	}
	slices.Sort(logins)
	return logins
}

// users lists the developer's users among the logins of an identity.
func (o *oracle) users(id string) []string {
	return slices.DeleteFunc(o.has(id), func(l string) bool { return l[0] != 'd' })
}

// line is how an identity is listed: its id, and the providers of its logins.
func (o *oracle) line(id string) string {
	var providers []string
	for _, l := range o.has(id) {
		providers = append(providers, l[:1])
	}
	return id + " " + strings.Join(slices.Compact(providers), "")
}

// take does a step. Fresh is the id of the identity that it makes, if it makes one.
func (o *oracle) take(s step, fresh string) answer {
	home, there := o.home[s.id]
	switch s.op {
	case "GetId":
		return o.admit(s.pool, "", s.logins, fresh)
	case "GetOpenIdTokenForDeveloperIdentity":
		if s.id != "" && (!there || home != s.pool) {
			return answer{code: missing}
		}
		return o.admit(s.pool, s.id, append([]string{s.user}, s.logins...), fresh)
	case "DeleteIdentities":
		return o.delete(s.ids)
	case "ListIdentities":
		return o.listAll(s)
	case "MergeDeveloperIdentities":
		return o.merge(s)
	case "LookupDeveloperIdentity":
		return o.lookup(s)
	case "UnlinkDeveloperIdentity":
		return o.unlinkUser(s)
	}
	if !there {
		return answer{code: missing}
	}
	if s.op == "DescribeIdentity" {
		return answer{list: []string{o.line(s.id)}}
	}
	shown := s.logins
	if s.held.user != "" {
		if s.held.id != s.id || o.owner[key(home, s.held.user)] != s.id {
			return answer{code: denied}
		}
		shown = append([]string{s.held.user}, shown...)
	}
	if s.op == "UnlinkIdentity" {
		return o.unlink(s, shown)
	}
	return o.admit(home, s.id, shown, fresh)
}

// admit lets a caller in who shows logins, and names an identity or not.
func (o *oracle) admit(pool int, id string, shown []string, fresh string) answer {
	var owners []string
	for _, l := range shown {
		owner := o.owner[key(pool, l)]
		if owner != "" && !slices.Contains(owners, owner) {
			owners = append(owners, owner)
		}
		if l[0] == 'd' && owner != "" && id != "" && owner != id && !o.closed[id] {
			return answer{code: registered}
		}
	}
	slices.SortFunc(owners, o.older)
	member := len(o.has(id)) > 0
	switch {
	case o.closed[id], member && !slices.Contains(owners, id), len(shown) == 0 && pool != 0:
		return answer{code: denied}
	case member: // it stays what it is
	case len(owners) > 0:
		owners = append(owners, id)
		id = owners[0]
	case id == "":
		o.made, o.home[fresh], id = append(o.made, fresh), pool, fresh
	}
	return o.join(pool, id, owners, shown)
}

func (o *oracle) older(a, b string) int {
	if o.byID {
		return strings.Compare(a, b)
	}
	return slices.Index(o.made, a) - slices.Index(o.made, b)
}

// join gives an identity logins and all that others have, who are closed by that.
func (o *oracle) join(pool int, id string, others, logins []string) answer {
	all := append(o.has(id), logins...)
	for _, other := range others {
		all = append(all, o.has(other)...)
	}
	of := map[byte]string{}
	for _, l := range all {
		if of[l[0]] != "" && of[l[0]] != l && l[0] != 'd' {
			return answer{code: clash}
		}
		of[l[0]] = l
	}
	for _, l := range all {
		o.owner[key(pool, l)] = id
	}
	for _, other := range others {
		if other != "" && other != id {
			o.closed[other] = true
		}
	}
	return answer{id: id}
}

func (o *oracle) merge(s step) answer {
	from, to := o.owner[key(s.pool, s.source)], o.owner[key(s.pool, s.user)]
	if from == "" || to == "" {
		return answer{code: missing}
	}
	return o.join(s.pool, to, []string{from}, nil)
}

func (o *oracle) unlink(s step, shown []string) answer {
	has := o.has(s.id)
	if !slices.ContainsFunc(shown, func(l string) bool { return slices.Contains(has, l) }) {
		return answer{code: denied}
	}
	var gone []string
	for _, provider := range s.drop {
		i := slices.IndexFunc(has, func(l string) bool { return l[:1] == provider })
		if i < 0 || provider == "d" {
			return answer{code: invalid}
		}
		gone = append(gone, has[i])
	}
	o.lose(s.id, gone)
	return answer{}
}

func (o *oracle) unlinkUser(s step) answer {
	home, there := o.home[s.id]
	owner := o.owner[key(s.pool, s.user)]
	switch {
	case !there || home != s.pool || owner == "":
		return answer{code: missing}
	case owner != s.id:
		return answer{code: clash}
	}
	o.lose(s.id, []string{s.user})
	return answer{}
}

// lose takes logins from an identity, and closes it if they were the last.
func (o *oracle) lose(id string, logins []string) {
	for _, l := range logins {
		delete(o.owner, key(o.home[id], l))
	}
	if len(o.has(id)) == 0 {
		o.closed[id] = true
	}
}

func (o *oracle) lookup(s step) answer {
	home, there := o.home[s.id]
	owner := o.owner[key(s.pool, s.user)]
	switch {
	case s.id == "" && s.user == "":
		return answer{code: invalid}
	case s.id != "" && (!there || home != s.pool), s.id == "" && owner == "":
		return answer{code: missing}
	case s.user == "":
		return answer{id: s.id, list: o.users(s.id)}
	case s.id == "":
		return answer{id: owner, list: o.users(owner)}
	case owner != s.id:
		return answer{code: clash}
	}
	return answer{id: s.id, list: []string{s.user}}
}

// delete answers those that are not there.
func (o *oracle) delete(ids []string) (a answer) {
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		if _, there := o.home[id]; !there {
			a.list = append(a.list, id)
			continue
		}
		delete(o.home, id)
		delete(o.closed, id)
		maps.DeleteFunc(o.owner, func(_, owner string) bool { return owner == id })
	}
	return a
}

func (o *oracle) listAll(s step) (a answer) {
	for id, home := range o.home {
		if home == s.pool && !(s.hide && o.closed[id]) {
			a.list = append(a.list, o.line(id))
		}
	}
	slices.Sort(a.list)
	return a
}
