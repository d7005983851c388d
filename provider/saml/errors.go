package saml

import (
	"errors"
	"fmt"
	"time"
)

// The kinds of refusal, for errors.Is. Those of an assertion's time and place are told only of one that is genuine.
var (
	ErrMalformed       = errors.New("not a SAML response of the form that is taken")
	ErrEncrypted       = errors.New("encrypted for somebody else")
	ErrNotSuccess      = errors.New("the identity provider signed nobody in")
	ErrSignature       = errors.New("no good signature of the identity provider")
	ErrMisdirected     = errors.New("made by or for somebody else")
	ErrNotYetValid     = errors.New("not valid yet")
	ErrExpired         = errors.New("expired")
	ErrMetadataExpired = errors.New("the identity provider's metadata has expired")

	// Two of the ways to be ErrMisdirected.
	ErrIssuer   = fmt.Errorf("%w: another issuer", ErrMisdirected)
	ErrAudience = fmt.Errorf("%w: another audience", ErrMisdirected)
)

// Rejected says that a response proves nothing, and why. Neither holds anything of the document but a time.
type Rejected struct {
	Kind  error     // one of the kinds above
	Why   string    // for people; a fixed text for each reason
	Limit time.Time // of ErrNotYetValid, ErrExpired and ErrMetadataExpired: the time that was not reached, or passed
}

func (r *Rejected) Error() string { return "SAML response: " + r.Why }

// Unwrap gives the kind.
func (r *Rejected) Unwrap() error { return r.Kind }

func reject(kind error, why string) error { return &Rejected{Kind: kind, Why: why} }
