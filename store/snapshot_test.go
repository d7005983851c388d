package store

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// shelf is a snapshot of names, with a database that a test fills.
type shelf struct {
	Snapshot[map[string]bool]
	stored map[string]bool
	reads  int
}

func newShelf(t *testing.T, names ...string) *shelf {
	t.Helper()
	s := &shelf{stored: map[string]bool{}}
	for _, name := range names {
		s.stored[name] = true
	}
	must(t, s.Refresh(t.Context(), s.read))
	s.reads = 0
	return s
}

func (s *shelf) read(context.Context) (*map[string]bool, error) {
	s.reads++
	names := make(map[string]bool)
	for name := range s.stored {
		names[name] = true
	}
	return &names, nil
}

func (s *shelf) find(ctx context.Context, name string, read func(context.Context) (*map[string]bool, error)) error {
	_, err := s.Find(ctx, time.Now, func(names *map[string]bool) bool { return (*names)[name] }, read)
	return err
}

// A name that is known costs nothing, one that is not costs a read, and strangers' names cost one read a second.
func TestSnapshotLooksOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t, "a")
		must(t, s.find(t.Context(), "a", s.read))
		if s.reads != 0 {
			t.Errorf("%d reads for a known name", s.reads)
		}
		for second := range 3 {
			var strangers sync.WaitGroup
			for range 50 {
				strangers.Go(func() {
					if err := s.find(t.Context(), "stranger", s.read); !errors.Is(err, ErrNotFound) {
						t.Errorf("%v, want ErrNotFound", err)
					}
				})
			}
			strangers.Wait()
			if s.reads != second+1 {
				t.Errorf("second %d: %d reads", second, s.reads)
			}
			time.Sleep(time.Second)
		}
		s.stored["b"] = true
		must(t, s.find(t.Context(), "b", s.read))
	})
}

// Who waits for another's look can give up, and who began one and hangs up fails it for nobody.
func TestSnapshotWaitersGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t, "a")
		s.stored["b"] = true
		release := make(chan struct{})
		slow := func(ctx context.Context) (*map[string]bool, error) {
			select {
			case <-release:
				return s.read(ctx)
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		began, hangUp := context.WithCancel(t.Context())
		var first, third error
		go func() { first = s.find(began, "b", slow) }()
		synctest.Wait()
		go func() { third = s.find(t.Context(), "b", slow) }()
		hangUp()
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.find(impatient, "b", slow); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a waiter whose time is over: %v", err)
		}
		if err := s.Refresh(impatient, s.read); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a refresh whose time is over: %v", err)
		}
		must(t, s.find(t.Context(), "a", slow)) // a known name never waits
		close(release)
		synctest.Wait()
		if first != nil || third != nil || s.reads != 1 {
			t.Errorf("%v and %v after %d reads, want the name after one", first, third, s.reads)
		}
	})
}

// A Refresh that hangs, the first too, ends in time for those who look for a key, and what the next one reads is there.
func TestSnapshotRefreshHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := func(ctx context.Context) (*map[string]bool, error) { <-ctx.Done(); return nil, ctx.Err() }
		s := &shelf{stored: map[string]bool{"a": true}}
		began := time.Now()
		if err := s.Refresh(t.Context(), hangs); !errors.Is(err, ErrUnavailable) || time.Since(began) != firstTimeout {
			t.Errorf("the first refresh: %v after %v", err, time.Since(began))
		}
		must(t, s.Refresh(t.Context(), s.read))
		var failed error
		go func() { failed = s.Refresh(t.Context(), hangs) }()
		synctest.Wait()
		began, s.stored["b"] = time.Now(), true
		if err := s.find(t.Context(), "b", s.read); err != nil || time.Since(began) != readTimeout {
			t.Errorf("a look beside a refresh that hangs: %v after %v", err, time.Since(began))
		}
		synctest.Wait()
		if !errors.Is(failed, ErrUnavailable) {
			t.Errorf("the refresh: %v", failed)
		}
	})
}

// Before the first Refresh there is nothing, and a look finds what is stored.
func TestSnapshotZero(t *testing.T) {
	s := &shelf{stored: map[string]bool{"a": true}}
	if s.Load() != nil {
		t.Error("something is there before it was read")
	}
	must(t, s.find(t.Context(), "a", s.read))
}

// Once the database has answered a Refresh, the error of an earlier look is no answer any more.
func TestSnapshotRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, down := newShelf(t, "a"), errors.New("down")
		fails := func(context.Context) (*map[string]bool, error) { return nil, down }
		if err := s.find(t.Context(), "b", fails); !errors.Is(err, down) {
			t.Errorf("while it is down: %v", err)
		}
		if err := s.Refresh(t.Context(), fails); !errors.Is(err, down) {
			t.Errorf("a refresh while it is down: %v", err)
		}
		if err := s.find(t.Context(), "b", s.read); !errors.Is(err, down) {
			t.Errorf("still within the second: %v", err)
		}
		must(t, s.Refresh(t.Context(), s.read))
		if err := s.find(t.Context(), "b", s.read); !errors.Is(err, ErrNotFound) {
			t.Errorf("after a refresh: %v, want ErrNotFound", err)
		}
	})
}

// A database that does not answer is no proof that there is no such name: for a second its error is the answer.
func TestSnapshotFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t, "a")
		down := errors.New("down")
		fails := func(context.Context) (*map[string]bool, error) { return nil, down }
		hangs := func(ctx context.Context) (*map[string]bool, error) { <-ctx.Done(); return nil, ctx.Err() }
		for _, row := range []struct {
			name string
			read func(context.Context) (*map[string]bool, error)
			want error
		}{{"down", fails, down}, {"hanging", hangs, ErrUnavailable}} {
			if err := s.find(t.Context(), "b", row.read); !errors.Is(err, row.want) {
				t.Errorf("%s: %v", row.name, err)
			}
			if err := s.find(t.Context(), "b", s.read); !errors.Is(err, row.want) || s.reads != 0 {
				t.Errorf("%s, at once again: %v, %d reads", row.name, err, s.reads)
			}
			must(t, s.find(t.Context(), "a", s.read)) // what was known still is
			time.Sleep(time.Second)
		}
		if err := s.find(t.Context(), "b", s.read); !errors.Is(err, ErrNotFound) {
			t.Errorf("a second later: %v, want ErrNotFound", err)
		}
	})
}
