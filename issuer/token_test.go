package issuer

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

func jwks(t *testing.T, i *Issuer) jose.JSONWebKeySet {
	t.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(get(t, i.ServeJWKS), &set); err != nil {
		t.Fatal(err)
	}
	return set
}

func discovery(t *testing.T, i *Issuer) map[string]any {
	t.Helper()
	var document map[string]any
	if err := json.Unmarshal(get(t, i.ServeDiscovery), &document); err != nil {
		t.Fatal(err)
	}
	return document
}

// get asks for a document, and holds its headers to what caches go by.
func get(t *testing.T, serve http.HandlerFunc) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	serve(w, httptest.NewRequest(http.MethodGet, "/", nil))
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Cache-Control": "public, max-age=3600", "Content-Length": strconv.Itoa(w.Body.Len()),
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	return w.Body.Bytes()
}

// parts decodes a token's header and payload.
func parts(t *testing.T, token string) (header, payload string) {
	t.Helper()
	all := strings.Split(token, ".")
	if len(all) != 3 {
		t.Fatalf("%q has %d parts", token, len(all))
	}
	texts := make([]string, 2)
	for i := range texts {
		b, err := base64.RawURLEncoding.DecodeString(all[i])
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(b)
	}
	return texts[0], texts[1]
}

// names lists the members of a JSON object in their order.
func names(t *testing.T, object string) []string {
	t.Helper()
	var all []string
	d := json.NewDecoder(strings.NewReader(object))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, name.(string))
		var skipped json.RawMessage
		if err := d.Decode(&skipped); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// The original's tokens, byte for byte: the header of published ones, and the claims in their order.
func TestTokenOnTheWire(t *testing.T) {
	const tagsClaim, arnClaim = "https://aws.amazon.com/tags", "https://cognito-identity.amazonaws.com/identity-pool-arn"
	for _, algorithm := range Algorithms() {
		t.Run(algorithm, func(t *testing.T) {
			d := newDeployment(t)
			i := d.start(t, algorithm)
			claims := Claims{
				Subject: "us-east-1:identity", Audience: "us-east-1:pool", AMR: []string{"authenticated", "idp.example", "arn:OIDC:alice"},
				PoolARN: "arn:aws:cognito-identity:us-east-1:123456789012:identitypool/us-east-1:pool",
			}
			tagged := claims
			tagged.Tags = &Tags{Principal: map[string][]string{"team": {"ops"}}}

			for _, row := range []struct {
				claims Claims
				order  []string
			}{
				{claims, []string{"sub", "aud", "amr", "iss", arnClaim, "exp", "iat"}},
				{tagged, []string{"sub", "aud", "amr", tagsClaim, "iss", arnClaim, "exp", "iat"}},
			} {
				token, err := i.Mint(t.Context(), row.claims, TokenLifetime)
				if err != nil {
					t.Fatal(err)
				}
				header, payload := parts(t, token)
				kid := jwks(t, i).Keys[0].KeyID
				if want := `{"kid":"` + kid + `","typ":"JWS","alg":"` + algorithm + `"}`; header != want {
					t.Errorf("header %s, want %s", header, want)
				}
				if got := names(t, payload); !slices.Equal(got, row.order) {
					t.Errorf("claims %v, want %v", got, row.order)
				}
				var got Claims
				if err := json.Unmarshal([]byte(payload), &got); err != nil {
					t.Fatal(err)
				}
				want := row.claims
				want.Issuer, want.IssuedAt, want.Expires = "https://id.example.com", d.clock.read().Unix(), d.clock.read().Unix()+600
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("claims (-want +got):\n%s", diff)
				}
			}
			_, payload := parts(t, mintTagged(t, i))
			if want := `"https://aws.amazon.com/tags":{"principal_tags":{"team":["ops"]}}`; !strings.Contains(payload, want) {
				t.Errorf("payload %s lacks %s", payload, want)
			}
		})
	}
}

