package provider

import (
	"crypto"
	"crypto/elliptic"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"
)

// certificate is one with its key, and a way to make others with it.
type certificate struct {
	*x509.Certificate
	key crypto.Signer
}

// itself signs a certificate with its own key.
var itself *certificate

// issue makes a certificate signed by c, or by itself.
func (c *certificate) issue(t testing.TB, name string, change ...func(*x509.Certificate)) *certificate {
	t.Helper()
	start := newClock().now()
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             start.Add(-time.Hour),
		NotAfter:              start.Add(time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
	}
	for _, f := range change {
		f(template)
	}
	made := &certificate{key: newEC(elliptic.P256())}
	parent, signer := template, made.key
	if c != nil {
		parent, signer = c.Certificate, c.key
	}
	der, err := x509.CreateCertificate(nil, template, parent, made.key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	made.Certificate, err = x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func authority(c *x509.Certificate) { c.IsCA = true }
func loopback(c *x509.Certificate)  { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)} }
func outdated(c *x509.Certificate)  { c.NotAfter = c.NotBefore.Add(time.Minute) }

func (c *certificate) thumbprint() string {
	sum := sha1.Sum(c.Raw)
	return hex.EncodeToString(sum[:])
}

// serve is a fake provider that shows a chain of certificates and holds a key.
func serve(t testing.TB, key crypto.Signer, chain ...*certificate) *idp {
	i := &idp{clock: newClock()}
	i.Server = quiet(i)
	shown := tls.Certificate{PrivateKey: key}
	for _, c := range chain {
		shown.Certificate = append(shown.Certificate, c.Raw)
	}
	i.TLS = &tls.Config{Certificates: []tls.Certificate{shown}}
	i.StartTLS()
	t.Cleanup(i.Close)
	i.discovery = map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys"}
	i.publish(rsaA())
	return i
}

// server is one that shows a chain of certificates and holds a key, asked for a provider with a list of thumbprints.
type server struct {
	name   string
	chain  []*certificate
	key    crypto.Signer
	listed []string
	known  *certificate // the operator's authority, if any
	want   string
}

func chain(c ...*certificate) []*certificate { return c }

func printsOf(c ...*certificate) (thumbprints []string) {
	for _, one := range c {
		thumbprints = append(thumbprints, one.thumbprint())
	}
	return thumbprints
}

func servers(t *testing.T) []server {
	root := itself.issue(t, "root", authority)
	middle := root.issue(t, "middle", authority)
	leaf := middle.issue(t, "leaf", loopback)
	self := itself.issue(t, "self", loopback)
	misnamed := root.issue(t, "misnamed")
	old := root.issue(t, "old", loopback, outdated)
	oldMiddle := root.issue(t, "old middle", authority, outdated)
	other := itself.issue(t, "root", authority) // of the same name, with another key
	forged := other.issue(t, "leaf", loopback)
	notAuthority := itself.issue(t, "no authority", loopback)
	byNotAuthority := notAuthority.issue(t, "leaf", loopback)

	const ok, no = "ok", "unavailable"
	return []server{
		{"nobody vouches, nothing listed", chain(leaf, middle, root), leaf.key, nil, nil, no},
		{"nobody vouches, another listed", chain(leaf, middle, root), leaf.key, printsOf(other), nil, no},
		{"nobody vouches, no thumbprint at all", chain(leaf, middle, root), leaf.key, []string{"", "xyz"}, nil, no},
		{"the top listed", chain(leaf, middle, root), leaf.key, printsOf(root), nil, ok},
		{"the top listed, in capitals", chain(leaf, middle, root), leaf.key, []string{strings.ToUpper(root.thumbprint())}, nil, ok},
		{"the top listed, second", chain(leaf, middle, root), leaf.key, printsOf(other, root), nil, ok},
		{"the top listed, not shown", chain(leaf, middle), leaf.key, printsOf(root), nil, no},
		{"the middle listed, the top not shown", chain(leaf, middle), leaf.key, printsOf(middle), nil, ok},
		{"the server's own listed", chain(leaf), leaf.key, printsOf(leaf), nil, ok},
		{"self-signed and listed", chain(self), self.key, printsOf(self), nil, ok},
		{"self-signed, not listed", chain(self), self.key, printsOf(root), nil, no},

		{"the listed one is shown, but signed nothing", chain(self, root), self.key, printsOf(root), nil, no},
		{"the listed one is shown, its namesake signed", chain(forged, root), forged.key, printsOf(root), nil, no},
		{"the listed one is shown, its namesake too", chain(forged, other, root), forged.key, printsOf(root), nil, no},
		{"the listed one is the server's, the key another's", chain(self), other.key, printsOf(self), nil, no},
		{"the listed chain is shown, the key another's", chain(leaf, middle, root), other.key, printsOf(root), nil, no},
		{"a server's listed certificate signs another", chain(byNotAuthority, notAuthority), byNotAuthority.key, printsOf(notAuthority), nil, no},
		{"for another name", chain(misnamed, root), misnamed.key, printsOf(root), nil, no},
		{"for another name, itself listed", chain(misnamed, root), misnamed.key, printsOf(misnamed), nil, no},
		{"out of date", chain(old, root), old.key, printsOf(root), nil, no},
		{"out of date, itself listed", chain(old), old.key, printsOf(old), nil, no},
		{"by one out of date", chain(oldMiddle.issue(t, "leaf", loopback), oldMiddle, root), nil, printsOf(root), nil, no},

		{"an authority vouches, nothing listed", chain(leaf, middle), leaf.key, nil, root, ok},
		{"an authority vouches, another listed", chain(leaf, middle), leaf.key, printsOf(other), root, ok},
		{"an authority vouches for another name", chain(misnamed, root), misnamed.key, printsOf(root), root, no},
		{"an authority vouches, out of date", chain(old, root), old.key, printsOf(root), root, no},
		{"an authority vouches, the key is another's", chain(leaf, middle, root), other.key, printsOf(root), root, no},
		{"another authority", chain(leaf, middle, root), leaf.key, nil, other, no},
	}
}

