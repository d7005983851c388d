package server

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// forwarded takes the client's address, the host that it asked for and whether it came by TLS from the X-Forwarded headers of
// trusted proxies, and of nobody else. The host counts for Signature V4: the client has signed the name that it knows. Address
// and TLS are what policies see as aws:SourceIp and aws:SecureTransport.
func (s *Server) forwarded(next http.Handler) http.Handler {
	trusted := func(addr netip.Addr) bool {
		return slices.ContainsFunc(s.config.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil && trusted(peer.Addr()) {
			if client, ok := clientAddress(r.Header.Values("X-Forwarded-For"), trusted); ok {
				r.RemoteAddr = netip.AddrPortFrom(client, 0).String()
			}
			if host := last(r.Header.Values("X-Forwarded-Host")); host != "" {
				r.Host = host
			}
			switch proto := last(r.Header.Values("X-Forwarded-Proto")); {
			case proto == "http":
				r.TLS = nil
			case proto == "https" && r.TLS == nil:
				r.TLS = &tls.ConnectionState{}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// clientAddress is the last address of the chain that no trusted proxy has: what stands before it the client may have
// made up.
func clientAddress(headers []string, trusted func(netip.Addr) bool) (netip.Addr, bool) {
	hops := strings.Split(strings.Join(headers, ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return netip.Addr{}, false
		}
		if !trusted(addr) {
			return addr, true
		}
	}
	return netip.Addr{}, false
}

// last is the value that the nearest proxy has written.
func last(headers []string) string {
	values := strings.Split(strings.Join(headers, ","), ",")
	return strings.TrimSpace(values[len(values)-1])
}
