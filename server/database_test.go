package server

import (
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// proxy stands between a node and its PostgreSQL server, and plays the server's troubles.
type proxy struct {
	server string
	hung   sync.RWMutex // held: bytes wait

	mu      sync.Mutex
	away    bool
	cut     bool // at the answer to the next COMMIT
	clients map[net.Conn]bool
}

// startProxy returns a proxy and the URL that leads through it.
func startProxy(t *testing.T, address string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{server: u.Host, clients: make(map[net.Conn]bool)}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	u.Host = l.Addr().String()
	return p, u.String()
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	p.mu.Lock()
	away := p.away
	p.clients[client] = true
	p.mu.Unlock()
	server, err := net.Dial("tcp", p.server)
	if err != nil || away {
		return
	}
	defer server.Close()
	go p.copy(client, server, p.mayAnswer)
	p.copy(server, client, func([]byte) bool { return true })
}

// copy passes bytes on until it may not, and closes both ends.
func (p *proxy) copy(to, from net.Conn, may func([]byte) bool) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		p.hung.RLock()
		ok := may(buf[:n])
		if ok {
			_, err = to.Write(buf[:n])
		}
		p.hung.RUnlock()
		if err != nil || !ok {
			return
		}
	}
}

// mayAnswer tells whether an answer of the server may pass.
func (p *proxy) mayAnswer(answer []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := p.cut && strings.Contains(string(answer), "COMMIT\x00") // the tag of a command that is complete
	p.cut = p.cut && !last
	return !last
}

func (p *proxy) hang()    { p.hung.Lock() }
func (p *proxy) release() { p.hung.Unlock() }

// refuse closes the connections, and new ones at once, for as long as the server is away.
func (p *proxy) refuse(away bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = away
	for client := range p.clients {
		_ = client.Close()
	}
	clear(p.clients)
}

// cutAfterCommit ends the connection of the next COMMIT, which the server has carried out, instead of the answer.
func (p *proxy) cutAfterCommit() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
}
