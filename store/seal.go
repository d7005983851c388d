package store

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"fmt"
)

// ErrMaster is returned for a row that none of the given master keys has sealed.
var ErrMaster = errors.New("sealed with another master key than the given ones")

// Sealed is a secret at rest: the name of the master key that sealed it, and nonce, ciphertext and tag of AES-256-GCM.
type Sealed struct {
	Master []byte
	Box    []byte
}

// Master seals and opens secrets at rest. It knows one key to seal with and any number of earlier ones to open with, so
// that the master key can be changed.
type Master struct {
	keys []masterKey
}

type masterKey struct {
	name []byte
	aead cipher.AEAD
}

// MasterKeySize is the size of a master key in bytes.
const MasterKeySize = 32

// NewMaster makes a Master of 32-byte keys, the current one first.
func NewMaster(current []byte, earlier ...[]byte) (*Master, error) {
	m := &Master{}
	for _, key := range append([][]byte{current}, earlier...) {
		if len(key) != MasterKeySize {
			return nil, fmt.Errorf("a master key has %d bytes, this one has %d", MasterKeySize, len(key))
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		name := sha256.Sum256(append([]byte("idpool master key name\x00"), key...))
		m.keys = append(m.keys, masterKey{name: name[:8], aead: aead})
	}
	return m, nil
}

// Seal seals a secret for one row; context names the row ("access key AKIA..."), so that a sealed value opens nowhere else.
func (m *Master) Seal(context string, secret []byte) Sealed {
	key := m.keys[0]
	return Sealed{Master: key.name, Box: key.aead.Seal(nil, nil, secret, []byte(context))}
}

// Open is the opposite of Seal. It returns ErrMaster when the row was sealed with a key that is not at hand.
func (m *Master) Open(context string, s Sealed) ([]byte, error) {
	for _, key := range m.keys {
		if !bytes.Equal(key.name, s.Master) {
			continue
		}
		secret, err := key.aead.Open(nil, nil, s.Box, []byte(context))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", context, err)
		}
		return secret, nil
	}
	return nil, fmt.Errorf("%s, master key %x: %w", context, s.Master, ErrMaster)
}