func mintTagged(t *testing.T, i *Issuer) string {
	t.Helper()
	token, err := i.Mint(t.Context(), Claims{Tags: &Tags{Principal: map[string][]string{"team": {"ops"}}}}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// Lifetimes are whole seconds, whatever the clock says between them.
func TestLifetime(t *testing.T) {
	d := newDeployment(t)
	i := d.start(t, "ES256")
	d.clock.advance(700 * time.Millisecond)
	for _, lifetime := range []time.Duration{time.Second, TokenLifetime, 15 * time.Minute, MaxTokenLifetime} {
		claims, err := i.Verify(t.Context(), mint(t, i, lifetime))
		if err != nil {
			t.Fatal(err)
		}
		if got := time.Duration(claims.Expires-claims.IssuedAt) * time.Second; got != lifetime || claims.IssuedAt != d.clock.read().Unix() {
			t.Errorf("issued at %d for %v, want %d for %v", claims.IssuedAt, got, d.clock.read().Unix(), lifetime)
		}
	}
}

// Strangers verify a token by what is published: the JWKS alone, or the certificate in x5c alone, as Ceph does.
func TestStrangersVerify(t *testing.T) {
	for _, algorithm := range Algorithms() {
		t.Run(algorithm, func(t *testing.T) {
			i := newDeployment(t).start(t, algorithm)
			token := mint(t, i, TokenLifetime)
			jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(algorithm)})
			if err != nil {
				t.Fatal(err)
			}
			set := jwks(t, i)
			found := set.Key(jws.Signatures[0].Header.KeyID)
			if len(found) != 1 {
				t.Fatalf("the JWKS has %d keys of that kid", len(found))
			}
			k := found[0]
			if k.Algorithm != algorithm || k.Use != "sig" || !k.Valid() || !k.IsPublic() {
				t.Errorf("key: alg %s, use %s, valid %v, public %v", k.Algorithm, k.Use, k.Valid(), k.IsPublic())
			}
			if _, err := jws.Verify(k); err != nil {
				t.Errorf("by the JWKS: %v", err)
			}
			if _, err := jws.Verify(k.Certificates[0].PublicKey); err != nil {
				t.Errorf("by the certificate: %v", err)
			}
			if !k.Key.(interface{ Equal(crypto.PublicKey) bool }).Equal(k.Certificates[0].PublicKey) {
				t.Error("the certificate has another key than the JWK")
			}
			sha1Sum, sha256Sum := sha1.Sum(k.Certificates[0].Raw), sha256.Sum256(k.Certificates[0].Raw)
			if !bytes.Equal(k.CertificateThumbprintSHA1, sha1Sum[:]) || !bytes.Equal(k.CertificateThumbprintSHA256, sha256Sum[:]) {
				t.Error("x5t or x5t#S256 is not the certificate's")
			}
			thumbprint, err := k.Thumbprint(crypto.SHA256)
			if err != nil || base64.RawURLEncoding.EncodeToString(thumbprint) != k.KeyID {
				t.Errorf("kid %s is not the RFC 7638 thumbprint %x, %v", k.KeyID, thumbprint, err)
			}
			if k, ok := k.Key.(*rsa.PublicKey); ok && k.N.BitLen() != 2048 {
				t.Errorf("the key has %d bits", k.N.BitLen())
			}
		})
	}
}

// The JWKS shows nothing but public members.
func TestJWKSMembers(t *testing.T) {
	for algorithm, want := range map[string]string{"RS512": "alg e kid kty n use x5c x5t x5t#S256", "ES256": "alg crv kid kty use x x5c x5t x5t#S256 y"} {
		i := newDeployment(t).start(t, algorithm)
		var set struct{ Keys []json.RawMessage }
		if err := json.Unmarshal(get(t, i.ServeJWKS), &set); err != nil {
			t.Fatal(err)
		}
		members := names(t, string(set.Keys[0]))
		slices.Sort(members)
		if got := strings.Join(members, " "); got != want {
			t.Errorf("%s: members %s, want %s", algorithm, got, want)
		}
	}
}

