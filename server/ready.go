package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
)

// readiness is what the log was last told of the database. Probes run side by side, and one that waits for a database that says
// nothing ends after others that began later: what they found is the newer truth.
type readiness struct {
	mu    sync.Mutex
	begun uint64 // probes, numbered from 1
	told  uint64 // the probe that began last, of those that have ended
	away  bool
}

func (r *readiness) begin() (probe uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun++
	return r.begun
}

// end takes what a probe has found, and tells the log where it is the first of its kind. The log is written under the lock, so
// that its lines have this order.
func (r *readiness) end(probe uint64, err error, log *slog.Logger) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if probe < r.told {
		return
	}
	r.told = probe
	switch before := r.away; {
	case err != nil && !before:
		cause := err.Error()
		log.Warn("not ready", "cause", cause[:min(len(cause), maxCause)])
	case err == nil && before:
		log.Info("ready again")
	}
	r.away = err != nil
}

// ready answers /readyz. An outage may come when nobody calls, so the log tells its beginning and its end.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if s.draining.Load() || !s.askDatabase(r.Context()) {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ready\n"))
}

// askDatabase tells whether the database answers. Whoever asks may hang up: that says nothing of the database, and so the
// question goes on.
func (s *Server) askDatabase(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.limits.ready)
	defer cancel()
	probe := s.readiness.begin()
	err := s.db.Ping(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("the database gave no answer within %v: %w", s.limits.ready, err)
	}
	s.readiness.end(probe, err, s.config.Log)
	return err == nil
}
