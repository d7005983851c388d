package policy_test

import (
	"encoding/json"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"idpool/policy"
)

var (
	callers    = rapid.SampledFrom([]policy.Principal{user, rootUser, stranger, assumed, login, lambda, anonymous})
	principals = rapid.SampledFrom([]string{toUser, toRole, toSession, toAccount, toOther, toAll, toLogin, toLambda, `{"AWS": "*"}`, `{"AWS": ["` + alice + `", "` + role + `", "` + session + `"]}`})
)

// genFor draws a statement for a policy of this kind.
func genFor(t *rapid.T, kind policy.Kind, effect string) string {
	var fields map[string]any
	if err := json.Unmarshal([]byte(genStatement(t, effect)), &fields); err != nil {
		t.Fatalf("%v", err)
	}
	if kind == policy.Resource || kind == policy.Trust {
		element := "Principal"
		if effect == "Deny" && rapid.Bool().Draw(t, "not principal") {
			element = "NotPrincipal"
		}
		fields[element] = json.RawMessage(principals.Draw(t, "principals"))
	}
	if kind == policy.Trust {
		delete(fields, "Resource")
		delete(fields, "NotResource")
		delete(fields, "NotAction")
		fields["Action"] = "sts:*"
	}
	return quote(fields)
}

func genPolicy(t *rapid.T, kind policy.Kind) []string {
	var statements []string
	for range rapid.IntRange(1, 3).Draw(t, "statements") {
		statements = append(statements, genFor(t, kind, rapid.SampledFrom([]string{"Allow", "Allow", "Allow", "Deny"}).Draw(t, "effect")))
	}
	return statements
}

// draft is the statements of every policy of a set.
type draft struct {
	identity, session         [][]string
	boundary, resource, trust []string
	cross                     bool
}

func genDraft(t *rapid.T) draft {
	some := func(kind policy.Kind, label string) (all [][]string) {
		for range rapid.IntRange(0, 2).Draw(t, label) {
			all = append(all, genPolicy(t, kind))
		}
		return all
	}
	d := draft{identity: some(policy.Identity, "identity"), session: some(policy.Session, "session")}
	if rapid.Bool().Draw(t, "bounded") {
		d.boundary = genPolicy(t, policy.Boundary)
	}
	switch rapid.IntRange(0, 3).Draw(t, "resource") {
	case 0:
		d.trust = genPolicy(t, policy.Trust)
	case 1, 2:
		d.resource = genPolicy(t, policy.Resource)
	}
	d.cross = rapid.Bool().Draw(t, "cross account")
	return d
}

func (d draft) parse(t tester) policy.Set {
	var p policies
	for _, statements := range d.identity {
		if len(statements) > 0 {
			p.identity = append(p.identity, doc(statements...))
		}
	}
	for _, statements := range d.session {
		p.session = append(p.session, doc(statements...))
	}
	for _, one := range []struct {
		statements []string
		document   *string
	}{{d.boundary, &p.boundary}, {d.resource, &p.resource}, {d.trust, &p.trust}} {
		if one.statements != nil {
			*one.document = doc(one.statements...)
		}
	}
	p.cross = d.cross
	return p.parse(t)
}

func genAsked(t *rapid.T) policy.Request {
	r := genRequest(t)
	r.Principal = callers.Draw(t, "principal")
	return r
}

// What takes a permission away, whoever has it, never turns a refusal into an Allow.
func TestNeverWidens(t *testing.T) {
	for _, row := range []struct {
		name          string
		before, after func(t *rapid.T, d *draft, r *policy.Request)
	}{
		{
			"session policies",
			func(_ *rapid.T, d *draft, _ *policy.Request) { d.session = nil },
			func(t *rapid.T, d *draft, _ *policy.Request) {
				d.session = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) []string { return genPolicy(t, policy.Session) }), 1, 3).Draw(t, "session")
			},
		},
		{
			"a boundary",
			func(_ *rapid.T, d *draft, _ *policy.Request) { d.boundary = nil },
			func(t *rapid.T, d *draft, _ *policy.Request) { d.boundary = genPolicy(t, policy.Boundary) },
		},
		{
			"another account",
			func(_ *rapid.T, d *draft, _ *policy.Request) { d.cross = false },
			func(_ *rapid.T, d *draft, _ *policy.Request) { d.cross = true },
		},
		{
			"a required key",
			func(_ *rapid.T, _ *draft, r *policy.Request) { r.RequireKey = "" },
			func(_ *rapid.T, _ *draft, r *policy.Request) { r.RequireKey = "k:a" },
		},
	} {
		t.Run(row.name, rapid.MakeCheck(func(t *rapid.T) {
			d, r := genDraft(t), genAsked(t)
			row.before(t, &d, &r)
			before := effect(t, d, r)
			row.after(t, &d, &r)
			if after := effect(t, d, r); after == allow && before != allow {
				t.Fatalf("%v became Allow", before)
			}
		}))
	}
}

func effect(t *rapid.T, d draft, r policy.Request) policy.Effect {
	s := d.parse(t)
	return decideSet(t, &s, r).Effect
}

