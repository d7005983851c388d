package pooltest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Provider is a fake of an outside OpenID provider: it publishes a key and signs what the test wants said.
type Provider struct {
	URL     string
	Now     func() time.Time
	Fetches atomic.Int64 // of its documents
	Down    atomic.Bool  // answers 503 while set
	key     *rsa.PrivateKey
	kid     string
}

// idleKeys are keys of providers whose tests are over. To make one takes longer than most tests.
var idleKeys = make(chan *rsa.PrivateKey, 16)

// newKey gives a key that no other provider has at this time.
func newKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	var key *rsa.PrivateKey
	select {
	case key = <-idleKeys:
	default:
		var err error
		if key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		select {
		case idleKeys <- key:
		default:
		}
	})
	return key
}

// NewProvider runs a provider until the test ends. Its tokens go by the real clock; set Now for another.
func NewProvider(t testing.TB) *Provider {
	t.Helper()
	p := &Provider{Now: time.Now, key: newKey(t), kid: rand.Text()}
	web := httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(web.Close)
	p.URL = web.URL
	return p
}

// Name is the provider's key in Logins maps.
func (p *Provider) Name() string { return strings.TrimPrefix(p.URL, "http://") }

// ARN is the provider's ARN once it is registered in an account.
func (p *Provider) ARN(account string) string {
	return "arn:aws:iam::" + account + ":oidc-provider/" + p.Name()
}

func (p *Provider) serve(w http.ResponseWriter, r *http.Request) {
	p.Fetches.Add(1)
	if p.Down.Load() {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	var document any = Object{"issuer": p.URL, "jwks_uri": p.URL + "/keys"}
	if r.URL.Path == "/keys" || strings.HasSuffix(r.URL.Path, "/.well-known/jwks.json") { // the latter is where user pools have them
		document = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: p.kid, Use: "sig", Algorithm: "RS256"}}}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(document)
}

// Token signs an ID token for a client and a subject, good for an hour.
func (p *Provider) Token(client, subject string) string {
	return p.Sign(p.Claims(client, subject))
}

// Claims are what Token says; a test may change them before Sign.
func (p *Provider) Claims(client, subject string) Object {
	now := p.Now().Unix()
	return Object{"iss": p.URL, "aud": client, "sub": subject, "iat": now, "exp": now + 3600}
}

// Sign signs any claims with the provider's key.
func (p *Provider) Sign(claims Object) string {
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: p.key, KeyID: p.kid}}, nil)
	if err != nil {
		panic(err) // the key is ours
	}
	body, err := json.Marshal(claims)
	if err != nil {
		panic(err) // a test's mistake
	}
	signed, err := signer.Sign(body)
	if err != nil {
		panic(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return token
}

// PublicKey is the provider's key, for tests that misuse it.
func (p *Provider) PublicKey() crypto.PublicKey { return p.key.Public() }
