package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"sync"
	"time"
)

// keyScope is what a signing key is made of, and its name in the cache. It holds the secret itself rather than an
// access key id, so that a rotated secret can never meet the key of the old one.
type keyScope struct{ secret, date, region, service string }

// signingKey derives the key that signs requests of one day, region and service: four HMACs.
func (s keyScope) signingKey() [sha256.Size]byte {
	key := []byte("AWS4" + s.secret)
	for _, part := range [...]string{s.date, s.region, s.service, sigTerminator} {
		key = hmacSHA256(key, part)
	}
	return [sha256.Size]byte(key)
}

func stringToSign(t time.Time, scope keyScope, canonicalRequest [sha256.Size]byte) string {
	return sigAlgorithm + "\n" +
		t.Format(sigTimeFormat) + "\n" +
		scope.date + "/" + scope.region + "/" + scope.service + "/" + sigTerminator + "\n" +
		hex.EncodeToString(canonicalRequest[:])
}

// sign is the signature, in lower-case hex.
func sign(key [sha256.Size]byte, text string) string {
	return hex.EncodeToString(hmacSHA256(key[:], text))
}

func hmacSHA256(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// signingKeysHalf is how many keys one generation holds: two of them, about 300 bytes a key, stay under 1 MB.
const signingKeysHalf = 1024

// signingKeys keeps derived keys in two generations: when the young one is full it becomes the old one, and the old
// one is dropped, so that keys in use survive and the rest goes, without a list to keep in order. Only keys that have
// verified a request are put in: who knows an access key id, but not its secret, can't push others out.
type signingKeys struct {
	mu         sync.Mutex
	young, old map[keyScope][sha256.Size]byte
}

func (k *signingKeys) get(scope keyScope) (key [sha256.Size]byte, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key, ok = k.young[scope]; ok {
		return key, true
	}
	if key, ok = k.old[scope]; ok {
		k.keep(scope, key)
	}
	return key, ok
}

func (k *signingKeys) put(scope keyScope, key [sha256.Size]byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keep(scope, key)
}

func (k *signingKeys) keep(scope keyScope, key [sha256.Size]byte) {
	if len(k.young) >= signingKeysHalf {
		k.old, k.young = k.young, nil
	}
	if k.young == nil {
		k.young = make(map[keyScope][sha256.Size]byte)
	}
	// Cloned, since as parts of a request's header they would hold all of it.
	scope.date, scope.region = strings.Clone(scope.date), strings.Clone(scope.region)
	k.young[scope] = key
}
