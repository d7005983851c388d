package store

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Snapshot holds the keys that all nodes share as this node has read them: as of one moment, replaced as a whole. The zero
// value has read nothing yet. Use it from any number of goroutines.
type Snapshot[T any] struct {
	held   atomic.Pointer[T]
	gate   chan struct{} // whoever reads holds its one place: unlike with a mutex, waiters can give up
	made   sync.Once     // gate is
	looked time.Time     // the end of the last look for an unknown key; gate guards it
	failed error         // of the last look, unless a Refresh has gone well since; gate guards it
}

// Bounds of a read, which holds the gate: a database that takes a question and never answers must not hold up for longer
// those who come with a key that is not known.
const (
	minLook      = time.Second      // from the end of one look to the next: strangers name keys
	readTimeout  = 5 * time.Second  // of a look, and of a Refresh
	firstTimeout = 30 * time.Second // of the first Refresh, which makes keys, beside other nodes that do so too; none waits yet
)

// Load returns what was read last, nil before anything was.
func (s *Snapshot[T]) Load() *T { return s.held.Load() }

// Refresh replaces the snapshot by what read returns. No two reads run at once, and none for long: ErrUnavailable.
func (s *Snapshot[T]) Refresh(ctx context.Context, read func(context.Context) (*T, error)) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	limit := readTimeout
	if s.held.Load() == nil {
		limit = firstTimeout
	}
	err := s.replace(ctx, limit, read)
	if err == nil {
		s.failed = nil // the database answers again
	}
	return err
}

// Find returns the snapshot if it has a key, or else the one of another look at the database: the key may be another
// node's newest. There is one look a second at most; within it, a key that the last one has not found is ErrNotFound, or the
// error that the look has ended with. The clock and the read, which must change nothing, are the caller's.
func (s *Snapshot[T]) Find(ctx context.Context, clock func() time.Time, has func(*T) bool, read func(context.Context) (*T, error)) (*T, error) {
	found := func() *T {
		if held := s.held.Load(); held != nil && has(held) {
			return held
		}
		return nil
	}
	if held := found(); held != nil {
		return held, nil
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	if held := found(); held != nil { // by another's look
		return held, nil
	}
	if clock().Sub(s.looked) >= minLook {
		// A look is no caller's. A stranger who names a key and hangs up would else fail it for all others.
		s.failed = s.replace(context.WithoutCancel(ctx), readTimeout, read)
		s.looked = clock()
	}
	switch held := found(); {
	case held != nil:
		return held, nil
	case s.failed != nil:
		return nil, s.failed
	}
	return nil, ErrNotFound
}

// replace reads under a time limit. Whoever calls it is in the gate.
func (s *Snapshot[T]) replace(ctx context.Context, limit time.Duration, read func(context.Context) (*T, error)) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	fresh, err := read(limited)
	switch {
	case err == nil:
		s.held.Store(fresh)
	case limited.Err() != nil && ctx.Err() == nil: // the limit's end, and not the caller's
		err = fmt.Errorf("%w: no answer within %v", ErrUnavailable, limit)
	}
	return err
}

// enter returns ctx's error when that ends before the gate is free.
func (s *Snapshot[T]) enter(ctx context.Context) error {
	s.made.Do(func() { s.gate = make(chan struct{}, 1) })
	select {
	case s.gate <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Snapshot[T]) leave() { <-s.gate }
