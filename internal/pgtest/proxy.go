package pgtest

import (
	"bytes"
	"net"
	"net/url"
	"sync"
	"testing"
)

// Proxy stands between a client and its PostgreSQL server. It counts flights, which is what a round trip costs: runs of bytes
// from the client that the server has not answered in between. Connections that are at work at the same time spoil the count.
type Proxy struct {
	mu        sync.Mutex
	dialled   int // connections, requests to cancel included
	farewells int // connections that the client has ended by Terminate
	flights   int
	asking    bool   // the last bytes were the client's
	cutAt     []byte // bytes of the client at which both connections are cut
	pass      bool   // the server still gets them
	mute      bool   // the client gets nothing more
}

// StartProxy returns a proxy before the server that a URL leads to, and the URL that leads through it.
func StartProxy(tb testing.TB, address string) (p *Proxy, through string) {
	tb.Helper()
	p = &Proxy{}
	return p, Between(tb, address, p.serve)
}

// Between listens before a server: serve gets whoever connects to the URL that it returns, and the server's address. The test
// ends when all have left.
func Between(tb testing.TB, address string, serve func(client net.Conn, server string)) (through string) {
	tb.Helper()
	u, err := url.Parse(address)
	must(tb, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(tb, err)
	server := u.Host
	u.Host = l.Addr().String()
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { serve(client, server) })
		}
	})
	tb.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	return u.String()
}

func (p *Proxy) serve(client net.Conn, address string) {
	defer client.Close()
	p.mu.Lock()
	p.dialled++
	p.mu.Unlock()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	var both sync.WaitGroup
	both.Go(func() { p.copy(server, client, true) })
	both.Go(func() { p.copy(client, server, false) })
	both.Wait()
}

func (p *Proxy) copy(to, from net.Conn, asking bool) {
	defer to.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if p.seen(buf[:n], asking) {
			from.Close()
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// seen counts, and tells whether to cut.
func (p *Proxy) seen(data []byte, asking bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if asking && !p.asking {
		p.flights++
	}
	p.asking = asking
	if asking && string(data) == "X\x00\x00\x00\x04" {
		p.farewells++
	}
	if !asking {
		mute := p.mute
		p.mute = false
		return mute
	}
	if p.cutAt == nil || !bytes.Contains(data, p.cutAt) {
		return false
	}
	p.cutAt, p.mute = nil, p.pass // once
	return !p.pass
}

// Cut cuts the connection at the next bytes of the client that contain text: before the server gets them, or, if they
// pass, before the client gets the answer.
func (p *Proxy) Cut(text string, pass bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cutAt, p.pass = []byte(text), pass
}

// Connections tells how many were begun, and how many the client has ended in good order.
func (p *Proxy) Connections() (dialled, farewells int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dialled, p.farewells
}

// Count tells how many flights something takes.
func (p *Proxy) Count(do func()) int {
	p.mu.Lock()
	before := p.flights
	p.mu.Unlock()
	do()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.flights - before
}
