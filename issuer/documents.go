package issuer

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Paths of the documents. The original's JWKS is at the first, literally; the second is what people try.
const (
	DiscoveryPath = "/.well-known/openid-configuration"
	JWKSPath      = "/.well-known/jwks_uri"
	JWKSPathPlain = "/.well-known/jwks.json"
)

// document writes what strangers read, once for every set of keys.
func (i *Issuer) document(r *ring) error {
	set := jose.JSONWebKeySet{}
	var algorithms []string
	for _, k := range sorted(r) {
		sha1Sum, sha256Sum := sha1.Sum(k.cert.Raw), sha256.Sum256(k.cert.Raw)
		set.Keys = append(set.Keys, jose.JSONWebKey{
			Key: k.signer.Public(), KeyID: k.ID, Algorithm: k.Algorithm, Use: "sig",
			// Ceph verifies with x5c alone, and finds it by x5t.
			Certificates:                []*x509.Certificate{k.cert},
			CertificateThumbprintSHA1:   sha1Sum[:],
			CertificateThumbprintSHA256: sha256Sum[:],
		})
		if !slices.Contains(algorithms, k.Algorithm) {
			algorithms = append(algorithms, k.Algorithm)
		}
	}
	var err error
	if r.jwks, err = json.Marshal(set); err != nil {
		return fmt.Errorf("write JWKS: %w", err)
	}
	r.discovery, err = json.Marshal(struct {
		Issuer     string   `json:"issuer"`
		JWKS       string   `json:"jwks_uri"`
		Responses  []string `json:"response_types_supported"`
		Subjects   []string `json:"subject_types_supported"`
		Algorithms []string `json:"id_token_signing_alg_values_supported"`
		Claims     []string `json:"claims_supported"`
	}{
		Issuer: i.URL, JWKS: i.URL + JWKSPath,
		Responses: []string{"id_token"}, Subjects: []string{"public"}, Algorithms: algorithms,
		Claims: []string{"sub", "aud", "amr", "iss", "exp", "iat"},
	})
	return err
}

// sorted lists the keys with the current one first, then by age.
func sorted(r *ring) []*key {
	keys := make([]*key, 0, len(r.byID))
	for _, k := range r.byID {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b *key) int {
		switch {
		case a == r.current:
			return -1
		case b == r.current:
			return 1
		}
		return a.Created.Compare(b.Created)
	})
	return keys
}

// ServeDiscovery answers GET of DiscoveryPath.
func (i *Issuer) ServeDiscovery(w http.ResponseWriter, _ *http.Request) {
	serveJSON(w, i.ring.Load().discovery)
}

// ServeJWKS answers GET of JWKSPath and JWKSPathPlain.
func (i *Issuer) ServeJWKS(w http.ResponseWriter, _ *http.Request) { serveJSON(w, i.ring.Load().jwks) }

func serveJSON(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("Cache-Control", "public, max-age="+strconv.Itoa(int(JWKSMaxAge/time.Second)))
	_, _ = w.Write(body) // a client that has gone is no error of ours
}
