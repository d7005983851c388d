package wire

import "net/http"

// Error is the one error that crosses the wire. Services return it, or have their lower floors' errors mapped to it;
// what stays unmapped becomes an internal error with a fixed text.
type Error struct {
	Code    string // the short name, such as NotAuthorizedException
	Message string // what the client reads
	Status  int    // the HTTP status; 0 means 400
	Cause   error  // for the log alone
}

func (e *Error) Error() string {
	if e.Message == "" {
		return e.Code
	}
	return e.Code + ": " + e.Message
}

// Unwrap gives the cause, which the client never sees.
func (e *Error) Unwrap() error { return e.Cause }

func (e *Error) status() int {
	if e.Status == 0 {
		return http.StatusBadRequest
	}
	return e.Status
}
