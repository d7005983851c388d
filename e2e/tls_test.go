package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// TestSignInOverTLS has a provider whose certificate no public authority vouches for. Nobody signs in until the operator
// says who does: by the authority's certificate, or by its thumbprint as IAM has it.
func TestSignInOverTLS(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	p := startBehindTLS(t, ca)
	n := startNode(t)
	pool := setUpByCLI(t, n, p)
	login := login(p, p.signIn(t, appClient, p.user))
	_, err := n.identities().GetId(t.Context(), &cognitoidentity.GetIdInput{IdentityPoolId: &pool, Logins: login})
	if unknown := new(types.ExternalServiceException); !errors.As(err, &unknown) {
		t.Errorf("a provider whose authority nobody knows: %v", err)
	}
	checkEmpty(t, n, pool)

	n.restart(t, "--provider-ca", ca.file)
	signInAndOut(t, n, p, pool, "--provider-ca", ca.file)

	arn := p.arn()
	_, err = n.iam().DeleteOpenIDConnectProvider(t.Context(), &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn})
	if err != nil {
		t.Fatal(err)
	}
	n.restart(t)
	registerByCLI(t, n, p, ca.thumbprint())
	signInAndOut(t, n, p, pool)
}

// checkEmpty makes sure that a pool has no identity.
func checkEmpty(t testing.TB, n *node, pool string) {
	t.Helper()
	if ids := listIdentities(t, n, pool); len(ids) != 0 {
		t.Errorf("the pool has %d identities, and nobody was let in", len(ids))
	}
}

// authority is a certificate authority that nobody knows.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	file        string // its certificate, PEM
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	ca := &authority{key: newKey(t), file: filepath.Join(t.TempDir(), "ca.pem")}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "A private authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	ca.certificate = issue(t, template, template, ca.key, ca.key)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.certificate.Raw})
	if err := os.WriteFile(ca.file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return ca
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func issue(t testing.TB, template, parent *x509.Certificate, subject, signer *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, subject.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// thumbprint is what IAM wants of a provider: SHA-1 of the last certificate that its server sends.
func (ca *authority) thumbprint() string {
	sum := sha1.Sum(ca.certificate.Raw)
	return hex.EncodeToString(sum[:])
}

func (ca *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.certificate)
	return pool
}

// server is the certificate of this machine, with the chain.
func (ca *authority) server(t testing.TB) tls.Certificate {
	t.Helper()
	key := newKey(t)
	leaf := issue(t, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, ca.certificate, key, ca.key)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw, ca.certificate.Raw}, PrivateKey: key}
}

// startBehindTLS runs oidc-provider behind a proxy that speaks TLS, as operators run it.
func startBehindTLS(t testing.TB, ca *authority) *openID {
	t.Helper()
	var p *openID // known before anybody knows the proxy's address
	proxy := httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		target, err := url.Parse(p.address)
		if err != nil {
			panic(err) // it has served already
		}
		r.SetURL(target)
		r.SetXForwarded()
	}})
	proxy.TLS = &tls.Config{Certificates: []tls.Certificate{ca.server(t)}}
	proxy.Config.ErrorLog = log.New(io.Discard, "", 0) // who does not know the authority breaks off
	proxy.StartTLS()
	t.Cleanup(proxy.Close)
	p = startOIDCProvider(t, "--issuer", proxy.URL)
	p.roots = ca.pool()
	return p
}
