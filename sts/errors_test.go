package sts

import (
	"errors"
	"fmt"
	"testing"

	"idpool/iam"
	"idpool/issuer"
	"idpool/store"
)

// What becomes of lower floors' errors. Only a database that is down is a 5xx: SDKs try again then.
func TestMapError(t *testing.T) {
	for _, row := range []struct {
		err    error
		status int
		code   string
	}{
		{ErrAccessDenied, 403, "AccessDenied"},
		{&tooLarge{percent: 101}, 0, "PackedPolicyTooLarge"},
		{&iam.Denied{Caller: "arn"}, 403, "AccessDenied"},
		{errTooLong, 0, "ValidationError"},
		{issuer.ErrBusy, 0, "Throttling"},
		{store.ErrContended, 0, "Throttling"},
		{store.ErrUnavailable, 503, "ServiceUnavailable"},
		{store.ErrUnknownOutcome, 503, "ServiceUnavailable"},
	} {
		for _, err := range []error{row.err, fmt.Errorf("wrapped: %w", row.err)} {
			if got := mapError(err); got == nil || got.Code != row.code || got.Status != row.status || got.Message == "" {
				t.Errorf("%v: %+v, want %s with status %d", err, got, row.code, row.status)
			}
		}
	}
	for _, err := range []error{errors.New("cause"), store.ErrNotFound, errToken} {
		if got := mapError(err); got != nil {
			t.Errorf("%v was not foreseen, and became %+v", err, got)
		}
	}
}

// The words are true of a database that is away and of one whose disk is full.
func TestUnavailableSaysNoReason(t *testing.T) {
	if got := mapError(store.ErrUnavailable).Message; got != "The database cannot do this now. Try again later." {
		t.Errorf("it says %q", got)
	}
}
