package store

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"idpool/internal/pgtest"

	"github.com/jackc/pgx/v5/pgproto3"
)

// trouble is what a striker does to a statement.
type trouble int

const (
	serialization trouble = iota // the server refuses it with 40001
	deadlock                     // the server refuses it with 40P01
	lostBefore                   // the connection is lost before the server gets it
	lostAfter                    // the connection is lost after the server has carried out the whole flight that it came with
)

var troubles = []trouble{serialization, deadlock, lostBefore, lostAfter}

func (tr trouble) String() string {
	return []string{"40001", "40P01", "a connection lost before", "a connection lost after"}[tr]
}

// striker stands between a DB and its server, and strikes one statement of those that come by. It speaks the protocol, so that
// the server itself raises the errors: a statement that does so goes before the one that is struck.
type striker struct {
	mu     sync.Mutex
	kind   trouble
	at     int      // the statement that is struck, from 1; 0 for none
	seen   []string // the statements so far
	struck bool
	commit bool // the flight that was struck has COMMIT in it
}

// startStriker returns a striker and the URL that leads through it. The text of every statement has to come by each time, and
// connections one after another.
func startStriker(t *testing.T, address string) (*striker, string) {
	t.Helper()
	s := &striker{}
	return s, pgtest.Between(t, address, s.serve) + "&default_query_exec_mode=exec&pool_max_conns=1"
}

// arm lets it strike the n-th statement from now on.
func (s *striker) arm(kind trouble, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kind, s.at, s.seen, s.struck, s.commit = kind, n, nil, false, false
}

// done tells what has happened since, and ends it.
func (s *striker) done() (seen []string, struck, commit bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = 0
	return s.seen, s.struck, s.commit
}

// passage is one connection through a striker.
type passage struct {
	*striker
	client *pgproto3.Backend
	server *pgproto3.Frontend

	mu   sync.Mutex
	mute bool // the client gets nothing more, and the connection ends with the flight
}

func (s *striker) serve(client net.Conn, address string) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	p := &passage{striker: s, client: pgproto3.NewBackend(client, client), server: pgproto3.NewFrontend(server, server)}
	start, err := p.client.ReceiveStartupMessage()
	if err != nil {
		return
	}
	p.server.Send(start)
	if p.server.Flush() != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() {
		p.ask()
		server.Close()
	})
	both.Go(func() {
		p.answer()
		client.Close()
	})
	both.Wait()
}

// answer passes on what the server says.
func (p *passage) answer() {
	for {
		m, err := p.server.Receive()
		if err != nil {
			return
		}
		p.mu.Lock()
		mute := p.mute
		p.mu.Unlock()
		_, ready := m.(*pgproto3.ReadyForQuery)
		switch {
		case mute && ready:
			return
		case mute:
			continue
		}
		p.client.Send(m)
		if p.server.ReadBufferLen() == 0 || ready {
			if p.client.Flush() != nil {
				return
			}
		}
	}
}

// ask passes on what the client says, and strikes.
func (p *passage) ask() {
	lost := false // what comes of this flight is not passed on
	hit := false
	for {
		m, err := p.client.Receive()
		if err != nil {
			return
		}
		parse, statement := m.(*pgproto3.Parse)
		if kind, strikes := p.strikes(parse, statement); strikes {
			hit = true
			switch kind {
			case serialization, deadlock:
				p.raise(kind)
			case lostBefore:
				lost = true
			case lostAfter:
				p.mu.Lock()
				p.mute = true
				p.mu.Unlock()
			}
		}
		if statement && hit && strings.EqualFold(parse.Query, "COMMIT") {
			p.striker.mu.Lock()
			p.commit = true
			p.striker.mu.Unlock()
		}
		if !lost {
			p.server.Send(m)
		}
		switch m.(type) {
		case *pgproto3.Sync, *pgproto3.Query, *pgproto3.Terminate:
			hit = false
			if p.server.Flush() != nil || lost {
				return
			}
		}
	}
}

// strikes counts a statement, and tells whether it is the one and what is done to it.
func (s *striker) strikes(parse *pgproto3.Parse, statement bool) (trouble, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !statement || s.at == 0 {
		return 0, false
	}
	s.seen = append(s.seen, parse.Query)
	if s.struck || len(s.seen) != s.at {
		return 0, false
	}
	s.struck = true
	return s.kind, true
}

// raise sends a statement that fails. All that comes before the next Sync fails with it.
func (p *passage) raise(kind trouble) {
	p.server.Send(&pgproto3.Parse{Query: fmt.Sprintf(`DO $$ BEGIN RAISE EXCEPTION 'struck' USING ERRCODE = '%s'; END $$`, kind)})
	p.server.Send(&pgproto3.Bind{})
	p.server.Send(&pgproto3.Execute{})
}
