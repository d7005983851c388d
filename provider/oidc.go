package provider

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"idpool/provider/saml"
)

// skew is how far a token's clock and ours may differ.
const skew = 5 * time.Minute

// OIDC is an OpenID Connect provider as it is registered with IAM.
type OIDC struct {
	ARN         string
	Version     int64    // differs whenever the provider was changed, or made again under its name
	Issuer      string   // the URL as registered: https://idp.example/path, with or without a slash at its end
	ClientIDs   []string // audiences; a token must be for one of them
	Thumbprints []string // SHA-1 of certificates, 40 hex digits; see Network.vouch for what they do
}

// Verifier verifies tokens and keeps what it needs for that: keys of issuers, and which tokens it has seen. The zero value
// works; fields are set before the first use. One is meant to serve a whole process: who makes two asks every provider
// twice.
type Verifier struct {
	Now        func() time.Time // time.Now if nil; certificates and both caches go by it too
	Network    Network          // where it may go
	Settings   Settings         // what the operator says of social providers and user pools
	Log        *slog.Logger     // nothing is logged if nil
	Timeout    time.Duration    // of one fetch of an issuer's keys, two requests; 4 s if 0
	CacheBytes int64            // of verified tokens, and of verified assertions; 64 MiB if 0
	Issuers    int              // whose keys are kept, the least recently used going first; 10,000 if 0
	// SAMLRecipient is where SAML responses may be sent to, beside Amazon's own place; none if empty.
	SAMLRecipient string

	once       sync.Once
	tokens     tokenCache[*Claims]
	assertions tokenCache[*saml.Assertion]
	rings      *keyrings
	lines      lines // to providers that are asked online; see call
}

func (v *Verifier) init() {
	if v.Now == nil {
		v.Now = time.Now
	}
	if v.Log == nil {
		v.Log = slog.New(slog.DiscardHandler)
	}
	if v.Timeout == 0 {
		v.Timeout = fetchTimeout
	}
	if v.CacheBytes == 0 {
		v.CacheBytes = defaultCacheBytes
	}
	if v.Issuers == 0 {
		v.Issuers = maxIssuers
	}
	v.tokens = newTokenCache(v.CacheBytes, v.Now, func(c *Claims) time.Time { return c.Expires }, (*Claims).weigh)
	v.assertions = newTokenCache(v.CacheBytes, v.Now, (*saml.Assertion).End, weighAssertion)
	v.rings = newKeyrings(v.Issuers)
}

// OIDC verifies an ID token of a registered provider and returns what it says. Its errors are *Rejected and *Unavailable.
//
// It waits for the network when an issuer's keys are not known yet or no key fits, at most Timeout and no longer than ctx;
// a fetch that it began goes on without it, since others wait for the same. The claims may be shared with other callers.
func (v *Verifier) OIDC(ctx context.Context, p *OIDC, token string) (*Claims, error) {
	r := rule{name: p.ARN, version: p.Version, shown: p.Issuer, clients: p.ClientIDs, keys: p.source()}
	return v.idToken(ctx, &r, token)
}

func (p *OIDC) source() source { return source{issuer: p.Issuer, thumbprints: p.Thumbprints} }

// rule is what ID tokens of one provider are held to. It is the same for all kinds of providers, but for what the last
// fields say.
type rule struct {
	name    string // of the provider in the cache of tokens and in logs; no two providers share one
	version int64  // of the provider under this name
	shown   string // its name in Unavailable
	clients []string
	keys    source // and whose they are: the issuer

	isGoogle   bool
	isUserPool bool
}

// idToken is the one way that ID tokens go.
func (v *Verifier) idToken(ctx context.Context, r *rule, token string) (*Claims, error) {
	v.once.Do(v.init)
	if len(token) > maxToken {
		return nil, reject(notOpenID, "longer than 50,000 bytes")
	}
	now := v.Now()
	key := newTokenKey(r.name, r.version, token)
	if claims, ok := v.tokens.get(key); ok {
		if err := r.admit(claims, now); err != nil {
			return nil, err
		}
		return claims, nil
	}

	// What costs nothing comes first: neither an expired token nor one for somebody else reaches the network.
	t, err := parse(token)
	if err != nil {
		return nil, err
	}
	if !sameIssuer(r.keys.issuer, t.claims.Issuer) {
		return nil, &Rejected{Message: wrongIssuer}
	}
	if err := r.admit(t.claims, now); err != nil {
		return nil, err
	}
	// A user pool signs access tokens with the same keys. They have no aud, unless somebody adds one.
	if r.isUserPool {
		if use, _ := t.claims.Claim("token_use"); use != "id" {
			return nil, &Rejected{notOpenID, fmt.Errorf("token_use is %.64q, and only ID tokens are logins", fmt.Sprint(use))}
		}
	}
	if err := v.verifySignature(ctx, r, t, now); err != nil {
		return nil, err
	}
	v.tokens.put(key, t.claims, now)
	return t.claims, nil
}

