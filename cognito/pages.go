package cognito

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"idpool/store"
	"idpool/wire"
)

// book seals and opens the page tokens of one list. A token is sealed for the operation, account, region and pool that it
// was given out for, and opens for no other: base64url of a box of the last entry shown.
type book struct {
	keys *store.Keyring
	list string // what the token is bound to
}

const purposePage = "idpool page token 1"

// pageText refuses stray bits at the end, so that a token has one spelling.
var pageText = base64.RawURLEncoding.Strict()

func (s *Service) book(c wire.Caller, operation, pool string) *book {
	// NUL stands in none of the parts.
	return &book{keys: s.Keys, list: strings.Join([]string{operation, c.Account, c.Region, pool}, "\x00")}
}

func (b *book) seal(last []byte) (string, error) {
	box, err := b.keys.Seal(purposePage, last, []byte(b.list))
	return pageText.EncodeToString(box), err
}

// open returns the last entry shown, nil for no token. The original's text for a bad one is not known.
func (b *book) open(ctx context.Context, token string) ([]byte, error) {
	if token == "" {
		return nil, nil
	}
	bad := invalidParameter("Invalid NextToken. Use one that this operation has returned for the same request.")
	box, err := pageText.DecodeString(token)
	if err != nil {
		return nil, bad
	}
	last, err := b.keys.Open(ctx, box, purposePage, []byte(b.list))
	if errors.Is(err, store.ErrBox) {
		return nil, bad
	}
	return last, err
}
