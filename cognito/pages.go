package cognito

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"

	"idpool/identity"
	"idpool/store"
	"idpool/wire"
)

// book seals and opens the page tokens of one list. A token is sealed for the operation, account, region and pool that it
// was given out for, and opens for no other.
//
//	base64url( sealing key id (8 bytes) | nonce | AES-256-GCM of the last id shown )
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

func (b *book) aead(k *store.OpenKey) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, k.Key, nil, purposePage, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func (b *book) seal(last identity.ID) (string, error) {
	key := b.keys.Current()
	aead, err := b.aead(key)
	if err != nil {
		return "", err
	}
	token := binary.BigEndian.AppendUint64(nil, uint64(key.ID))
	return pageText.EncodeToString(aead.Seal(token, nil, last[:], []byte(b.list))), nil
}

// open returns the last id shown, nil for no token. The original's text for a bad one is not known.
func (b *book) open(ctx context.Context, token string) ([]byte, error) {
	if token == "" {
		return nil, nil
	}
	bad := invalidParameter("Invalid NextToken. Use one that this operation has returned for the same request.")
	raw, err := pageText.DecodeString(token)
	if err != nil || len(raw) < 8 {
		return nil, bad
	}
	key, err := b.keys.Find(ctx, int64(binary.BigEndian.Uint64(raw)))
	if errors.Is(err, store.ErrNotFound) {
		return nil, bad
	}
	if err != nil {
		return nil, err
	}
	aead, err := b.aead(key)
	if err != nil {
		return nil, err
	}
	last, err := aead.Open(nil, nil, raw[8:], []byte(b.list))
	if err != nil {
		return nil, bad
	}
	return last, nil
}
