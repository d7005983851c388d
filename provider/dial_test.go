package provider

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Who may dial an address: with the strictest settings, with loopback allowed, with private ranges allowed.
const everybody, withLoopback, withItsRange, nobody = "everybody", "with loopback", "with its range", "nobody"

var addresses = []struct{ addr, who, what string }{
	{"93.184.216.34", everybody, "public"},
	{"2606:2800:220:1::1", everybody, "public"},
	{"172.15.255.255", everybody, "just below a private range"},
	{"172.32.0.0", everybody, "just above a private range"},
	{"100.128.0.0", everybody, "just above carrier-grade NAT"},
	{"223.255.255.255", everybody, "the last before multicast"},

	{"127.0.0.1", withLoopback, "loopback"},
	{"127.255.255.254", withLoopback, "loopback"},
	{"::1", withLoopback, "loopback"},
	{"::ffff:127.0.0.1", withLoopback, "loopback, mapped"},
	{"64:ff9b::7f00:1", withLoopback, "loopback by NAT64"},
	{"2002:7f00:1::", withLoopback, "loopback by 6to4"},

	{"10.0.0.1", withItsRange, "RFC 1918"},
	{"172.16.0.1", withItsRange, "RFC 1918"},
	{"172.31.255.255", withItsRange, "RFC 1918"},
	{"192.168.1.1", withItsRange, "RFC 1918"},
	{"100.64.0.1", withItsRange, "carrier-grade NAT"},
	{"192.0.0.8", withItsRange, "IETF assignments"},
	{"198.18.0.1", withItsRange, "benchmarks"},
	{"198.19.255.255", withItsRange, "benchmarks"},
	{"fc00::1", withItsRange, "unique local"},
	{"fd00:ec2::254", withItsRange, "a cloud's metadata service"},
	{"fec0::1", withItsRange, "site-local of old"},
	{"::a00:1", withItsRange, "IPv4-compatible"},
	{"64:ff9b:1::1", withItsRange, "local NAT64"},
	{"::ffff:10.0.0.1", withItsRange, "RFC 1918, mapped"},
	{"64:ff9b::a00:1", withItsRange, "RFC 1918 by NAT64"},
	{"2002:a00:1::1", withItsRange, "RFC 1918 by 6to4"},

	{"0.0.0.0", nobody, "unspecified"},
	{"0.1.2.3", nobody, "this network"},
	{"::", nobody, "unspecified"},
	{"::ffff:0.0.0.0", nobody, "unspecified, mapped"},
	{"169.254.169.254", nobody, "clouds' metadata service"},
	{"169.254.0.1", nobody, "link-local"},
	{"fe80::1", nobody, "link-local"},
	{"fe80::1%eth0", nobody, "link-local with a zone"},
	{"::ffff:169.254.169.254", nobody, "metadata, mapped"},
	{"64:ff9b::a9fe:a9fe", nobody, "metadata by NAT64"},
	{"2002:a9fe:a9fe::1", nobody, "metadata by 6to4"},
	{"224.0.0.1", nobody, "multicast"},
	{"239.255.255.255", nobody, "multicast"},
	{"ff02::1", nobody, "multicast"},
	{"240.0.0.1", nobody, "reserved"},
	{"255.255.255.255", nobody, "broadcast"},
	{"2001:0:1::1", nobody, "Teredo"},
}

func TestAddresses(t *testing.T) {
	everything := prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15",
		"169.254.0.0/16", "127.0.0.0/8", "0.0.0.0/0", "::/0")
	for _, row := range addresses {
		addr := netip.AddrPortFrom(netip.MustParseAddr(row.addr), 443)
		may := func(n Network) bool { return n.mayDial(addr, false) == nil }
		want(t, row.addr+" ("+row.what+"), strictest", may(Network{}), row.who == everybody)
		want(t, row.addr+" ("+row.what+"), loopback", may(Network{AllowLoopback: true}), row.who == everybody || row.who == withLoopback)
		want(t, row.addr+" ("+row.what+"), private", may(Network{Private: everything}), row.who == everybody || row.who == withItsRange)
	}
	n := Network{Private: prefixes("10.1.0.0/16")}
	want(t, "inside the allowed range", n.mayDial(netip.MustParseAddrPort("10.1.2.3:443"), false), nil)
	want(t, "outside of it", n.mayDial(netip.MustParseAddrPort("10.2.0.1:443"), false) != nil, true)
}

