package cognito_test

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"idpool/pooltest"
	"idpool/server"
)

// stage is where histories happen: a node and three providers.
type stage struct {
	*front
	t      *testing.T
	names  map[string]string // of the providers, by their letters
	arns   []string
	tokens map[string]string // of the logins
}

func newStage(t *testing.T, options ...func(*server.Config)) *stage {
	s := &stage{front: start(t, options...), t: t, names: map[string]string{"d": developerName}, tokens: map[string]string{}}
	for i, p := range []*pooltest.Provider{s.idp, pooltest.NewProvider(t), pooltest.NewProvider(t)} {
		if i > 0 {
			s.register(t, p)
		}
		letter := string(rune('a' + i))
		s.names[letter], s.arns = p.Name(), append(s.arns, p.ARN(pooltest.Account))
		for _, subject := range []string{"1", "2"} {
			s.tokens[letter+subject] = p.Token("app", subject)
		}
	}
	for name, amr := range roles {
		s.IAM(t, "CreateRole", "RoleName", name, "AssumeRolePolicyDocument", pooltest.TrustPolicy(s.pool, amr)).Must(t)
	}
	return s
}

// history is what happens in two pools. Guests may come into the first.
type history struct {
	*stage
	pools [2]string

	mu       sync.Mutex
	clock    int     // counts the beginnings and the ends of steps
	events   []event // in the order of their ends
	made     []string
	tickets  []ticket
	sessions []given
}

// event is a step and its answer, and when it began and ended.
type event struct {
	step         step
	answer       answer
	began, ended int
}

// given is credentials for an identity.
type given struct {
	id string
	session
}

// roles are those of the pools, with the amr that each is for.
var roles = map[string]string{"Member": "authenticated", "Visitor": "unauthenticated"}

func (s *stage) open() *history {
	h := &history{stage: s}
	given := pooltest.Object{"authenticated": roleARN("Member"), "unauthenticated": roleARN("Visitor")}
	for i := range h.pools {
		h.pools[i] = s.create(s.t, pooltest.Object{
			"AllowUnauthenticatedIdentities": i == 0, "DeveloperProviderName": developerName, "OpenIdConnectProviderARNs": s.arns,
		})
		s.Signed(s.t, "SetIdentityPoolRoles", pooltest.Object{"IdentityPoolId": h.pools[i], "Roles": given}).Must(s.t)
	}
	for name, amr := range roles {
		both := strings.Replace(pooltest.TrustPolicy(h.pools[0], amr), `"`+h.pools[0]+`"`, `["`+h.pools[0]+`","`+h.pools[1]+`"]`, 1)
		s.IAM(s.t, "UpdateAssumeRolePolicy", "RoleName", name, "PolicyDocument", both).Must(s.t)
	}
	return h
}

func (h *history) close() {
	for _, pool := range h.pools {
		h.Signed(h.t, "DeleteIdentityPool", pooltest.Object{"IdentityPoolId": pool}).Must(h.t)
	}
}

// nobody is an id that was never given to anyone.
const nobody = "us-east-1:00000000-0000-0000-0000-000000000000"

// step makes a step of a move. What an identity has of its own, it hears from an oracle.
func (h *history) step(m move, known *oracle) step {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := step{op: m.Op, pool: m.Pool, logins: m.Logins, drop: m.Drop, user: m.User, source: m.Source, hide: m.Hide}
	s.id = h.who(m, m.Who, known)
	if m.Ticket > 0 && len(h.tickets) > 0 {
		s.held = h.tickets[m.Ticket%len(h.tickets)]
		if m.Own && slices.Contains(takes[m.Op], "held") {
			s.id = s.held.id
		}
	}
	s.ids = []string{s.id}
	if m.Second >= 0 {
		s.ids = append(s.ids, h.who(m, m.Second, known))
	}
	if home, there := known.home[s.id]; m.Own && there {
		s.pool = home
	}
	has, user := known.has(s.id), known.users(s.id)
	if m.Own && len(has) > len(user) {
		others := slices.DeleteFunc(slices.Clone(s.logins), func(l string) bool { return l[0] == has[0][0] })
		s.logins = append(others, has[0])
		if !slices.ContainsFunc(has, func(l string) bool { return slices.Contains(s.drop, l[:1]) }) {
			s.drop = []string{has[0][:1]}
		}
	}
	if m.OwnUser && len(user) > 0 {
		s.user = user[0]
	}
	if m.Who == 0 && (m.Op == "GetOpenIdTokenForDeveloperIdentity" || m.Op == "LookupDeveloperIdentity") {
		s.id = ""
	}
	if m.Ticket > 0 && m.Op == "LookupDeveloperIdentity" {
		s.user = ""
	}
	return s
}

