package cognito_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// lastLook finds out whom every login and every user belongs to, and who is listed before and after.
func lastLook() (steps []step) {
	for pool := range 2 {
		steps = append(steps, step{op: "ListIdentities", pool: pool, hide: true})
		for _, l := range public {
			steps = append(steps, step{op: "GetId", pool: pool, logins: []string{l}})
		}
		for _, user := range users {
			steps = append(steps, step{op: "LookupDeveloperIdentity", pool: pool, user: user})
		}
		steps = append(steps, step{op: "ListIdentities", pool: pool})
	}
	return steps
}

// explain looks for an order of the events, at most 64, that are not done yet. It returns what there is at its end, or nil.
func explain(o *oracle, events []event, done uint64, seen map[string]bool) *oracle {
	soonest := math.MaxInt // nothing that begins after this can have come before
	for i, e := range events {
		if done&(1<<i) == 0 {
			soonest = min(soonest, e.ended)
		}
	}
	if soonest == math.MaxInt {
		return o
	}
	for i, e := range events {
		if done&(1<<i) != 0 || e.began > soonest {
			continue
		}
		next, now := o.clone(), done|1<<i
		want := next.take(e.step, e.fresh(o))
		state := fmt.Sprint(now, next.state())
		if seen[state] || !e.answer.is(want) {
			continue
		}
		seen[state] = true
		if end := explain(next, events, now, seen); end != nil {
			return end
		}
	}
	return nil
}

// checkPlainly holds a history to what needs no oracle: no identity is in two pools, what was deleted never comes back, and
// at the end every login has one owner.
func (h *history) checkPlainly(t *rapid.T) {
	home, gone := map[string]int{}, map[string]int{}
	for _, e := range h.events {
		if slices.Contains(takes[e.step.op], "pool") && e.answer.id != "" {
			if pool, known := home[e.answer.id]; known && pool != e.step.pool {
				t.Fatalf("%s is in both pools:\n%s", h.number(e.answer.id), h)
			}
			home[e.answer.id] = e.step.pool
		}
		if e.step.op == "DeleteIdentities" && e.answer.code == "" {
			for _, id := range e.step.ids {
				gone[id] = min(e.ended, cmp.Or(gone[id], e.ended))
			}
			continue
		}
		for id, when := range gone {
			if e.began > when && strings.Contains(e.answer.String(), id) {
				t.Fatalf("%s comes back at %d:\n%s", h.number(id), e.began, h)
			}
		}
	}
	last := h.events[len(h.events)-len(lastLook()):]
	for pool := range 2 {
		h.checkOwners(t, last[pool*len(last)/2:(pool+1)*len(last)/2])
	}
}

// checkOwners compares who is listed with whom the logins and users belong to, by the last look at a pool.
func (h *history) checkOwners(t *rapid.T, last []event) {
	letters := map[string]string{} // of an identity's providers
	for _, e := range last {
		switch id := e.answer.id; {
		case e.step.op == "GetId":
			letters[id] += e.step.logins[0][:1]
		case e.step.op == "LookupDeveloperIdentity" && id != "":
			letters[id] = strings.TrimSuffix(letters[id], "d") + "d"
		}
	}
	var want []string
	for id, all := range letters {
		want = append(want, id+" "+all)
	}
	slices.Sort(want)
	listed := last[len(last)-1].answer.list
	listed = slices.DeleteFunc(slices.Clone(listed), func(line string) bool { return strings.HasSuffix(line, " ") })
	if diff := gocmp.Diff(want, listed); diff != "" {
		t.Fatalf("whom logins belong to (-), and who is listed with them (+):\n%s\nafter\n%s", h.number(diff), h)
	}
}
