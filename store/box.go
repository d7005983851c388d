package store

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
)

// SaltSize is the size of a salt in bytes: drawn, no two are ever the same.
const SaltSize = 32

// A box is what clients keep for us:
//
//	sealing key id (8 bytes) | salt (32) | AES-256-GCM of the text
//
// under a key of its own, HKDF(sealing key, salt, purpose), so that the nonce can be all zeros.
const boxHead = 8 + SaltSize

// BoxOverhead is how many bytes a box has beyond its text.
const BoxOverhead = boxHead + 16

// ErrBox is returned for what no sealing key of this deployment has sealed, or not for this purpose and these associated
// bytes.
var ErrBox = errors.New("not sealed by this deployment for this purpose")

// Salted is a sealing key with a salt, from which the keys of one box are expanded.
type Salted struct {
	id   int64
	salt []byte
	prk  []byte // HKDF-Extract of both
}

// Salted joins the key with a salt of SaltSize bytes.
func (k *OpenKey) Salted(salt []byte) (*Salted, error) {
	prk, err := hkdf.Extract(sha256.New, k.Key, salt)
	return &Salted{k.ID, salt, prk}, err
}

// SaltedLike joins the key with the salt of a box. It returns ErrBox for one that is cut short.
func (k *OpenKey) SaltedLike(box []byte) (*Salted, error) {
	if len(box) < boxHead {
		return nil, ErrBox
	}
	return k.Salted(box[8:boxHead])
}

// BoxKey reads the id of the sealing key out of a box. A box that is cut short has none.
func BoxKey(box []byte) (id int64, ok bool) {
	if len(box) < boxHead {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(box)), true
}

// Expand makes a key of some bytes, another for each purpose.
func (s *Salted) Expand(purpose string, size int) ([]byte, error) {
	return hkdf.Expand(sha256.New, s.prk, purpose, size)
}

func (s *Salted) aead(purpose string) (cipher.AEAD, error) {
	key, err := s.Expand(purpose, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// Seal appends a box to head. A purpose may seal one text under a salt, no more.
func (s *Salted) Seal(head []byte, purpose string, text, associated []byte) ([]byte, error) {
	aead, err := s.aead(purpose)
	if err != nil {
		return nil, err
	}
	head = binary.BigEndian.AppendUint64(head, uint64(s.id))
	head = append(head, s.salt...)
	return aead.Seal(head, make([]byte, aead.NonceSize()), text, associated), nil
}

// Open is the opposite of Seal, for a box of this key and salt. It returns ErrBox.
func (s *Salted) Open(box []byte, purpose string, associated []byte) ([]byte, error) {
	if len(box) < boxHead {
		return nil, ErrBox
	}
	aead, err := s.aead(purpose)
	if err != nil {
		return nil, err
	}
	text, err := aead.Open(nil, make([]byte, aead.NonceSize()), box[boxHead:], associated)
	if err != nil {
		return nil, ErrBox
	}
	return text, nil
}

// Seal seals a text under the current key and a new salt. It opens for the same purpose and associated bytes alone.
func (r *Keyring) Seal(purpose string, text, associated []byte) ([]byte, error) {
	salt := make([]byte, SaltSize)
	if _, err := io.ReadFull(r.Rand, salt); err != nil {
		return nil, err
	}
	salted, err := r.Current().Salted(salt)
	if err != nil {
		return nil, err
	}
	return salted.Seal(nil, purpose, text, associated)
}

// Open is the opposite of Seal. It returns ErrBox for whatever anybody else may have made.
func (r *Keyring) Open(ctx context.Context, box []byte, purpose string, associated []byte) ([]byte, error) {
	id, ok := BoxKey(box)
	if !ok {
		return nil, ErrBox
	}
	key, err := r.Find(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return nil, ErrBox
	}
	if err != nil {
		return nil, err
	}
	salted, err := key.SaltedLike(box)
	if err != nil {
		return nil, err
	}
	return salted.Open(box, purpose, associated)
}
