package cognito_test

import (
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"idpool/pooltest"
	"idpool/provider"
	"idpool/server"
)

// rotating is a provider that changes its keys: it publishes a new one, signs with it at once, and drops the old one when
// the last token that it signed is used.
type rotating struct {
	*httptest.Server
	fetches atomic.Int64 // of keys

	mu   sync.Mutex
	keys []*rotatingKey // published; the last one signs
	made int
}

type rotatingKey struct {
	id     string
	key    *ecdsa.PrivateKey
	tokens sync.WaitGroup // on their way
}

func newRotating(t *testing.T) *rotating {
	t.Helper()
	p := &rotating{}
	p.publish()
	p.Server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.Close)
	return p
}

func (p *rotating) serve(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/openid-configuration") {
		_ = json.NewEncoder(w).Encode(pooltest.Object{"issuer": p.URL, "jwks_uri": p.URL + "/keys"})
		return
	}
	p.fetches.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	var set jose.JSONWebKeySet
	for _, k := range p.keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.key.Public(), KeyID: k.id, Use: "sig", Algorithm: "ES256"})
	}
	_ = json.NewEncoder(w).Encode(set)
}

// publish makes a key and puts it beside the others. From then on it signs.
func (p *rotating) publish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.made++
	p.keys = append(p.keys, &rotatingKey{id: fmt.Sprint("key ", p.made), key: newEC()})
}

// drop takes back all keys but the one that signs, once none of their tokens is on its way.
func (p *rotating) drop() {
	p.mu.Lock()
	old := p.keys[:len(p.keys)-1]
	p.mu.Unlock()
	for _, k := range old {
		k.tokens.Wait() // it signs no more
	}
	p.mu.Lock()
	p.keys = p.keys[len(old):]
	p.mu.Unlock()
}

// sign makes a token by the newest key; used is to be called when it was.
func (p *rotating) sign(claims any) (token string, used func()) {
	p.mu.Lock()
	k := p.keys[len(p.keys)-1]
	k.tokens.Add(1)
	p.mu.Unlock()
	a := authority{ec: k.key}
	return compact(pooltest.Object{"alg": "ES256", "kid": k.id}, claims, a.es256), k.tokens.Done
}

// underLoad signs in without pause, many at a time. Each call of next is the answer to one more sign-in.
func underLoad(callers int, signIn func() string) (next func() string, stop func()) {
	answers, stopped := make(chan string), make(chan struct{})
	var load sync.WaitGroup
	for range callers {
		load.Go(func() {
			for {
				select {
				case answers <- signIn():
				case <-stopped:
					return
				}
			}
		})
	}
	return func() string { return <-answers }, func() { close(stopped); load.Wait() }
}

// Many new users sign in without pause while their provider takes a new key again and again, and drops the old ones. No
// sign-in is lost, though a node looks for keys no more often than its rule allows: three times at once, then once in 30
// seconds. Each change costs one look.
func TestRotationLosesNoSignIn(t *testing.T) {
	p := newRotating(t)
	f := start(t, func(c *server.Config) { c.Providers = provider.Settings{userPool: {Endpoint: p.URL}} })
	f.IAM(t, "CreateOpenIDConnectProvider", "Url", p.URL, "ClientIDList.member.1", "app").Must(t)
	name := strings.TrimPrefix(p.URL, "http://")
	f.update(t, f.pool, pooltest.Object{
		"OpenIdConnectProviderARNs": []string{"arn:aws:iam::" + pooltest.Account + ":oidc-provider/" + name},
		"CognitoIdentityProviders":  []pooltest.Object{{"ProviderName": userPool, "ClientId": "app"}},
	})
	t.Run("an OpenID provider", func(t *testing.T) { rotate(t, f, p, name, p.URL) })
	t.Run("a user pool", func(t *testing.T) { rotate(t, f, p, userPool, "https://"+userPool) })
}

// changes are when the provider changes its keys, each after the one before.
var changes = []time.Duration{
	time.Second, time.Second, time.Second, time.Minute, 30 * time.Second, 30 * time.Second, 30 * time.Second,
}

func rotate(t *testing.T, f *front, p *rotating, key, issuer string) {
	p.fetches.Store(0)
	var users atomic.Int64
	next, stop := underLoad(16, func() string {
		now := f.Clock.Now().Unix()
		token, used := p.sign(pooltest.Object{
			"iss": issuer, "aud": "app", "sub": fmt.Sprint("user ", users.Add(1)), "token_use": "id", "iat": now, "exp": now + 3600,
		})
		defer used()
		r := f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": f.pool, "Logins": pooltest.Object{key: token}})
		return r.Code() + r.Message()
	})
	signIns := func() {
		for range 48 {
			if answer := next(); answer != "" {
				t.Errorf("a sign-in is lost: %s", answer)
			}
		}
	}
	signIns()
	for n, after := range changes {
		f.Clock.Advance(after) // first, since what a node asked for in the same instant counts as new
		p.publish()
		signIns()
		if n%2 == 1 {
			p.drop()
			signIns()
		}
	}
	stop()
	if got := p.fetches.Load(); got != int64(1+len(changes)) {
		t.Errorf("%d fetches of keys for %d changes", got, len(changes))
	}
}
