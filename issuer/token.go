package issuer

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// Lifetimes of tokens.
const (
	TokenLifetime    = 10 * time.Minute
	MaxTokenLifetime = 24 * time.Hour
)

// Claims are what a token of ours says. The order of the fields is the order on the wire, which is the original's.
type Claims struct {
	Subject  string   `json:"sub"` // identity id
	Audience string   `json:"aud"` // pool id
	AMR      []string `json:"amr"` // authenticated or unauthenticated, then a pair for every login used
	Tags     *Tags    `json:"https://aws.amazon.com/tags,omitempty"`
	Issuer   string   `json:"iss"`
	PoolARN  string   `json:"https://cognito-identity.amazonaws.com/identity-pool-arn"`
	Expires  int64    `json:"exp"` // seconds since 1970
	IssuedAt int64    `json:"iat"`
	// Epochs are those of pool and identity, where sessions of either were ever revoked: a token from before a revocation
	// buys nothing after it. Until then a token looks as the original's.
	Epochs []int64 `json:"epochs,omitempty"`
}

// EpochsOf is how the epochs of a pool and an identity stand in a token.
func EpochsOf(pool, identity int64) []int64 {
	if pool == 0 && identity == 0 {
		return nil
	}
	return []int64{pool, identity}
}

// Tags become session tags at an STS. Each value is a list of one.
type Tags struct {
	Principal map[string][]string `json:"principal_tags"`
}

// Map is the tags as keys and values; nil for none.
func (t *Tags) Map() map[string]string {
	if t == nil {
		return nil
	}
	tags := make(map[string]string, len(t.Principal))
	for key, values := range t.Principal {
		tags[key] = strings.Join(values, ",")
	}
	return tags
}

// Mint signs a token that lives for the given time, or until c.Expires where that is given and earlier. It sets issuer,
// expiry and time of issue. Over the bound of waiting
// signatures it returns ErrBusy at once.
func (i *Issuer) Mint(ctx context.Context, c Claims, lifetime time.Duration) (token string, err error) {
	err = i.signing.do(ctx, func() error {
		now := i.Now().Unix()
		expires := now + int64(lifetime/time.Second)
		if c.Expires != 0 {
			expires = min(expires, c.Expires)
		}
		c.Issuer, c.IssuedAt, c.Expires = i.URL, now, expires
		token, err = i.sign(i.ring.Load().current, &c)
		return err
	})
	return token, err
}

// header is written by hand for the order of its names: the original's is kid, typ, alg, and its typ is JWS.
type header struct {
	KeyID     string `json:"kid"`
	Type      string `json:"typ"`
	Algorithm string `json:"alg"`
}

func (i *Issuer) sign(k *key, c *Claims) (string, error) {
	head, err := json.Marshal(header{KeyID: k.ID, Type: "JWS", Algorithm: k.Algorithm})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	b64 := base64.RawURLEncoding
	signed := b64.EncodeToString(head) + "." + b64.EncodeToString(body)
	signature, err := jwt.GetSigningMethod(k.Algorithm).Sign(signed, k.signer)
	if err != nil {
		return "", fmt.Errorf("sign with key %s: %w", k.ID, err)
	}
	return signed + "." + b64.EncodeToString(signature), nil
}

// Verify reads a token of ours. It returns ErrToken for anything that this deployment did not sign, and ErrExpired, with
// the claims, for what is no longer good.
func (i *Issuer) Verify(ctx context.Context, token string) (*Claims, error) {
	if !isCanonical(token) {
		return nil, ErrToken
	}
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS512, jose.RS256, jose.ES256})
	if err != nil {
		return nil, ErrToken
	}
	head := jws.Signatures[0].Protected
	k, err := i.find(ctx, head.KeyID)
	if err != nil {
		return nil, err
	}
	if head.Algorithm != k.Algorithm {
		return nil, ErrToken
	}
	body, err := jws.Verify(k.signer.Public())
	if err != nil {
		return nil, ErrToken
	}
	claims := &Claims{}
	if err := json.Unmarshal(body, claims); err != nil || claims.Issuer != i.URL {
		return nil, ErrToken
	}
	if i.Now().Unix() >= claims.Expires {
		return claims, ErrExpired
	}
	return claims, nil
}

// isCanonical tells whether a token is spelled in the one way that we spell it. Decoders skip line breaks and bits at the
// end of a part that mean nothing, which would give a token many spellings.
func isCanonical(token string) bool {
	for part := range strings.SplitSeq(token, ".") {
		if _, err := base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return false
		}
	}
	return !strings.ContainsAny(token, "\r\n")
}