// However an IPv4 address is dressed up, it is judged as itself.
func TestDressedAddresses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], rapid.Uint32().Draw(t, "addr"))
		n := Network{AllowLoopback: rapid.Bool().Draw(t, "loopback")}
		may := func(a netip.Addr) bool { return n.mayDial(netip.AddrPortFrom(a, 443), false) == nil }
		plain := may(netip.AddrFrom4(b))
		dressed := map[string]netip.Addr{
			"mapped": netip.AddrFrom16(netip.AddrFrom4(b).As16()),
			"NAT64":  netip.AddrFrom16([16]byte{0, 0x64, 0xff, 0x9b, 12: b[0], b[1], b[2], b[3]}),
			"6to4":   netip.AddrFrom16([16]byte{0x20, 0x02, b[0], b[1], b[2], b[3]}),
		}
		for how, addr := range dressed {
			if may(addr) != plain {
				t.Fatalf("%s %s: %v, %s: %v", how, addr, !plain, netip.AddrFrom4(b), plain)
			}
		}
	})
}

func TestOwnListeners(t *testing.T) {
	local := localAddr(t)
	rows := []struct {
		own, addr string
		want      bool
	}{
		{"127.0.0.1:7400", "127.0.0.1:7400", false},
		{"127.0.0.1:7400", "[::ffff:127.0.0.1]:7400", false},
		{"127.0.0.1:7400", "[64:ff9b::7f00:1]:7400", false},
		{"127.0.0.1:7400", "127.0.0.1:7401", true},
		{"127.0.0.1:7400", "127.0.0.2:7400", true},
		{"0.0.0.0:7400", "127.0.0.2:7400", false},
		{"0.0.0.0:7400", local + ":7400", false},
		{"[::]:7400", local + ":7400", false},
		{"[::]:7400", "[::1]:7400", false},
		{"[::]:7400", local + ":7401", true},
		{"[::]:7400", "93.184.216.34:7400", true},
		{"93.184.216.34:443", "93.184.216.34:443", false},
		{"[2002:5db8:d822::1]:443", "[2002:5db8:d822::1]:443", false},
		{"[2606:2800:220:1::1]:443", "[2606:2800:220:1::1]:443", false},
	}
	for _, row := range rows {
		n := Network{
			AllowLoopback: true,
			Private:       prefixes("0.0.0.0/0"),
			Own:           func() []netip.AddrPort { return []netip.AddrPort{netip.MustParseAddrPort(row.own)} },
		}
		want(t, "listening on "+row.own+", dialling "+row.addr, n.mayDial(netip.MustParseAddrPort(row.addr), false) == nil, row.want)
	}
}

// localAddr is an IPv4 address of this machine, loopback if it has no other.
func localAddr(t *testing.T) string {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() && p.Addr().IsGlobalUnicast() {
			return p.Addr().String()
		}
	}
	return "127.0.0.1"
}

func TestCheckIssuer(t *testing.T) {
	strict := Network{InsecureHosts: []string{"dex.internal", "kc.internal:8080"}}
	local := Network{AllowLoopback: true}
	rows := []struct {
		n    Network
		url  string
		want bool
	}{
		{strict, "https://idp.example", true},
		{strict, "https://idp.example/", true},
		{strict, "https://idp.example:8443/realms/one", true},
		{strict, "https://" + strings.Repeat("a", 247), true},
		{strict, "https://" + strings.Repeat("a", 248), false},
		{strict, "", false},
		{strict, "idp.example", false},
		{strict, "https://", false},
		{strict, "https:///path", false},
		{strict, "https://:443", false},
		{strict, "https:idp.example", false},
		{strict, "HTTPS://idp.example", false},
		{strict, "ftp://idp.example", false},
		{strict, "https://user@idp.example", false},
		{strict, "https://user:password@idp.example", false},
		{strict, "https://idp.example/#part", false},
		{strict, "https://idp.example#", false},
		{strict, "https://idp.example/?a=b", false},
		{strict, "https://idp.example?", false},
		{strict, "https://idp.example/a b", false},
		{strict, "https://idp.example\\@evil.example", false},
		{strict, "https://idp.example/\n", false},
		{strict, "https://idp.exämple", false},
		{strict, "http://idp.example", false},
		{strict, "http://localhost:8080", false},
		{strict, "http://127.0.0.1:8080", false},
		{strict, "http://dex.internal", true},
		{strict, "http://DEX.internal:5556/dex", true},
		{strict, "http://kc.internal:8080", true},
		{strict, "http://kc.internal", false},
		{strict, "http://kc.internal:8081", false},
		{strict, "http://dex.internal.evil.example", false},
		{local, "http://localhost:8080", true},
		{local, "http://127.0.0.1:8080/dex", true},
		{local, "http://[::1]:8080", true},
		{local, "http://localhost.evil.example", false},
		{local, "http://10.0.0.1", false},
		{local, "http://2130706433", false},
	}
	for _, row := range rows {
		want(t, row.url, row.n.CheckIssuer(row.url) == nil, row.want)
	}
	if err := strict.CheckIssuer("https://user:password@idp.example"); strings.Contains(err.Error(), "password") {
		t.Error("the error holds the password")
	}
}

