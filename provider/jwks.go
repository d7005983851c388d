package provider

import (
	"cmp"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"
)

const (
	maxBody  = 1 << 20 // bytes of a document
	maxKeys  = 100     // of an issuer
	maxTries = 10      // signatures verified for one token
	minRSA   = 2048    // bits
)

// algorithms are those accepted in a token's header. HMAC is not among them: an issuer's public keys are no secrets.
var algorithms = map[string]jwt.SigningMethod{
	"RS256": jwt.SigningMethodRS256,
	"RS384": jwt.SigningMethodRS384,
	"RS512": jwt.SigningMethodRS512,
	"PS256": jwt.SigningMethodPS256,
	"PS384": jwt.SigningMethodPS384,
	"PS512": jwt.SigningMethodPS512,
	"ES256": jwt.SigningMethodES256,
	"ES384": jwt.SigningMethodES384,
	"ES512": jwt.SigningMethodES512,
}

// curves says which curve each algorithm of the ES family is for (RFC 7518, 3.4).
var curves = map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}

// key is a public key that an issuer signs with.
type key struct {
	id     string // kid; may be empty
	alg    string // the only algorithm it is for; empty for any that fits its type
	public crypto.PublicKey
}

// fits tells whether the key may have made a signature of the algorithm.
func (k *key) fits(alg string) bool {
	if k.alg != "" && k.alg != alg {
		return false
	}
	curve, elliptical := curves[alg]
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return !elliptical
	case *ecdsa.PublicKey:
		return elliptical && public.Curve == curve
	}
	return false
}

// fetch asks for an issuer's keys: discovery (OpenID Connect Discovery, section 4), then the JWKS it points to; or the JWKS
// alone, where it is known where that is.
func (v *Verifier) fetch(ctx context.Context, r *keyring) (keys []key, fresh time.Duration, err error) {
	n := v.Network.naming(r.named)
	// A transport for each fetch: connections made on the strength of one provider's thumbprints must not serve
	// another, and none would live until the next fetch, minutes later.
	transport := n.transport(r.thumbprints, v.Now, v.Timeout)
	defer transport.CloseIdleConnections()

	base := strings.TrimSuffix(cmp.Or(r.base, r.issuer), "/")
	at := base + r.jwks
	if r.jwks == "" {
		if at, err = r.discover(ctx, n, transport, base); err != nil {
			return nil, 0, fmt.Errorf("discovery: %w", err)
		}
	}
	body, header, err := get(ctx, n, transport, at)
	if err != nil {
		return nil, 0, fmt.Errorf("keys: %w", err)
	}
	keys, err = parseKeys(body)
	return keys, freshness(header), err
}

// discover asks where the JWKS is.
func (r *keyring) discover(ctx context.Context, n *Network, t http.RoundTripper, base string) (jwks string, err error) {
	var discovery struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	body, _, err := get(ctx, n, t, base+"/.well-known/openid-configuration")
	if err != nil {
		return "", err
	}
	if json.Unmarshal(body, &discovery) != nil {
		return "", errors.New("no JSON object with unique names")
	}
	if !sameIssuer(r.issuer, discovery.Issuer) {
		return "", fmt.Errorf("is for another issuer, %.100q", discovery.Issuer)
	}
	return discovery.Keys, nil
}

// get reads a document. Anything but 200 is a failure; redirects are not followed, since a transport by itself follows none.
func get(ctx context.Context, n *Network, t http.RoundTripper, url string) ([]byte, http.Header, error) {
	if err := n.checkURL(url); err != nil {
		return nil, nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, errNotURL
	}
	request.Header.Set("Accept", "application/json, application/jwk-set+json")
	request.Header.Set("User-Agent", "idpool")
	response, err := t.RoundTrip(request)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", url, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("%s: status %d", url, response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", url, err)
	}
	if len(body) > maxBody {
		return nil, nil, fmt.Errorf("%s: more than 1 MiB", url)
	}
	return body, response.Header, nil
}

// freshness reads how long keys may be used without asking again: the max-age of Cache-Control, within bounds. A provider
// that forbids keeping is asked as often as the lower bound allows.
func freshness(h http.Header) time.Duration {
	fresh := freshDefault
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return freshLeast
		case "max-age":
			seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
			if errors.Is(err, strconv.ErrRange) {
				return freshMost
			}
			if err == nil {
				fresh = time.Duration(seconds) * time.Second
			}
		}
	}
	return min(max(fresh, freshLeast), freshMost)
}

// jwk is what is read of a key (RFC 7517, RFC 7518 section 6). Certificates that may come along (x5c, x5t, x5u) are left
// out: nobody here asks for them, and the library would drop a good key for a certificate it cannot read.
type jwk struct {
	Type       string   `json:"kty"`
	ID         string   `json:"kid,omitzero"`
	Use        string   `json:"use,omitzero"`
	Algorithm  string   `json:"alg,omitzero"`
	Operations []string `json:"key_ops,omitzero"`
	Curve      string   `json:"crv,omitzero"`
	X          string   `json:"x,omitzero"`
	Y          string   `json:"y,omitzero"`
	N          string   `json:"n,omitzero"`
	E          string   `json:"e,omitzero"`
}

// parseKeys reads a JWKS and takes its first hundred good keys. It skips those that are broken, weak, of another type or
// for another use, as RFC 7517, section 5, asks for; errNoKeys if none is left.
func parseKeys(body []byte) ([]key, error) {
	var set struct {
		Keys []jsontext.Value `json:"keys"`
	}
	// A name that stands twice inside one key must not take the other keys with it, so it is looked for in each key.
	if json.Unmarshal(body, &set, jsontext.AllowDuplicateNames(true)) != nil {
		return nil, errors.New("keys: no JWKS")
	}
	var keys []key
	for _, raw := range set.Keys {
		if k, ok := parseKey(raw); ok && len(keys) < maxKeys {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, errNoKeys
	}
	return keys, nil
}

var errNoKeys = errors.New("keys: none that can be used")

func parseKey(raw jsontext.Value) (k key, ok bool) {
	var j jwk
	if json.Unmarshal(raw, &j) != nil || j.Use != "" && j.Use != "sig" {
		return key{}, false
	}
	if j.Operations != nil && !slices.Contains(j.Operations, "verify") {
		return key{}, false
	}
	public, err := json.Marshal(j)
	if err != nil {
		return key{}, false
	}
	var parsed jose.JSONWebKey
	if parsed.UnmarshalJSON(public) != nil {
		return key{}, false
	}
	if n, isRSA := parsed.Key.(*rsa.PublicKey); isRSA && n.N.BitLen() < minRSA {
		return key{}, false
	}
	k = key{j.ID, j.Algorithm, parsed.Key}
	for alg := range algorithms {
		ok = ok || k.fits(alg)
	}
	return k, ok
}
