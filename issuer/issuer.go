package issuer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"idpool/store"
)

// Name is what our own issuer is called inside: in trust policies, condition keys, Logins maps and claim names. It means
// tokens that our keys have signed with our URL as iss, never Amazon's.
const Name = "cognito-identity.amazonaws.com"

// Errors of the issuer.
var (
	ErrBusy  = errors.New("too many tokens are waiting to be signed")
	ErrToken = errors.New("not a token of this issuer")

	// ErrExpired is returned for a token of ours whose time is over.
	ErrExpired = errors.New("token expired")
)

// Issuer signs tokens. Set the fields, call Refresh, then use it from any number of goroutines.
type Issuer struct {
	URL       string // iss: scheme and host[:port], no path
	Algorithm string // what new keys sign with
	DB        *store.DB
	Master    *store.Master
	Now       func() time.Time
	Rand      io.Reader
	Log       *slog.Logger

	ring      atomic.Pointer[ring]
	refreshes sync.Mutex
	lastTry   time.Time // of a refresh for an unknown kid; under refreshes
	signing   slots
}

// ring is the set of keys as of one moment; it never changes.
type ring struct {
	current   *key
	byID      map[string]*key
	jwks      []byte
	discovery []byte
}

// Refresh reads the keys, makes and promotes what is due, and drops what has had its time.
func (i *Issuer) Refresh(ctx context.Context) error {
	i.refreshes.Lock()
	defer i.refreshes.Unlock()
	return i.refresh(ctx)
}

func (i *Issuer) refresh(ctx context.Context) error {
	stored, err := i.rotate(ctx)
	if err != nil {
		return err
	}
	r := &ring{byID: make(map[string]*key, len(stored))}
	for _, k := range stored {
		opened, err := i.open(k)
		if err != nil {
			return err
		}
		r.byID[k.ID] = opened
		switch k.State {
		case store.Current:
			r.current = opened
		case store.Next:
			if old := i.ring.Load(); old != nil && old.byID[k.ID] != nil {
				break // said before
			}
			i.Log.Info("next signing key waits", "kid", k.ID, "alg", k.Algorithm, "signs_from", k.Changed.Add(PublishedBefore))
		}
	}
	if r.current == nil {
		return errors.New("the database has no current signing key")
	}
	if err := i.document(r); err != nil {
		return err
	}
	if i.signing.running == nil {
		i.signing = newSlots(runtime.GOMAXPROCS(0))
	}
	i.ring.Store(r)
	return nil
}

// minRefresh is the shortest time between two looks into the database for a kid that nobody knows.
const minRefresh = time.Second

// find returns the key of a kid. A kid that is not known yet may be another node's: look again, but not for every
// stranger's token.
func (i *Issuer) find(ctx context.Context, kid string) (*key, error) {
	if k := i.ring.Load().byID[kid]; k != nil {
		return k, nil
	}
	i.refreshes.Lock()
	defer i.refreshes.Unlock()
	if now := i.Now(); now.Sub(i.lastTry) >= minRefresh {
		i.lastTry = now
		if err := i.refresh(ctx); err != nil {
			return nil, fmt.Errorf("look for signing key: %w", err)
		}
	}
	if k := i.ring.Load().byID[kid]; k != nil {
		return k, nil
	}
	return nil, ErrToken
}

// slots bound the signatures that are made at once, one a core, and those that wait for one.
type slots struct {
	waiting chan struct{}
	running chan struct{}
}

// waitingPerCore signatures take about 80 ms of a core (RSA-2048, 1.2 ms each): what waits longer is better sent away.
const waitingPerCore = 64

func newSlots(cores int) slots {
	return slots{waiting: make(chan struct{}, cores*waitingPerCore), running: make(chan struct{}, cores)}
}

// do runs f in a slot, or returns ErrBusy at once.
func (s *slots) do(ctx context.Context, f func() error) error {
	select {
	case s.waiting <- struct{}{}:
		defer func() { <-s.waiting }()
	default:
		return ErrBusy
	}
	select {
	case s.running <- struct{}{}:
		defer func() { <-s.running }()
		return f()
	case <-ctx.Done():
		return ctx.Err()
	}
}
