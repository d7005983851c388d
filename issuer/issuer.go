package issuer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
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
	Algorithm string // what new keys sign with; empty: the keys that are there stay, and a deployment's first is Algorithms' first
	DB        *store.DB
	Master    *store.Master
	Now       func() time.Time
	Rand      io.Reader
	Log       *slog.Logger

	ring    store.Snapshot[ring]
	signing slots
}

// ring is the set of keys as of one moment; it never changes.
type ring struct {
	current   *key
	byID      map[string]*key
	jwks      []byte
	discovery []byte
}

// Refresh reads the keys, makes and promotes what is due, and drops what has had its time. Call it first, and alone.
func (i *Issuer) Refresh(ctx context.Context) error {
	if i.signing.running == nil {
		i.signing = newSlots(runtime.GOMAXPROCS(0))
	}
	return i.ring.Refresh(ctx, func(ctx context.Context) (*ring, error) { return i.openAll(i.rotate(ctx)) })
}

// read reads the keys, and changes nothing.
func (i *Issuer) read(ctx context.Context) (*ring, error) { return i.openAll(i.readKeys(ctx)) }

func (i *Issuer) openAll(stored []store.SigningKey, err error) (*ring, error) {
	if err != nil {
		return nil, fmt.Errorf("signing keys: %w", err)
	}
	r := &ring{byID: make(map[string]*key, len(stored))}
	for _, k := range stored {
		opened, err := i.open(k)
		if err != nil {
			return nil, err
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
		return nil, errors.New("the database has no current signing key")
	}
	return r, i.document(r)
}

// find returns the key of a kid, or ErrToken. It never makes or moves keys: strangers' tokens lead here.
func (i *Issuer) find(ctx context.Context, kid string) (*key, error) {
	has := func(r *ring) bool { return r.byID[kid] != nil }
	r, err := i.ring.Find(ctx, i.Now, has, i.read)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, ErrToken
	case err != nil:
		return nil, err
	}
	return r.byID[kid], nil
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