// who is the identity of a number; with Own none that was deleted, with OwnUser one that has a user, if there is one.
func (h *history) who(m move, n int, known *oracle) string {
	all := slices.DeleteFunc(slices.Clone(h.made), func(id string) bool {
		_, there := known.home[id]
		return m.Own && !there && slices.Contains(known.made, id)
	})
	with := slices.DeleteFunc(slices.Clone(all), func(id string) bool { return len(known.users(id)) == 0 })
	if m.OwnUser && len(with) > 0 {
		all = with
	}
	if n == 0 || len(all) == 0 {
		return nobody
	}
	return all[n%len(all)]
}

// input is a step as the API takes it.
func (h *history) input(s step) pooltest.Object {
	in, logins := pooltest.Object{}, pooltest.Object{}
	for _, member := range takes[s.op] {
		switch member {
		case "pool":
			in["IdentityPoolId"] = h.pools[s.pool]
		case "id":
			if s.id != "" {
				in["IdentityId"] = s.id
			}
		case "ids":
			in["IdentityIdsToDelete"] = s.ids
		case "logins":
			in["Logins"] = logins
			for _, l := range s.logins {
				logins[h.names[l[:1]]] = h.tokens[l]
			}
		case "held":
			if s.held.token != "" {
				logins["cognito-identity.amazonaws.com"] = s.held.token
			}
		case "drop":
			var names []string
			for _, letter := range s.drop {
				names = append(names, h.names[letter])
			}
			in["LoginsToRemove"] = names
		case "hide":
			in["MaxResults"], in["HideDisabled"] = 60, s.hide
		}
	}
	switch s.op {
	case "GetOpenIdTokenForDeveloperIdentity":
		logins[developerName] = s.user
	case "LookupDeveloperIdentity":
		if s.user != "" {
			in["DeveloperUserIdentifier"] = s.user
		}
	case "UnlinkDeveloperIdentity":
		in["DeveloperProviderName"], in["DeveloperUserIdentifier"] = developerName, s.user
	case "MergeDeveloperIdentities":
		in["DeveloperProviderName"], in["SourceUserIdentifier"], in["DestinationUserIdentifier"] = developerName, s.source, s.user
	}
	return in
}

// do sends a step, and keeps what came of it.
func (h *history) do(s step) event {
	send := h.Signed
	if slices.Contains([]string{"GetId", "GetOpenIdToken", "GetCredentialsForIdentity", "UnlinkIdentity"}, s.op) {
		send = h.Public
	}
	e := event{step: s, began: h.tick()}
	reply := send(h.t, s.op, h.input(s))
	for range 100 { // as SDKs do
		if reply.Code() != "TooManyRequestsException" {
			break
		}
		reply = send(h.t, s.op, h.input(s))
	}
	e.answer = h.answer(s.op, reply)
	e.ended = h.tick()

	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
	id := e.answer.id
	if id != "" && !slices.Contains(h.made, id) {
		h.made = append(h.made, id)
	}
	switch {
	case reply.Status != 200:
	case s.op == "GetOpenIdTokenForDeveloperIdentity":
		h.tickets = append(h.tickets, ticket{id, s.user, reply.Object(h.t)["Token"].(string)})
	case s.op == "GetCredentialsForIdentity":
		h.sessions = append(h.sessions, given{id, credentials(h.t, reply)})
	}
	return e
}

func (h *history) tick() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	return h.clock
}

// answer reads a reply. A status that is neither 200 nor 400 makes an answer that no oracle gives.
func (h *history) answer(op string, reply *pooltest.Reply) (a answer) {
	switch {
	case reply.Status == 400:
		return answer{code: reply.Code()}
	case reply.Status != 200:
		return answer{code: fmt.Sprint(reply.Status, " ", string(reply.Body))}
	case len(reply.Body) == 0:
		return answer{}
	}
	o := reply.Object(h.t)
	if op == "DescribeIdentity" {
		return answer{list: []string{h.line(o)}}
	}
	a.id, _ = o["IdentityId"].(string)
	for _, member := range []string{"DeveloperUserIdentifierList", "UnprocessedIdentityIds", "Identities"} {
		all, _ := o[member].([]any)
		for _, one := range all {
			switch one := one.(type) {
			case string:
				a.list = append(a.list, one)
			case pooltest.Object:
				a.list = append(a.list, h.line(one))
			}
		}
	}
	slices.Sort(a.list)
	return a
}

// line is what an oracle says of an identity, or of an id that was not deleted.
func (h *history) line(o pooltest.Object) string {
	line := o["IdentityId"].(string)
	names, _ := o["Logins"].([]any)
	if _, unprocessed := o["ErrorCode"]; !unprocessed {
		line += " "
	}
	for _, letter := range []string{"a", "b", "c", "d"} {
		if slices.Contains(names, any(h.names[letter])) {
			line += letter
		}
	}
	return line
}

