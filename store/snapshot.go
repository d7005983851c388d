package store

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// Snapshot holds the keys that all nodes share as this node has read them: as of one moment, replaced as a whole. Call
// Refresh first, and alone; then use it from any number of goroutines.
type Snapshot[T any] struct {
	now    atomic.Pointer[T]
	gate   chan struct{} // whoever reads holds its one place: unlike with a mutex, waiters can give up
	looked time.Time     // the end of the last look for an unknown key; gate guards it
	failed error         // of that look
}

// Bounds of the look for a key that nobody knows: strangers name keys.
const (
	minLook     = time.Second     // from the end of one look to the next
	lookTimeout = 5 * time.Second // of a look, which is no caller's
)

// Load returns what was read last, nil before the first Refresh.
func (s *Snapshot[T]) Load() *T { return s.now.Load() }

// Refresh replaces the snapshot by what read returns. No two reads run at once.
func (s *Snapshot[T]) Refresh(ctx context.Context, read func(context.Context) (*T, error)) error {
	if s.gate == nil {
		s.gate = make(chan struct{}, 1)
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	fresh, err := read(ctx)
	if err == nil {
		s.now.Store(fresh)
	}
	return err
}

// With returns the snapshot if it has a key, or else the one of another look at the database: the key may be another
// node's newest. There is one look a second at most; within it, a key that the last one has not found is ErrNotFound, or the
// error that the look has ended with. The clock and the read, which must change nothing, are the caller's.
func (s *Snapshot[T]) With(ctx context.Context, clock func() time.Time, has func(*T) bool, read func(context.Context) (*T, error)) (*T, error) {
	if held := s.now.Load(); has(held) {
		return held, nil
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	if held := s.now.Load(); has(held) {
		return held, nil
	}
	if clock().Sub(s.looked) >= minLook {
		s.look(ctx, read)
		s.looked = clock()
	}
	switch held := s.now.Load(); {
	case has(held):
		return held, nil
	case s.failed != nil:
		return nil, s.failed
	}
	return nil, ErrNotFound
}

// look reads under a time limit of its own. A stranger who names a key and hangs up would else fail the look for all others.
func (s *Snapshot[T]) look(ctx context.Context, read func(context.Context) (*T, error)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	fresh, err := read(ctx)
	switch {
	case err == nil:
		s.now.Store(fresh)
	case ctx.Err() != nil:
		err = fmt.Errorf("%w: no answer within %v", ErrUnavailable, lookTimeout)
	}
	s.failed = err
}

// enter returns ctx's error when that ends before the gate is free.
func (s *Snapshot[T]) enter(ctx context.Context) error {
	select {
	case s.gate <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Snapshot[T]) leave() { <-s.gate }
