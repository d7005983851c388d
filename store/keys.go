package store

import "time"

// State is where a key stands in its life.
type State string

// A key is published while next, signs or seals while current, and is still honoured for a time when retired.
const (
	Next    State = "next"
	Current State = "current"
	Retired State = "retired"
)

// SigningKey is a key of the OpenID issuer.
type SigningKey struct {
	ID          string // kid: the RFC 7638 thumbprint
	Algorithm   string // RS512, RS256 or ES256
	State       State
	Private     Sealed // PKCS #8
	Certificate []byte // DER, self-signed, the same on all nodes
	Created     time.Time
	Changed     time.Time // when it came into its state
}

// SealingKey is a key that session tokens and the like are derived from.
type SealingKey struct {
	ID      int64
	State   State
	Key     Sealed // 32 bytes
	Created time.Time
	Changed time.Time
}

var (
	allSigningKeys = byBytes(`SELECT kid, alg, state, sealed, master, certificate, created, changed FROM signing_keys
		ORDER BY created, kid COLLATE BINARY`)
	insertSigningKey = statement(`INSERT INTO signing_keys (kid, alg, state, sealed, master, certificate, created, changed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $7)`)
	moveSigningKey   = statement(`UPDATE signing_keys SET state = $2, changed = $3 WHERE kid = $1`)
	deleteSigningKey = statement(`DELETE FROM signing_keys WHERE kid = $1`)

	allSealingKeys   = statement(`SELECT id, state, sealed, master, created, changed FROM sealing_keys ORDER BY created, id`)
	insertSealingKey = statement(`INSERT INTO sealing_keys (id, state, sealed, master, created, changed)
		VALUES ($1, $2, $3, $4, $5, $5)`)
)

// SigningKeys returns all keys of the issuer, the oldest first.
func (tx *Tx) SigningKeys() ([]SigningKey, error) {
	var keys []SigningKey
	err := tx.rows(allSigningKeys, nil, func(scan func(...any) error) error {
		var k SigningKey
		var created, changed int64
		err := scan(&k.ID, &k.Algorithm, &k.State, &k.Private.Box, &k.Private.Master, &k.Certificate, &created, &changed)
		k.Created, k.Changed = fromMilli(created), fromMilli(changed)
		keys = append(keys, k)
		return err
	})
	return keys, err
}

// CreateSigningKey adds a key in its state; ErrExists if another node has put one into that state.
func (tx *Tx) CreateSigningKey(k *SigningKey) error {
	return tx.exec(insertSigningKey, k.ID, k.Algorithm, string(k.State), k.Private.Box, k.Private.Master, k.Certificate,
		tx.Now().UnixMilli())
}

// MoveSigningKey puts a key into another state.
func (tx *Tx) MoveSigningKey(kid string, to State) error {
	return tx.exec(moveSigningKey, kid, string(to), tx.Now().UnixMilli())
}

// DeleteSigningKey forgets a key.
func (tx *Tx) DeleteSigningKey(kid string) error { return tx.exec(deleteSigningKey, kid) }

// SealingKeys returns all sealing keys, the oldest first.
func (tx *Tx) SealingKeys() ([]SealingKey, error) {
	var keys []SealingKey
	err := tx.rows(allSealingKeys, nil, func(scan func(...any) error) error {
		var k SealingKey
		var created, changed int64
		err := scan(&k.ID, &k.State, &k.Key.Box, &k.Key.Master, &created, &changed)
		k.Created, k.Changed = fromMilli(created), fromMilli(changed)
		keys = append(keys, k)
		return err
	})
	return keys, err
}

// CreateSealingKey adds a key in its state; ErrExists if another node has put one into that state.
func (tx *Tx) CreateSealingKey(k *SealingKey) error {
	return tx.exec(insertSealingKey, k.ID, string(k.State), k.Key.Box, k.Key.Master, tx.Now().UnixMilli())
}
