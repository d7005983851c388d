package identity

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
)

// ID is the part of a pool's or identity's id behind the region: 16 bytes, written as 8-4-4-4-12 lower-case hex digits.
// Version and variant bits are never looked at: the original has given out ids of other forms since 2024.
type ID [16]byte

// ErrID is returned for a text that is not REGION:8-4-4-4-12.
var ErrID = errors.New("not an id of the form REGION:8-4-4-4-12")

// NewID makes a random (version 4) id from 16 random bytes. A guest's id is its only secret, so callers pass bytes of
// crypto/rand and never an order or a prefix.
func NewID(random [16]byte) ID {
	random[6] = random[6]&0x0f | 0x40
	random[8] = random[8]&0x3f | 0x80
	return ID(random)
}

// ParseID reads "REGION:8-4-4-4-12".
func ParseID(s string) (region string, id ID, err error) {
	region, text, found := strings.Cut(s, ":")
	if !found || region == "" {
		return "", ID{}, ErrID
	}
	id, err = ParseUUID(text)
	return region, id, err
}

// ParseUUID reads 8-4-4-4-12 lower-case hex digits.
func ParseUUID(text string) (id ID, err error) {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return ID{}, ErrID
	}
	if strings.ToLower(text) != text {
		return ID{}, ErrID
	}
	digits := text[:8] + text[9:13] + text[14:18] + text[19:23] + text[24:]
	if _, err := hex.Decode(id[:], []byte(digits)); err != nil {
		return ID{}, ErrID
	}
	return id, nil
}

// UUID is the id without its region.
func (id ID) UUID() string {
	var b [36]byte
	hex.Encode(b[0:8], id[0:4])
	hex.Encode(b[9:13], id[4:6])
	hex.Encode(b[14:18], id[6:8])
	hex.Encode(b[19:23], id[8:10])
	hex.Encode(b[24:36], id[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// In is the id as the API writes it, "us-east-1:8942d0d9-2a33-4114-9c1c-664a7a785856".
func (id ID) In(region string) string { return region + ":" + id.UUID() }

// Login says that a provider vouches for a subject. Provider is the key of the Logins map of the API (an issuer without
// its scheme, a user pool's name, a social provider's domain, a SAML provider's ARN).
type Login struct {
	Provider string
	Subject  string
}

// Hash is the login's key inside its pool: SHA-256(provider, NUL, subject), so that a long subject costs an index no
// more than a short one.
func (l Login) Hash() [32]byte {
	b := make([]byte, 0, 256)
	b = append(b, l.Provider...)
	b = append(b, 0)
	b = append(b, l.Subject...)
	return sha256.Sum256(b)
}
