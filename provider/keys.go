package provider

import (
	"cmp"
	"container/list"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	fetchTimeout = 4 * time.Second
	maxIssuers   = 10_000

	betweenFetches = 30 * time.Second // at least, from a failed attempt's end to the next, while there are keys
	maxLooks       = 3                // fetches for tokens whose key is not known, before they are bound to one in that time
	failureLife    = 5 * time.Second  // how long a failure answers for an issuer without keys
	goodLife       = 24 * time.Hour   // how long keys serve at most, whatever became of their provider

	freshDefault = 10 * time.Minute // without max-age; the original's own (developer guide, "open-id": NoKeyFound)
	freshLeast   = 5 * time.Minute
	freshMost    = 24 * time.Hour
)

// keySet is what one good fetch brought. It never changes.
type keySet struct {
	keys    []key
	asked   time.Time     // when the fetch began
	fetched time.Time     // when it ended
	fresh   time.Duration // freshLeast to freshMost
}

// source says whose keys are meant, and where they are.
type source struct {
	issuer      string   // as tokens and the discovery document name it
	base        string   // the URL that documents are under; empty: the issuer
	jwks        string   // path of the JWKS under base; empty: discovery tells
	thumbprints []string // of certificates, where no authority vouches
	named       string   // the URL by which the operator named the host to ask; empty: nobody did
}

// name is the same for sources that are the same: URLs and thumbprints have no blanks in them.
func (s *source) name() string {
	if s.base == "" && s.named == "" && len(s.thumbprints) == 0 {
		return s.issuer
	}
	return strings.Join([]string{s.issuer, s.base, s.jwks, s.named, strings.Join(s.thumbprints, " ")}, " ")
}

// keyring holds the keys of one issuer. Its lock is never held over the network, so that no provider waits for another.
type keyring struct {
	source

	mu      sync.Mutex
	good    *keySet       // of the last good fetch; nil before it
	tried   time.Time     // the last attempt's end
	failed  error         // the last attempt's error; nil after a good one
	looks   looks         // that tokens with keys we don't know may cause
	running chan struct{} // closed at the running attempt's end; nil if none runs
}

// usable returns the last good keys while they may serve, else nil. r.mu is held.
func (r *keyring) usable(now time.Time) *keySet {
	if r.good != nil && now.Sub(r.good.fetched) < goodLife {
		return r.good
	}
	return nil
}

// current returns the keys to try first. It waits for a fetch only where there is nothing to go on: for an issuer's first
// keys, and for keys that went stale while nobody asked.
func (v *Verifier) current(ctx context.Context, r *keyring) (*keySet, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := v.Now()
	set, since := r.usable(now), now.Sub(r.tried)
	switch {
	case set == nil:
		if r.failed != nil && since < failureLife {
			return nil, r.failed
		}
	case now.Sub(set.fetched) < set.fresh*8/10:
		return set, nil
	// Before the keys are stale, so that steady traffic never waits, and while the provider is down, so that a hanging
	// one costs nobody its timeout, the next attempt goes on beside the callers. An attempt that failed long ago says
	// nothing of now: then keys that went stale are asked for again before they serve.
	case now.Sub(set.fetched) < set.fresh, r.failed != nil && since < 2*betweenFetches:
		if since >= betweenFetches {
			v.start(r)
		}
		return set, nil
	}
	set, err := v.await(ctx, r)
	if set == nil {
		return nil, cmp.Or(err, errNoKeys)
	}
	return set, nil // perhaps the old ones, if the attempt failed
}

// newer returns other keys than seen, among which a token's was not: those that came meanwhile, or those of a fetch, if
// one runs or may be made. Else it returns seen. The error is that of the last attempt, or the context's.
func (v *Verifier) newer(ctx context.Context, r *keyring, seen *keySet) (*keySet, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.good != seen && r.good != nil {
		return r.good, nil
	}
	if now := v.Now(); r.running == nil {
		if r.failed != nil && now.Sub(r.tried) < betweenFetches || !r.looks.take(now) {
			return seen, r.failed
		}
	}
	return v.await(ctx, r)
}

// looks are a store of fetches: maxLooks at once, and one more every betweenFetches. So a provider may change its keys soon
// after it was asked, and again, without a sign-in being lost, while strangers' tokens cause no more than that.
type looks struct {
	used int
	last time.Time // since when the next one has been coming back
}

func (l *looks) take(now time.Time) bool {
	back := min(l.used, int(now.Sub(l.last)/betweenFetches))
	l.used -= back
	l.last = l.last.Add(time.Duration(back) * betweenFetches)
	if l.used == 0 {
		l.last = now
	}
	if l.used == maxLooks {
		return false
	}
	l.used++
	return true
}

// await joins the running fetch, or starts one, and waits for its end or the context's. r.mu is held before and after,
// not meanwhile. Keys and error may both be there: the last good keys, and why there are no newer ones.
func (v *Verifier) await(ctx context.Context, r *keyring) (*keySet, error) {
	done := v.start(r)
	r.mu.Unlock()
	select {
	case <-done:
		r.mu.Lock()
		return r.usable(v.Now()), r.failed
	case <-ctx.Done():
		r.mu.Lock()
		return nil, ctx.Err()
	}
}

// start begins a fetch unless one runs, and returns what is closed at its end. The fetch belongs to no caller: it has a
// timeout of its own. r.mu is held.
func (v *Verifier) start(r *keyring) <-chan struct{} {
	if r.running != nil {
		return r.running
	}
	done := make(chan struct{})
	r.running = done
	go func() {
		set, err := v.attempt(r)
		r.mu.Lock()
		if err == nil {
			r.good = set
		}
		r.tried, r.failed, r.running = v.Now(), err, nil
		r.mu.Unlock()
		close(done)
	}()
	return done
}

// attempt is one fetch, logged. A panic over a stranger's document is that document's failure, not the process's end.
func (v *Verifier) attempt(r *keyring) (set *keySet, err error) {
	defer func() {
		if p := recover(); p != nil {
			set, err = nil, fmt.Errorf("panic: %v", p)
		}
		if err != nil {
			v.Log.Warn("keys of a provider not fetched", "issuer", r.issuer, "cause", err)
			return
		}
		v.Log.Debug("keys of a provider fetched", "issuer", r.issuer, "keys", len(set.keys), "fresh", set.fresh)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), v.Timeout)
	defer cancel()
	asked := v.Now()
	keys, fresh, err := v.fetch(ctx, r)
	return &keySet{keys, asked, v.Now(), fresh}, err
}

// keyrings finds an issuer's keyring. Providers whose source is the same share a keyring.
type keyrings struct {
	max   int
	mu    sync.Mutex
	names map[string]*list.Element
	used  *list.List // of *keyring, the last used in front
}

func newKeyrings(max int) *keyrings {
	return &keyrings{max: max, names: make(map[string]*list.Element), used: list.New()}
}

func (k *keyrings) of(s source) *keyring {
	name := s.name()
	k.mu.Lock()
	defer k.mu.Unlock()
	if e := k.names[name]; e != nil {
		k.used.MoveToFront(e)
		return e.Value.(*keyring)
	}
	s.thumbprints = slices.Clone(s.thumbprints)
	r := &keyring{source: s}
	k.names[name] = k.used.PushFront(r)
	if k.used.Len() > k.max {
		oldest := k.used.Remove(k.used.Back()).(*keyring)
		delete(k.names, oldest.name())
	}
	return r
}