// add puts one more statement into some policy of the draft, or into a new identity policy.
func (d *draft) add(t *rapid.T, effect string) {
	places := map[policy.Kind]*[]string{}
	if d.identity = slices.Clone(d.identity); len(d.identity) == 0 {
		d.identity = [][]string{nil}
	}
	places[policy.Identity] = &d.identity[0]
	if d.session = slices.Clone(d.session); len(d.session) > 0 {
		places[policy.Session] = &d.session[0]
	}
	for kind, statements := range map[policy.Kind]*[]string{policy.Boundary: &d.boundary, policy.Resource: &d.resource, policy.Trust: &d.trust} {
		if *statements != nil {
			places[kind] = statements
		}
	}
	var kinds []policy.Kind
	for kind := range places {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	kind := rapid.SampledFrom(kinds).Draw(t, "where")
	*places[kind] = append(slices.Clone(*places[kind]), genFor(t, kind, effect))
}

// A Deny that is added anywhere denies or changes nothing; an Allow allows or changes nothing.
func TestAddingAStatementToASet(t *testing.T) {
	for effectName, gives := range map[string]policy.Effect{"Allow": allow, "Deny": deny} {
		t.Run(effectName, rapid.MakeCheck(func(t *rapid.T) {
			d, r := genDraft(t), genAsked(t)
			before := effect(t, d, r)
			d.add(t, effectName)
			if after := effect(t, d, r); after != before && after != gives {
				t.Fatalf("%v became %v", before, after)
			}
		}))
	}
}

// The order of policies, of statements, and of the values of any list never matters.
func TestOrderInASetNeverMatters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, r := genDraft(t), genAsked(t)
		before := d.parse(t)
		shuffled := func(statements []string) []string {
			if statements == nil {
				return nil
			}
			all := rapid.Permutation(statements).Draw(t, "statements")
			for i := range all {
				var v any
				if err := json.Unmarshal([]byte(all[i]), &v); err != nil {
					t.Fatalf("%v", err)
				}
				all[i] = quote(shuffleLists(t, v))
			}
			return all
		}
		for _, policies := range []*[][]string{&d.identity, &d.session} {
			if *policies != nil {
				*policies = rapid.Permutation(*policies).Draw(t, "policies")
			}
			for i := range *policies {
				(*policies)[i] = shuffled((*policies)[i])
			}
		}
		d.boundary, d.resource, d.trust = shuffled(d.boundary), shuffled(d.resource), shuffled(d.trust)
		want := decideSet(t, &before, r)
		after := d.parse(t)
		if got := decideSet(t, &after, r); got.Effect != want.Effect || got.Kind != want.Kind {
			t.Fatalf("%+v became %+v", want, got)
		}
	})
}

// shuffleLists puts every list within v in another order, and makes a list of some values that stand alone: "one value or a
// list of them" say the same.
func shuffleLists(t *rapid.T, v any) any {
	switch v := v.(type) {
	case []any:
		return rapid.Permutation(v).Draw(t, "list")
	case map[string]any:
		for key := range v {
			if _, alone := v[key].(string); alone && (key == "Action" || key == "Resource") {
				v[key] = []any{v[key]}
			}
			v[key] = shuffleLists(t, v[key])
		}
	}
	return v
}

// The decision of a set follows from what its policies say alone: a Deny of any, else no Allow without the kinds that the
// guide asks for.
func TestSetFollowsFromItsPolicies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, r := genDraft(t), genAsked(t)
		s := d.parse(t)
		got := decideSet(t, &s, r)
		said := map[policy.Kind]policy.Effect{}
		for _, p := range s.Explain(&r).Policies {
			said[p.Kind] = max(said[p.Kind], p.Effect)
		}
		granted := max(said[policy.Resource], said[policy.Trust])
		for kind, effect := range said {
			if effect == deny && got.Effect != deny {
				t.Fatalf("the %v denies, and the set says %+v", kind, got)
			}
		}
		if got.Effect != allow {
			return
		}
		switch {
		case granted != allow && said[policy.Identity] != allow:
			t.Fatal("allowed by nobody")
		case s.Resource != nil && granted != allow && (d.trust != nil || d.cross || r.Principal.Type != policy.AWS):
			t.Fatal("allowed without the resource's policy")
		case granted != allow && d.boundary != nil && said[policy.Boundary] != allow:
			t.Fatal("allowed without the boundary")
		case granted != allow && d.session != nil && said[policy.Session] != allow:
			t.Fatal("allowed without a session policy")
		}
	})
}

// A policy that is gone says what one says that never applies.
func TestGonePolicyAllowsNothing(t *testing.T) {
	silent := doc(`{"Effect": "Allow", "Action": "none:None", "Resource": "*"}`)
	rapid.Check(t, func(t *rapid.T) {
		d, r := genDraft(t), genAsked(t)
		gone, says := d.parse(t), d.parse(t)
		gone.Boundary, says.Boundary = &policy.Named{}, &policy.Named{Policy: parse(t, policy.Boundary, silent)}
		gone.Session = append(gone.Session, policy.Named{})
		says.Session = append(says.Session, policy.Named{Policy: parse(t, policy.Session, silent)})
		if got, want := decideSet(t, &gone, r), decideSet(t, &says, r); got != want {
			t.Fatalf("%+v, want %+v", got, want)
		}
	})
}