func TestDiscovery(t *testing.T) {
	i := newDeployment(t).start(t, "ES256")
	want := map[string]any{
		"issuer":                                "https://id.example.com",
		"jwks_uri":                              "https://id.example.com/.well-known/jwks_uri",
		"response_types_supported":              []any{"id_token"},
		"subject_types_supported":               []any{"public"},
		"id_token_signing_alg_values_supported": []any{"ES256"},
		"claims_supported":                      []any{"sub", "aud", "amr", "iss", "exp", "iat"},
	}
	if diff := cmp.Diff(want, discovery(t, i)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// forger makes tokens that look like those of an issuer.
type forger struct {
	t       *testing.T
	kid     string
	payload string
}

func (f forger) with(alg, kid string, sign func(signed string) []byte) string {
	b64 := base64.RawURLEncoding
	header, err := json.Marshal(map[string]string{"alg": alg, "kid": kid, "typ": "JWS"})
	if err != nil {
		f.t.Fatal(err)
	}
	signed := b64.EncodeToString(header) + "." + b64.EncodeToString([]byte(f.payload))
	return signed + "." + b64.EncodeToString(sign(signed))
}

func (f forger) by(key any, alg string) string {
	return f.with(alg, f.kid, func(signed string) []byte {
		signature, err := jwt.GetSigningMethod(alg).Sign(signed, key)
		if err != nil {
			f.t.Fatal(err)
		}
		return signature
	})
}

func (f forger) saying(payload string) forger {
	f.payload = payload
	return f
}

func TestVerifyRefuses(t *testing.T) {
	d := newDeployment(t)
	i := d.start(t, "RS512")
	ours := i.ring.Load().current
	good := mint(t, i, TokenLifetime)
	_, payload := parts(t, good)
	f := forger{t, ours.ID, payload}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(ours.signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(good, ".")
	body, signature, _ := strings.Cut(rest, ".")
	none := f.with("none", ours.ID, func(string) []byte { return nil })
	full := `{"payload":"` + body + `","protected":"` + head + `","signature":"` + signature + `"}`

	for _, row := range []struct {
		name, token string
		want        error
	}{
		{"ours", good, nil},
		{"our key, by the forger: the table's own test", f.by(ours.signer, "RS512"), nil},

		{"a foreign key with our kid", f.by(rsaKey, "RS512"), ErrToken},
		{"a foreign key of another kind with our kid", f.by(ecKey, "ES256"), ErrToken},
		{"our key with another hash", f.by(ours.signer, "RS256"), ErrToken},
		{"our key with another padding", f.by(ours.signer, "PS512"), ErrToken},
		{"HS256 keyed with our public key", f.by(public, "HS256"), ErrToken},
		{"HS512 keyed with our public key", f.by(public, "HS512"), ErrToken},
		{"alg none", none, ErrToken},
		{"alg none without a signature part", strings.TrimSuffix(none, "."), ErrToken},

		{"a kid that nobody has", forger{t, "nobody's", payload}.by(rsaKey, "RS512"), ErrToken},
		{"no kid", forger{t, "", payload}.by(ours.signer, "RS512"), ErrToken},

		{"another iss", f.saying(strings.Replace(payload, "id.example.com", "id.example.org", 1)).by(ours.signer, "RS512"), ErrToken},
		{"iss with a slash behind it", f.saying(strings.Replace(payload, "id.example.com", "id.example.com/", 1)).by(ours.signer, "RS512"), ErrToken},
		{"Amazon's iss", f.saying(strings.Replace(payload, "id.example.com", Name, 1)).by(ours.signer, "RS512"), ErrToken},
		{"no claims", f.saying(`{}`).by(ours.signer, "RS512"), ErrToken},
		{"claims of another type", f.saying(`{"iss":"https://id.example.com","exp":"never"}`).by(ours.signer, "RS512"), ErrToken},
		{"no object", f.saying(`[]`).by(ours.signer, "RS512"), ErrToken},
		{"no expiry", f.saying(`{"iss":"https://id.example.com"}`).by(ours.signer, "RS512"), ErrExpired},

		{"nothing", "", ErrToken},
		{"garbage", "garbage", ErrToken},
		{"three parts of garbage", "a.b.c", ErrToken},
		{"without its signature", head + "." + body + ".", ErrToken},
		{"without its payload", head + ".." + signature, ErrToken},
		{"the JSON form", full, ErrToken},
		{"padding", good + "==", ErrToken},
		{"a line's end inside", good[:len(good)-4] + "\n" + good[len(good)-4:], ErrToken},
		{"a digit whose last bits mean nothing", good[:len(good)-1] + string(good[len(good)-1]+1), ErrToken},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, err := i.Verify(t.Context(), row.token); !errors.Is(err, row.want) {
				t.Errorf("%v, want %v", err, row.want)
			}
		})
	}
}

// A token is good until the second in which it expires; then its claims are still told.
func TestExpired(t *testing.T) {
	d := newDeployment(t)
	i := d.start(t, "ES256")
	token := mint(t, i, TokenLifetime)
	d.clock.advance(TokenLifetime - time.Millisecond)
	if _, err := i.Verify(t.Context(), token); err != nil {
		t.Errorf("in its last millisecond: %v", err)
	}
	d.clock.advance(time.Millisecond)
	claims, err := i.Verify(t.Context(), token)
	if !errors.Is(err, ErrExpired) || claims == nil || claims.Subject != "us-east-1:x" || claims.Expires != d.clock.read().Unix() {
		t.Errorf("%+v, %v; want its claims and ErrExpired", claims, err)
	}
}

// Over the bound of waiting signatures Mint says so at once.
func TestBusy(t *testing.T) {
	i := newDeployment(t).start(t, "ES256")
	i.signing = newSlots(2)
	for range cap(i.signing.running) {
		i.signing.running <- struct{}{}
	}
	for range cap(i.signing.waiting) - 1 {
		i.signing.waiting <- struct{}{}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := i.Mint(gone, Claims{}, time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("the last place to wait, and a client that has gone: %v", err)
	}
	i.signing.waiting <- struct{}{}
	if _, err := i.Mint(t.Context(), Claims{}, time.Minute); !errors.Is(err, ErrBusy) {
		t.Errorf("no place to wait: %v, want ErrBusy", err)
	}
	<-i.signing.running
	<-i.signing.waiting
	if _, err := i.Mint(t.Context(), Claims{}, time.Minute); err != nil {
		t.Errorf("one place is free again: %v", err)
	}
}
