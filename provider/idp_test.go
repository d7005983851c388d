package provider

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// signer is a key pair of a fake provider.
type signer struct {
	kid     string
	alg     string
	private crypto.Signer
}

// The key pairs are made once: a slow machine under the race detector needs a second for each of RSA.
var (
	rsaA = sync.OnceValue(func() signer { return signer{"a", "RS256", newRSA(2048)} })
	rsaB = sync.OnceValue(func() signer { return signer{"b", "RS256", newRSA(2048)} })
	weak = sync.OnceValue(func() signer { return signer{"weak", "RS256", newRSA(1024)} })
	p256 = sync.OnceValue(func() signer { return signer{"p256", "ES256", newEC(elliptic.P256())} })
	p384 = sync.OnceValue(func() signer { return signer{"p384", "ES384", newEC(elliptic.P384())} })
	p521 = sync.OnceValue(func() signer { return signer{"p521", "ES512", newEC(elliptic.P521())} })
)

func newRSA(bits int) crypto.Signer {
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return k
}

func newEC(c elliptic.Curve) crypto.Signer {
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		panic(err)
	}
	return k
}

func (s signer) as(kid string) signer   { s.kid = kid; return s }
func (s signer) with(alg string) signer { s.alg = alg; return s }

// jwk is the public key; members are added to it or replace its own.
func (s signer) jwk(members ...any) map[string]any {
	b, err := jose.JSONWebKey{Key: s.private.Public(), KeyID: s.kid, Use: "sig"}.MarshalJSON()
	if err != nil {
		panic(err)
	}
	var m map[string]any
	if err := stdjson.Unmarshal(b, &m); err != nil {
		panic(err)
	}
	return edit(m, members...)
}

// sign makes a token of claims, a map or literal JSON. Members are added to the header or replace its own.
func (s signer) sign(claims any, members ...any) string {
	header := edit(map[string]any{"alg": s.alg, "kid": s.kid, "typ": "JWT"}, members...)
	signed := b64(text(header)) + "." + b64(text(claims))
	signature, err := jwt.GetSigningMethod(s.alg).Sign(signed, s.private)
	if err != nil {
		panic(err)
	}
	return signed + "." + b64(string(signature))
}

// absent takes a member away.
type absent struct{}

func edit(m map[string]any, pairs ...any) map[string]any {
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
		if pairs[i+1] == (absent{}) {
			delete(m, pairs[i].(string))
		}
	}
	return m
}

func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, err := stdjson.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// clock is a time that moves only when told.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.nanos.Store(time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time      { return time.Unix(0, c.nanos.Load()) }
func (c *clock) add(d time.Duration) { c.nanos.Add(int64(d)) }

// idp is a fake provider: a server on loopback with discovery and JWKS, which counts how often it is asked.
type idp struct {
	*httptest.Server
	clock       *clock
	discoveries atomic.Int64
	fetches     atomic.Int64 // of the JWKS
	http2       atomic.Bool  // the last request's protocol

	keysAt    string // path of the JWKS; /keys if empty
	said      []any  // pairs that its claims have beside the usual, or instead
	mu        sync.Mutex
	discovery map[string]any
	jwks      any                                               // a map, or literal text
	header    http.Header                                       // of the JWKS
	hook      func(w http.ResponseWriter, r *http.Request) bool // answers instead, if it returns true
}

// newIDP serves the keys of signers over TLS until the test ends.
func newIDP(t testing.TB, signers ...signer) *idp {
	i := &idp{clock: newClock(), header: http.Header{}}
	i.Server = quiet(i)
	i.EnableHTTP2 = true
	i.StartTLS()
	t.Cleanup(i.Close)
	i.discovery = map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys"}
	i.publish(signers...)
	return i
}

// quiet is a server, not started, that doesn't tell of every handshake that fails as it should.
func quiet(h http.Handler) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	return s
}

func (i *idp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.http2.Store(r.ProtoMajor == 2)
	i.mu.Lock()
	discovery, jwks, header, hook := text(i.discovery), text(i.jwks), i.header.Clone(), i.hook
	keysAt := cmp.Or(i.keysAt, "/keys")
	i.mu.Unlock()
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		i.discoveries.Add(1)
	case keysAt:
		i.fetches.Add(1)
	}
	if hook != nil && hook(w, r) {
		return
	}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		fmt.Fprint(w, discovery)
	case keysAt:
		for name := range header {
			w.Header().Set(name, header.Get(name))
		}
		fmt.Fprint(w, jwks)
	default:
		http.NotFound(w, r)
	}
}

// set changes what is served, under the server's lock.
func (i *idp) set(change func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change()
}

func (i *idp) publish(signers ...signer) {
	keys := make([]any, len(signers))
	for n, s := range signers {
		keys[n] = s.jwk()
	}
	i.set(func() { i.jwks = map[string]any{"keys": keys} })
}

// down lets every request fail until up.
func (i *idp) down() {
	i.set(func() {
		i.hook = func(w http.ResponseWriter, _ *http.Request) bool {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return true
		}
	})
}

func (i *idp) up() { i.set(func() { i.hook = nil }) }

// hold lets requests wait until release is called; asked receives each as it comes in.
func (i *idp) hold(t testing.TB) (asked chan string, release func()) {
	asked, gate := make(chan string, 1000), make(chan struct{})
	i.set(func() {
		i.hook = func(_ http.ResponseWriter, r *http.Request) bool {
			asked <- r.URL.Path
			<-gate
			return false
		}
	})
	release = sync.OnceFunc(func() { close(gate) })
	t.Cleanup(release) // before the server's own Close, which waits for requests
	return asked, release
}

// provider is the fake as it would be registered, with the client id "client".
func (i *idp) provider() *OIDC {
	name := strings.TrimPrefix(i.URL, "https://")
	return &OIDC{ARN: "arn:aws:iam::000000000000:oidc-provider/" + name, Version: 1, Issuer: i.URL, ClientIDs: []string{"client"}}
}

// claims are good for an hour and for "client"; pairs change them.
func (i *idp) claims(pairs ...any) map[string]any {
	now := i.clock.now().Unix()
	usual := map[string]any{"iss": i.URL, "sub": "somebody", "aud": "client", "iat": now, "exp": now + 3600}
	return edit(edit(usual, i.said...), pairs...)
}

// verifier may reach the fakes and goes by the first one's clock.
func verifier(fakes ...*idp) *Verifier {
	roots := x509.NewCertPool()
	for _, i := range fakes {
		roots.AddCert(i.Certificate())
	}
	return &Verifier{Now: fakes[0].clock.now, Network: Network{AllowLoopback: true, Roots: roots}}
}

// outcome is an error in one word or its message: "ok", "unavailable", or what a client would read.
func outcome(err error) string {
	var rejected *Rejected
	var unavailable *Unavailable
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &rejected):
		return rejected.Message
	case errors.As(err, &unavailable):
		return "unavailable"
	}
	return "another error: " + err.Error()
}

// verify is a call with the test's context.
func verify(t testing.TB, v *Verifier, p *OIDC, token string) string {
	t.Helper()
	_, err := v.OIDC(t.Context(), p, token)
	return outcome(err)
}

// want fails the test unless got is what was expected.
func want[T comparable](t testing.TB, what string, got, expected T) {
	t.Helper()
	if got != expected {
		t.Errorf("%s: got %v, want %v", what, got, expected)
	}
}

// settle waits until no fetch for p runs.
func settle(v *Verifier, p *OIDC) {
	r := v.rings.of(p.source())
	r.mu.Lock()
	running := r.running
	r.mu.Unlock()
	if running != nil {
		<-running
	}
}