func TestThumbprints(t *testing.T) {
	for _, row := range servers(t) {
		t.Run(row.name, func(t *testing.T) {
			if row.key == nil {
				row.key = row.chain[0].key
			}
			i := serve(t, row.key, row.chain...)
			roots := x509.NewCertPool()
			if row.known != nil {
				roots.AddCert(row.known.Certificate)
			}
			v := &Verifier{Now: i.clock.now, Network: Network{AllowLoopback: true, Roots: roots}}
			p := i.provider()
			p.Thumbprints = row.listed
			want(t, "outcome", verify(t, v, p, rsaA().sign(i.claims())), row.want)
		})
	}
}

// Thumbprints of one provider open no door to another, on the same server though it be.
func TestThumbprintsAreNotShared(t *testing.T) {
	self := itself.issue(t, "self", loopback)
	i := serve(t, self.key, self)
	v := &Verifier{Now: i.clock.now, Network: Network{AllowLoopback: true, Roots: x509.NewCertPool()}}
	with, without := i.provider(), i.provider()
	with.Thumbprints = []string{self.thumbprint()}
	without.ARN += "2"
	want(t, "with", verify(t, v, with, rsaA().sign(i.claims())), "ok")
	want(t, "without", verify(t, v, without, rsaA().sign(i.claims())), "unavailable")
	want(t, "with", verify(t, v, with, rsaA().sign(i.claims("jti", 1))), "ok")
}

// A server that knows only TLS 1.1 is not spoken to, whatever is listed.
func TestOldTLS(t *testing.T) {
	self := itself.issue(t, "self", loopback)
	for _, version := range []uint16{tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13} {
		i := &idp{clock: newClock()}
		i.Server = quiet(i)
		i.TLS = &tls.Config{
			Certificates: []tls.Certificate{{Certificate: [][]byte{self.Raw}, PrivateKey: self.key}},
			MinVersion:   tls.VersionTLS10, MaxVersion: version,
		}
		i.StartTLS()
		t.Cleanup(i.Close)
		i.discovery = map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys"}
		i.publish(rsaA())
		p := i.provider()
		p.Thumbprints = []string{self.thumbprint()}
		v := &Verifier{Now: i.clock.now, Network: Network{AllowLoopback: true, Roots: x509.NewCertPool()}}
		expected := "ok"
		if version < tls.VersionTLS12 {
			expected = "unavailable"
		}
		want(t, fmt.Sprintf("TLS %x", version), verify(t, v, p, rsaA().sign(i.claims())), expected)
	}
}
