package cognito

import (
	"errors"
	"fmt"
	"testing"

	"idpool/iam"
	"idpool/identity"
	"idpool/issuer"
	"idpool/provider"
	"idpool/store"
	"idpool/sts"
)

// What becomes of lower floors' errors. Only a database that is down is a 5xx: SDKs try again then.
func TestMapError(t *testing.T) {
	cause := errors.New("cause")
	for _, row := range []struct {
		err    error
		status int
		code   string
	}{
		{&provider.Rejected{Message: "m", Cause: cause}, 0, "NotAuthorizedException"},
		{&provider.Unavailable{Issuer: "https://idp.example", Cause: cause}, 0, "ExternalServiceException"},
		{&iam.Denied{}, 0, "AccessDeniedException"},
		{sts.ErrAccessDenied, 0, "InvalidIdentityPoolConfigurationException"},
		{issuer.ErrBusy, 0, "TooManyRequestsException"},
		{errBusy, 0, "TooManyRequestsException"},
		{store.ErrContended, 0, "TooManyRequestsException"},
		{store.ErrExists, 0, "TooManyRequestsException"},
		{sts.ErrTooLarge, 0, "InvalidParameterException"},
		{store.ErrUnavailable, 500, "InternalErrorException"},
		{store.ErrUnknownOutcome, 500, "InternalErrorException"},
	} {
		for _, err := range []error{row.err, fmt.Errorf("wrapped: %w", row.err)} {
			if got := mapError(err); got == nil || got.Code != row.code || got.Status != row.status || got.Message == "" {
				t.Errorf("%v: %+v, want %s with status %d", err, got, row.code, row.status)
			}
		}
	}
	for _, err := range []error{cause, store.ErrNotFound, iam.ErrNoRole} {
		if got := mapError(err); got != nil {
			t.Errorf("%v was not foreseen, and became %+v", err, got)
		}
	}
}

// Over the bound of guests that are being made the next one is sent away at once; who signs in is not concerned.
func TestTooManyGuests(t *testing.T) {
	s := &Service{}
	if err := s.Init(); err != nil {
		t.Fatal(err)
	}
	for range maxNewGuests {
		s.guests <- struct{}{}
	}
	v := &visit{pool: &identity.Pool{Settings: identity.Settings{AllowGuests: true}}}
	if _, err := s.admit(t.Context(), v); !errors.Is(err, errBusy) {
		t.Errorf("a new guest: %v, want errBusy", err)
	}
	v.named = &identity.Identity{ID: identity.ID{1}}
	if a, err := s.admit(t.Context(), v); err != nil || a.ID != v.named.ID {
		t.Errorf("a guest who is there: %+v, %v", a, err)
	}
}

// The words are true of a database that is away and of one whose disk is full.
func TestUnavailableSaysNoReason(t *testing.T) {
	if got := mapError(store.ErrUnavailable).Message; got != "The database cannot do this now. Try again later." {
		t.Errorf("it says %q", got)
	}
}
