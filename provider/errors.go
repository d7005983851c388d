package provider

import (
	"errors"
	"strings"
)

// Rejected says that a token proves nothing. Message is the text that the original answers in this case (its
// NotAuthorizedException, as seen in published logs); Cause is for logs, may be nil, and never contains a token.
type Rejected struct {
	Message string
	Cause   error
}

func (e *Rejected) Error() string { return e.Message }

// Unwrap gives the cause, which the client never sees.
func (e *Rejected) Unwrap() error { return e.Cause }

// Reason is what is wrong with a token, for services that word it in another way.
type Reason int

// The reasons that others have words for.
const (
	Malformed Reason = iota // and whatever else
	MissingClaim
	BadSignature
	TooOld
	TooEarly
	WrongAudience
)

// Reason goes by the message.
func (e *Rejected) Reason() Reason {
	begins := func(text string) bool {
		fixed, _, _ := strings.Cut(text, "%")
		return strings.HasPrefix(e.Message, fixed)
	}
	switch {
	case begins(missingClaim):
		return MissingClaim
	case begins(badSignature):
		return BadSignature
	case begins(expired), begins(isExpired):
		return TooOld
	case begins(notYetValid):
		return TooEarly
	case begins(notSupported):
		return WrongAudience
	}
	return Malformed
}

// Unavailable says that a provider could not be asked for its keys, so that nothing can be said about the token. Cause is
// for logs; it is the caller's own context's error when that ended first.
type Unavailable struct {
	Issuer string // as registered
	Cause  error
}

func (e *Unavailable) Error() string {
	return "provider " + e.Issuer + " could not be asked: " + e.Cause.Error()
}

// Unwrap gives the cause.
func (e *Unavailable) Unwrap() error { return e.Cause }

// The messages of the original, letter for letter: clients match on them. Where the original is silent the words are ours.
const (
	notOpenID    = "Invalid login token. Not a valid OpenId Connect identity token."
	wrongIssuer  = "Invalid login token. Issuer doesn't match providerName"
	missingClaim = "Invalid login token. Missing a required claim: "               // and the claim
	badSignature = "Invalid login token. Couldn't verify signed token."            //
	expired      = "Invalid login token. Token expired: %d >= %d"                  // now, exp; seconds since 1970
	notYetValid  = "Invalid login token. Token is not yet valid: %d < %d"          // now, nbf or iat; ours
	notSupported = "Token is not from a supported provider of this identity pool." // neither azp nor aud is registered
	isExpired    = "Invalid login token. Token is expired."                        // by the word of a provider that was asked
	notAccepted  = "Invalid login token. The provider does not accept it."         // as the one before; ours
	isInactive   = "Token is inactive"                                             // the full text is not known
)

func reject(message, cause string) *Rejected {
	return &Rejected{Message: message, Cause: errors.New(cause)}
}
