package audit

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// disk is what a log is written on; it can be slow and full.
type disk struct {
	mu   sync.Mutex
	text bytes.Buffer
	slow chan struct{} // a write takes one; nil: none
	room func(size int) (int, error)
}

func (d *disk) Write(p []byte) (int, error) {
	if d.slow != nil {
		<-d.slow
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := len(p), error(nil)
	if d.room != nil {
		n, err = d.room(n)
	}
	d.text.Write(p[:n])
	return n, err
}

// names are the names of the events on it.
func (d *disk) names(t *testing.T) (names []string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for line := range strings.Lines(d.text.String()) {
		var e struct{ EventName string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			names = append(names, "?")
			continue
		}
		names = append(names, e.EventName)
	}
	return names
}

func logOn(d io.Writer, told *[]string) *Log {
	return New(Config{Out: d, Rand: rand.Reader, Now: time.Now, Failed: func(err error, lost int) {
		*told = append(*told, fmt.Sprint(err, " ", lost))
	}})
}

func TestOrder(t *testing.T) {
	d, told := &disk{}, []string(nil)
	l := logOn(d, &told)
	const n = 3 * queueSize
	for i := range n {
		l.Write(&Call{Operation: fmt.Sprint(i)})
	}
	l.Close()
	names := d.names(t)
	if len(names) != n {
		t.Fatalf("%d events of %d", len(names), n)
	}
	for i, name := range names {
		if name != fmt.Sprint(i) {
			t.Fatalf("event %d is %s", i, name)
		}
	}
	if l.Lost() != 0 || told != nil {
		t.Errorf("%d lost, %q", l.Lost(), told)
	}
}

// Ids are random; and without randomness an event still has one.
func TestIDs(t *testing.T) {
	ids := map[string]bool{}
	for _, random := range []io.Reader{rand.Reader, rand.Reader, iotest.ErrReader(io.ErrUnexpectedEOF)} {
		var d disk
		l := New(Config{Out: &d, Rand: random, Now: time.Now})
		l.Write(&Call{RequestID: "request"})
		l.Close()
		var e struct{ EventID string }
		if err := json.Unmarshal(d.text.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		ids[e.EventID] = true
	}
	if len(ids) != 3 || !ids["request"] {
		t.Errorf("ids: %v", ids)
	}
}

// While the disk is slow, calls wait; nothing is dropped, and closing waits too.
func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, told := &disk{slow: make(chan struct{})}, []string(nil)
		l := logOn(d, &told)
		l.Write(&Call{Operation: "first"})
		synctest.Wait() // the writer has it
		for range queueSize {
			l.Write(&Call{Operation: "queued"})
		}
		written, closed := make(chan struct{}), make(chan struct{})
		go func() {
			l.Write(&Call{Operation: "last"})
			close(written)
			l.Close()
			close(closed)
		}()
		synctest.Wait()
		select {
		case <-written:
			t.Error("the queue takes more than it should")
		default:
		}
		close(d.slow)
		<-closed
		if names := d.names(t); len(names) != queueSize+2 || names[len(names)-1] != "last" {
			t.Errorf("%d events", len(names))
		}
	})
}

// Whoever writes after the end is told nothing, and stops nothing.
func TestAfterTheEnd(t *testing.T) {
	d, told := &disk{}, []string(nil)
	l := logOn(d, &told)
	l.Close()
	for range 2 * queueSize {
		l.Write(&Call{})
	}
	if l.Lost() < queueSize {
		t.Errorf("%d lost", l.Lost())
	}
}

// A disk that is full costs events, which are counted, and a complaint a minute.
func TestFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, told := &disk{}, []string(nil)
		l := logOn(d, &told)
		write := func(name string) {
			l.Write(&Call{Operation: name})
			synctest.Wait()
		}
		full := errors.New("full")
		write("one")
		d.room = func(int) (int, error) { return 10, full } // half a line
		write("two")
		d.room = func(int) (int, error) { return 0, full }
		write("three")
		write("four")
		time.Sleep(Complain)
		write("five")
		write("six")
		d.room = nil
		write("seven")
		l.Close()
		if got, want := strings.Join(d.names(t), " "), "one ? seven"; got != want {
			t.Errorf("on the disk: %s", got)
		}
		if got, want := strings.Join(told, ", "), "full 1, full 3, <nil> 1"; got != want {
			t.Errorf("told: %s", got)
		}
		if l.Lost() != 5 {
			t.Errorf("%d lost", l.Lost())
		}
	})
}

// What was lost last is told at the end.
func TestFullAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, told := &disk{room: func(int) (int, error) { return 0, io.ErrShortWrite }}, []string(nil)
		l := logOn(d, &told)
		for range 2 {
			l.Write(&Call{})
			synctest.Wait()
		}
		l.Close()
		if got, want := strings.Join(told, ", "), "short write 1, <nil> 1"; got != want {
			t.Errorf("told: %s", got)
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	l := New(Config{Out: io.Discard, Rand: rand.Reader, Now: time.Now})
	defer l.Close()
	c := &Call{
		Time: noon, Service: "cognito-identity", Operation: "GetId", RequestID: "request", Remote: "192.0.2.1:1234", Pool: poolARN,
		Request: tree{"identityPoolId": pool, "logins": tree{"idp": Hidden}}, Response: tree{"identityId": guest},
	}
	b.ReportAllocs()
	for b.Loop() {
		l.Write(c)
	}
}