func TestPlainHTTPOnLoopback(t *testing.T) {
	i := newIDP(t, rsaA())
	plain := httptest.NewServer(i)
	defer plain.Close()
	i.discovery = map[string]any{"issuer": plain.URL, "jwks_uri": plain.URL + "/keys"}
	p := i.provider()
	p.Issuer = plain.URL
	token := rsaA().sign(i.claims("iss", plain.URL))
	v := verifier(i)
	want(t, "loopback allowed", verify(t, v, p, token), "ok")
	strict := &Verifier{Now: i.clock.now}
	want(t, "loopback not allowed", verify(t, strict, p, token), "unavailable")
	insecure := &Verifier{Now: i.clock.now, Network: Network{InsecureHosts: []string{"127.0.0.1"}}}
	want(t, "http allowed, the address not", verify(t, insecure, p, token), "unavailable")
	want(t, "fetches", i.fetches.Load(), 1)
}

func TestRedirectsAreRefused(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308, 300, 304} {
		i := newIDP(t, rsaA())
		i.hook = func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/elsewhere" {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(status)
			} else {
				i.fetches.Add(1)
			}
			return true
		}
		want(t, fmt.Sprint(status), verify(t, verifier(i), i.provider(), rsaA().sign(i.claims())), "unavailable")
		want(t, "calls elsewhere", i.fetches.Load(), 0)
	}
}

// Nothing but 200 is an answer, with a good document too.
func TestOtherStatuses(t *testing.T) {
	for _, status := range []int{201, 203, 206, 400, 404, 500} {
		i := newIDP(t, rsaA())
		i.hook = func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(status)
			return false
		}
		want(t, fmt.Sprint(status), verify(t, verifier(i), i.provider(), rsaA().sign(i.claims())), "unavailable")
	}
}

func TestProxiesOfTheEnvironmentAreIgnored(t *testing.T) {
	var calls atomic.Int64
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	defer proxy.Close()
	t.Setenv("HTTPS_PROXY", proxy.URL)
	t.Setenv("HTTP_PROXY", proxy.URL)
	if (&Network{}).transport(nil, time.Now, time.Second).Proxy != nil {
		t.Error("the transport asks for a proxy")
	}
	i := newIDP(t, rsaA())
	want(t, "outcome", verify(t, verifier(i), i.provider(), rsaA().sign(i.claims())), "ok")
	want(t, "calls to the proxy", calls.Load(), 0)
}

func TestOwnListenerIsRefused(t *testing.T) {
	i := newIDP(t, rsaA())
	v := verifier(i)
	u, err := url.Parse(i.URL)
	if err != nil {
		t.Fatal(err)
	}
	v.Network.Own = func() []netip.AddrPort {
		return []netip.AddrPort{netip.AddrPortFrom(netip.IPv4Unspecified(), netip.MustParseAddrPort(u.Host).Port())}
	}
	want(t, "outcome", verify(t, v, i.provider(), rsaA().sign(i.claims())), "unavailable")
	want(t, "calls", i.discoveries.Load(), 0)
}

