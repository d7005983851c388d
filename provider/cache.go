package provider

import (
	"crypto/sha256"
	"time"

	"github.com/maypok86/otter/v2"

	"idpool/provider/saml"
)

const (
	defaultCacheBytes = 64 << 20
	tokenLife         = 5 * time.Minute
)

// tokenKey names a token as verified for one version of one provider: a provider that was changed, or made again under its
// name, has another version and finds nothing. The token itself is not kept.
type tokenKey struct {
	name    string
	version int64
	token   [sha256.Size]byte
}

// newTokenKey copies the token to the stack first, since the conversion to bytes alone would allocate.
func newTokenKey(name string, version int64, token string) tokenKey {
	var onStack [4096]byte // a longer token goes to the heap
	return tokenKey{name, version, sha256.Sum256(append(onStack[:0], token...))}
}

// tokenCache remembers of a token only that its signature and issuer are good, with what it says. Times and audience are
// the caller's to check on every use. Failures are never kept: strangers could fill the cache with them, and a provider's
// new key would be noticed late.
type tokenCache[T any] struct {
	entries *otter.Cache[tokenKey, T]
	expires func(T) time.Time
}

// newTokenCache keeps at most about bytes bytes; which entries go first is the cache's choice by use. An entry takes what
// weigh says of it, and about 400 bytes for key, entry and the cache's own bookkeeping.
func newTokenCache[T any](bytes int64, now func() time.Time, expires func(T) time.Time, weigh func(T) int) tokenCache[T] {
	c := tokenCache[T]{expires: expires}
	c.entries = otter.Must(&otter.Options[tokenKey, T]{
		MaximumWeight: uint64(bytes),
		Weigher: func(k tokenKey, value T) uint32 {
			return uint32(400 + len(k.name) + weigh(value)) // a token has 100,000 bytes at most
		},
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[tokenKey, T]) time.Duration {
			return c.lifetime(e.Value, now())
		}),
		Clock: cacheClock(now),
	})
	return c
}

func (c tokenCache[T]) get(k tokenKey) (T, bool) { return c.entries.GetIfPresent(k) }

// put keeps what a token says for five minutes, or until the token expires. A token that lives on grace alone is not kept.
func (c tokenCache[T]) put(k tokenKey, value T, now time.Time) {
	if c.lifetime(value, now) > 0 {
		c.entries.Set(k, value)
	}
}

func (c tokenCache[T]) lifetime(value T, now time.Time) time.Duration {
	return min(tokenLife, c.expires(value).Sub(now))
}

// stringHeader is what a string takes beside its bytes.
const stringHeader = 16

// weigh estimates the bytes that claims keep: as JSON, and the strings taken from them. Measured, an entry of the cache
// keeps about six sevenths of it.
func (c *Claims) weigh() int {
	weight := cap(c.Raw) + len(c.Issuer) + len(c.Subject) + len(c.AuthorizedParty)
	for _, audience := range c.Audience {
		weight += stringHeader + len(audience)
	}
	return weight
}

// weighAssertion is the same for what a SAML provider says; a map takes about four times its header for each name.
func weighAssertion(a *saml.Assertion) int {
	weight := 500 + len(a.ID) + len(a.Issuer) + len(a.Subject) + len(a.SubjectFormat)
	for name, values := range a.Attributes {
		weight += 4*stringHeader + len(name)
		for _, value := range values {
			weight += stringHeader + len(value)
		}
	}
	return weight
}

// cacheClock tells a cache the time. It ticks never, so that the cache needs no goroutine of its own: entries that
// expired are found so when they are read, and are cleared away as others are written.
type cacheClock func() time.Time

func (c cacheClock) NowNano() int64                      { return c().UnixNano() }
func (c cacheClock) Tick(time.Duration) <-chan time.Time { return nil }
