package wire

import (
	"io"
	"math"
	"net/http"
	"strings"
	"testing"
)

// sink is a ResponseWriter that costs next to nothing.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }

// smallCall makes a function that carries one small public call of JSON through the mux.
func smallCall(tb testing.TB) func() {
	m := NewMux(nil, func(*Call) {}, pets())
	body := strings.NewReader(rex)
	r := petCall("Meet", "")
	r.Body = io.NopCloser(body)
	w := &sink{header: http.Header{}}
	return func() {
		body.Reset(rex)
		clear(w.header)
		if m.ServeHTTP(w, r); w.status != http.StatusOK {
			tb.Fatal(w.status)
		}
	}
}

func BenchmarkMux(b *testing.B) {
	call := smallCall(b)
	b.ReportAllocs()
	for b.Loop() {
		call()
	}
}

// Every call pays this. The race detector adds some.
func TestMuxAllocations(t *testing.T) {
	call, n := smallCall(t), math.Inf(1)
	for range 10 { // what else the process does counts as well, and the race detector empties pools now and then
		n = min(n, testing.AllocsPerRun(100, call))
	}
	if n > 24 {
		t.Errorf("%v allocations, want at most 24", n)
	}
}
