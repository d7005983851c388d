package issuer

import (
	"cmp"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"

	"github.com/go-jose/go-jose/v4"

	"idpool/store"
)

// How long a key is published before it signs, and after another has taken over. The first gives every relying party's
// cache the time to see it (JWKSMaxAge, and more); the second outlives the longest token, which lives 24 hours.
const (
	PublishedBefore = 24 * time.Hour
	PublishedAfter  = 25 * time.Hour
	JWKSMaxAge      = time.Hour
)

// Algorithms are the JWS algorithms that the issuer can sign with. The first, which is the original's, is that of a
// deployment's first key where nobody asks for another.
func Algorithms() []string { return []string{"RS512", "RS256", "ES256"} }

// key is a signing key as a node holds it in memory.
type key struct {
	store.SigningKey
	signer crypto.Signer
	cert   *x509.Certificate
}

// steps are the changes that are due to a deployment's keys.
type steps struct {
	create  store.State // empty: none
	promote string      // the next key that becomes current
	retire  string
	remove  []string
}

// wanted is the algorithm that this node asks for; empty: none, as where the operator names none, so that a forgotten flag
// neither drops a key that waits nor moves a deployment back. A node asks at its start alone, so that of those that name
// one the last to start decides: running nodes with different flags would drop each other's next key every minute, and none
// would ever sign.
func (i *Issuer) wanted() string {
	if i.ring.Load() != nil {
		return ""
	}
	return i.Algorithm
}

// due decides what has to change, given the keys in the database and the algorithm that is asked for; empty: none.
func due(keys []store.SigningKey, algorithm string, now time.Time) (s steps) {
	var current, next *store.SigningKey
	for i, k := range keys {
		switch {
		case k.State == store.Current:
			current = &keys[i]
		case k.State == store.Next:
			next = &keys[i]
		case !now.Before(k.Changed.Add(PublishedAfter)):
			s.remove = append(s.remove, k.ID)
		}
	}
	if next != nil && algorithm != "" && next.Algorithm != algorithm {
		s.remove = append(s.remove, next.ID) // it never signed
		next = nil
	}
	switch {
	case current == nil:
		s.create = store.Current
	case next != nil && !now.Before(next.Changed.Add(PublishedBefore)):
		s.promote, s.retire = next.ID, current.ID
	case next == nil && algorithm != "" && current.Algorithm != algorithm:
		s.create = store.Next
	}
	return s
}

func (s steps) nothing() bool { return s.create == "" && s.promote == "" && len(s.remove) == 0 }

// errUndrawn ends an Update in which a key has come to be due that was not when it was prepared.
var errUndrawn = errors.New("a signing key is due that is not drawn")

// rotate reads the keys and carries out what is due. Of nodes that do it at once one wins, and the others read its key.
func (i *Issuer) rotate(ctx context.Context) ([]store.SigningKey, error) {
	wanted := i.wanted()
	keys, err := i.readKeys(ctx)
	if err != nil {
		return nil, err
	}
	steps := due(keys, wanted, i.Now())
	if steps.nothing() {
		return keys, nil
	}
	var fresh *store.SigningKey
	if steps.create != "" { // drawn before the Update, which may run twice
		if fresh, err = i.newKey(); err != nil {
			return nil, err
		}
	}
	err = i.DB.Update(ctx, func(tx *store.Tx) error {
		keys, err := tx.SigningKeys()
		if err != nil {
			return err
		}
		return apply(tx, due(keys, wanted, i.Now()), fresh)
	})
	switch {
	case errors.Is(err, errUndrawn): // another node has changed the keys meanwhile
		return i.rotate(ctx)
	case err != nil && !errors.Is(err, store.ErrExists):
		return nil, fmt.Errorf("change signing keys: %w", err)
	}
	return i.readKeys(ctx)
}

// apply carries out steps; fresh is the key to create, nil if none is drawn.
func apply(tx *store.Tx, s steps, fresh *store.SigningKey) error {
	if s.create != "" && fresh == nil {
		return errUndrawn
	}
	for _, kid := range s.remove {
		if err := tx.DeleteSigningKey(kid); err != nil {
			return err
		}
	}
	if s.promote != "" {
		if err := tx.MoveSigningKey(s.retire, store.Retired); err != nil {
			return err
		}
		return tx.MoveSigningKey(s.promote, store.Current)
	}
	if s.create != "" {
		fresh.State = s.create
		return tx.CreateSigningKey(fresh)
	}
	return nil
}

func (i *Issuer) readKeys(ctx context.Context) (keys []store.SigningKey, err error) {
	err = i.DB.View(ctx, func(tx *store.Tx) error {
		keys, err = tx.SigningKeys()
		return err
	})
	return keys, err
}

// newKey makes a key for the issuer's algorithm, with its self-signed certificate.
func (i *Issuer) newKey() (*store.SigningKey, error) {
	algorithm := cmp.Or(i.Algorithm, Algorithms()[0])
	var signer crypto.Signer
	var err error
	if algorithm == "ES256" {
		signer, err = ecdsa.GenerateKey(elliptic.P256(), i.Rand)
	} else {
		signer, err = rsa.GenerateKey(i.Rand, 2048)
	}
	if err != nil {
		return nil, err
	}
	kid, err := thumbprint(signer.Public())
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		return nil, err
	}
	certificate, err := certify(signer, i.Now(), i.Rand)
	if err != nil {
		return nil, err
	}
	return &store.SigningKey{
		ID: kid, Algorithm: algorithm, Private: i.Master.Seal(sealContext(kid), der), Certificate: certificate,
	}, nil
}

func sealContext(kid string) string { return "signing key " + kid }

// thumbprint is the kid: the SHA-256 thumbprint of RFC 7638, so that no two issuers share one. MinIO goes by kid alone.
func thumbprint(public crypto.PublicKey) (string, error) {
	sum, err := (&jose.JSONWebKey{Key: public}).Thumbprint(crypto.SHA256)
	return base64.RawURLEncoding.EncodeToString(sum), err
}

// certify makes the certificate that x5c shows. Nobody checks its chain or its dates; Ceph reads the public key out of it.
func certify(signer crypto.Signer, now time.Time, random io.Reader) ([]byte, error) {
	serial := make([]byte, 16)
	if _, err := io.ReadFull(random, serial); err != nil {
		return nil, err
	}
	serial[0] &= 0x7f // at most 20 bytes and positive, RFC 5280 section 4.1.2.2
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial),
		Subject:      pkix.Name{CommonName: "idpool token signing"},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(20, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	return x509.CreateCertificate(random, template, template, signer.Public(), signer)
}

// open unseals a key of the database.
func (i *Issuer) open(k store.SigningKey) (*key, error) {
	der, err := i.Master.Open(sealContext(k.ID), k.Private)
	if err != nil {
		return nil, err
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", k.ID, err)
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("signing key %s is a %T", k.ID, private)
	}
	cert, err := x509.ParseCertificate(k.Certificate)
	if err != nil {
		return nil, fmt.Errorf("certificate of signing key %s: %w", k.ID, err)
	}
	return &key{SigningKey: k, signer: signer, cert: cert}, nil
}