// admit checks what may change from one use of a token to the next: times and audience.
func (r *rule) admit(c *Claims, now time.Time) error {
	switch {
	case !now.Before(c.Expires.Add(skew)):
		return &Rejected{Message: fmt.Sprintf(expired, now.Unix(), c.Expires.Unix())}
	case c.NotBefore.After(now.Add(skew)):
		return &Rejected{Message: fmt.Sprintf(notYetValid, now.Unix(), c.NotBefore.Unix())}
	case c.IssuedAt.After(now.Add(skew)):
		return &Rejected{Message: fmt.Sprintf(notYetValid, now.Unix(), c.IssuedAt.Unix())}
	case !r.accepts(c):
		return &Rejected{notSupported, r.wrongClient(c)}
	}
	return nil
}

// wrongClient says in the log what the client is not told: whom the token is for, and whom it should be for.
func (r *rule) wrongClient(c *Claims) error {
	if c.AuthorizedParty != "" {
		return fmt.Errorf("the token was issued to %.128q, which is no client id of %s: %.256q", c.AuthorizedParty, r.name, r.clients)
	}
	some := c.Audience[:min(len(c.Audience), 5)] // strangers choose how many there are
	return fmt.Errorf("the token is for %.128q, which is no client id of %s: %.256q", []string(some), r.name, r.clients)
}

// accepts tells whether a token is for one of the provider's clients. The party it was issued to decides where the token
// names one (developer guide, "open-id"); then the audience may be anybody.
func (r *rule) accepts(c *Claims) bool {
	if c.AuthorizedParty != "" {
		if slices.Contains(r.clients, c.AuthorizedParty) {
			return true
		}
		// An Android app gets tokens for its project's web client with itself as azp; pools are given the one or the other.
		// Google puts clients of one project alone together into a token.
		if !r.isGoogle {
			return false
		}
	}
	for _, audience := range c.Audience {
		if audience != "" && slices.Contains(r.clients, audience) {
			return true
		}
	}
	return false
}

// verifySignature tries the keys at hand and, where none fits, those of a fetch that began after the token came: the
// provider may have changed its keys, or put another one under a known id. How often that may be is the keyring's to say,
// so that tokens of strangers cannot make it more.
func (v *Verifier) verifySignature(ctx context.Context, r *rule, t *jws, came time.Time) error {
	ring := v.rings.of(r.keys)
	set, err := v.current(ctx, ring)
	if err != nil {
		return &Unavailable{Issuer: r.shown, Cause: err}
	}
	ok, known := t.verify(set.keys)
	for !ok && set.asked.Before(came) {
		var newer *keySet
		newer, err = v.newer(ctx, ring, set)
		if newer == nil || newer == set {
			break
		}
		set = newer
		ok, known = t.verify(set.keys)
	}
	if ok {
		return nil
	}
	// A key that is not among the old ones may be a new one, which only the provider could tell: the client should come
	// again rather than hear that its token is wrong.
	if err != nil && (!known || ctx.Err() != nil) {
		return &Unavailable{Issuer: r.shown, Cause: err}
	}
	if known {
		return reject(badSignature, "the signature is not by the key it names")
	}
	return &Rejected{badSignature, fmt.Errorf("no key of the provider fits (alg %s, kid %.64q)", t.alg, t.kid)}
}

// verify tells whether one of keys made the signature, and whether one has the id that the token names.
func (t *jws) verify(keys []key) (ok, known bool) {
	method := algorithms[t.alg]
	tries := 0
	for i := range keys {
		k := &keys[i]
		if t.kid != "" && k.id != "" && k.id != t.kid {
			continue
		}
		known = known || t.kid != "" && k.id == t.kid
		if !k.fits(t.alg) {
			continue
		}
		// A provider with several keys must name one in the token (OpenID Connect Core, 10.1). Without the bound a stranger's
		// token would cost as many verifications as a sloppy provider has keys.
		if tries++; tries > maxTries {
			break
		}
		if method.Verify(t.signed, t.signature, k.public) == nil {
			return true, known
		}
	}
	return false, known
}

// sameIssuer tells whether iss, from a token or a discovery document, is the registered issuer, a URL. Iss may lack the
// scheme, as Google's does, but may not have another one.
//
// One slash at the end makes no difference: IAM registers URLs without it, while some providers (Auth0, zitadel's example)
// issue with it, and the two spellings lead to one discovery document.
func sameIssuer(registered, iss string) bool {
	scheme, name, _ := strings.Cut(registered, "://")
	if s, n, found := strings.Cut(iss, "://"); found {
		if s != scheme {
			return false
		}
		iss = n
	}
	a, aFound := strings.CutPrefix(name, iss)
	b, bFound := strings.CutPrefix(iss, name)
	return aFound && (a == "" || a == "/") || bFound && b == "/"
}
