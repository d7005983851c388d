package store

import (
	"bytes"
	"net"
	"net/url"
	"sync"
	"testing"
)

// proxy stands between a DB and its PostgreSQL server. It counts flights, which is what a round trip costs: runs of bytes
// from the client that the server has not answered in between.
type proxy struct {
	mu        sync.Mutex
	dialled   int // connections, requests to cancel included
	farewells int // connections that the client has ended by Terminate
	flights   int
	asking    bool   // the last bytes were the client's
	cutAt     []byte // bytes of the client at which both connections are cut
	pass      bool   // the server still gets them
	mute      bool   // the client gets nothing more
}

// startProxy returns a proxy and the URL that leads through it.
func startProxy(t *testing.T, address string) (*proxy, string) {
	t.Helper()
	p := &proxy{}
	return p, between(t, address, p.serve)
}

// between listens before a server: serve gets whoever connects to the URL that it returns, and the server's address. The test
// ends when all have left.
func between(t *testing.T, address string, serve func(client net.Conn, server string)) (through string) {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
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
	t.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	return u.String()
}

func (p *proxy) serve(client net.Conn, address string) {
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

func (p *proxy) copy(to, from net.Conn, asking bool) {
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
func (p *proxy) seen(data []byte, asking bool) bool {
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

// cut cuts the connection at the next bytes of the client that contain text: before the server gets them, or, if they
// pass, before the client gets the answer.
func (p *proxy) cut(text string, pass bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cutAt, p.pass = []byte(text), pass
}

// connections tells how many were begun, and how many the client has ended in good order.
func (p *proxy) connections() (dialled, farewells int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dialled, p.farewells
}

// count tells how many flights something takes.
func (p *proxy) count(do func()) int {
	p.mu.Lock()
	before := p.flights
	p.mu.Unlock()
	do()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.flights - before
}
