package sts

import (
	"errors"
	"net/http"

	"idpool/issuer"
	"idpool/store"
	"idpool/wire"
)

// errTooLong is returned for credentials that would outlive what the role allows.
var errTooLong = errors.New("longer than the role's sessions may be")

// mapError is the one switch between the errors of lower floors and STS's.
func mapError(err error) *wire.Error {
	switch {
	case errors.Is(err, ErrAccessDenied):
		return &wire.Error{Code: "AccessDenied", Status: http.StatusForbidden, Message: "Not authorized to perform sts:AssumeRoleWithWebIdentity", Cause: err}
	case errors.Is(err, ErrTooLarge):
		return &wire.Error{Code: "PackedPolicyTooLarge", Message: "The session policy and tags are too large to be packed into a session token."}
	case errors.Is(err, errTooLong):
		return validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	case errors.Is(err, issuer.ErrBusy):
		return &wire.Error{Code: "Throttling", Message: "Rate exceeded"}
	case errors.Is(err, store.ErrUnavailable):
		return &wire.Error{Code: "ServiceUnavailable", Status: http.StatusServiceUnavailable, Message: "The database cannot be reached. Try again later.", Cause: err}
	}
	return nil
}

func invalidToken(message string) error {
	return &wire.Error{Code: "InvalidIdentityToken", Message: message}
}

func validation(message string) *wire.Error {
	return &wire.Error{Code: "ValidationError", Message: message}
}
