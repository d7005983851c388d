package identity

import (
	"cmp"
	"slices"
)

// MaxLinked is how many logins one identity may have, unless the operator says otherwise.
const MaxLinked = 20

// Refusal says why no identity follows from what a caller showed. Each service gives it its own words.
type Refusal int

// The refusals of Resolve.
const (
	GuestsForbidden Refusal = iota + 1 // no login shown, and the pool takes no guests
	Forbidden                          // the named identity is not for this caller: it has logins and none was shown, or it is disabled
	NoLoginMatches                     // logins were shown, none of them is the named identity's
	SecondLogin                        // the identity would have two logins of one provider
	TooManyLogins                      // the identity would have more logins than it may
	DeveloperTaken                     // the developer's identifier belongs to another identity than the named one
)

func (r Refusal) Error() string {
	switch r {
	case GuestsForbidden:
		return "guests are not allowed in this pool"
	case Forbidden:
		return "the identity may not be used this way"
	case NoLoginMatches:
		return "no login shown belongs to the identity"
	case SecondLogin:
		return "the identity would have two logins of one provider"
	case TooManyLogins:
		return "the identity would have too many logins"
	case DeveloperTaken:
		return "the developer's identifier belongs to another identity"
	}
	return "refused"
}

// Plan is what a call means: which identity it is for, and what must be written first.
type Plan struct {
	Identity ID
	New      bool    // make it
	Link     []Login // give it these
	Absorb   []ID    // move the logins of these to it, and disable them
}

// Writes tells whether there is anything to write.
func (p *Plan) Writes() bool { return p.New || len(p.Link)+len(p.Absorb) > 0 }

// Facts are all that Resolve looks at.
type Facts struct {
	AllowGuests bool
	Developer   string     // the developer provider: an identity may have several of its identifiers
	MaxLinked   int        // how many logins an identity may have
	Fresh       ID         // the id that a new identity would get
	Named       *Identity  // the identity that the call names; nil for GetId
	Logins      []Login    // the verified logins that the call shows, a developer's own word for his users among them
	Owners      []Identity // the identities that own some of Logins, each once, whole
}

// Resolve decides which identity a set of verified logins means, after the API reference on GetId, GetOpenIdToken and
// MergeDeveloperIdentities:
//
//	no identity named   no login            a new guest, where guests are allowed
//	                    none owned          a new identity with all of them
//	                    one owner           the owner; the rest is linked to it
//	                    several owners      the oldest takes the others in
//	a guest named       no login            the guest, where guests are allowed
//	                    none owned          the guest, which has logins from now on
//	                    owned               the oldest owner takes the guest and the other owners in
//	an identity named   no login            refused
//	                    none is its own     refused
//	                    one is its own      the identity; the rest is linked, other owners are taken in
//
// A developer's identifier never moves to the identity that a call names. It returns a Refusal as its error.
func Resolve(f *Facts) (Plan, error) {
	if len(f.Logins) == 0 {
		return resolveGuest(f)
	}
	parent, err := findParent(f)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Identity: f.Fresh, New: parent == nil}
	var has []Login
	if parent != nil {
		plan.Identity = parent.ID
		has = slices.Clone(parent.Logins)
	}
	for _, other := range f.absorbed(parent) {
		plan.Absorb = append(plan.Absorb, other.ID)
		has = append(has, other.Logins...)
	}
	for _, login := range f.Logins {
		if !slices.Contains(has, login) {
			plan.Link = append(plan.Link, login)
			has = append(has, login)
		}
	}
	if !plan.Writes() { // what was once let in stays
		return plan, nil
	}
	return plan, checkLogins(has, f.Developer, f.MaxLinked)
}

func resolveGuest(f *Facts) (Plan, error) {
	switch {
	case f.Named != nil && (f.Named.Disabled || len(f.Named.Logins) > 0):
		return Plan{}, Forbidden
	case !f.AllowGuests:
		return Plan{}, GuestsForbidden
	case f.Named != nil:
		return Plan{Identity: f.Named.ID}, nil
	}
	return Plan{Identity: f.Fresh, New: true}, nil
}

// findParent finds the identity that all logins will belong to; nil means a new one.
func findParent(f *Facts) (*Identity, error) {
	if f.Named == nil {
		return oldest(f.Owners), nil
	}
	switch {
	case f.Named.Disabled:
		return nil, Forbidden
	case f.developerTaken():
		return nil, DeveloperTaken
	case len(f.Named.Logins) > 0:
		if !slices.ContainsFunc(f.Logins, func(l Login) bool { return slices.Contains(f.Named.Logins, l) }) {
			return nil, NoLoginMatches
		}
		return f.Named, nil
	case len(f.Owners) > 0:
		return oldest(f.Owners), nil
	}
	return f.Named, nil
}

// developerTaken tells whether an identifier of the developer's, shown beside the named identity, belongs to another.
func (f *Facts) developerTaken() bool {
	return f.Developer != "" && slices.ContainsFunc(f.Logins, func(l Login) bool {
		return l.Provider == f.Developer && slices.ContainsFunc(f.Owners, func(o Identity) bool {
			return o.ID != f.Named.ID && slices.Contains(o.Logins, l)
		})
	})
}

// oldest chooses among identities so that the same history always gives the same answer.
func oldest(all []Identity) *Identity {
	if len(all) == 0 {
		return nil
	}
	first := slices.MinFunc(all, byAge)
	return &first
}

func byAge(a, b Identity) int {
	if c := a.Created.Compare(b.Created); c != 0 {
		return c
	}
	return slices.CompareFunc(a.ID[:], b.ID[:], cmp.Compare[byte])
}

// absorbed lists who is merged into the parent: the other owners, and the named guest if it did not become the parent.
func (f *Facts) absorbed(parent *Identity) []Identity {
	var others []Identity
	if parent == nil {
		return nil
	}
	for _, o := range f.Owners {
		if o.ID != parent.ID {
			others = append(others, o)
		}
	}
	if f.Named != nil && f.Named.ID != parent.ID {
		others = append(others, *f.Named)
	}
	slices.SortFunc(others, byAge)
	return others
}

func checkLogins(logins []Login, developer string, most int) error {
	if len(logins) > most {
		return TooManyLogins
	}
	seen := make(map[string]bool, len(logins))
	for _, l := range logins {
		if seen[l.Provider] && l.Provider != developer {
			return SecondLogin
		}
		seen[l.Provider] = true
	}
	return nil
}

// Merge decides that one identity takes another in because the developer says so. It returns a Refusal.
func Merge(destination, source *Identity, developer string, most int) (Plan, error) {
	plan := Plan{Identity: destination.ID}
	switch {
	case source.ID == destination.ID:
		return plan, nil
	case source.Disabled || destination.Disabled:
		return Plan{}, Forbidden
	}
	plan.Absorb = []ID{source.ID}
	return plan, checkLogins(slices.Concat(destination.Logins, source.Logins), developer, most)
}

// Unlinking is what an identity loses.
type Unlinking struct {
	Logins  []Login
	Disable bool // it was the last: nobody can reach the identity again, as a guest neither
}

// Unlink decides what an identity loses when some of its logins are dropped.
func Unlink(i *Identity, drop func(Login) bool) Unlinking {
	var u Unlinking
	for _, l := range i.Logins {
		if drop(l) {
			u.Logins = append(u.Logins, l)
		}
	}
	u.Disable = len(u.Logins) > 0 && len(u.Logins) == len(i.Logins)
	return u
}