// A name that means a good address when somebody looks and a bad one when it is dialled. The judge is asked at the dial,
// so that what the name meant before is of no interest.
func TestRebinding(t *testing.T) {
	i := newIDP(t, rsaA())
	_, port, _ := net.SplitHostPort(i.Listener.Addr().String())
	for _, answer := range [][]string{{"127.0.0.1"}, {"169.254.169.254"}, {"10.0.0.1", "127.0.0.1"}} {
		var lookups atomic.Int64
		resolver := fakeDNS(func() []string {
			if lookups.Add(1) == 1 {
				return []string{"93.184.216.34"}
			}
			return answer
		})
		if looked, err := resolver.LookupHost(t.Context(), "rebind.example."); err != nil || looked[0] != "93.184.216.34" {
			t.Fatalf("first look: %v %v", looked, err)
		}
		p := i.provider()
		p.Issuer = "https://rebind.example:" + port
		v := &Verifier{Now: i.clock.now, Network: Network{Roots: verifier(i).Network.Roots, Resolver: resolver}, Timeout: time.Minute}
		_, err := v.OIDC(t.Context(), p, rsaA().sign(i.claims("iss", p.Issuer)))
		want(t, "outcome", outcome(err), "unavailable")
		if cause := errors.Unwrap(err).Error(); !strings.Contains(cause, "is a ") && !strings.Contains(cause, "is never") {
			t.Errorf("failed for another reason: %s", cause)
		}
		if lookups.Load() < 2 {
			t.Error("the name was not looked up again")
		}
	}
	want(t, "calls", i.discoveries.Load(), 0)
}

// fakeDNS answers each question for an IPv4 address with what answer gives, and each other one with nothing.
func fakeDNS(answer func() []string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe() // not a packet connection: the resolver speaks DNS over TCP on it
		go func() {
			defer server.Close()
			var length [2]byte
			for {
				if _, err := io.ReadFull(server, length[:]); err != nil {
					return
				}
				query := make([]byte, binary.BigEndian.Uint16(length[:]))
				if _, err := io.ReadFull(server, query); err != nil {
					return
				}
				end := 12
				for query[end] != 0 {
					end += 1 + int(query[end])
				}
				question := query[12 : end+5]
				reply := append(query[:2:2], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0) // an answer, no error, one question
				reply = append(reply, question...)
				if question[len(question)-3] == 1 { // type A
					for _, a := range answer() {
						addr := netip.MustParseAddr(a).As4()
						reply = append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4) // the name, A, IN, TTL 0, 4 bytes
						reply = append(reply, addr[:]...)
						reply[7]++
					}
				}
				server.Write(binary.BigEndian.AppendUint16(nil, uint16(len(reply))))
				server.Write(reply)
			}
		}()
		return client, nil
	}}
}

func TestHTTP2(t *testing.T) {
	i := newIDP(t, rsaA())
	for _, thumbprints := range [][]string{nil, {"00"}} {
		p := i.provider()
		p.Thumbprints = thumbprints
		i.http2.Store(false)
		want(t, "outcome", verify(t, verifier(i), p, rsaA().sign(i.claims())), "ok")
		want(t, "HTTP/2", i.http2.Load(), true)
	}
}

// A server that keeps a connection busy: bytes that drip, and bodies that swell when unpacked.
func TestHostileBodies(t *testing.T) {
	rows := map[string]func(w http.ResponseWriter, r *http.Request) (done bool){
		"drip": func(w http.ResponseWriter, r *http.Request) bool {
			for r.Context().Err() == nil {
				if _, err := w.Write([]byte(" ")); err != nil {
					return true
				}
				w.(http.Flusher).Flush()
				select {
				case <-r.Context().Done():
				case <-time.After(5 * time.Millisecond):
				}
			}
			return true
		},
		"more than 1 MiB": func(w http.ResponseWriter, _ *http.Request) bool {
			for range 1025 {
				w.Write([]byte(strings.Repeat(" ", 1024)))
			}
			return false // the document follows
		},
		"compressed": func(w http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("Accept-Encoding") != "" {
				t.Error("asked for compression")
			}
			w.Header().Set("Content-Encoding", "gzip")
			w.Write([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"))
			return true
		},
		"long header": func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("X", strings.Repeat("x", 100_000))
			return false
		},
	}
	for name, body := range rows {
		t.Run(name, func(t *testing.T) {
			i := newIDP(t, rsaA())
			i.hook = body
			v := verifier(i)
			v.Timeout = 300 * time.Millisecond
			begin := time.Now()
			want(t, "outcome", verify(t, v, i.provider(), rsaA().sign(i.claims())), "unavailable")
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}
