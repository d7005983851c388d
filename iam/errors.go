package iam

import (
	"errors"
	"net/http"

	"idpool/store"
	"idpool/wire"
)

// mapError is the one switch between the errors of lower floors and IAM's.
func mapError(err error) *wire.Error {
	var denied *Denied
	switch {
	case errors.As(err, &denied):
		return &wire.Error{Code: "AccessDenied", Message: denied.Error(), Status: http.StatusForbidden, Cause: denied.Cause()}
	case errors.Is(err, store.ErrContended):
		return &wire.Error{Code: "Throttling", Message: "Rate exceeded"}
	case errors.Is(err, store.ErrUnknownOutcome):
		return &wire.Error{Code: "ServiceUnavailable", Status: http.StatusServiceUnavailable, Message: unknownOutcome, Cause: err}
	case errors.Is(err, store.ErrUnavailable):
		return &wire.Error{Code: "ServiceUnavailable", Message: "The database cannot do this now. Try again later.", Status: http.StatusServiceUnavailable, Cause: err}
	}
	return nil
}

// unknownOutcome says what whoever repeats a call by himself has to know; SDKs repeat it anyway.
const unknownOutcome = "The connection to the database was lost while the change was committed. It may have been made: look before repeating it."

func noSuchEntity(message string) error {
	return &wire.Error{Code: "NoSuchEntity", Message: message, Status: http.StatusNotFound}
}

func alreadyExists(message string) error {
	return &wire.Error{Code: "EntityAlreadyExists", Message: message, Status: http.StatusConflict}
}

func invalidInput(message string) error {
	return &wire.Error{Code: "InvalidInput", Message: message}
}

// invalidMember is the error of a member that breaks its constraint, for the constraints that no shape has.
func invalidMember(message string) error {
	return &wire.Error{Code: "ValidationError", Message: message}
}

func deleteConflict(message string) error {
	return &wire.Error{Code: "DeleteConflict", Message: message, Status: http.StatusConflict}
}

func limitExceeded(message string) error {
	return &wire.Error{Code: "LimitExceeded", Message: message, Status: http.StatusConflict}
}

// orNotFound words the store's ErrNotFound.
func orNotFound(err error, message string) error {
	if errors.Is(err, store.ErrNotFound) {
		return noSuchEntity(message)
	}
	return err
}
