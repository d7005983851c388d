package wire

import (
	"fmt"
	"net/http"
)

// SignatureKind is why a signature was refused.
type SignatureKind int

// The kinds of refusal. The code of the reply goes by kind and protocol.
const (
	MissingToken SignatureKind = iota + 1 // the request is not signed
	Incomplete                            // a part of the signature is missing, doubled or malformed
	UnknownKey                            // no such access key, or a session token that is not its own
	Expired                               // the session's credentials have expired
	Mismatch                              // the signature is wrong, or leaves out what it must cover
	Skew                                  // signed too long ago, or in the future
	WrongScope                            // the credential scope holds another service, date, region form or terminator
)

// signatureReplies are the codes by kind. In JSON all of them have status 400: the API reference says 403 for some, but 400
// is what logs of the original show.
var signatureReplies = [...]struct {
	name        string
	json, query string
	queryStatus int
}{
	MissingToken: {"missing token", "MissingAuthenticationTokenException", "MissingAuthenticationToken", http.StatusForbidden},
	Incomplete:   {"incomplete", "IncompleteSignatureException", "IncompleteSignature", http.StatusBadRequest},
	UnknownKey:   {"unknown key", "UnrecognizedClientException", "InvalidClientTokenId", http.StatusForbidden},
	Expired:      {"expired session", "ExpiredTokenException", "ExpiredToken", http.StatusForbidden},
	Mismatch:     {"mismatch", "InvalidSignatureException", "SignatureDoesNotMatch", http.StatusForbidden},
	Skew:         {"skew", "InvalidSignatureException", "SignatureDoesNotMatch", http.StatusForbidden},
	WrongScope:   {"wrong scope", "InvalidSignatureException", "SignatureDoesNotMatch", http.StatusForbidden},
}

// String is a short name for logs and metrics, such as "mismatch".
func (k SignatureKind) String() string {
	if k < MissingToken || int(k) >= len(signatureReplies) {
		return fmt.Sprintf("kind %d", int(k))
	}
	return signatureReplies[k].name
}

// SignatureError is a refused signature.
type SignatureError struct {
	Kind    SignatureKind
	Message string // for the client; may repeat parts of the request's signature, unescaped
	Cause   error  // for the log; nil where Message says it all
}

func (e *SignatureError) Error() string {
	if e.Cause == nil {
		return fmt.Sprintf("signature refused (%v): %s", e.Kind, e.Message)
	}
	return fmt.Sprintf("signature refused (%v): %v", e.Kind, e.Cause)
}

// Unwrap gives the cause.
func (e *SignatureError) Unwrap() error { return e.Cause }

// wire is the reply of a JSON 1.1 service, or else of a Query service.
func (e *SignatureError) wire(isJSON bool) *Error {
	reply := signatureReplies[e.Kind]
	if isJSON {
		return &Error{Code: reply.json, Message: e.Message, Cause: e}
	}
	return &Error{Code: reply.query, Message: e.Message, Status: reply.queryStatus, Cause: e}
}

// mismatchText leaves out the canonical string that AWS sometimes adds: it would send a session token back in a header.
const mismatchText = "The request signature we calculated does not match the signature you provided. Check your AWS " +
	"Secret Access Key and signing method. Consult the service documentation for details."

const unknownKeyText = "The security token included in the request is invalid."

func refuse(kind SignatureKind, cause error, format string, args ...any) error {
	return &SignatureError{Kind: kind, Message: fmt.Sprintf(format, args...), Cause: cause}
}
