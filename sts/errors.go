package sts

import (
	"errors"
	"net/http"

	"idpool/iam"
	"idpool/issuer"
	"idpool/store"
	"idpool/wire"
)

// errTooLong is returned for credentials that would outlive what the role allows.
var errTooLong = errors.New("longer than the role's sessions may be")

// mapError is the one switch between the errors of lower floors and STS's.
func mapError(err error) *wire.Error {
	var denied *iam.Denied
	var large *tooLarge
	switch {
	case errors.As(err, &denied):
		return &wire.Error{Code: "AccessDenied", Status: http.StatusForbidden, Message: denied.Error(), Cause: denied.Cause()}
	case errors.As(err, &large):
		return &wire.Error{Code: "PackedPolicyTooLarge", Message: large.Error()}
	case errors.Is(err, ErrAccessDenied):
		return &wire.Error{Code: "AccessDenied", Status: http.StatusForbidden, Message: "Not authorized to perform sts:AssumeRoleWithWebIdentity", Cause: err}
	case errors.Is(err, errTooLong):
		return validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	case errors.Is(err, issuer.ErrBusy), errors.Is(err, store.ErrContended):
		return &wire.Error{Code: "Throttling", Message: "Rate exceeded"}
	case errors.Is(err, store.ErrUnavailable):
		return &wire.Error{Code: "ServiceUnavailable", Status: http.StatusServiceUnavailable, Message: "The database cannot do this now. Try again later.", Cause: err}
	}
	return nil
}

// accessDenied refuses an unsigned call. The cause, for the log, says why; the client is told nothing but that it is so.
func accessDenied(action string, cause error) error {
	return &wire.Error{Code: "AccessDenied", Status: http.StatusForbidden, Message: "Not authorized to perform " + action, Cause: cause}
}

// forbidden refuses a call for what its caller is, whatever policies say.
func forbidden(message string) error {
	return &wire.Error{Code: "AccessDenied", Status: http.StatusForbidden, Message: message}
}

func invalidParameter(message string) error {
	return &wire.Error{Code: "InvalidParameterValue", Message: message}
}

func invalidToken(message string) error {
	return &wire.Error{Code: "InvalidIdentityToken", Message: message}
}

func validation(message string) *wire.Error {
	return &wire.Error{Code: "ValidationError", Message: message}
}
