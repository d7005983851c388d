package wire

import (
	"context"
	"errors"
)

// Caller is who signed a request.
type Caller struct {
	Account     string // 12 digits
	Region      string // of the credential scope
	AccessKeyID string
	ARN         string // arn:aws:iam::ACCOUNT:root, arn:aws:iam::ACCOUNT:user/PATH/NAME, arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION
	UserID      string // as GetCallerIdentity shows it: the account for its root, AIDA... for a user, AROA...:SESSION for a role
	User        string // the name of a user; empty for everybody else
	Root        bool   // signed with the account's root key, which may do everything there

	// AccountVersion is what caches of the account's IAM go by, as it was when the key was read; 0 for the root.
	AccountVersion int64
	// Session is what temporary credentials say beside, for whoever decides what the caller may do; nil for others.
	Session any

	From      string // the client's address, without port
	UserAgent string // as the client calls itself
	Secure    bool   // the request came by TLS
}

// Key is what an access key id stands for: the secret that signs, and who it is.
type Key struct {
	Secret string
	Caller Caller // without Region, which the signature's scope gives
}

// Keys finds the key of a signed request. Session is the session token sent along, empty for a long-lived key. It
// returns ErrUnknownKey, also for a session token that does not belong to the access key id or cannot be read, and
// ErrExpiredToken for a session that was good once.
type Keys interface {
	Key(ctx context.Context, accessKeyID, session string) (Key, error)
}

// What Keys answers when it finds no key.
var (
	ErrUnknownKey   = errors.New("unknown access key id or session token")
	ErrExpiredToken = errors.New("session token expired")
)
