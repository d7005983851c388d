package provider

import (
	"context"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Network says where outgoing calls may go. The zero value goes to public addresses over https.
//
// What decides is the address at the moment of connecting: whatever a name meant when somebody looked, or a document
// says, no connection is made to a forbidden address. Never: link-local addresses (where clouds keep their metadata
// services), multicast, unspecified and reserved ones, our own listeners. An address that carries an IPv4 address inside
// (IPv4-mapped, NAT64, 6to4) is judged by that.
type Network struct {
	AllowLoopback bool                    // loopback addresses, and http to them
	Private       []netip.Prefix          // private ranges that may be dialled
	Own           func() []netip.AddrPort // our own listeners; an unspecified address stands for all of this machine's
	Roots         *x509.CertPool          // authorities; the system's if nil, which a pool of one's own should include
	InsecureHosts []string                // host or host:port that may be asked by http
	Resolver      *net.Resolver           // net.DefaultResolver if nil

	named []string // host:port that the operator wrote for what is asked: http, loopback and private addresses are fine there
}

// naming returns rules that let calls go to the hosts of URLs as well which the operator wrote. Those are bound by less,
// but never by nothing: link-local addresses and our own listeners stay closed.
func (n *Network) naming(urls ...string) *Network {
	with := *n
	with.named = nil
	for _, raw := range urls {
		if u, err := url.Parse(raw); err == nil && u.Host != "" {
			with.named = append(with.named, hostPort(u))
		}
	}
	return &with
}

// hostPort is where a URL is dialled, in one spelling.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

const (
	maxIssuerURL = 255  // bytes, as IAM's
	maxURL       = 2048 // bytes, of a jwks_uri
)

var errNotURL = errors.New("not an absolute https URL without user, fragment and unusual characters")

// CheckIssuer tells what is wrong with the form of an issuer's URL, before anybody registers it; the network is not asked.
// The URL is https (http for loopback and InsecureHosts as for any call), at most 255 bytes, and has no query.
func (n *Network) CheckIssuer(issuer string) error {
	if err := n.checkURL(issuer); err != nil {
		return err
	}
	switch {
	case len(issuer) > maxIssuerURL:
		return errors.New("longer than 255 bytes")
	case strings.Contains(issuer, "?"):
		return errors.New("a query in the URL of an issuer")
	case !strings.HasPrefix(issuer, "https://") && !strings.HasPrefix(issuer, "http://"):
		return errors.New("the scheme is not in lower case") // tokens' iss is compared letter for letter
	}
	return nil
}

// checkURL holds for every URL that is asked, an issuer's own and those its documents name. Its errors don't repeat the
// URL, which may hold a password.
func (n *Network) checkURL(raw string) error {
	unusual := func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' || r == '#' }
	if len(raw) > maxURL || strings.ContainsFunc(raw, unusual) {
		return errNotURL
	}
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.Hostname() == "" || u.User != nil {
		return errNotURL
	}
	switch u.Scheme {
	case "https":
		return nil
	case "http":
		if n.mayBeInsecure(u) {
			return nil
		}
		return errors.New("http is only for loopback hosts, where these are allowed, and for hosts that the operator named")
	}
	return errNotURL
}

func (n *Network) mayBeInsecure(u *url.URL) bool {
	if slices.Contains(n.named, hostPort(u)) {
		return true
	}
	for _, host := range n.InsecureHosts {
		if strings.EqualFold(host, u.Host) || strings.EqualFold(host, u.Hostname()) {
			return true
		}
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return n.AllowLoopback && (strings.EqualFold(u.Hostname(), "localhost") || err == nil && addr.Unmap().IsLoopback())
}

// transport makes connections by these rules and by no environment variable. It asks for no compression, so that the size
// of a body on the wire is its size. The dial's and the handshake's own timeouts are there because a transport lets them
// outlive their request.
func (n *Network) transport(thumbprints []string, now func() time.Time, timeout time.Duration) *http.Transport {
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		named := slices.Contains(n.named, strings.ToLower(address))
		dialer := &net.Dialer{Timeout: timeout, Resolver: n.Resolver, ControlContext: n.control(named)}
		return dialer.DialContext(ctx, network, address)
	}
	return &http.Transport{
		DialContext: dial,
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			raw, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			conn := tls.Client(raw, n.tlsConfig(host, thumbprints, now))
			if err := conn.HandshakeContext(ctx); err != nil {
				raw.Close()
				return nil, err
			}
			return conn, nil
		},
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConns:           4,
		IdleConnTimeout:        timeout,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// tlsConfig verifies a server as usual and, for a provider with thumbprints, by those where no authority vouches.
func (n *Network) tlsConfig(host string, thumbprints []string, now func() time.Time) *tls.Config {
	c := &tls.Config{
		ServerName: host,
		RootCAs:    n.Roots,
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		Time:       now,
	}
	if len(thumbprints) > 0 {
		// Only the library's own check is off; vouch does the same and more. That the server holds the key of its
		// certificate is proven by the handshake in any case.
		c.InsecureSkipVerify = true
		c.VerifyConnection = func(s tls.ConnectionState) error {
			return n.vouch(s.PeerCertificates, host, thumbprints, now())
		}
	}
	return c
}

// vouch verifies the chain of certificates that a server sent, its own first. If no authority that we know vouches for it,
// one of the chain that has a listed thumbprint counts as an authority: name, dates and signatures must still be right with
// it as the only root. (IAM guide, "Obtain the thumbprint for an OpenID Connect identity provider": the thumbprint of the
// top certificate of the chain; and thumbprints are not looked at where a trusted authority vouches.)
func (n *Network) vouch(chain []*x509.Certificate, host string, thumbprints []string, now time.Time) error {
	if len(chain) == 0 {
		return errors.New("the server sent no certificate")
	}
	options := x509.VerifyOptions{DNSName: host, Roots: n.Roots, Intermediates: x509.NewCertPool(), CurrentTime: now}
	for _, c := range chain[1:] {
		options.Intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(options)
	// A machine without a list of authorities knows none.
	if !errors.As(err, new(x509.UnknownAuthorityError)) && !errors.As(err, new(x509.SystemRootsError)) {
		return err
	}
	for _, c := range chain {
		sum := sha1.Sum(c.Raw)
		if !containsFold(thumbprints, hex.EncodeToString(sum[:])) {
			continue
		}
		options.Roots = x509.NewCertPool()
		options.Roots.AddCert(c)
		if _, err := chain[0].Verify(options); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%w, nor does a certificate whose thumbprint is registered", err)
}

func containsFold(list []string, s string) bool {
	return slices.ContainsFunc(list, func(e string) bool { return strings.EqualFold(e, s) })
}

// control is called with the address of each connection after names were resolved and before anything is sent.
func (n *Network) control(named bool) func(context.Context, string, string, syscall.RawConn) error {
	return func(_ context.Context, _, address string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		return n.mayDial(ap, named)
	}
}

// mayDial is the rule of where connections go. Named is a host that the operator wrote, not a stranger.
func (n *Network) mayDial(ap netip.AddrPort, named bool) error {
	raw := ap.Addr().WithZone("").Unmap()
	addr := carried(raw)
	switch {
	case within(addr, never):
		return fmt.Errorf("%s is never dialled", ap)
	case addr.IsLoopback() && !n.AllowLoopback && !named:
		return fmt.Errorf("%s is a loopback address", ap)
	case isPrivate(addr) && !within(addr, n.Private) && !named:
		return fmt.Errorf("%s is a private address, and none that the operator allowed", ap)
	}
	if n.Own == nil {
		return nil
	}
	for _, own := range n.Own() {
		if own.Port() == ap.Port() && (covers(own.Addr(), addr) || covers(own.Addr(), raw)) {
			return fmt.Errorf("%s is our own", ap)
		}
	}
	return nil
}

// covers tells whether a listener on own answers at addr.
func covers(own, addr netip.Addr) bool {
	own = own.WithZone("").Unmap()
	if !own.IsUnspecified() {
		return own == addr
	}
	if addr.IsLoopback() {
		return true
	}
	locals, err := net.InterfaceAddrs()
	for _, local := range locals {
		if p, err := netip.ParsePrefix(local.String()); err == nil && p.Addr().Unmap() == addr {
			return true
		}
	}
	return err != nil // a machine that doesn't know its addresses might be anywhere
}

// carried returns the IPv4 address inside an IPv6 one, where it stands for it.
func carried(a netip.Addr) netip.Addr {
	b := a.As16()
	switch {
	case nat64.Contains(a):
		return netip.AddrFrom4([4]byte(b[12:16]))
	case sixToFour.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return a
}

var (
	nat64     = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052
	sixToFour = netip.MustParsePrefix("2002::/16")    // RFC 3056

	never = prefixes(
		"0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4", // this host, link-local, multicast, reserved and broadcast
		"::/128", "fe80::/10", "ff00::/8", // unspecified, link-local, multicast
		"2001::/32", // Teredo carries an IPv4 address in disguise, and nobody serves there
	)
	// 192.0.0.0/24 is IETF's own, 198.18.0.0/15 for benchmarks, 100.64.0.0/10 between a carrier and its customers.
	private4 = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15")
	public6  = prefixes("2000::/3") // all that IANA gives out; fc00::/7 and the rest of IPv6 is nobody's or somebody's own
)

func isPrivate(a netip.Addr) bool {
	if a.IsLoopback() {
		return false
	}
	if a.Is4() {
		return within(a, private4)
	}
	return !within(a, public6)
}

func within(a netip.Addr, list []netip.Prefix) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}
