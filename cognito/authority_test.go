package cognito_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"idpool/pooltest"
)

// authority is an outside provider whose keys the test holds, so that it can sign what no provider would: it publishes an
// RSA key as "r" and a P-256 key as "e".
type authority struct {
	*httptest.Server
	issuer string
	rsa    *rsa.PrivateKey
	ec     *ecdsa.PrivateKey
	asked  atomic.Int64 // requests

	keysAsked atomic.Int64 // of them, for keys and where they are
}

// RSA keys of the right side and of the wrong one, made once: it takes longer than a test.
var rightKey, wrongKey = sync.OnceValue(newRSA), sync.OnceValue(newRSA)

func newRSA() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

func newEC() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// newAuthority runs an authority until the test ends. Its issuer is its URL unless another is given.
func newAuthority(t *testing.T, key *rsa.PrivateKey, issuer string) *authority {
	t.Helper()
	a := &authority{rsa: key, ec: newEC()}
	a.Server = httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(a.Close)
	if a.issuer = issuer; issuer == "" {
		a.issuer = a.URL
	}
	return a
}

func (a *authority) name() string { return strings.TrimPrefix(a.URL, "http://") }

func (a *authority) arn() string {
	return "arn:aws:iam::" + pooltest.Account + ":oidc-provider/" + a.name()
}

// serve gives the keys wherever one of its roles has them, but for discovery and for what Facebook is asked.
func (a *authority) serve(w http.ResponseWriter, r *http.Request) {
	a.asked.Add(1)
	if r.URL.Path != "/debug_token" {
		a.keysAsked.Add(1)
	}
	var document any = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: a.rsa.Public(), KeyID: "r", Use: "sig", Algorithm: "RS256"},
		{Key: a.ec.Public(), KeyID: "e", Use: "sig", Algorithm: "ES256"},
	}}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		document = pooltest.Object{"issuer": a.issuer, "jwks_uri": a.URL + "/keys"}
	case "/debug_token":
		document = pooltest.Object{"data": pooltest.Object{"is_valid": false, "error": pooltest.Object{"code": 190}}}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(document)
}

// rs256 and es256 sign with an authority's keys.
func (a *authority) rs256(signed string) []byte {
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, a.rsa, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return signature
}

func (a *authority) es256(signed string) []byte {
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, a.ec, sum[:])
	if err != nil {
		panic(err)
	}
	return append(fixed(r), fixed(s)...)
}

// es256InDER is the form that certificates have, and tokens not.
func (a *authority) es256InDER(signed string) []byte {
	sum := sha256.Sum256([]byte(signed))
	der, err := ecdsa.SignASN1(rand.Reader, a.ec, sum[:])
	if err != nil {
		panic(err)
	}
	return der
}

func fixed(n *big.Int) []byte { return n.FillBytes(make([]byte, 32)) }

// certificate is a self-signed one of the RSA key, in DER.
func (a *authority) certificate() []byte {
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.rsa.Public(), a.rsa)
	if err != nil {
		panic(err)
	}
	return der
}

// jwk is the RSA key as a header may bring it along.
func (a *authority) jwk(kid string) any {
	return jose.JSONWebKey{Key: a.rsa.Public(), KeyID: kid, Use: "sig", Algorithm: "RS256"}
}

// absent, as the value of a member, takes the member away.
type absent struct{}

// edit returns an object with members changed: names and values in turn.
func edit(o pooltest.Object, pairs ...any) pooltest.Object {
	o = maps.Clone(o)
	for i := 0; i < len(pairs); i += 2 {
		o[pairs[i].(string)] = pairs[i+1]
		if pairs[i+1] == (absent{}) {
			delete(o, pairs[i].(string))
		}
	}
	return o
}

// asJSON writes what is no text yet.
func asJSON(v any) string {
	if text, ok := v.(string); ok {
		return text
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // a test's mistake
	}
	return string(b)
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// compact makes a token of any header and claims, each an object or text, and any signature.
func compact(header, claims any, sign func(signed string) []byte) string {
	signed := b64(asJSON(header)) + "." + b64(asJSON(claims))
	return signed + "." + b64(string(sign(signed)))
}
