package provider

import (
	"crypto/sha256"
	"time"

	"github.com/maypok86/otter/v2"
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
func newTokenKey(r *rule, token string) tokenKey {
	var onStack [4096]byte // a longer token goes to the heap
	return tokenKey{r.name, r.version, sha256.Sum256(append(onStack[:0], token...))}
}

// tokenCache remembers of a token only that its signature and issuer are good, with the claims it carries. Times and
// audience are the caller's to check on every use. Failures are never kept: strangers could fill the cache with them, and
// a provider's new key would be noticed late.
type tokenCache struct {
	entries *otter.Cache[tokenKey, *Claims]
}

// newTokenCache keeps at most about bytes bytes; which entries go first is the cache's choice by use.
func newTokenCache(bytes int64, now func() time.Time) tokenCache {
	return tokenCache{otter.Must(&otter.Options[tokenKey, *Claims]{
		MaximumWeight: uint64(bytes),
		Weigher:       weigh,
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[tokenKey, *Claims]) time.Duration {
			return lifetime(e.Value, now())
		}),
		Clock: cacheClock(now),
	})}
}

func (c tokenCache) get(k tokenKey) (*Claims, bool) { return c.entries.GetIfPresent(k) }

// put keeps claims for five minutes, or until the token expires. A token that lives on grace alone is not kept.
func (c tokenCache) put(k tokenKey, claims *Claims, now time.Time) {
	if lifetime(claims, now) > 0 {
		c.entries.Set(k, claims)
	}
}

func lifetime(c *Claims, now time.Time) time.Duration {
	return min(tokenLife, c.Expires.Sub(now))
}

// weigh estimates the bytes an entry keeps: the claims as JSON, the strings taken from them, and what key, entry and the
// cache's own bookkeeping take. Measured, an entry keeps about six sevenths of this.
func weigh(k tokenKey, c *Claims) uint32 {
	const fixed, stringHeader = 400, 16
	weight := fixed + len(k.name) + cap(c.Raw) + len(c.Issuer) + len(c.Subject) + len(c.AuthorizedParty)
	for _, audience := range c.Audience {
		weight += stringHeader + len(audience)
	}
	return uint32(weight) // a token has 50,000 bytes at most
}

// cacheClock tells a cache the time. It ticks never, so that the cache needs no goroutine of its own: entries that
// expired are found so when they are read, and are cleared away as others are written.
type cacheClock func() time.Time

func (c cacheClock) NowNano() int64                      { return c().UnixNano() }
func (c cacheClock) Tick(time.Duration) <-chan time.Time { return nil }
