package saml

import (
	"errors"
	"testing"
)

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// refused wants one reason, and nothing else back; and that a whole node refuses it as well.
func refused(t testing.TB, md *Metadata, response string, want Expect, kind error, why string) {
	t.Helper()
	a, err := Verify(md, response, want)
	if a != nil {
		t.Errorf("taken: %+v", a)
	}
	var r *Rejected
	if !errors.As(err, &r) || !errors.Is(err, kind) || r.Why != why {
		t.Errorf("%v, want %q", err, why)
	}
	FrontDoor(t, md, response, want)
}