// check does a step and holds its answer to the oracle's.
func (h *history) check(t *rapid.T, o *oracle, s step) {
	e := h.do(s)
	if want := o.take(s, e.fresh(o)); !e.answer.is(want) {
		t.Fatalf("the last should have been answered %s:\n%s", h.number(want.String()), h)
	}
}

// fresh is the id that an oracle shall give to a new identity: the one that was answered, unless that was there already.
func (e event) fresh(o *oracle) string {
	if slices.Contains(o.made, e.answer.id) {
		return "a new identity"
	}
	return e.answer.id
}

// checkSessions uses all credentials: those for an identity that is alive work, and no others.
func (h *history) checkSessions(t *rapid.T, o *oracle) {
	for _, g := range h.sessions {
		reply := h.STS(h.t, g.key, g.token, "GetCallerIdentity")
		if works := reply.Status == 200; works != o.alive(g.id) {
			t.Fatalf("credentials for %s work: %v, it is alive: %v, after\n%s", h.number(g.id), works, !works, h)
		}
	}
}

// String lists what has happened, with a number for each identity.
func (h *history) String() string {
	var b strings.Builder
	for _, e := range h.events {
		for i, line := range e.answer.list {
			e.answer.list[i] = h.number(line)
		}
		slices.Sort(e.answer.list)
		fmt.Fprintf(&b, "%3d-%-3d %s: %s\n", e.began, e.ended, e.step, e.answer)
	}
	return h.number(b.String())
}

// number writes #1 for the identity that was made first, and so on.
func (h *history) number(text string) string {
	pairs := []string{nobody, "#0"}
	for i, id := range h.made {
		pairs = append(pairs, id, fmt.Sprint("#", i+1))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// Call after call, each answer is the one that the rules give, and it is the same on every run.
func TestHistories(t *testing.T) {
	s := newStage(t)
	rapid.Check(t, func(t *rapid.T) {
		moves := slices.Concat(rapid.SliceOfN(someMoves, 1, 12).Draw(t, "moves")...)
		var runs [2]string
		for i := range runs {
			h, o := s.open(), newOracle()
			defer h.close()
			for _, m := range append(opening, moves...) {
				s.Clock.Advance(time.Millisecond) // the older of two is known by it
				h.check(t, o, h.step(m, o))
			}
			h.checkSessions(t, o)
			runs[i] = h.String()
		}
		if diff := gocmp.Diff(strings.Split(runs[0], "\n"), strings.Split(runs[1], "\n")); diff != "" {
			t.Fatalf("two runs of one history (-first +second):\n%s", diff)
		}
	})
}

// Many call at once: there is an order of the calls, which agrees with what ended before what began, in which the rules give
// the answers that were given. On PostgreSQL transactions run side by side, and those that lose a race run again.
func TestHistoriesAtOnce(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { newStage(t).atOnce(t) })
	t.Run("postgres", func(t *testing.T) { newStage(t, onPostgres(t)).atOnce(t) })
}

func (s *stage) atOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := slices.Concat(rapid.SliceOfN(someMoves, 1, 4).Draw(t, "before")...)
		callers := rapid.SliceOfN(rapid.SliceOfN(anyMove, 1, 4), 4, 8).Draw(t, "callers")
		if name := rapid.SampledFrom(slices.Sorted(maps.Keys(duels))).Draw(t, "duel"); name != "none" {
			before, callers = duels[name].before, duels[name].begin(callers)
		}
		h, o := s.open(), newOracle()
		defer h.close()
		o.byID = true // the clock stands still
		for _, m := range append(opening, before...) {
			h.check(t, o, h.step(m, o))
		}
		first := len(h.events)
		h.race(o, callers)
		for _, s := range lastLook() {
			h.do(s)
		}
		h.checkPlainly(t)
		end := explain(o, h.events[first:], 0, map[string]bool{})
		if end == nil {
			t.Fatalf("no order of the calls after %d explains the answers:\n%s", first, h)
		}
		h.checkSessions(t, end)
	})
}

// race lets the callers loose, and returns when all are done.
func (h *history) race(o *oracle, callers [][]move) {
	var all sync.WaitGroup
	begin := make(chan struct{})
	for _, moves := range callers {
		all.Go(func() {
			<-begin
			for _, m := range moves {
				h.do(h.step(m, o))
			}
		})
	}
	close(begin)
	all.Wait()
}

// A check is up to a hundred calls, each by the front door. The command line can ask for more checks than these.
func init() { _ = flag.Set("rapid.checks", "30") }
