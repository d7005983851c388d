package identity_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"idpool/identity"
)

func TestMerge(t *testing.T) {
	for _, row := range []struct {
		name                string
		destination, source identity.Identity
		want                outcome
	}{
		{"two of one identifier each", person(1, dx), person(2, dy), is(id(1)).absorbs(id(2))},
		{"age says nothing", person(2, dx), person(1, dy), is(id(2)).absorbs(id(1))},
		{"with logins of different providers", person(1, dx, ax), person(2, dy, bx), is(id(1)).absorbs(id(2))},
		{"with a login each of one provider", person(1, dx, ax), person(2, dy, ay), refused(identity.SecondLogin)},
		{"one identity with both", person(1, dx, dy), person(1, dx, dy), is(id(1))},
		{"the source lost a merge", person(1, dx), disabled(2), refused(identity.Forbidden)},
		{"the destination lost a merge", disabled(1), person(2, dx), refused(identity.Forbidden)},
		{"to 20 logins", person(1, append(many(10, 0), dx)...), person(2, append(many(8, 10), dy)...), is(id(1)).absorbs(id(2))},
		{"to 21 logins", person(1, append(many(10, 0), dx)...), person(2, append(many(9, 10), dy)...), refused(identity.TooManyLogins)},
	} {
		t.Run(row.name, func(t *testing.T) {
			plan, err := identity.Merge(&row.destination, &row.source, developer, identity.MaxLinked)
			if !errors.Is(err, row.want.err) {
				t.Fatalf("error %v, want %v", err, row.want.err)
			}
			if diff := cmp.Diff(row.want.plan, plan); diff != "" && row.want.err == nil {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnlink(t *testing.T) {
	atA := func(l identity.Login) bool { return l.Provider == "a" }
	for _, row := range []struct {
		name string
		of   identity.Identity
		want identity.Unlinking
	}{
		{"one of two", person(1, ax, bx), identity.Unlinking{Logins: []identity.Login{ax}}},
		{"the last", person(1, ax), identity.Unlinking{Logins: []identity.Login{ax}, Disable: true}},
		{"none", person(1, bx), identity.Unlinking{}},
		{"of a guest", guest(1), identity.Unlinking{}},
	} {
		if diff := cmp.Diff(row.want, identity.Unlink(&row.of, atA)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", row.name, diff)
		}
	}
}
