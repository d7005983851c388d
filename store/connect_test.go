package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"idpool/internal/pgtest"
)

func TestWantPrimary(t *testing.T) {
	for url, wants := range map[string]bool{
		"postgres://a/db":                                       true,
		"postgres://a/db?sslmode=prefer":                        true,
		"postgres://a,b/db":                                     true,
		"postgres://a/db?target_session_attrs=read-write":       true,
		"postgres://a,b/db?target_session_attrs=prefer-standby": true,  // what the URL says
		"postgres://a,b/db?target_session_attrs=any":            false, // likewise
	} {
		config, err := parsePrimary(url)
		if err != nil {
			t.Fatal(err)
		}
		if (config.ConnConfig.ValidateConnect != nil) != wants {
			t.Errorf("%s: a connection is looked at is %t", url, !wants)
		}
	}
}

// route is an address that leads to one server and later to another, as a balancer's or a name's does.
type route struct {
	mu   sync.Mutex
	to   string // host and port
	open map[net.Conn]bool
}

// startRoute returns a route to the server of a URL, and the URL that leads through it.
func startRoute(t *testing.T, address string) (*route, string) {
	t.Helper()
	r := &route{open: make(map[net.Conn]bool)}
	r.lead(t, address)
	return r, pgtest.Between(t, address, func(client net.Conn, _ string) { r.serve(client) })
}

// lead has the route lead to the server of another URL. Who came by it before has to come again.
func (r *route) lead(t *testing.T, address string) {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.to = u.Host
	for client := range r.open {
		client.Close()
	}
	clear(r.open)
}

func (r *route) serve(client net.Conn) {
	defer client.Close()
	r.mu.Lock()
	to := r.to
	r.open[client] = true
	r.mu.Unlock()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{server, client}, {client, server}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			way[0].Close()
		})
	}
	both.Wait()
}

// The one address of a URL leads to a standby: nothing is read there, and the node says so until the address leads to the
// primary again.
func TestAddressThatLeadsToAStandby(t *testing.T) {
	p := startPair(t)
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrUnknownOutcome) ||
			!strings.Contains(err.Error(), "takes no writes: name the primary in the URL") {
			t.Errorf("%s on a standby: %v", what, err)
		}
	}
	r, url := startRoute(t, p.replica)
	bouncer := strings.Replace(p.standby.Bouncer(t, 2), "/postgres?", "/idpool?", 1)
	for name, standby := range map[string]string{"Open": url, "Open behind a pooler": bouncer} {
		_, err := Open(t.Context(), standby, Options{})
		refused(name, err)
	}
	_, err := OpenMove(t.Context(), url, filepath.Join(t.TempDir(), "db"), Options{})
	refused("a move", err)

	r.lead(t, p.url)
	db := openAt(t, url, Options{})
	must(t, db.Update(t.Context(), put("a")))
	p.follow(t)
	r.lead(t, p.replica)
	var value []byte
	refused("Ping", db.Ping(t.Context()))
	refused("View", db.View(t.Context(), func(tx *Tx) error { return tx.row(testGet, []any{"a"}, &value) }))
	refused("Update", db.Update(t.Context(), put("b")))
	r.lead(t, p.url)
	must(t, db.Ping(t.Context()))
	must(t, db.Update(t.Context(), put("c")))
	if got := names(t, db); len(got) != 2 || !got["a"] || !got["c"] {
		t.Errorf("there are %v", got)
	}
}

// A server that greets, and falls silent at a question of the start.
func TestServerThatFallsSilent(t *testing.T) {
	base := pgURL(t)
	openAt(t, base, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	file := filepath.Join(t.TempDir(), "db")
	openAt(t, file, Options{}).Close()
	open := func(url string, o Options) error {
		db, err := Open(ctx, url, o)
		if err == nil {
			db.Close()
		}
		return err
	}
	move := func(url string, o Options) error {
		m, err := OpenMove(ctx, file, url, o)
		if err == nil {
			m.Close()
		}
		return err
	}
	for _, row := range []struct {
		name, at string
		do       func(url string, o Options) error
	}{
		{"whether it takes writes", "transaction_read_only", open},
		{"whether a pooler stands before it", "pg_backend_pid", open},
		{"the schema's version", "version_id", open},
		{"the schema's version, by a move", "version_id", move},
	} {
		t.Run(row.name, func(t *testing.T) {
			url := pgtest.Between(t, base, func(client net.Conn, server string) { silentFrom(client, server, row.at) }) + "&connect_timeout=1"
			err := row.do(url, Options{patience: 200 * time.Millisecond})
			if !errors.Is(err, ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) && row.at != "transaction_read_only" {
				t.Errorf("%v", err)
			}
		})
	}
}

const farewell = "X\x00\x00\x00\x04" // Terminate

// silentFrom passes on what client and server say until the client says a word. From then on it says nothing, and closes
// nothing before the client's farewell.
func silentFrom(client net.Conn, address, word string) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	var answers sync.WaitGroup
	answers.Go(func() {
		_, _ = io.Copy(client, server)
		client.Close()
	})
	buf := make([]byte, 64<<10)
	for silent := false; ; {
		n, err := client.Read(buf)
		if err != nil || string(buf[:n]) == farewell {
			break
		}
		if silent = silent || bytes.Contains(buf[:n], []byte(word)); !silent {
			_, _ = server.Write(buf[:n])
		}
	}
	server.Close()
	answers.Wait()
}
