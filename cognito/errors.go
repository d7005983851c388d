package cognito

import (
	"errors"
	"fmt"
	"net/http"

	"idpool/iam"
	"idpool/identity"
	"idpool/issuer"
	"idpool/provider"
	"idpool/store"
	"idpool/sts"
	"idpool/wire"
)

// mapError is the one switch between the errors of lower floors and this API's.
func mapError(err error) *wire.Error {
	var rejected *provider.Rejected
	var unavailable *provider.Unavailable
	var denied *iam.Denied
	switch {
	case errors.As(err, &rejected):
		return &wire.Error{Code: "NotAuthorizedException", Message: rejected.Message, Cause: rejected.Cause}
	case errors.As(err, &unavailable):
		// The original's text is not known.
		return &wire.Error{Code: "ExternalServiceException", Message: "The identity provider " + unavailable.Issuer + " could not be asked. Try again later.", Cause: unavailable.Cause}
	case errors.As(err, &denied):
		return &wire.Error{Code: "AccessDeniedException", Message: denied.Error(), Cause: denied.Cause()}
	case errors.Is(err, sts.ErrAccessDenied):
		return &wire.Error{Code: "InvalidIdentityPoolConfigurationException", Message: "Invalid identity pool configuration. Check assigned IAM roles for this pool.", Cause: err}
	case errors.Is(err, sts.ErrTooLarge):
		return &wire.Error{Code: "InvalidParameterException", Message: "The logins of this call are too long to stand in a session token together. Show fewer of them."}
	case errors.Is(err, issuer.ErrBusy), errors.Is(err, errBusy), errors.Is(err, store.ErrContended), errors.Is(err, store.ErrExists):
		// ErrExists: a login was taken by others again and again while this call looked. SDKs try again.
		return &wire.Error{Code: "TooManyRequestsException", Message: "Rate exceeded"}
	case errors.Is(err, store.ErrUnknownOutcome):
		return &wire.Error{Code: "InternalErrorException", Status: http.StatusInternalServerError, Message: unknownOutcome, Cause: err}
	case errors.Is(err, store.ErrUnavailable):
		return &wire.Error{Code: "InternalErrorException", Status: http.StatusInternalServerError, Message: "The database cannot do this now. Try again later.", Cause: err}
	}
	return nil
}

// unknownOutcome says what whoever repeats a call by himself has to know; SDKs repeat it anyway.
const unknownOutcome = "The connection to the database was lost while the change was committed. It may have been made: look before repeating it."

// errBusy is returned when too many guests are being made.
var errBusy = errors.New("too many guests are being made")

func invalidParameter(format string, args ...any) error {
	return &wire.Error{Code: "InvalidParameterException", Message: fmt.Sprintf(format, args...)}
}

func notAuthorized(format string, args ...any) error {
	return &wire.Error{Code: "NotAuthorizedException", Message: fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) error {
	return &wire.Error{Code: "ResourceNotFoundException", Message: fmt.Sprintf(format, args...)}
}

func conflict(format string, args ...any) error {
	return &wire.Error{Code: "ResourceConflictException", Message: fmt.Sprintf(format, args...)}
}

func limitExceeded(format string, args ...any) error {
	return &wire.Error{Code: "LimitExceededException", Message: fmt.Sprintf(format, args...)}
}

func noPool(id string) error { return notFound("IdentityPool '%s' not found.", id) }

func noIdentity(id string) error { return notFound("Identity '%s' not found.", id) }

// orNotFound words the store's ErrNotFound.
func orNotFound(err, missing error) error {
	if errors.Is(err, store.ErrNotFound) {
		return missing
	}
	return err
}

// refusal words what identity.Resolve and Merge refused. The texts from SecondLogin on are not known of the original.
func refusal(r identity.Refusal, id string) error {
	switch r {
	case identity.GuestsForbidden:
		return notAuthorized("Unauthenticated access is not supported for this identity pool.")
	case identity.Forbidden:
		return notAuthorized("Access to Identity '%s' is forbidden.", id)
	case identity.NoLoginMatches:
		return notAuthorized("Logins don't match. Please include at least one valid login for this identity or identity pool.")
	case identity.SecondLogin:
		return conflict("Another login of this provider is already linked to the identity.")
	case identity.DeveloperTaken:
		return &wire.Error{Code: "DeveloperUserAlreadyRegisteredException", Message: "This developer user identifier is already registered with Cognito."}
	}
	return invalidParameter("The identity would have too many logins.")
}
